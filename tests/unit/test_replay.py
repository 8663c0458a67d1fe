"""The buffer of stretches: the oldest go first, draws are each slot's own, all is saved."""

import torch

from commonweal.agents.learners.replay import Replay
from commonweal.simulation.conformance.tools import differences, saved

CPU = torch.device("cpu")


def stretches(first, count, slots=2, length=3):
    """Stretches that hold their own number, and that of their slot."""
    number = torch.arange(first, first + count).view(1, -1, 1).expand(slots, -1, length)
    slot = torch.arange(slots).view(-1, 1, 1).expand(-1, count, length)
    return {"number": number.clone(), "slot": slot.clone()}


def numbers(replay):
    return sorted(replay.sample(10**6, torch.Generator())["number"][0, :, 0].tolist())


def test_the_oldest_give_way():
    replay = Replay(5, CPU)
    assert replay.filled == 0
    replay.add(stretches(0, 3))
    assert numbers(replay) == [0, 1, 2]
    replay.add(stretches(3, 3))
    assert numbers(replay) == [1, 2, 3, 4, 5]
    replay.add(stretches(6, 12))
    assert numbers(replay) == [13, 14, 15, 16, 17]


def test_every_slot_draws_its_own_stretches_whole():
    replay = Replay(50, CPU)
    replay.add(stretches(0, 50))
    drawn = replay.sample(20, torch.Generator().manual_seed(0))
    assert drawn["number"].shape == (2, 20, 3)
    assert (drawn["number"] == drawn["number"][..., :1]).all()
    assert (drawn["slot"][0] == 0).all() and (drawn["slot"][1] == 1).all()
    assert not torch.equal(drawn["number"][0], drawn["number"][1])


def test_draws_are_uniform():
    replay = Replay(4, CPU)
    replay.add(stretches(0, 4, slots=4000))
    drawn = replay.sample(3, torch.Generator().manual_seed(0))["number"][..., 0]
    share = drawn.flatten().bincount(minlength=4) / drawn.numel()
    assert (share - 0.25).abs().max() < 0.02


def test_where_all_is_taken_nothing_is_drawn():
    replay, rng = Replay(10, CPU), torch.Generator().manual_seed(0)
    replay.add(stretches(0, 4))
    before = rng.get_state()
    assert replay.sample(4, rng)["number"].shape == (2, 4, 3)
    assert torch.equal(before, rng.get_state())


def test_a_saved_buffer_goes_on():
    one, other = Replay(5, CPU), Replay(5, CPU)
    one.add(stretches(0, 7))
    other.load(saved(one.state()))
    for replay in (one, other):
        replay.add(stretches(7, 2))
    assert not list(differences(one.state(), other.state()))
    assert numbers(other) == [4, 5, 6, 7, 8]
