"""SGA, symplectic gradient adjustment: own gradients, turned against their rotation."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import Game, GradientRule, simultaneous
from commonweal.agents.gradients.curvature import inner, product, transposed_product
from commonweal.settings import Settings, setting

PAPER = "Balduzzi et al. 2018"
OFFSET = 0.1
"""Favours the positive sign where the product is small (Balduzzi et al. 2018)."""


@dataclass(frozen=True, kw_only=True)
class SymplecticConfig(Settings):
    """Settings of symplectic gradient adjustment."""

    strength: float = setting(
        1.0, "size of the adjustment", low=0, high=1e6, source=f"{PAPER}, authors' code"
    )
    align: bool = setting(
        True, "choose its sign so that it draws towards stable fixed points", source=PAPER
    )


def rotation(transposed: Tensor, forward: Tensor) -> Tensor:
    """``A^T xi = (H^T xi - H xi) / 2`` with A, the antisymmetric part of H.

    Source: Balduzzi et al. 2018, Helmholtz decomposition of a game.
    """
    return (transposed - forward) / 2


def alignment(own: Tensor, adjustment: Tensor, pull: Tensor) -> Tensor:
    """``sign(<xi, H^T xi> <A^T xi, H^T xi> / d + 0.1)`` with d parameters in the game, [G].

    Source: Balduzzi et al. 2018, sign alignment; ``pull`` is ``H^T xi``.
    """
    size = own[0].numel()
    return torch.sign(inner(own, pull) * inner(adjustment, pull) / size + OFFSET)


def symplectic(own: Tensor, adjustment: Tensor, weight: Tensor) -> Tensor:
    """``xi + lambda * A^T xi`` with the signed weight lambda of each copy, [G].

    Source: Balduzzi et al. 2018, symplectic gradient adjustment.
    """
    return own + weight.view(-1, 1, 1) * adjustment


@final
class Symplectic(GradientRule):
    """Own gradients plus their antisymmetric adjustment."""

    Config = SymplecticConfig
    measures = ("sign",)

    def direction(self, game: Game) -> tuple[Tensor, dict[str, Tensor]]:
        """The adjusted own gradients, and the sign of the adjustment."""
        field = simultaneous(game.losses, game.parameters, game.groups, graph=True)
        own = field.detach()
        pull = transposed_product(field, own, game.parameters)
        adjustment = rotation(pull, product(field, own, game.parameters))
        sign = alignment(own, adjustment, pull) if self.config.align else own.new_ones(len(own))
        return symplectic(own, adjustment, self.config.strength * sign), {"sign": sign}
