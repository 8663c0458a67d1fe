"""Mixing by hand: who gets what from whom, and who keeps every bit."""

import pytest
import torch

from commonweal.agents.exchanges.mixing import Mixing, MixingConfig, listening, mixed, received
from commonweal.networks.federations import Meeting

COMPLETE = torch.full((1, 3, 3), 1 / 3)
CONSTANTS = torch.tensor([[[1.0], [10.0], [100.0]]])


def ring(agents=10, weight=0.1):
    """``(1 - weight)`` of the own and equal parts of the neighbours at distance 1 and 2."""
    eye = torch.eye(agents, dtype=torch.float64)
    shifts = sum(eye.roll(k, 0) for k in (1, -1, 2, -2))
    return ((1 - weight) * eye + weight / 4 * shifts).unsqueeze(0)


def meeting(weights):
    return Meeting(listening(weights).squeeze(-1), weights)


def mixing(what):
    return Mixing(MixingConfig(what=what))


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_weighted_sums_by_hand():
    weights = torch.tensor([[[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]])
    values = torch.tensor([[[4.0, 0.0], [8.0, 2.0], [0.0, 4.0]]])
    assert mixed(weights, values).tolist() == [[[6, 1], [5, 2], [0, 4]]]
    assert listening(weights).flatten().tolist() == [True, True, False]
    # Charters may reckon in double precision, learners do not.
    assert mixed(weights.double(), values).dtype == torch.float32


def test_mixing_keeps_the_mean_and_shrinks_disagreement():
    weights = ring()
    before = drawn(1, 10, 4).double()
    found, _ = mixing("parameters").apply(before, before, before[:, :0], meeting(weights))
    assert torch.allclose(found.mean(1), before.mean(1), atol=1e-15, rtol=0)
    second = torch.linalg.svdvals(weights[0])[1]
    # The ring of ten with a tenth for the neighbours.
    assert second.item() == pytest.approx(0.9559, abs=1e-4)
    gap = [torch.linalg.matrix_norm(x - x.mean(1, keepdim=True)) for x in (before, found)]
    assert gap[1] <= second * gap[0]


def test_what_was_just_learned_is_added_to_the_mixture():
    before = torch.tensor([[[0.0], [4.0]]])
    after = torch.tensor([[[1.0], [2.0]]])
    half = torch.full((1, 2, 2), 0.5)
    found, _ = mixing("parameters").apply(before, after, before[:, :0], meeting(half))
    assert found.tolist() == [[[3], [0]]]


@pytest.mark.parametrize("what", ["parameters", "gradients", "gradients_in_turn"])
def test_who_listens_to_nobody_keeps_every_bit(what):
    exchange = mixing(what)
    before, after, own = drawn(2, 5, 7), drawn(2, 5, 7, seed=1), drawn(2, 5, 7, seed=2)
    weights = torch.eye(5).repeat(2, 1, 1)
    weights[0, :3, :3] = 1 / 3
    # No weight at all on what is infinite would still be no number.
    own[0, 0] = before[0, 0] = float("inf")
    commons = before[:, :0]
    kept, models = exchange.apply(before, after, commons, meeting(weights))
    assert torch.equal(kept[0, 3:], after[0, 3:]) and torch.equal(kept[1], after[1])
    assert torch.equal(kept[0, :3], after[0, :3]) == (what != "parameters")
    assert models is commons
    first, *rest = exchange.gradients(own, before, meeting(weights))
    assert torch.equal(first[0, 3:], own[0, 3:]) and torch.equal(first[1], own[1])
    assert torch.equal(first[0, :3], own[0, :3]) == (what != "gradients")
    assert all(not turn[0, 3:].any() and not turn[1].any() for turn in rest)
    assert len(rest) == (2 if what == "gradients_in_turn" else 0)


@pytest.mark.parametrize("what", ["parameters", "gradients", "gradients_in_turn"])
def test_nothing_comes_from_outsiders_or_other_replicates(what):
    exchange = mixing(what)
    weights = torch.eye(4).repeat(2, 1, 1)
    weights[:, :2, :2] = 0.5

    def outcome(values):
        turns = exchange.gradients(values, values, meeting(weights))
        return [*turns, exchange.apply(values, 1.5 * values, values[:, :0], meeting(weights))[0]]

    values = drawn(2, 4, 3)
    moved = values.clone()
    moved[0, 2:] += 5
    moved[1] -= 7
    for one, other in zip(outcome(values), outcome(moved), strict=True):
        assert torch.equal(one[0, :2], other[0, :2])


def test_gradients_are_averaged_once():
    (found,) = mixing("gradients").gradients(CONSTANTS, CONSTANTS, meeting(COMPLETE))
    assert found.flatten().tolist() == pytest.approx([37, 37, 37])


def test_gradients_in_turn_reach_everybody_whole():
    """With rate 1 everybody descends 111: the own 1, 10, 100 and received 110, 101, 11."""
    turns = mixing("gradients_in_turn").gradients(CONSTANTS, CONSTANTS, meeting(COMPLETE))
    assert [turn.flatten().tolist() for turn in turns] == [[1, 10, 100], [10, 1, 1], [100, 100, 10]]
    assert sum(turns[1:]).flatten().tolist() == [110, 101, 11]


def test_gradients_received_are_copies():
    own = CONSTANTS.clone()
    turns = received(COMPLETE, own)
    own.zero_()
    assert sum(turns).flatten().tolist() == [110, 101, 11]
    (together,) = mixing("gradients").gradients(own, own, meeting(COMPLETE))
    assert together.data_ptr() != own.data_ptr()


def test_who_hears_fewer_takes_fewer_steps():
    # Agent 1 hears both others, 0 and 2 hear agent 1 alone; in the other copy nobody hears anybody.
    path = torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [0.0, 0.5, 0.5]])
    weights = torch.stack((path, torch.eye(3)))
    turns = received(weights, CONSTANTS.repeat(2, 1, 1))
    assert [turn[0].flatten().tolist() for turn in turns] == [[10, 1, 10], [0, 100, 0]]
    assert not any(turn[1].any() for turn in turns)


@pytest.mark.parametrize("what", ["gradients", "gradients_in_turn"])
def test_between_meetings_everybody_learns_alone(what):
    own = drawn(2, 3, 4)
    (found,) = mixing(what).gradients(own, own, None)
    assert found is own


def test_what_is_shared():
    names = ("parameters", "gradients", "gradients_in_turn")
    assert [mixing(name).what for name in names] == ["parameters", "gradients", "gradients"]
    assert [mixing(name).steers for name in names] == [False, True, True]
