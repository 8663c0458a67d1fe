"""The fortune of those who fare worst: everybody wants the least reward of all, and a little of the mean.

Plain maximin says nothing about anyone but the worst off, so that many joint moves are as good as each
other; a share of the mean tells them apart (Zhang and Shah 2014, regularised maximin).
"""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from commonweal.agents.preferences.base import Income, Preference
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class MaximinConfig(Settings):
    """Settings of the least reward."""

    regularity: float = setting(
        0.0,
        "weight epsilon of the mean reward beside the least",
        low=0,
        high=1e6,
        source="Zhang and Shah 2014",
    )


def maximin(everyone: Tensor, regularity: float) -> Tensor:
    """Utility ``min_j r_j + regularity * mean_j r_j`` [..., 1] of the rewards of all, [..., N].

    Source: Dong et al. 2025, baselines, round by round; Zhang and Shah 2014 have expected returns.
    """
    return everyone.amin(-1, keepdim=True) + regularity * everyone.mean(-1, keepdim=True)


@final
class Maximin(Preference):
    """What the agent that got least in a round got, and nothing of one's own (Dong et al. 2025).

    Everybody in the world counts, whatever its kind; what ledgers move is left out.
    """

    Config = MaximinConfig

    def utility(self, income: Income) -> Tensor:
        """The same for every member."""
        return maximin(income.everyone, self.config.regularity).expand_as(income.rewards)
