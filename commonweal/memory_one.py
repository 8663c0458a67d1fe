"""Exact payoffs of memory-1 policies in a repeated game of two players and two moves.

A policy is five probabilities to cooperate, in the states s0 (before the first round), CC, CD, DC
and DD of the last round; each player reads them with the own action first, so the second player's
CD is the first one's DC.  Two of them make the rounds a Markov chain over CC, CD, DC and DD as the
*first* player sees them, whose mean payoffs are known without playing.  ``matrix`` [2, 2] holds
payoffs, own action first, cooperation first; both players earn by it.

Everything is batched over leading axes "...", which are broadcast, works on any device and in any
floating type, and can be differentiated as often as wanted.

Sources: Nowak and Sigmund 1993 for memory-1 policies, Foerster et al. 2018 for the exact values.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

OTHER_SIDE = (0, 1, 3, 2, 4)
"""places in a policy of s0, CC, CD, DC and DD as the other player sees them"""

Matrix = Tensor | Sequence[Sequence[float]]


def joint(first: Tensor, second: Tensor) -> Tensor:
    """Probabilities [..., 4] of CC, CD, DC and DD, from those that either cooperates [...]."""
    first, second = torch.broadcast_tensors(first, second)
    both = first * second
    return torch.stack([both, first - both, second - both, 1 - first - second + both], -1)


def transitions(p: Tensor, q: Tensor) -> Tensor:
    """Markov matrix [..., 4, 4], from row to column, of the first's ``p`` and the second's ``q``.

    Policies are [..., 5]; what they do in s0 does not matter here.
    """
    return joint(p[..., 1:], q[..., OTHER_SIDE[1:]])


def opening(p: Tensor, q: Tensor) -> Tensor:
    """Probabilities [..., 4] of what the first round brings."""
    return joint(p[..., 0], q[..., 0])


def visits(p: Tensor, q: Tensor, discount: float) -> Tensor:
    """How often the rounds bring CC, CD, DC and DD, [..., 4]; round t = 0, 1, ... counts discount**t.

    That is ``s (I - discount P)^-1``, with s what the first round brings: together
    ``1 / (1 - discount)`` rounds.  ``discount`` lies in [0, 1).
    """
    chain = transitions(p, q)
    system = torch.eye(4, dtype=chain.dtype, device=chain.device) - discount * chain
    return torch.linalg.solve(system.mT, opening(p, q).unsqueeze(-1)).squeeze(-1)


def earnings(matrix: Matrix, like: Tensor) -> Tensor:
    """What both players earn in CC, CD, DC and DD, [4, 2], of the type and device of ``like``."""
    own = torch.as_tensor(matrix, dtype=like.dtype, device=like.device)
    return torch.stack([own.flatten(), own.T.flatten()], -1)


def exact_values(p: Tensor, q: Tensor, matrix: Matrix, discount: float) -> Tensor:
    """Expected discounted sums of both players' payoffs, [..., 2]; the first round counts whole.

    Source: Foerster et al. 2018, exact LOLA: ``V = s (I - discount P)^-1 r``.
    """
    found = visits(p, q, discount)
    return found @ earnings(matrix, found)


def mean_payoffs(p: Tensor, q: Tensor, matrix: Matrix, discount: float) -> Tensor:
    """Expected mean payoffs per round [..., 2] where each round is followed with this chance.

    The same as `exact_values` in units of one round's payoff.
    """
    return (1 - discount) * exact_values(p, q, matrix, discount)


def mean_over(p: Tensor, q: Tensor, matrix: Matrix, rounds: int) -> Tensor:
    """Expected mean payoffs per round [..., 2] of an episode of so many rounds, none discounted."""
    chain, now = transitions(p, q), opening(p, q)
    total = now
    for _ in range(rounds - 1):
        now = (now.unsqueeze(-2) @ chain).squeeze(-2)
        total = total + now
    return total / rounds @ earnings(matrix, total)
