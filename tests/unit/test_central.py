"""What central critics see: where each number stands in a row, and returns of the present episode."""

from dataclasses import replace

import pytest
import torch

from commonweal.agents.learners.central import Whole
from commonweal.records import Percept
from commonweal.simulation.conformance.tools import saved
from tests.seats import noted, seat

REPLICATES, LANES, MEMBERS, OTHERS, ACTIONS, STATE = 2, 2, 2, 1, 2, 3
SLOTS, AGENTS = REPLICATES * MEMBERS, MEMBERS + OTHERS


def whole():
    there = seat(4, ACTIONS, SLOTS, LANES, replicates=REPLICATES, others=OTHERS)
    return Whole(replace(there, company=replace(there.company, overview=STATE)))


def noted_by(rewards, ended=(False,) * 4):
    """A step; states are 100 * replicate + 10 * lane + place, or a thousand more after it."""
    where = torch.arange(REPLICATES)[:, None, None] * 100 + torch.arange(LANES)[:, None] * 10
    state = (where + torch.arange(STATE)).float().repeat_interleave(MEMBERS, 0)
    over = torch.tensor(ended).view(REPLICATES, LANES).repeat_interleave(MEMBERS, 0)
    return noted(
        Percept(dense=torch.zeros(SLOTS, LANES, 4)),
        torch.zeros(SLOTS, LANES, dtype=torch.int64),
        torch.zeros(SLOTS, LANES),
        over,
        rewards=torch.tensor(rewards),
        overview=state,
        overview_after=lambda: state + 1000,
    )


FIRST = [[0.0, 3.0, 6.0], [1.0, 1.0, 1.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_returns_are_those_of_the_present_episode():
    seen = whole()
    note = noted_by(FIRST, ended=(False, True, False, False))
    assert not seen.context(note, after=False)["so_far"].any()
    assert seen.context(note, after=True)["so_far"].flatten(0, 1).tolist() == FIRST
    seen.pass_on(note)
    then = noted_by([[1.0] * 3] * 4)
    # The second lane of the first replicate has begun anew.
    before = seen.context(then, after=False)["so_far"].flatten(0, 1).tolist()
    assert before == [FIRST[0], [0, 0, 0], FIRST[2], FIRST[3]]
    after = seen.context(then, after=True)["so_far"].flatten(0, 1).tolist()
    assert after == [[1, 4, 7], [1, 1, 1], [3, 1, 1], [1, 1, 1]]


def test_each_number_has_its_place():
    seen, note = whole(), noted_by(FIRST)
    seen.pass_on(note)
    context = seen.context(note, after=False)
    slots = torch.arange(1.0, SLOTS + 1).view(-1, 1, 1)
    chances = slots / 10 + torch.tensor([0.0, 0.05]) + torch.tensor([[0.0], [0.01]])  # [K, B, A]
    rows = seen.rows(context | {"chances": chances})
    assert rows.shape == (REPLICATES, LANES, seen.width) == (2, 2, 3 + 3 + 4)
    unlike, alike = 1.5**0.5, 2**-0.5
    expected = [
        [0, 1, 2, -unlike, 0, unlike, 0.1, 0.15, 0.2, 0.25],
        [10, 11, 12, 0, 0, 0, 0.11, 0.16, 0.21, 0.26],
        [100, 101, 102, 2 * alike, -alike, -alike, 0.3, 0.35, 0.4, 0.45],
        [110, 111, 112, 0, 0, 0, 0.31, 0.36, 0.41, 0.46],
    ]
    for found, row in zip(rows.flatten(0, 1), expected, strict=True):
        assert found.tolist() == pytest.approx(row, abs=1e-6)
    assert seen.context(note, after=True)["overview"][1, 1].tolist() == [1110, 1111, 1112]


@pytest.mark.parametrize(("agents", "state", "width"), [(4, 74, 98), (10, 130, 190), (5, 457, 487)])
def test_widths_are_those_of_the_public_code(agents, state, width):
    there = seat(4, 5, agents)
    assert Whole(replace(there, company=replace(there.company, overview=state))).width == width


def test_returns_survive_a_checkpoint():
    one, other = whole(), whole()
    one.pass_on(noted_by(FIRST))
    other.load(saved(one.state()))
    assert torch.equal(one.so_far, other.so_far) and one.so_far.any()
