"""The contract of a gradient rule: what a game offers, and the direction the players then take.

Everything is worked out for G independent copies of a game at once.  M learning players hold one
block of P parameters each; whoever else plays is part of the losses only.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from commonweal.settings import Settings


@dataclass(frozen=True)
class Game:
    """A differentiable mixed-motive game at one joint point, G copies at once (Li et al. 2024)."""

    losses: Tensor
    """[G, M] of the learning players, differentiable in the parameters"""
    collective: Tensor
    """[G] of the whole community, differentiable in the parameters"""
    parameters: Tensor
    """[G, M, P], a leaf that requires grad: the block of each player"""
    groups: Tensor
    """[M] int64: players of one group do not enter each other's losses"""


class GradientRule(ABC):
    """Turns the gradients of a game into the direction that the players descend."""

    Config: ClassVar[type[Settings]] = Settings
    separate: ClassVar[bool] = False
    """whether nobody's step depends on what another wants"""
    measures: ClassVar[tuple[str, ...]] = ()
    """names of its readings"""

    def __init__(self, config: Settings) -> None:
        self.config = config

    @abstractmethod
    def direction(self, game: Game) -> tuple[Tensor, dict[str, Tensor]]:
        """Gradient to descend [G, M, P], detached, and the readings, name -> [G].

        The graph of the game is kept: the caller may differentiate it further.
        """


def pulled_back(
    values: Tensor, weights: Tensor, parameters: Tensor, *, graph: bool = False
) -> Tensor:
    """Weights times the Jacobian of ``values``, both of one shape: a tensor like ``parameters``.

    Exactly zero where the values do not depend on the parameters, as gradients of linear losses
    do not.  ``graph``: whether the result can be differentiated again.
    """
    if not values.requires_grad:
        return torch.zeros_like(parameters)
    (found,) = torch.autograd.grad(
        values,
        parameters,
        weights,
        retain_graph=True,
        create_graph=graph,
        materialize_grads=True,
    )
    return found


def simultaneous(
    losses: Tensor, parameters: Tensor, groups: Tensor, *, graph: bool = False
) -> Tensor:
    """Own gradients ``xi = (d l_1 / d w_1, ..., d l_M / d w_M)``, [G, M, P].

    Source: Balduzzi et al. 2018, simultaneous gradient.  Players of one group [M] share a backward
    pass, because summed losses leave their blocks apart; copies of the game do so always.
    """
    passes = groups.unique() if len(groups) > 1 else groups
    if len(passes) == 1:
        return pulled_back(losses, torch.ones_like(losses), parameters, graph=graph)
    gradient = torch.zeros_like(parameters)
    for group in passes:
        inside = groups == group
        weights = inside.to(losses.dtype).expand_as(losses)
        found = pulled_back(losses, weights, parameters, graph=graph)
        gradient = torch.where(inside.unsqueeze(-1), found, gradient)
    return gradient


@final
class Own(GradientRule):
    """Everybody descends the gradient of their own loss."""

    separate = True

    def direction(self, game: Game) -> tuple[Tensor, dict[str, Tensor]]:
        """Own gradients as they are, and no readings."""
        return simultaneous(game.losses, game.parameters, game.groups), {}
