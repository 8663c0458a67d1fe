"""What agents make of their rewards, by hand."""

import pytest
import torch

from commonweal.agents.preferences.base import Selfish
from commonweal.agents.preferences.reputation import (
    ReputationReward,
    ReputationRewardConfig,
    reshaped,
)
from commonweal.errors import BadSetting
from commonweal.settings import Settings


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


def preference(**settings):
    generator = torch.Generator().manual_seed(0)
    return ReputationReward(ReputationRewardConfig(**settings), 1000, generator)


@pytest.mark.parametrize("adoption", [0.0, 0.3, 1.0])
def test_a_share_of_agents_adopts_the_reshaped_reward(adoption):
    rewards, standing = torch.full((2, 1000), 4.0), torch.full((2, 1000), 0.5)
    utility = preference(adoption=adoption).utility(
        rewards, torch.zeros(2, 1000), {"reputation": standing}
    )
    assert utility[0].tolist() == utility[1].tolist()  # decided once, for all lanes
    adopters = utility.isclose(torch.tensor(3.2)).float().mean().item()
    assert adopters == pytest.approx(adoption, abs=0.05)
    assert (utility.isclose(torch.tensor(3.2)) | (utility == 4)).all()


def test_what_ledgers_move_belongs_to_the_reward():
    utility = preference().utility(
        torch.full((1, 1000), 3.0), torch.ones(1, 1000), {"reputation": torch.full((1, 1000), 0.5)}
    )
    assert utility[0, 0].item() == pytest.approx(3.2)
    selfish = Selfish(Settings(), 2, torch.Generator())
    assert selfish.utility(torch.ones(1, 2), torch.tensor([[1.0, -1.0]]), {}).tolist() == [[2, 0]]


def test_a_mixture_with_a_weight_above_one_is_refused():
    with pytest.raises(BadSetting, match="additive"):
        ReputationRewardConfig(weight=4.0)
    assert ReputationRewardConfig(weight=4.0, form="additive").weight == 4
