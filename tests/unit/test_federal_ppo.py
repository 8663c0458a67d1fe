"""Common models: what they learn from, that they never act, and that agents learn as if alone."""

from dataclasses import replace

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.batches import shuffles
from commonweal.agents.learners.federal_ppo import FederalPPO, FederalPPOConfig
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig
from commonweal.records import Percept
from commonweal.settings import Settings
from commonweal.simulation.conformance.tools import differences, saved
from tests import naive_ppo as naive
from tests.seats import noted, seat

REPLICATES, MEMBERS, OTHERS, LANES, ROUNDS = 2, 3, 1, 2, 5
SLOTS, AGENTS = REPLICATES * MEMBERS, MEMBERS + OTHERS
FEATURES, ACTIONS, STATE, RATE = 3, 3, 2, 1e-2


def learner(made=FederalPPO, config=FederalPPOConfig, **settings):
    given = {"hidden": (6,), "rollout": ROUNDS, "learning_rate": RATE, "critic_rate": RATE}
    there = seat(FEATURES, ACTIONS, SLOTS, LANES, replicates=REPLICATES, others=OTHERS, seed=5)
    there = replace(there, company=replace(there.company, overview=STATE))
    return made(config(**given | settings), there, object)


def experience(seed):
    """One rollout; what lanes share is [T, R, B, ...], what agents have of their own [T, K, B, ...]."""
    rng = torch.Generator().manual_seed(seed)
    shape, own = (ROUNDS, REPLICATES, LANES), (ROUNDS, SLOTS, LANES)
    ended = torch.rand(shape, generator=rng) < 0.3
    ended[0, 0, 0], ended[1, 1, 1] = True, True
    return {
        "seen": torch.randn(*own, FEATURES, generator=rng),
        "following": torch.randn(*own, FEATURES, generator=rng),
        "acts": torch.randint(ACTIONS, own, generator=rng),
        "utility": torch.randn(own, generator=rng),
        "ended": ended,
        "truncated": ended & (torch.rand(shape, generator=rng) < 0.5),
        "rewards": torch.rand(*shape, AGENTS, generator=rng),
        "state": torch.randn(*shape, STATE, generator=rng),
        "state_after": torch.randn(*shape, STATE, generator=rng),
    }


def by_slot(rows):
    return rows.repeat_interleave(MEMBERS, 1)


def remember(mind, lived, start=0, stop=ROUNDS):
    spread = ("ended", "truncated", "state", "state_after")
    rows = {n: by_slot(value) if n in spread else value for n, value in lived.items()}
    for t in range(start, stop):
        now = {name: value[t] for name, value in rows.items()}
        note = noted(
            Percept(dense=now["seen"]),
            now["acts"],
            now["utility"],
            now["ended"],
            now["truncated"],
            Percept(dense=now["following"]),
            now["rewards"].flatten(0, 1),
            overview=now["state"],
            overview_after=lambda after=now["state_after"]: after,
        )
        mind.remember(note)


def study(mind, lived, start=0):
    remember(mind, lived, start)
    mind.study(0.0, Own(Settings()))
    mind.teach(0.0)


# ---- written plainly ---------------------------------------------------------------------------


class Community:
    """The agents of one replicate with their two common models."""

    def __init__(self, mind, replicate):
        self.config, self.replicate, c = mind.config, replicate, mind.config
        self.slots = range(replicate * MEMBERS, (replicate + 1) * MEMBERS)
        self.agents = [naive.Agent(mind, slot) for slot in self.slots]
        self.moments = [naive.Moments(c.inputs) for _ in self.slots]
        rows = 2 * replicate, 2 * replicate + 1
        self.models = [naive.network(mind.models, "actor", row) for row in rows]
        self.judges = [naive.network(mind.judges, "critic", row) for row in rows]
        self.model_adams = [naive.adam(model, c.learning_rate) for model in self.models]
        self.judge_adams = [naive.adam(judge, c.critic_rate) for judge in self.judges]
        self.so_far = torch.zeros(LANES, AGENTS)

    def study(self, lived, order, orders):
        own = {n: v[:, self.replicate] for n, v in lived.items() if v.shape[1] == REPLICATES}
        mine = [
            {n: v[:, slot] for n, v in lived.items() if v.shape[1] == SLOTS} for slot in self.slots
        ]
        seen, after, inputs = [], [], []
        for t in range(ROUNDS):
            x = [see(rows["seen"][t]) for see, rows in zip(self.moments, mine, strict=True)]
            then = [see(rows["following"][t]) for see, rows in zip(self.moments, mine, strict=True)]
            for see, rows in zip(self.moments, mine, strict=True):
                see.seen.append(rows["seen"][t])
            seen.append(self.row(own["state"][t], x))
            self.so_far = self.so_far + own["rewards"][t]
            after.append(self.row(own["state_after"][t], then))
            self.so_far[own["ended"][t]] = 0
            inputs.append(torch.stack(x))
        inputs = torch.stack(inputs, 1).flatten(1, 2)  # [M, X, F]
        acts = torch.stack([rows["acts"].flatten() for rows in mine])
        ends = own["ended"], own["truncated"]
        rewards = self.wanted(own["rewards"])
        for slot, agent, rows in zip(self.slots, self.agents, mine, strict=True):
            agent.study(**rows, ended=ends[0], truncated=ends[1], orders=[orders[slot]])
        for c in range(2):
            self.teach(
                c, torch.stack(seen), torch.stack(after), rewards[c], ends, inputs, acts, order
            )

    def wanted(self, rewards):
        spread = [-rewards[: t + 1].sum(0).std(-1, correction=0) for t in range(ROUNDS)]
        return rewards.mean(-1), torch.stack(spread)

    @torch.no_grad()
    def row(self, state, inputs):
        """[B, G]"""
        centred = self.so_far - self.so_far.mean(-1, keepdim=True)
        fares = centred / (self.so_far.std(-1, correction=0, keepdim=True) + 1e-8)
        chances = [
            torch.softmax(agent.actor(x), -1) for agent, x in zip(self.agents, inputs, strict=True)
        ]
        return torch.cat([state, fares, *chances], -1)

    def teach(self, c, seen, after, rewards, ends, inputs, acts, order):
        judge, config = self.judges[c], self.config
        advantages, targets = naive.appraised(judge, seen, after, rewards, *ends, config)
        credit, targets = naive.standard(advantages.flatten()), targets.flatten()
        for some in order.split(config.batch or len(order)):
            groups = [range(MEMBERS)]
            if config.common_steps == "in_turn":
                groups = [[member] for member in range(MEMBERS)]
            for group in groups:
                loss = (judge(seen.flatten(0, 1)[some])[:, 0] - targets[some]).square().mean()
                naive.step(judge, self.judge_adams[c], loss)
                x = torch.cat([inputs[member, some] for member in group])
                did = torch.cat([acts[member, some] for member in group])
                praise = torch.cat([credit[some] for _ in group])
                if config.common_steps == "in_turn" and c == 0:
                    praise = sum(praise for _ in range(MEMBERS))
                old = naive.log_of(self.models[c], x, did).detach()
                loss = naive.actor_loss(self.models[c], x, did, old, praise, config)
                naive.step(self.models[c], self.model_adams[c], loss)


def copied(generator):
    """One that will draw the same."""
    copy = torch.Generator()
    copy.set_state(generator.get_state())
    return copy


@pytest.mark.parametrize("batch", [0, 4])
@pytest.mark.parametrize("common_steps", ["pooled", "in_turn"])
def test_common_models_equal_a_plain_implementation(common_steps, batch):
    mind = learner(common_steps=common_steps, batch=batch, start="independent")
    rng = torch.Generator().manual_seed(11)
    for stack in (mind.actors, mind.models):
        stack.parameters += 0.3 * torch.randn(stack.parameters.shape, generator=rng)
    communities = [Community(mind, replicate) for replicate in range(REPLICATES)]
    samples = ROUNDS * LANES
    for seed in range(3):
        lived, order = experience(seed), torch.arange(samples)
        orders = order.expand(SLOTS, -1)
        if batch:
            order = torch.randperm(samples, generator=copied(mind.generator))
            orders = shuffles((SLOTS, 1, samples), copied(mind.seat.generator))[:, 0]
        study(mind, lived)
        for community in communities:
            community.study(lived, order, orders)
    steps = 3 * (MEMBERS if common_steps == "in_turn" else 1) * (3 if batch else 1)
    assert mind.models.adam.steps.tolist() == [steps] * 2 * REPLICATES
    assert mind.judges.adam.steps.tolist() == [steps] * 2 * REPLICATES
    for replicate, community in enumerate(communities):
        for c in range(2):
            for stack, module in ((mind.models, community.models), (mind.judges, community.judges)):
                torch.testing.assert_close(
                    stack.parameters[2 * replicate + c],
                    naive.flat(module[c]),
                    rtol=0,
                    atol=0.02 * RATE,
                )
        for slot, agent in zip(community.slots, community.agents, strict=True):
            torch.testing.assert_close(
                mind.actors.parameters[slot], naive.flat(agent.actor), rtol=0, atol=0.02 * RATE
            )


def test_the_utilitarian_model_counts_an_advantage_once_for_every_agent():
    mind, spreads = learner(common_steps="in_turn"), []

    def step(rows, step=mind._step):
        spreads.append(rows["credit"].std(1, correction=0))
        step(rows)

    mind._step = step
    study(mind, experience(0))
    assert len(spreads) == MEMBERS
    for found in spreads:
        torch.testing.assert_close(found, torch.tensor([float(MEMBERS), 1.0] * REPLICATES))


# ---- what they leave alone ---------------------------------------------------------------------


def test_agents_learn_as_if_there_were_no_common_models():
    mind, alone = learner(), learner(SplitPPO, SplitPPOConfig, start="shared")
    seen = {"seen": Percept(dense=experience(9)["seen"][0])}
    for seed in range(3):
        assert torch.equal(mind.act(seen), alone.act(seen))
        study(mind, experience(seed))
        study(alone, experience(seed))
    assert torch.equal(mind.actors.parameters, alone.actors.parameters)
    assert torch.equal(mind.critics.parameters, alone.critics.parameters)
    assert torch.equal(mind.seat.generator.get_state(), alone.seat.generator.get_state())


def test_common_models_never_act():
    mind, other = learner(), learner()
    other.models.parameters += 5.0
    seen = {"seen": Percept(dense=experience(9)["seen"][0])}
    for seed in range(2):
        assert torch.equal(mind.probabilities(seen), other.probabilities(seen))
        assert torch.equal(mind.act(seen), other.act(seen))
        for one in (mind, other):
            study(one, experience(seed))
    assert torch.equal(mind.actors.parameters, other.actors.parameters)


def test_what_they_learn_from_is_forgotten():
    mind = learner()
    study(mind, experience(0))
    assert mind.lived is None and mind.rewards == [] and mind.notes == []


# ---- the start ---------------------------------------------------------------------------------


def test_all_of_a_replicate_start_alike_unless_told_otherwise():
    mind = learner()
    agents, models = mind.travelling().view(REPLICATES, MEMBERS, -1), mind.commons()
    assert models.shape == (REPLICATES, 2, mind.actors.parameters.shape[1])
    for rows in (agents, models):
        assert torch.equal(rows, agents[:, :1].expand_as(rows))
    assert not torch.equal(agents[0], agents[1])
    apart = learner(start="independent")
    rows = torch.cat((apart.travelling(), apart.commons().flatten(0, 1)))
    assert len(rows.unique(dim=0)) == SLOTS + 2 * REPLICATES
    judges = mind.judges.parameters
    assert len(judges.unique(dim=0)) == 2 * REPLICATES


def test_common_models_are_live():
    mind = learner()
    mind.commons()[1, 0] = 7.0
    assert (mind.models.parameters[2] == 7).all() and not (mind.models.parameters[3] == 7).any()


def test_who_has_a_broken_common_model_is_named():
    mind = learner()
    mind.models.parameters[3, 0] = float("inf")
    assert mind.broken().tolist() == [False] * MEMBERS + [True] * MEMBERS
    mind = learner()
    mind.judges.parameters[0, 0] = float("nan")
    assert mind.broken().tolist() == [True] * MEMBERS + [False] * MEMBERS


@pytest.mark.parametrize("noted_so_far", [0, 3])
def test_a_saved_learner_goes_on(noted_so_far):
    one, fresh = (learner(batch=4) for _ in range(2))
    study(one, experience(0))
    lived = experience(1)
    remember(one, lived, stop=noted_so_far)
    fresh.load(saved(one.state()))
    fresh.seat.generator.set_state(one.seat.generator.get_state())
    for mind in (one, fresh):
        study(mind, lived, noted_so_far)
        study(mind, experience(2))
    assert not list(differences(one.state(), fresh.state()))
    assert torch.equal(one.models.adam.first, fresh.models.adam.first)
