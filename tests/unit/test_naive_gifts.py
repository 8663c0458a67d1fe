"""The naive loop of the benchmark computes what LASE computes, number by number."""

from copy import copy

import pytest
import torch

from benchmarks import naive_gifts as naive
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share

LANES, ROUNDS = 3, 6
CASES = {
    "pair": ({"kind": "iterated_dilemma"}, "complete", 2),
    "lattice": ({"kind": "lattice"}, "square_lattice", 9),
}
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def stacks(world):
    """The framework's networks with their optimisers, and what the naive loop calls them."""
    cohort = world.society.cohorts[0]
    move, give = cohort.minds["move"], cohort.minds["give"]
    networks = cohort.perspective.networks
    return [
        (move.policy, move.adam, "acting", {"actor": "actor", "critic": "critic"}),
        (give.policy, give.policy.adam, "relating", {"actor": "sr_actor", "critic": "sr_critic"}),
        (networks, networks.adam, "converting", {"convert": "convert"}),
    ]


def named(stack, tensor):
    """Views of a tensor that is laid out like the parameters of ``stack``."""
    like = copy(stack)
    like.parameters = tensor
    return like.views()


def pairs(world, learners):
    """Every stacked tensor of weights beside those of the modules: stack, moments, optimiser, both."""
    for stack, adam, optimiser, names in stacks(world):
        for slot, learner in enumerate(learners):
            for name, view in stack.views().items():
                tower, level, kind = name.split(".")
                module = getattr(learner, names[tower])[2 * int(level)]
                first = named(stack, adam.first)[name][slot]
                yield view[slot], getattr(module, kind), first, getattr(learner, optimiser)


@pytest.fixture(params=CASES)
def case(request, monkeypatch):
    """A world that has not begun, and naive learners with the same weights."""
    table, network, agents = CASES[request.param]
    world = assemble(
        Experiment(
            world=table | {"horizon": ROUNDS},
            network={"kind": network},
            agents=agents,
            lanes=LANES,
            replicates=1,
            steps=10**6,
            population=[Share(kind="lase", settings={"give": {"warm_up": 1, "minibatches": 2}})],
        )
    )
    monkeypatch.setattr(naive, "MINIBATCHES", 2)
    rng = torch.Generator().manual_seed(5)
    for stack, _, _, _ in stacks(world):
        # Weights of chance, so that nobody is indifferent.
        stack.parameters += 0.3 * torch.randn(stack.parameters.shape, generator=rng)
    near = world.neighbourhoods.view
    learners = [naive.Learner(near.shape[1]) for _ in range(agents)]
    with torch.no_grad():
        for ours, theirs, _, _ in pairs(world, learners):
            theirs.copy_(ours)
    return world, learners, near


def play(world, learners, near, monkeypatch):
    """One rollout of the framework, [T, L, N, ...], and the naive record of the same moves."""
    start, rows = world.state.last, []
    for _ in range(ROUNDS):
        world.step()
        society = world.society
        shares = society.ledger("gifts").acts.view(LANES, *near.shape)
        rows.append((society.experience.moves, shares, society.cohorts[0].utility))
    moves, shares, totals = (torch.stack(field) for field in zip(*rows, strict=True))
    for agent, learner in enumerate(learners):
        forced = iter(moves[:, :, agent])
        monkeypatch.setattr(learner, "act", lambda seen, forced=forced: next(forced))
    record = naive.rollout(learners, near, world.matrix, start, ROUNDS)
    return shares, totals, record


def same_chances(world, learners, near):
    """Both would move alike at what is seen now."""
    cohort, observed = world.society.cohorts[0], naive.observe(world.state.last, near)
    chances = cohort.minds["move"].probabilities(cohort.perceive(world.observation))
    for agent, learner in enumerate(learners):
        torch.testing.assert_close(learner.mixture(observed[:, agent]), chances[agent], **CLOSE)


def test_both_give_the_same(case, monkeypatch):
    world, learners, near = case
    same_chances(world, learners, near)
    shares, totals, record = play(world, learners, near, monkeypatch)
    assert shares.amax() > 0.1 and (shares == 0).any()
    torch.testing.assert_close(record["shares"], shares, **CLOSE)
    torch.testing.assert_close(record["totals"], totals, **CLOSE)
    assert (record["totals"] - record["rewards"]).abs().amax() > 0.05


def test_both_learn_the_same(case, monkeypatch):
    """Two steps each; the first moments are the clipped gradients, which the steps of Adam hide."""
    world, learners, near = case
    before = [theirs.detach().clone() for _, theirs, _, _ in pairs(world, learners)]
    _, _, record = play(world, learners, near, monkeypatch)
    for agent, learner in enumerate(learners):
        naive.teach(learner, record, agent)
    for (ours, theirs, first, optimiser), old in zip(pairs(world, learners), before, strict=True):
        assert not torch.equal(theirs, old)
        torch.testing.assert_close(optimiser.state[theirs]["exp_avg"], first, **CLOSE)
        torch.testing.assert_close(theirs.detach(), ours, **CLOSE)
    same_chances(world, learners, near)  # exploration has fallen a little
