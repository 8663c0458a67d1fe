"""Gradient fields of a differentiable game, worked out at many joint actions at once.

Joint actions are points [G, N, size] and payoffs a function of them to rewards [..., N]; losses are
the negated rewards (Li et al. 2024).  Everything is float64, and d = N * size counts all numbers.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from commonweal.agents.gradients.base import Game, pulled_back, simultaneous
from commonweal.agents.gradients.collective import collective_gradient

Payoffs = Callable[[Tensor], Tensor]
Field = Callable[[Game], Tensor]


def at(payoffs: Payoffs, points: Tensor) -> Game:
    """The game at joint actions [G, N, size], G copies of it; the collective is everybody."""
    parameters = points.detach().double().clone().requires_grad_()
    rewards = payoffs(parameters)
    players = torch.arange(parameters.shape[1])
    return Game(-rewards, -rewards.sum(-1), parameters, players)


def individual(game: Game) -> Tensor:
    """The field xi of everybody's own gradients, [G, N, size], differentiable."""
    return simultaneous(game.losses, game.parameters, game.groups, graph=True)


def collective(game: Game) -> Tensor:
    """The field xi_c, the gradient of the collective loss, [G, N, size], differentiable."""
    return collective_gradient(game.collective, game.parameters, graph=True)


def jacobian(field: Field, payoffs: Payoffs, points: Tensor) -> tuple[Tensor, Tensor]:
    """A field and its Jacobian at points [G, N, size]: [G, d] and [G, d, d].

    A row holds the derivatives of one component.  Formed explicitly, by d backward passes: for
    small games.
    """
    game = at(payoffs, points)
    values = field(game)
    flat = values.flatten(1)
    rows = []
    for component in range(flat.shape[1]):
        weights = torch.zeros_like(flat)
        weights[:, component] = 1
        rows.append(pulled_back(values, weights.view_as(values), game.parameters).flatten(1))
    return flat.detach(), torch.stack(rows, 1)


def spread(low: float, high: float, players: int, size: int, count: int) -> Tensor:
    """Joint actions [count, N, size] spread evenly over a window: a Sobol sequence."""
    numbers = SobolEngine(players * size).draw(count, dtype=torch.float64)
    return low + (high - low) * numbers.view(count, players, size)


def grid(low: float, high: float, each: int) -> Tensor:
    """Joint actions of two players with one number each, [each ** 2, 2, 1], borders included."""
    # Unlike linspace, this meets zero exactly in the middle of a symmetric window.
    axis = low + (high - low) * torch.arange(each, dtype=torch.float64) / (each - 1)
    return torch.cartesian_prod(axis, axis).unsqueeze(-1)
