"""Team play: everybody descends the gradient of the collective loss."""

from typing import final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import Game, GradientRule, pulled_back


def collective_gradient(collective: Tensor, parameters: Tensor, *, graph: bool = False) -> Tensor:
    """Gradient of the collective loss in all blocks, ``xi_c = d l_c / d w``, [G, M, P].

    Source: Li et al. 2024, collective gradient.
    """
    return pulled_back(collective, torch.ones_like(collective), parameters, graph=graph)


@final
class Collective(GradientRule):
    """The collective gradient as it is."""

    def direction(self, game: Game) -> tuple[Tensor, dict[str, Tensor]]:
        """The collective gradient, and no readings."""
        return collective_gradient(game.collective, game.parameters), {}
