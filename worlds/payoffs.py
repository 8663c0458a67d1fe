"""Payoffs of matrix games on a graph, as functions."""

import torch
from torch import Tensor

from commonweal.lanes import mean, mean_by_action
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Indicators, Outcome, Percept


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


def one_round(
    matrix: Tensor, moves: Tensor, near: Neighbourhoods, payoff: str
) -> tuple[Tensor, Outcome]:
    """Everyone plays every neighbour once and is paid the sum or the mean (``payoff``).

    Returns the mean payoff per link [L, N], 0 without neighbours, and the outcome.
    """
    dyads = pairwise(matrix, moves, near)
    earned = near.sum(dyads)
    each = earned / near.degree.clamp(min=1)
    never = torch.zeros(len(moves), dtype=torch.bool, device=moves.device)
    return each, Outcome(earned if payoff == "sum" else each, never, dyads)


def payoffs_seen(payoff: Tensor, near: Neighbourhoods) -> Percept:
    """The own value of ``payoff`` [L, N], then those of the neighbours seen, [L, N, 1 + D]."""
    paid = near.met(payoff) * near.mask
    return Percept(dense=torch.cat((payoff[..., None], paid), -1))


def dilemma_indicators(moves: Tensor, rewards: Tensor, near: Neighbourhoods) -> Indicators:
    """Cooperation, environment reward, and how cooperators sit together.

    ``moves`` [L, N] are 0 = cooperate and 1 = defect.
    """
    good = 1.0 - moves.float()
    both = (good * near.sum(good[:, near.target])).sum(-1)
    beside = (good * near.degree).sum(-1)
    number = good.sum(-1)
    some = (beside > 0).float()
    return {
        "cooperation": mean(good),
        **mean_by_action("reward", rewards, good),
        "cc_links": (both, torch.full_like(number, len(near.source))),
        "clustering": (both / beside.clamp(min=1) - number / near.agents * some, some),
    }


def marks(lanes: int, agents: int, share: float, generator: torch.Generator) -> Tensor:
    """Exactly ``floor(share * agents)`` ones and zeros else, shuffled per lane, [L, N] int64."""
    # A share such as 0.29 of 100 falls a hair short of 29 in binary.
    count = int(share * agents + 1e-9)
    order = torch.rand(lanes, agents, generator=generator, device=generator.device).argsort(-1)
    return (order < count).long()


def equality(rewards: Tensor) -> tuple[Tensor, Tensor]:
    """One minus the Gini index of ``rewards`` [L, N], over 1; nothing over 0 where the sum is not
    above 0 and the index is not defined.

    ``E = 1 - sum_ij |r_i - r_j| / (2 n sum_i r_i)``; for two players ``1 - |r_1 - r_2| / (2 sum)``.
    Source: Li et al. 2024, after Gini (1912); summed over the sorted rewards.
    """
    number, total = rewards.shape[-1], rewards.sum(-1)
    rank = torch.arange(1 - number, number, 2, device=rewards.device)
    gaps = (rewards.sort(-1).values * rank).sum(-1)
    defined = total > 0
    index = gaps / (number * torch.where(defined, total, 1.0))
    return torch.where(defined, 1.0 - index, 0.0), defined.float()
