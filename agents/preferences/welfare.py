"""A share in social welfare: the transformation behind the selfishness level of a game."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from commonweal.agents.preferences.base import Preference
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

    def utility(
        self, rewards: Tensor, welfare: Tensor, moved: Tensor, standing: dict[str, Tensor]
    ) -> Tensor:
        """What was moved counts as own; it adds nothing to welfare."""
        return shared(rewards + moved, welfare, self.config.share)
