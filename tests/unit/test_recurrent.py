"""Actor-critics with a memory, of which the suite makes a kind called remembering."""

import copy
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from commonweal.agents import AGENTS
from commonweal.agents.a2c import A2CAgent
from commonweal.agents.gradients.base import Own
from commonweal.agents.learners import recurrent
from commonweal.agents.learners.a2c import A2C, A2CConfig
from commonweal.agents.learners.lstm import LSTMs, entries
from commonweal.records import Percept
from commonweal.settings import Settings, setting
from commonweal.simulation.conformance import check_agent
from commonweal.simulation.conformance.tools import differences, saved
from commonweal.simulation.experiment import Share
from tests.seats import noted, seat, views
from tests.societies import registered, society

BOOK = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, -1.0, 0.3]])
NEVER = torch.zeros(3, 2, dtype=torch.bool)
OWN = Own(Settings())


def torch_order(weight, width):
    """Rows of the gates [4 W, ...] in the order of torch: candidates before the output gate."""
    into, keep, out, new = weight.split(width)
    return torch.cat((into, keep, new, out))


class Plain(nn.Module):
    """One recurrent actor-critic as anybody would write it."""

    def __init__(self, views, slot):
        super().__init__()
        own = {name: view[slot].clone() for name, view in views.items()}
        width = own["critic.0.weight"].shape[1]
        hidden, inputs = own["trunk.0.weight"].shape
        self.trunk = nn.Linear(inputs, hidden)
        self.lstm = nn.LSTM(hidden, width)
        self.actor = nn.Linear(width, len(own["actor.0.weight"]))
        self.critic = nn.Linear(width, 1)
        gates = torch_order(own["gates.0.weight"], width)
        with torch.no_grad():
            for layer, name in (
                (self.trunk, "trunk"),
                (self.actor, "actor"),
                (self.critic, "critic"),
            ):
                layer.weight.copy_(own[f"{name}.0.weight"])
                layer.bias.copy_(own[f"{name}.0.bias"])
            self.lstm.weight_ih_l0.copy_(gates[:, :hidden])
            self.lstm.weight_hh_l0.copy_(gates[:, hidden:])
            self.lstm.bias_ih_l0.copy_(torch_order(own["gates.0.bias"], width))
            self.lstm.bias_hh_l0.zero_().requires_grad_(False)

    def start(self, lanes):
        return tuple(torch.zeros(1, lanes, self.lstm.hidden_size) for _ in range(2))

    def forward(self, x, state):
        """Logits [B, A], values [B] and the next state for one round ``x`` [B, F]."""
        given, state = self.lstm(self.trunk(x).relu().unsqueeze(0), state)
        return self.actor(given[0]), self.critic(given[0]).squeeze(-1), state

    def alike(self, views, slot, values=None):
        """Named views [...] beside what this module has for them, its parameters or ``values``."""
        kept = dict(self.named_parameters()) if values is None else values
        width = self.lstm.hidden_size
        for name in ("trunk", "actor", "critic"):
            yield views[f"{name}.0.weight"][slot], kept[f"{name}.weight"]
            yield views[f"{name}.0.bias"][slot], kept[f"{name}.bias"]
        both = torch.cat((kept["lstm.weight_ih_l0"], kept["lstm.weight_hh_l0"]), 1)
        yield torch_order(views["gates.0.weight"][slot], width), both
        yield torch_order(views["gates.0.bias"][slot], width), kept["lstm.bias_ih_l0"]


def networks(slots=3, hidden=(6,), width=5):
    rng = torch.Generator().manual_seed(3)
    found = LSTMs(3, hidden, width, 2, slots, rng)
    found.parameters += 0.3 * torch.randn(found.parameters.shape, generator=rng)
    return found, rng


def test_a_stack_is_as_many_lstms_of_torch_also_where_episodes_end():
    stack, rng = networks()
    x = torch.randn(3, 7, 4, 3, generator=rng)
    ended = torch.rand(7, 3, 4, generator=rng) < 0.3
    weights = torch.randn(3, 7, 4, generator=rng)
    parameters = stack.parameters.clone().requires_grad_()
    entered = stack.enter(parameters, x.flatten(1, 2)).unflatten(1, (7, 4))
    given, states = stack.unroll(parameters, entered, torch.zeros(3, 4, 10), ended)
    logits, values = (
        head.unflatten(1, (7, 4)) for head in stack.heads(parameters, given.flatten(1, 2))
    )
    ((logits[..., 1] + values) * weights).sum().backward()
    stack.parameters = parameters.grad
    slopes = stack.views()
    stack.parameters = parameters.detach()
    for slot in range(3):
        plain = Plain(stack.views(), slot)
        state, total = plain.start(4), 0.0
        for t in range(7):
            found, value, state = plain(x[slot, t], state)
            torch.testing.assert_close(logits[slot, t], found, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(values[slot, t], value, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(states[t, slot], torch.cat(state, -1)[0])
            total = total + ((found[:, 1] + value) * weights[slot, t]).sum()
            state = tuple(part * ~ended[t, slot].unsqueeze(-1) for part in state)
        total.backward()
        expected = {name: p.grad for name, p in plain.named_parameters()}
        for one, other in plain.alike(slopes, slot, expected):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_weights_at_the_start():
    rng = torch.Generator().manual_seed(3)
    found = LSTMs(8, (8, 6), 4, 2, 2, rng)
    shown = found.views()
    assert all((view == 0).all() for name, view in shown.items() if name.endswith("bias"))
    for name, gain in {
        "trunk.0": 2.0,
        "trunk.1": 2.0,
        "gates.0": 1.0,
        "actor.0": 1e-4,
        "critic.0": 1.0,
    }.items():
        weight = shown[f"{name}.weight"]
        small = weight if weight.shape[1] < weight.shape[2] else weight.mT
        eye = gain * torch.eye(small.shape[1]).expand(2, -1, -1)
        torch.testing.assert_close(small @ small.mT, eye, rtol=1e-4, atol=1e-5)


def test_entries_are_rows_of_each_slots_own_table():
    table = torch.arange(12.0).view(2, 3, 2)
    codes = torch.tensor([[[0, 2]], [[1, 1]]])
    assert entries(table, codes).tolist() == [[[[0, 1], [4, 5]]], [[[8, 9], [8, 9]]]]


# ---- acting --------------------------------------------------------------------------------------


def mind(seed=0, slots=3, lanes=2, inputs=3, **settings):
    given = {"recurrent": 5, "hidden": (6,), "rollout": 6} | settings
    made = A2C(A2CConfig(**given), seat(inputs, slots=slots, lanes=lanes, seed=seed), object)
    made.policy.parameters += 0.3 * torch.randn(
        made.policy.parameters.shape, generator=torch.Generator().manual_seed(9)
    )
    return made


def sight(codes, dense=False):
    return {"seen": views(dense, BOOK, torch.as_tensor(codes).expand(3, 2))}


@pytest.mark.parametrize("dense", [False, True])
def test_looking_is_not_moving_on(dense):
    made = mind()
    first, second = sight(0, dense), sight(1, dense)
    fresh = made.probabilities(second)
    made.act(first)
    acted_from = made.probabilities(first)
    foreseen = made.probabilities(second)
    assert (foreseen - fresh).abs().max() > 1e-3
    assert torch.equal(made.probabilities(first), acted_from)
    made.watch(first, NEVER)
    # What was acted from can still be asked for; what was foreseen has come.
    assert torch.equal(made.probabilities(first), acted_from)
    assert torch.equal(made.probabilities(second), foreseen)
    for slot, row in ((0, 1), (2, 0)):
        alone = made.alone(slot, row, second)
        torch.testing.assert_close(alone, foreseen[slot, row], rtol=0, atol=1e-6)
        again = made.alone(slot, row, first)
        torch.testing.assert_close(again, acted_from[slot, row], rtol=0, atol=1e-6)


def test_an_episode_begins_with_nothing_and_other_lanes_go_on():
    made = mind()
    fresh = made.probabilities(sight(1))
    seen, ended = sight(0), NEVER.clone()
    ended[:, 1] = True
    made.act(seen)
    goes_on = made.probabilities(sight(1))
    made.watch(seen, ended)
    now = made.probabilities(sight(1))
    assert torch.equal(now[:, 1], fresh[:, 1]) and torch.equal(now[:, 0], goes_on[:, 0])
    assert not torch.equal(now[:, 0], fresh[:, 0])


def test_a_table_of_views_is_renewed_when_somebody_writes_a_parameter():
    made = mind()
    before = made.probabilities(sight(2))
    made.views()["trunk.0.weight"][1] += 0.5
    after = made.probabilities(sight(2))
    dense = made.probabilities(sight(2, dense=True))
    torch.testing.assert_close(after, dense)
    changed = (after != before).flatten(1).any(1)
    assert changed.tolist() == [False, True, False]


# ---- learning --------------------------------------------------------------------------------------


def rollout(rng, dense, rounds=6):
    """Steps [T, K, B] with episodes that end here and there, by themselves or cut off."""
    shape = rounds, 3, 2
    codes, after, acts = (torch.randint(n, shape, generator=rng) for n in (4, 4, 2))
    utility = torch.randn(shape, generator=rng)
    ended = torch.zeros(shape, dtype=torch.bool)
    ended[1, :, 0], ended[3, :, 1] = True, True
    truncated = ended.clone()
    truncated[3] = False
    return [
        {
            "seen": views(dense, BOOK, codes[t]),
            "acts": acts[t],
            "utility": utility[t],
            "ended": ended[t],
            "truncated": truncated[t],
            "after": views(dense, BOOK, after[t]),
        }
        for t in range(rounds)
    ]


def live(made, steps):
    for step in steps:
        seen = {"seen": step["seen"]}
        made.act(seen)
        made.remember(
            noted(
                step["seen"],
                step["acts"],
                step["utility"],
                step["ended"],
                step["truncated"],
                step["after"],
            )
        )
        made.watch(seen, step["ended"])


def taught(plain, optimiser, steps, slot, state, share, c):
    """One update of one plain module from ``state``; returns the state it goes on from."""
    logs, values, entropies, kept = [], [], [], []
    for step in steps:
        logits, value, state = plain(step["seen"].features[slot], state)
        log = logits.log_softmax(-1)
        mixture = (1 - share) * log.exp() + share / 2
        logs.append(mixture.log().gather(1, step["acts"][slot].unsqueeze(1)).squeeze(1))
        values.append(value)
        entropies.append(-(log.exp() * log).sum(-1))
        kept.append(state)
        state = tuple(part * ~step["ended"][slot].unsqueeze(-1) for part in state)
    with torch.no_grad():
        advantage, advantages = torch.zeros(2), []
        for t, step in reversed(list(enumerate(steps))):
            follows = plain(step["after"].features[slot], kept[t])[1]
            ended = step["ended"][slot]
            if t + 1 < len(steps):
                follows = torch.where(ended, follows, values[t + 1])
            goes_on = ~ended | step["truncated"][slot]
            error = step["utility"][slot] + c.discount * follows * goes_on - values[t]
            advantage = error + c.discount * c.trace * advantage * ~ended
            advantages.insert(0, advantage)
    loss = 0.0
    for log, value, entropy, advantage in zip(logs, values, entropies, advantages, strict=True):
        target = advantage + value.detach()
        loss = loss - advantage * log + c.value_weight * (value - target) ** 2 - c.entropy * entropy
    optimiser.zero_grad()
    (loss.mean() / len(steps)).backward()
    norm = nn.utils.clip_grad_norm_(plain.parameters(), c.max_norm)
    optimiser.step()
    return tuple(part.detach() for part in state), norm


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("gradient_of", ["mixture", "policy"])
def test_updates_are_those_of_plain_modules(gradient_of, dense):
    made = mind(
        trace=0.7,
        discount=0.9,
        entropy=0.02,
        max_norm=0.05,
        gradient_of=gradient_of,
        learning_rate=0.01,
        explore_start=0.5,
        explore_end=0.5,
    )
    rng = torch.Generator().manual_seed(11)
    plain = [Plain(made.views(), slot) for slot in range(3)]
    optimisers = [torch.optim.Adam(each.parameters(), lr=0.01, eps=1e-5) for each in plain]
    states = [each.start(2) for each in plain]
    share = 0.5 if gradient_of == "mixture" else 0.0
    for _ in range(3):
        steps = rollout(rng, dense)
        live(made, steps)
        made.study(0.0, OWN)
        for slot in range(3):
            states[slot], norm = taught(
                plain[slot], optimisers[slot], steps, slot, states[slot], share, made.config
            )
            assert norm > 0.05  # so that clipping counts
            for one, other in plain[slot].alike(made.views(), slot):
                torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
            memory = torch.cat(states[slot], -1)[0]
            torch.testing.assert_close(made.core.memory[slot], memory, rtol=0, atol=1e-4)


def test_it_does_not_matter_how_many_slots_are_unrolled_at_a_time(monkeypatch):
    ends = []
    for rows in (10**6, 1):
        made = mind()
        live(made, rollout(torch.Generator().manual_seed(5), False))
        monkeypatch.setattr(recurrent, "ROWS", rows)
        made.study(0.0, OWN)
        ends.append(made.policy.parameters.clone())
    torch.testing.assert_close(*ends, rtol=0, atol=1e-6)


def recalled(width):
    """How often an agent names at the end of three rounds the cue of the first, when it is taught."""
    made = mind(
        slots=2,
        lanes=32,
        recurrent=width,
        hidden=(8,),
        rollout=3,
        learning_rate=0.02,
        explore_start=0.1,
        explore_end=0.1,
    )
    rng, never = torch.Generator().manual_seed(2), torch.zeros(2, 32, dtype=torch.bool)
    right = []
    for _ in range(200):
        cue = torch.randint(2, (2, 32), generator=rng)
        for t in range(3):
            percept = Percept(codes=cue if t == 0 else torch.full_like(cue, 2), codebook=BOOK)
            seen, last = {"seen": percept}, t == 2
            acts = made.act(seen)
            utility = (acts == cue).float() * last
            made.remember(noted(percept, acts, utility, never | last, never))
            made.watch(seen, never | last)
        right.append(utility.mean().item())
        made.study(0.0, OWN)
    return sum(right[-20:]) / 20


def test_memory_solves_what_no_look_at_the_present_can():
    # 0.95 is the most, for one move in ten is drawn at random.
    assert recalled(8) > 0.9
    assert recalled(0) < 0.6


# ---- in societies ----------------------------------------------------------------------------------


def village(**settings):
    given = {"recurrent": 6, "rollout": 7, **settings}
    return society(
        Share(kind="a2c", settings={"move": given}),
        world={"kind": "iterated_dilemma", "horizon": 10},
        agents=2,
        network={"kind": "complete"},
    )


def test_a_checkpoint_amid_an_episode_goes_on_to_the_same_bits():
    world, fresh = village(), village()
    for _ in range(17 + 4):
        world.step()
    move = world.society.cohorts[0].minds["move"]
    assert move.core.memory.any() and not move.core.notes
    for _ in range(2):
        world.step()
    state = saved(copy.deepcopy(world.state_dict()))
    assert move.core.memory.any() and len(move.core.notes) == 2
    fresh.load_state_dict(state)
    assert not list(differences(fresh.state_dict(), state))
    for _ in range(30):
        world.step()
        fresh.step()
        assert not list(differences(fresh.measured, world.measured))
    assert not list(differences(fresh.state_dict(), world.state_dict()))


def test_what_was_acted_from_is_told_afterwards():
    world = village(rollout=50)
    for _ in range(3):
        world.step()
    cohort = world.society.cohorts[0]
    move, drawn = cohort.minds["move"], []
    propose = move.core.propose
    move.core.propose = lambda seen: drawn.append(propose(seen)) or drawn[-1]
    for _ in range(2):
        world.step()
        expected = move.exploration.mixed(drawn[-1])
        assert torch.equal(cohort.scene.outlook, expected)
        assert torch.equal(cohort.chances(), cohort.scatter(expected))


@dataclass(frozen=True, kw_only=True)
class RememberingConfig(Settings):
    """Settings of a kind with a memory."""

    move: A2CConfig = setting(A2CConfig(recurrent=5, hidden=(8,)), "how it learns to act")


def test_a_kind_with_a_memory_keeps_the_contract():
    class Remembering(A2CAgent):
        """Learns from its own reward, with a memory (Kong et al. 2024)."""

        Config = RememberingConfig

    with registered(AGENTS, "remembering", Remembering):
        check_agent("remembering")
