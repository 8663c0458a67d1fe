"""Agents that want the least reward of all, by hand."""

import pytest
import torch

from commonweal.agents.preferences.base import Income
from commonweal.agents.preferences.maximin import Maximin, MaximinConfig, maximin
from tests.dilemmas import cooperation
from tests.societies import society

EVERYONE = torch.tensor([[1.0, 3.0, 5.0], [0.0, -2.0, 2.0]])


@pytest.mark.parametrize(
    ("regularity", "expected"), [(0.0, [1.0, -2.0]), (0.1, [1.3, -2.0]), (2.0, [7.0, -2.0])]
)
def test_the_least_reward_and_a_share_of_the_mean(regularity, expected):
    torch.testing.assert_close(maximin(EVERYONE, regularity), torch.tensor(expected).unsqueeze(1))


def test_the_mean_tells_apart_what_the_least_does_not():
    better, worse = torch.tensor([1.0, 4.0, 4.0]), torch.tensor([1.0, 1.0, 4.0])
    assert maximin(better, 0.0) == maximin(worse, 0.0)
    assert maximin(better, 0.1) > maximin(worse, 0.1)


def test_every_member_wants_what_the_worst_off_of_the_whole_world_got():
    wish = Maximin(MaximinConfig(regularity=0.1), 2, 3, torch.Generator())
    rewards = torch.tensor([[4.0, 3.0, -1.0]])  # the third is of another kind
    income = Income(rewards, torch.arange(2), torch.tensor([[-0.25, 0.5]]))
    torch.testing.assert_close(wish.utility(income), torch.full((1, 2), -0.8))


@pytest.mark.parametrize(("kind", "regularity"), [("min_reward", 0.0), ("rmf", 0.1)])
def test_the_kinds_want_so(kind, regularity):
    village = society(kind, agents=4, network={"kind": "ring"})
    village.step()
    rewards = village.society.experience.outcome.rewards
    expected = rewards.amin(1, keepdim=True) + regularity * rewards.mean(1, keepdim=True)
    torch.testing.assert_close(village.society.cohorts[0].utility, expected.expand(-1, 4))


def test_who_cares_for_the_worst_off_cooperates_where_others_defect():
    assert cooperation("ippo") < 0.35
    assert cooperation("min_reward") > 0.75
    assert cooperation("rmf") > 0.75
