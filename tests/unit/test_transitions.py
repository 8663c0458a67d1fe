"""The buffer of transitions: the oldest give way, buffers are read at the same places, all is saved."""

import torch

from commonweal.agents.learners.transitions import Transitions
from commonweal.simulation.conformance.tools import differences, saved

CPU = torch.device("cpu")


def steps(first, count, rows=2):
    """Transitions that hold their own number, and that of their row."""
    number = torch.arange(first, first + count).expand(rows, -1)
    row = torch.arange(rows).view(-1, 1, 1).expand(-1, count, 3)
    return {"number": number.clone(), "row": row.clone()}


def test_the_oldest_are_written_over_where_they_stand():
    buffer = Transitions(5, CPU)
    buffer.add(steps(0, 3))
    room = buffer.fields["number"].data_ptr()
    assert buffer.filled == 3 and buffer.fields["row"].shape == (2, 5, 3)
    buffer.add(steps(3, 4))
    assert buffer.filled == 5
    assert buffer.fields["number"].tolist() == [[5, 6, 2, 3, 4]] * 2
    assert buffer.fields["number"].data_ptr() == room


def test_every_row_draws_its_own_places_evenly():
    buffer = Transitions(4, CPU)
    buffer.add(steps(0, 4, rows=4000))
    drawn = buffer.sample(3, torch.Generator().manual_seed(0))
    assert drawn["number"].shape == (4000, 3) and drawn["row"].shape == (4000, 3, 3)
    assert (drawn["row"] == torch.arange(4000).view(-1, 1, 1)).all()
    assert not torch.equal(drawn["number"][0], drawn["number"][1])
    share = drawn["number"].flatten().bincount(minlength=4) / 12000
    assert (share - 0.25).abs().max() < 0.02


def test_what_is_not_filled_is_never_drawn():
    buffer = Transitions(1000, CPU)
    buffer.add(steps(7, 5))
    drawn = buffer.sample(4, torch.Generator().manual_seed(0))["number"]
    assert drawn.min() >= 7 and drawn.max() <= 11


def test_where_all_is_taken_nothing_is_drawn():
    buffer, rng = Transitions(10, CPU), torch.Generator().manual_seed(0)
    buffer.add(steps(0, 4))
    before = rng.get_state()
    assert buffer.sample(4, rng)["number"].tolist() == [[0, 1, 2, 3]] * 2
    assert torch.equal(before, rng.get_state())
    buffer.sample(3, rng)
    assert not torch.equal(before, rng.get_state())


def test_buffers_filled_together_are_read_at_the_same_places():
    own, common = Transitions(6, CPU), Transitions(6, CPU)
    for first in (0, 4, 8):
        own.add(steps(first, 4, rows=6))
        common.add(steps(first, 4, rows=2))
    places = common.draw(5, torch.Generator().manual_seed(1))
    theirs = own.at(places.repeat_interleave(3, 0))
    together = common.at(places)["number"]
    assert torch.equal(theirs["number"], together.repeat_interleave(3, 0))
    assert (theirs["row"] == torch.arange(6).view(-1, 1, 1)).all()
    assert not torch.equal(together[0], together[1])


def test_a_saved_buffer_goes_on():
    one, other = Transitions(5, CPU), Transitions(5, CPU)
    one.add(steps(0, 7))
    other.load(saved(one.state()))
    for buffer in (one, other):
        buffer.add(steps(7, 2))
    assert not list(differences(one.state(), other.state()))
    assert other.fields["number"].tolist() == [[5, 6, 7, 8, 4]] * 2
    drawn = [b.sample(3, torch.Generator().manual_seed(2))["number"] for b in (one, other)]
    assert torch.equal(*drawn)
