"""AgA, altruistic gradient adjustment: the collective gradient, aligned with everybody's own."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import Game, GradientRule, simultaneous
from commonweal.agents.gradients.collective import collective_gradient
from commonweal.agents.gradients.curvature import inner, transposed_product
from commonweal.settings import Settings, setting

PAPER = "Li et al. 2024"


@dataclass(frozen=True, kw_only=True)
class AltruisticConfig(Settings):
    """Settings of altruistic gradient adjustment."""

    strength: float = setting(
        1.0,
        "size of lambda, the weight of the adjustment",
        low=0,
        high=1e6,
        source="one of several values in Li et al. 2024",
    )
    sign_rule: str = setting(
        "paper",
        "sign of lambda; paper: as published; exact: the sign for which the published claim on "
        "angles holds; off: always +1, which the paper calls AgA-Sign",
        choices=("paper", "exact", "off"),
        source=PAPER,
    )
    zero_sign: int = setting(
        0,
        "sign where the rule is silent, its product being exactly 0, as in linear games; only -1 "
        "gives the published public goods table",
        low=-1,
        high=1,
        source="sign(0) = 0; Li et al. 2024 do not say",
    )


def published_sign(collective: Tensor, own: Tensor, curvature: Tensor) -> Tensor:
    """``sign(<xi_c, c> (<xi, c> + |c|^2))`` with the curvature ``c = H_c^T xi_c``, [G].

    Source: Li et al. 2024, alignment of lambda.  The product of signs, because a product of small
    numbers can vanish.
    """
    beside = inner(own, curvature) + inner(curvature, curvature)
    return torch.sign(inner(collective, curvature)) * torch.sign(beside)


def exact_sign(collective: Tensor, own: Tensor, curvature: Tensor) -> Tensor:
    """``sign(<u, c> (<v, c> |u|^2 - <u, c> <u, v>))`` with u = xi_c, v = xi + c, [G].

    The sign of the derivative of ``cos^2(u + lambda v, c)`` in lambda at 0.  The published sign lacks
    the second term, which vanishes where v is orthogonal to u, as in symplectic adjustment
    (Balduzzi et al. 2018), but not here.
    """
    mixed = own + curvature
    along = inner(collective, curvature)
    turn = inner(mixed, curvature) * inner(collective, collective)
    return torch.sign(along) * torch.sign(turn - along * inner(collective, mixed))


def altruistic(collective: Tensor, own: Tensor, curvature: Tensor, weight: Tensor) -> Tensor:
    """``xi_c + lambda * (xi + H_c^T xi_c)`` with the signed weight lambda of each copy, [G].

    Source: Li et al. 2024, altruistic gradient adjustment.
    """
    return collective + weight.view(-1, 1, 1) * (own + curvature)


@final
class Altruistic(GradientRule):
    """Collective gradient plus own gradients and collective curvature."""

    Config = AltruisticConfig
    measures = ("sign", "collective_curvature", "own_curvature", "curvature_square")

    def direction(self, game: Game) -> tuple[Tensor, dict[str, Tensor]]:
        """The adjusted collective gradient, the sign of lambda, and what the sign comes from."""
        own = simultaneous(game.losses, game.parameters, game.groups)
        field = collective_gradient(game.collective, game.parameters, graph=True)
        collective = field.detach()
        curvature = transposed_product(field, collective, game.parameters)
        sign = self._sign(collective, own, curvature)
        readings = {
            "sign": sign,
            "collective_curvature": inner(collective, curvature),
            "own_curvature": inner(own, curvature),
            "curvature_square": inner(curvature, curvature),
        }
        return altruistic(collective, own, curvature, self.config.strength * sign), readings

    def _sign(self, collective: Tensor, own: Tensor, curvature: Tensor) -> Tensor:
        """The sign of lambda by the chosen rule, [G]; one sign for all players of a copy."""
        if self.config.sign_rule == "off":
            return collective.new_ones(len(collective))
        rule = published_sign if self.config.sign_rule == "paper" else exact_sign
        sign = rule(collective, own, curvature)
        return sign.masked_fill(sign == 0, self.config.zero_sign)
