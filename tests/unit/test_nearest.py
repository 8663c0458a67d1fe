"""Walking to the nearest resource: which way, and in which worlds."""

import pytest
import torch

from commonweal.agents.nearest import Nearest
from commonweal.errors import BadSetting
from tests.societies import society


def chances(way):
    seen = {"bearing": torch.tensor([[way]], dtype=torch.float32)}
    plan, memory = Nearest.plan(None, seen, torch.zeros(1, 1), 5)
    assert memory.item() == 0
    return plan[0, 0].tolist()


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ((0, 0), [1, 0, 0, 0, 0]),
        ((-2, 1), [0, 1, 0, 0, 0]),
        ((2, -1), [0, 0, 1, 0, 0]),
        ((1, -2), [0, 0, 0, 1, 0]),
        ((-1, 2), [0, 0, 0, 0, 1]),
        ((0, 0.1), [0, 0, 0, 0, 1]),
        ((-0.1, 0), [0, 1, 0, 0, 0]),
        ((1, 1), [0, 0, 0.5, 0, 0.5]),
        ((-1, 1), [0, 0.5, 0, 0, 0.5]),
        ((1, -1), [0, 0, 0.5, 0.5, 0]),
    ],
)
def test_the_larger_gap_is_closed_first(way, expected):
    assert chances(way) == expected


def test_two_that_walk_are_soon_there_and_stay():
    world = society("nearest", agents=2, lanes=50, world={"kind": "job_scheduling"})
    for _ in range(6):
        world.step()
    paid = world.society.experience.outcome.rewards
    assert (paid.sum(-1) == 1).all()
    world.step()
    assert torch.equal(paid, world.society.experience.outcome.rewards)


def test_without_a_way_to_see_it_does_not_live():
    with pytest.raises(BadSetting, match="agent nearest cannot play in world lattice"):
        society("nearest", agents=16)
