"""Does altruistic gradient adjustment lean where its sign rule is meant to lean it?

The sign of lambda is chosen so that the adjusted gradient turns towards stable optima of the
collective reward and away from unstable ones.  The measure is the angle to the curvature
``c = H_c^T xi_c``, the gradient of ``|xi_c|^2 / 2``: where ``<xi_c, c> >= 0``, near stable
optima, the adjusted gradient is to be at no larger angle to c than the collective gradient xi_c,
and elsewhere at no smaller one.

Source: Li et al. 2024, corollary on the alignment of lambda, which is about small lambda.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents.gradients.altruistic import Altruistic, AltruisticConfig
from commonweal.agents.gradients.curvature import inner, transposed_product
from commonweal.analysis import fields

SMALL = 1e-4
"""a strength at which the derivative decides"""


@dataclass(frozen=True)
class Angles:
    """Cosines of the angles to the collective curvature at G joint actions.

    NaN where they are undefined, the curvature or a gradient being zero, as in linear games.
    """

    collective: Tensor
    """[G] of the collective gradient"""
    adjusted: Tensor
    """[G] of the adjusted gradient"""

    @property
    def defined(self) -> Tensor:
        """[G] where there are angles to compare."""
        return ~(self.collective.isnan() | self.adjusted.isnan())

    @property
    def kept(self) -> Tensor:
        """[G] where the angle is as the corollary says; False where there is none."""
        # Comparisons with NaN are False.
        near_stable = self.collective >= 0
        closer, wider = self.adjusted >= self.collective, self.adjusted <= self.collective
        return torch.where(near_stable, closer, wider)

    @property
    def share(self) -> float:
        """Share of the defined joint actions where the corollary holds; NaN without any."""
        return float(self.kept[self.defined].double().mean())


def angles(
    payoffs: fields.Payoffs,
    actions: Tensor,
    sign_rule: str,
    strength: float = SMALL,
    zero_sign: int = 0,
) -> Angles:
    """Angles at joint actions [G, N, size] under a sign rule and a strength of AgA."""
    game = fields.at(payoffs, actions)
    field = fields.collective(game)
    collective = field.detach()
    curvature = transposed_product(field, collective, game.parameters)
    settings = AltruisticConfig(strength=strength, sign_rule=sign_rule, zero_sign=zero_sign)
    adjusted, _ = Altruistic(settings).direction(game)
    return Angles(_cosine(collective, curvature), _cosine(adjusted, curvature))


def around(action: Tensor, deviation: float, count: int, generator: torch.Generator) -> Tensor:
    """Normally distributed joint actions [count, N, size] around one [N, size]."""
    noise = torch.randn(count, *action.shape, generator=generator, dtype=torch.float64)
    return action + deviation * noise


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    """Cosine over all players' numbers, [G]; lengths are not bounded from below."""
    return inner(one, other) / (inner(one, one) * inner(other, other)).sqrt()
