"""CGA, consensus gradient adjustment: own gradients, drawn to where nobody wants to move."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from commonweal.agents.gradients.base import Game, GradientRule, simultaneous
from commonweal.agents.gradients.curvature import transposed_product
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ConsensusConfig(Settings):
    """Settings of consensus gradient adjustment."""

    strength: float = setting(
        1.0,
        "weight of the pull",
        low=0,
        high=1e6,
        source="Li et al. 2024 do not name theirs",
    )


def consensus(own: Tensor, pull: Tensor, strength: float) -> Tensor:
    """``xi + lambda * H^T xi``, the second term being the gradient of ``|xi|^2 / 2``.

    Source: Mescheder et al. 2017, consensus optimisation; for n players Balduzzi et al. 2018.
    """
    return own + strength * pull


@final
class Consensus(GradientRule):
    """Own gradients plus the descent of their squared length."""

    Config = ConsensusConfig

    def direction(self, game: Game) -> tuple[Tensor, dict[str, Tensor]]:
        """The adjusted own gradients, and no readings."""
        field = simultaneous(game.losses, game.parameters, game.groups, graph=True)
        own = field.detach()
        pull = transposed_product(field, own, game.parameters)
        return consensus(own, pull, self.config.strength), {}
