"""What agents make of their rewards, by hand."""

import math

import pytest
import torch

from commonweal.agents.preferences.base import Income, Selfish
from commonweal.agents.preferences.orientation import (
    Orientation,
    OrientationConfig,
    oriented,
    reward_angle,
)
from commonweal.agents.preferences.reputation import (
    ReputationReward,
    ReputationRewardConfig,
    reshaped,
)
from commonweal.agents.preferences.welfare import (
    GroupReward,
    GroupRewardConfig,
    WelfareShare,
    WelfareShareConfig,
    pooled,
)
from commonweal.errors import BadSetting
from commonweal.settings import Settings
from tests.societies import society


@pytest.mark.parametrize(
    ("reward", "standing", "weight", "form", "expected"),
    [
        (4.0, 0.5, 0.6, "product", 3.2),
        (4.0, 1.0, 0.6, "product", 4.0),
        (4.0, 0.0, 0.6, "product", 2.4),
        (-1.32, 0.5, 0.6, "product", -1.056),
        (4.0, 0.5, 4.0, "additive", 6.0),
        (-1.32, 0.25, 4.0, "additive", -0.32),
    ],
)
def test_reshaped_by_hand(reward, standing, weight, form, expected):
    found = reshaped(torch.tensor(reward), torch.tensor(standing), weight, form)
    assert found.item() == pytest.approx(expected)


def test_the_product_never_flips_a_sign_and_a_good_name_deepens_a_loss():
    standing = torch.linspace(0, 1, 11)
    assert (reshaped(torch.tensor(-1.0), standing, 0.6, "product").diff() < 0).all()
    assert (reshaped(torch.tensor(-1.0), standing, 0.6, "product") < 0).all()


def income(everyone, moved, standing=None):
    """What a step brought to the first agents, as many as ``moved`` counts."""
    return Income(everyone, torch.arange(moved.shape[1]), moved, standing or {})


def preference(**settings):
    generator = torch.Generator().manual_seed(0)
    return ReputationReward(ReputationRewardConfig(**settings), 1000, 1000, generator)


@pytest.mark.parametrize("adoption", [0.0, 0.3, 1.0])
def test_a_share_of_agents_adopts_the_reshaped_reward(adoption):
    rewards, standing = torch.full((2, 1000), 4.0), torch.full((2, 1000), 0.5)
    utility = preference(adoption=adoption).utility(
        income(rewards, torch.zeros(2, 1000), {"reputation": standing})
    )
    assert utility[0].tolist() == utility[1].tolist()  # decided once, for all lanes
    adopters = utility.isclose(torch.tensor(3.2)).float().mean().item()
    assert adopters == pytest.approx(adoption, abs=0.05)
    assert (utility.isclose(torch.tensor(3.2)) | (utility == 4)).all()


def test_what_ledgers_move_belongs_to_the_reward():
    standing = {"reputation": torch.full((1, 1000), 0.5)}
    utility = preference().utility(
        income(torch.full((1, 1000), 3.0), torch.ones(1, 1000), standing)
    )
    assert utility[0, 0].item() == pytest.approx(3.2)
    selfish = Selfish(Settings(), 2, 2, torch.Generator())
    moved = torch.tensor([[1.0, -1.0]])
    assert selfish.utility(income(torch.ones(1, 2), moved)).tolist() == [[2, 0]]


def test_a_mixture_with_a_weight_above_one_is_refused():
    with pytest.raises(BadSetting, match="additive"):
        ReputationRewardConfig(weight=4.0)
    assert ReputationRewardConfig(weight=4.0, form="additive").weight == 4


def test_the_reward_angle_by_hand():
    own, others = torch.tensor([1.0, 0.0, 1.0, -1.0, 0.0]), torch.tensor([1.0, 2.0, 0.0, 0.0, 0.0])
    expected = torch.tensor([45.0, 90.0, 0.0, 180.0, 0.0]).deg2rad()
    torch.testing.assert_close(reward_angle(own, others), expected)


def test_orientation_by_hand():
    # Rewards 1 and 1: both stand at 45 degrees, 15 more than the target: 1 - 2 * pi / 12.
    both = oriented(torch.ones(2), torch.ones(2), math.radians(30), 2.0)
    torch.testing.assert_close(both, torch.full((2,), 1 - math.pi / 6))
    # Three agents: the first earns 1, the others 3 and 5, on average 4.
    generator = torch.Generator()
    liking = Orientation(OrientationConfig(angle=90, weight=1), 1, 3, generator)
    found = liking.utility(income(torch.tensor([[1.0, 3.0, 5.0]]), torch.zeros(1, 1)))
    assert found.item() == pytest.approx(1 - (math.pi / 2 - math.atan2(4, 1)))


def test_orientation_has_a_gradient_where_nobody_earns_anything():
    own = torch.zeros(1, 2, requires_grad=True)
    liking = Orientation(OrientationConfig(), 2, 2, torch.Generator())
    total = liking.utility(income(own, torch.zeros(1, 2))).sum()
    assert torch.isfinite(torch.autograd.grad(total, own)[0]).all()


def test_a_share_in_welfare_by_hand():
    share = WelfareShare(WelfareShareConfig(share=0.5), 2, 3, torch.Generator())
    rewards, moved = torch.tensor([[1.0, 3.0, 5.0]]), torch.tensor([[0.25, 0.0]])
    # Welfare 9 counts the third agent, who is of another kind.
    assert share.utility(income(rewards, moved)).tolist() == [[5.75, 7.5]]


def test_the_reward_of_a_group_by_hand():
    everyone = torch.tensor([[1.0, 3.0, 5.0], [0.0, -1.5, 0.0]])
    assert pooled(everyone, "sum").tolist() == [[9.0], [-1.5]]
    assert pooled(everyone, "mean").tolist() == [[3.0], [-0.5]]


@pytest.mark.parametrize(("scale", "expected"), [("sum", 9.0), ("mean", 3.0)])
def test_every_member_wants_what_the_whole_world_earns(scale, expected):
    group = GroupReward(GroupRewardConfig(scale=scale), 2, 3, torch.Generator())
    rewards = torch.tensor([[1.0, 3.0, 5.0]])  # the third is of another kind
    # What the first gave the third is lost to neither.
    moved = torch.tensor([[-0.25, 0.0]])
    assert group.utility(income(rewards, moved)).tolist() == [[expected, expected]]


def test_group_optimal_agents_learn_from_the_sum_of_both_rewards():
    village = society("group_optimal", world={"kind": "iterated_dilemma"}, agents=2)
    village.step()
    rewards = village.society.experience.outcome.rewards
    wanted = village.society.cohorts[0].utility
    torch.testing.assert_close(wanted, rewards.sum(1, keepdim=True).expand(-1, 2))
