"""Social value orientation: content when own and others' rewards stand at the angle one likes."""

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from commonweal.agents.preferences.base import Income, Preference
from commonweal.settings import Settings, setting

PAPER = "McKee et al. 2020"
MATCHED = "Li et al. 2024 do not name theirs; this matches their column"


@dataclass(frozen=True, kw_only=True)
class OrientationConfig(Settings):
    """Settings of social value orientation."""

    angle: float = setting(
        30.0,
        "target angle theta*, degrees: 0 selfish, 45 pro-social, 90 altruistic",
        low=-180,
        high=180,
        source=MATCHED,
    )
    weight: float = setting(
        1.0, "reward given up per radian of difference, w", low=0, high=1e6, source=MATCHED
    )


def reward_angle(own: Tensor, others: Tensor) -> Tensor:
    """Angle theta of own and others' mean reward, radians [...]: atan2(others, own).

    Source: McKee et al. 2020, reward angle.  At (0, 0), where no angle exists, it is 0.
    """
    # atan2 has no gradient at the origin, so a point that is not there stands in for it.
    nothing = (own == 0) & (others == 0)
    return torch.atan2(others, torch.where(nothing, torch.ones_like(own), own))


def oriented(own: Tensor, others: Tensor, target: float, weight: float) -> Tensor:
    """Utility ``own - weight * |target - theta(own, others)|``, angles in radians, all [...].

    Source: McKee et al. 2020, social value orientation.
    """
    return own - weight * (target - reward_angle(own, others)).abs()


@final
class Orientation(Preference):
    """Own reward, less what the reward angle departs from the angle aimed at.

    The others are all other agents of the world.
    """

    Config = OrientationConfig

    def utility(self, income: Income) -> Tensor:
        """Own reward and what was moved count as own; who is alone meets others with nothing."""
        own = income.rewards
        others = (income.welfare - own) / max(self.agents - 1, 1)
        target = math.radians(self.config.angle)
        return oriented(own + income.moved, others, target, self.config.weight)
