"""Payoffs of matrix games on a graph, as functions."""

import torch
from torch import Tensor

from commonweal.networks.neighbourhoods import Neighbourhoods


def pairwise(matrix: Tensor, moves: Tensor, near: Neighbourhoods) -> Tensor:
    """What each link pays its source, [L, E], when agents play ``moves`` [L, N] int64.

    ``matrix`` [A, A] holds the payoff of the row player: with actions 0 = cooperate and
    1 = defect it reads [[reward, sucker], [temptation, punishment]].
    Source: Ren et al. 2025, section 3 (``u_ij = M[a_i, a_j]``).
    """
    actions = matrix.shape[0]
    if near.regular:
        own = (moves * actions).unsqueeze(-1)
        return matrix.flatten()[(own + near.met(moves)).flatten(1)]
    return matrix.flatten()[moves[:, near.source] * actions + moves[:, near.target]]


def marks(lanes: int, agents: int, share: float, generator: torch.Generator) -> Tensor:
    """Exactly ``floor(share * agents)`` ones and zeros else, shuffled per lane, [L, N] int64."""
    # A share such as 0.29 of 100 falls a hair short of 29 in binary.
    count = int(share * agents + 1e-9)
    order = torch.rand(lanes, agents, generator=generator, device=generator.device).argsort(-1)
    return (order < count).long()
