"""Social welfare as a part of what an agent wants, or as all of it.

A share beside the own reward is the transformation behind the selfishness level of a game.
"""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from commonweal.agents.preferences.base import Income, Preference
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class WelfareShareConfig(Settings):
    """Settings of the share in social welfare."""

    share: float = setting(
        1.0,
        "weight alpha of social welfare beside the own reward",
        low=0,
        high=1e6,
        source="Li et al. 2024 do not name theirs; this matches their column SL",
    )


def shared(own: Tensor, welfare: Tensor, share: float) -> Tensor:
    """Utility ``own + share * welfare``, all [...].

    Source: Apt and Schaefer 2014; the least share at which a social optimum is a Nash
    equilibrium is the selfishness level of the game.
    """
    return own + share * welfare


@final
class WelfareShare(Preference):
    """Own reward and a share in what all agents of the world earn together."""

    Config = WelfareShareConfig

    def utility(self, income: Income) -> Tensor:
        """What was moved counts as own; it adds nothing to welfare."""
        return shared(income.rewards + income.moved, income.welfare, self.config.share)


@dataclass(frozen=True, kw_only=True)
class GroupRewardConfig(Settings):
    """Settings of the reward of the group."""

    scale: str = setting(
        "sum",
        "what everybody earns together (sum), or its share per head (mean), which is worth the same "
        "and does not grow with the number of agents",
        choices=("sum", "mean"),
        source="Kong et al. 2024",
    )


def pooled(everyone: Tensor, scale: str) -> Tensor:
    """Reward of the group [..., 1] from the rewards of all, [..., N]; ``sum`` or ``mean``."""
    return everyone.sum(-1, keepdim=True) if scale == "sum" else everyone.mean(-1, keepdim=True)


@final
class GroupReward(Preference):
    """What all agents of the world earn together, and nothing of one's own (Kong et al. 2024, GO).

    What ledgers move from one agent to another cancels in the sum and is left out.
    """

    Config = GroupRewardConfig

    def utility(self, income: Income) -> Tensor:
        """The same for every member."""
        return pooled(income.everyone, self.config.scale).expand_as(income.rewards)
