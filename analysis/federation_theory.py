"""Closed forms of federated learning on quadratics, and the bounds that they are to keep.

Every agent wants ``J_i(theta) = -(L / 2) |theta - a_i|^2`` and there is no egalitarian model.  Then
all of what Dong et al. 2025 bound in theorems 1 and 2 can be worked out; where a docstring says
"derived here" it is.

Letters: N agents with centres a_i, n of them members, D parameters, T rounds, L curvature, lambda
strength of the pull, and pace eta * alpha: federation rate times learning rate.  ``...`` are any
leading axes.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

Numbers = float | np.ndarray


def square(vectors: ArrayLike) -> np.ndarray:
    """Squared length [...] of vectors [..., D]."""
    return np.square(np.asarray(vectors, float)).sum(-1)


def diversity(centres: np.ndarray) -> np.ndarray:
    """Mean squared distance [...] of centres [..., N, D] from their mean."""
    return square(centres - centres.mean(-2, keepdims=True)).mean(-1)


# ---- one common model: theorem 1 --------------------------------------------------------------


def inner_solution(
    centres: np.ndarray, omega: np.ndarray, curvature: float, strength: float
) -> np.ndarray:
    """Where agents [..., N, D] end that learn until they rest, drawn to omega [..., D].

    ``(L a_i + lambda omega) / (L + lambda)``.  Derived here from Dong et al. 2025, eq. 4.
    """
    return (curvature * centres + strength * omega[..., None, :]) / (curvature + strength)


def stiffness(curvature: float, strength: float) -> float:
    """Curvature ``k = L lambda / (L + lambda)`` of what the federation climbs, F.  Derived here."""
    return curvature * strength / (curvature + strength)


def envelope_gradient(
    centres: np.ndarray, omega: np.ndarray, curvature: float, strength: float
) -> np.ndarray:
    """Gradient of F at omega [..., D], ``k (mean a - omega)``.  Derived here from eq. 12."""
    return stiffness(curvature, strength) * (centres.mean(-2) - omega)


def contraction(curvature: float, strength: float, pace: Numbers) -> Numbers:
    """What is left of the distance to the members' mean centre after a round, ``1 - eta alpha k``.

    Derived here from Dong et al. 2025, eq. 10 and 11.
    """
    return 1 - pace * stiffness(curvature, strength)


def mean_of_powers(factor: Numbers, rounds: Numbers) -> Numbers:
    """``(1 + q + ... + q^(T - 1)) / T`` for q below one."""
    return (1 - factor**rounds) / (rounds * (1 - factor))


def running_mean(
    start: np.ndarray,
    centre: np.ndarray,
    target: np.ndarray,
    curvature: float,
    strength: float,
    pace: float,
    rounds: Numbers,
) -> np.ndarray:
    """Mean of |grad F|^2 over the rounds 0 to T - 1, where the same members take part in all.

    Omega goes from ``start`` [D] to ``target`` [D], the mean centre of members; F rises towards
    ``centre`` [D], that of all.  If they are one it is O(1 / T), else it has a floor.
    Derived here; to be kept is Dong et al. 2025, theorem 1a.
    """
    q = contraction(curvature, strength, pace)
    gap, way = centre - target, target - start
    cross = (gap * way).sum(-1) * mean_of_powers(q, rounds)
    squares = square(gap) + 2 * cross + square(way) * mean_of_powers(q**2, rounds)
    return stiffness(curvature, strength) ** 2 * squares


def sampling_factor(agents: int, members: int) -> float:
    """``(N / n - 1) / (N - 1)``: how much of the diversity the mean of n drawn agents has.

    Without replacement, as in Dong et al. 2025, theorem 1.
    """
    return (agents / members - 1) / (agents - 1)


def random_floor(
    spread: np.ndarray,
    agents: int,
    members: int,
    curvature: float,
    strength: float,
    pace: Numbers,
) -> np.ndarray:
    """Expected |grad F|^2 in the end where n members are drawn anew in every round.

    ``k^2 s / (2 - s) f V`` with s = eta alpha k, the sampling factor f and the diversity V of
    centres, ``spread`` [...]: of the order of the pace.  Derived here.
    """
    k = stiffness(curvature, strength)
    moved = pace * k
    return k**2 * moved / (2 - moved) * sampling_factor(agents, members) * spread


def random_running_mean(
    start: np.ndarray,
    centres: np.ndarray,
    members: int,
    curvature: float,
    strength: float,
    pace: float,
    rounds: Numbers,
) -> np.ndarray:
    """Expected mean of |grad F|^2 over the rounds 0 to T - 1 with members drawn in every round.

    Derived here.
    """
    floor = random_floor(diversity(centres), centres.shape[-2], members, curvature, strength, pace)
    first = square(envelope_gradient(centres, start, curvature, strength))
    decay = mean_of_powers(contraction(curvature, strength, pace) ** 2, rounds)
    return floor + (first - floor) * decay


def fixed_floor(
    centres: np.ndarray, members: np.ndarray, curvature: float, strength: float
) -> np.ndarray:
    """|grad F|^2 [...] in the end where the same ``members`` [..., N] take part in all rounds.

    ``k^2 |mean a - mean of members' a|^2``, whatever the pace.  Derived here.
    """
    share = members / members.sum(-1, keepdims=True)
    gap = centres.mean(-2) - (share[..., None] * centres).sum(-2)
    return stiffness(curvature, strength) ** 2 * square(gap)


def discrepancy(
    centres: np.ndarray, omega: np.ndarray, curvature: float, strength: float
) -> np.ndarray:
    """Mean squared distance [...] of rested agents from omega [..., D].

    ``(L / (L + lambda))^2 mean |a_i - omega|^2``, which is ``|grad F|^2 / lambda^2`` and a rest.
    Derived here; to be kept is Dong et al. 2025, theorem 1b.
    """
    distance = square(centres - omega[..., None, :]).mean(-1)
    return (curvature / (curvature + strength)) ** 2 * distance


def discrepancy_bound(spread: Numbers, curvature: float, strength: float) -> Numbers:
    """What the discrepancy may keep where grad F is zero and agents learn until they rest.

    ``4 sigma^2 / (lambda^2 - 8 L^2)``: Dong et al. 2025, theorem 1b, with sigma^2 read as the
    diversity of the agents' gradients, ``L^2 V``.
    """
    return 4 * curvature**2 * spread / (strength**2 - 8 * curvature**2)


def conditions(
    agents: int, members: int, curvature: float, strength: float, pace: float
) -> tuple[float, float]:
    """How far the conditions of theorem 1 are kept: both numbers are below 1 where they are.

    ``2 sqrt(2) L / lambda`` and three times ``kappa (f 8 L^2 / (lambda^2 - 8 L^2) + 1)`` with
    ``kappa = alpha eta (lambda + L)`` and the sampling factor f (Dong et al. 2025).
    """
    steep = 8 * curvature**2
    noise = sampling_factor(agents, members) * steep / (strength**2 - steep)
    return math.sqrt(steep) / strength, 3 * pace * (strength + curvature) * (noise + 1)


# ---- no common model: theorem 2 -----------------------------------------------------------------


def largest_step(agents: int, clip: float) -> float:
    """Bound ``1 / (N (2 C + 1))`` on alpha_0 (Dong et al. 2025, theorem 2)."""
    return 1 / (agents * (2 * clip + 1))


def gap(parameters: np.ndarray) -> np.ndarray:
    """Squared consensus gap [...]: of the agent [..., N, D] farthest from the mean of all."""
    return square(parameters - parameters.mean(-2, keepdims=True)).max(-1)


def settled(weights: np.ndarray, gradients: np.ndarray, step: Numbers, every: int) -> np.ndarray:
    """How far agents [..., N, D] are from their mean just before they exchange.

    They exchange by ``weights`` [N, N] in every ``every``-th step, and what divides them no longer
    changes: ``every * step * (I - C)^+ g`` with g the gradients [..., N, D] less their mean.  So the
    squared gap falls as the square of the step size, ``T^(-2 beta)``.  Derived here from eq. 13.
    """
    divided = gradients - gradients.mean(-2, keepdims=True)
    inverse = np.linalg.pinv(np.eye(len(weights)) - weights)
    return every * step * (inverse @ divided)


def forgetting(least: float, agents: int, every: int) -> float:
    """``1 - eps_bar`` of theorem 2: how much of the first disagreement its bound forgets per step.

    ``eps_bar = (1 - eps^((N - 1) B))^(1 / ((N - 1) B))`` with the smallest positive weight eps and
    B steps from one exchange to the next (Dong et al. 2025).
    """
    steps = (agents - 1) * every
    return -math.expm1(math.log1p(-(least**steps)) / steps)


def slope(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Slope [...] of log y [..., T] over log x [T], by least squares."""
    x, y = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    centred = x - x.mean()
    return (y * centred).sum(-1) / (centred**2).sum()
