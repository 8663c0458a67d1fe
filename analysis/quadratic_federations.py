"""Federations on quadratics, run with the very acts that learners use on their parameters.

For `convergence`; the closed forms are in `federation_theory`.  Letters: R independent problems, N
agents, D parameters, C marks (rounds at which the course is kept), all of double precision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from commonweal.agents.exchanges.federal import aggregate, proximal, pull, upload
from commonweal.agents.exchanges.mixing import mixed
from commonweal.analysis import federation_theory as theory
from commonweal.networks.consensus import circulant

AGENTS, MEMBERS, SIZE = 10, 6, 5
CURVATURE, STRENGTH = 0.1, 1.0
FEDERATION_RATE = 1.5
"""eta (Dong et al. 2025, code)"""
START = 3.0
"""every parameter of omega at first"""
CLIP = 1.0
"""greatest length of a gradient without a common model: the bound C of theorem 2"""
STEEP = 1.0
"""curvature without a common model, at which clipping matters"""
CAUTION = 0.9
"""alpha_0 as a share of the largest that theorem 2 allows"""

Schedule = Callable[[], Tensor]
"""Who takes part in the round that comes next, [R, N] bool."""
Inner = Callable[[Tensor, Tensor], Tensor]
"""What agents [R, N, D] have learned when omega [R, D] is with them."""


def centres(draws: int, seed: int = 0) -> Tensor:
    """What agents want, standard normal, [draws, N, D]."""
    drawn = np.random.default_rng(seed).normal(size=(draws, AGENTS, SIZE))
    return torch.from_numpy(drawn)


# ---- who takes part ---------------------------------------------------------------------------


def everyone(problems: int) -> Schedule:
    """All agents in all rounds."""
    mask = torch.ones(problems, AGENTS, dtype=torch.bool)
    return lambda: mask


def the_same(problems: int) -> Schedule:
    """The first `MEMBERS`; which agents they are means nothing where centres are drawn alike."""
    mask = (torch.arange(AGENTS) < MEMBERS).expand(problems, -1)
    return lambda: mask


def drawn_anew(problems: int, seed: int = 0) -> Schedule:
    """`MEMBERS` agents, drawn in every round."""
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        chances = torch.rand(problems, AGENTS, generator=generator)
        return chances.argsort(-1).argsort(-1) < MEMBERS

    return draw


# ---- what they learn --------------------------------------------------------------------------


def rested(wanted: Tensor) -> Inner:
    """Agents that learn until they rest exactly, for centres ``wanted`` [R, N, D]."""
    return lambda theta, omega: theory.inner_solution(wanted, omega, CURVATURE, STRENGTH)


def until(wanted: Tensor, alpha: float, tolerance: float) -> Inner:
    """Agents that step along the gradient of eq. 9 until nobody's is longer squared."""

    def learn(theta: Tensor, omega: Tensor) -> Tensor:
        while True:
            uphill = CURVATURE * (wanted - theta) - proximal(theta, omega.unsqueeze(1), STRENGTH)
            if uphill.square().sum(-1).max() <= tolerance:
                return theta
            theta = theta + alpha * uphill

    return learn


def once(wanted: Tensor, alpha: float) -> Inner:
    """Agents that take one step for themselves and are then pulled once, as in the code."""

    def learn(theta: Tensor, omega: Tensor) -> Tensor:
        ahead = theta + alpha * CURVATURE * (wanted - theta)
        return pull(ahead, omega.unsqueeze(1), alpha * STRENGTH)

    return learn


# ---- courses ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Common:
    """Course of a federation with a common model."""

    marks: np.ndarray
    """[C] rounds T"""
    running: np.ndarray
    """[C, R] mean of |grad F|^2 over the rounds 0 to T - 1"""
    now: np.ndarray
    """[C, R] |grad F|^2 in the round T - 1 itself"""
    late: np.ndarray
    """[R] the same over the second half of all rounds"""
    end: np.ndarray
    """[R, D] omega"""
    identity: float
    """largest relative gap between measured and predicted discrepancy"""


def federate(
    wanted: Tensor,
    schedule: Schedule,
    learn: Inner,
    alpha: float,
    rounds: int,
    marks: Sequence[int],
) -> Common:
    """Rounds of Algorithm 1 of Dong et al. 2025 without the training of omega itself."""
    omega = torch.full((len(wanted), SIZE), START, dtype=torch.float64)
    theta = omega.unsqueeze(1).expand(-1, AGENTS, -1)
    squares = torch.empty(rounds, len(wanted), dtype=torch.float64)
    identity, wanted_rounds = 0.0, set(marks)
    for done in range(rounds):
        uphill = theory.envelope_gradient(wanted, omega, CURVATURE, STRENGTH)
        squares[done] = uphill.square().sum(-1)
        theta = learn(theta, omega)
        if done + 1 in wanted_rounds:
            found = (theta - omega.unsqueeze(1)).square().sum(-1).mean(-1).numpy()
            closed = theory.discrepancy(wanted.numpy(), omega.numpy(), CURVATURE, STRENGTH)
            identity = max(identity, float(abs(found / closed - 1).max()))
        sent = upload(omega.unsqueeze(1), theta, alpha * STRENGTH)
        omega = aggregate(omega, sent, schedule(), FEDERATION_RATE)
    sums, marks = squares.cumsum(0).numpy(), np.array(marks)
    late = squares[rounds // 2 :].mean(0).numpy()
    running, now = sums[marks - 1] / marks[:, None], squares.numpy()[marks - 1]
    return Common(marks, running, now, late, omega.numpy(), identity)


@dataclass(frozen=True)
class Mixed:
    """Courses of agents that mix their parameters by eq. 13, ordered by decay and pause."""

    marks: np.ndarray
    """[C] steps T, each just before an exchange"""
    gap: np.ndarray
    """[C, decays, pauses, draws] squared consensus gap"""
    closed: np.ndarray
    """[C, decays, pauses, draws] the same as it settles"""


def mix(
    wanted: Tensor, decays: Sequence[float], pauses: Sequence[int], marks: Sequence[int]
) -> Mixed:
    """Steps of Algorithm 2 of Dong et al. 2025 with ``alpha_0 / t^decay`` and clipped gradients.

    Agents exchange on a ring, with two on each side, in every ``pause``-th step; all problems have
    each decay and each pause.  Marks are multiples of all pauses.
    """
    shape = (len(decays), len(pauses), len(wanted))
    everybody = wanted.expand(*shape[:2], -1, -1, -1).flatten(0, 2)

    def of_each(values: Sequence[float], axis: int) -> Tensor:
        """One value of each decay or pause for all problems, [R]."""
        view = [1, 1, 1]
        view[axis] = len(values)
        given = torch.tensor(values, dtype=torch.float64).view(view)
        return given.expand(shape).flatten()

    decay, pause = of_each(decays, 0), of_each(pauses, 1)
    ring, alone = circulant(AGENTS), torch.eye(AGENTS, dtype=torch.float64)
    cycle = int(np.lcm.reduce(pauses))
    weights = [
        torch.where((step % pause == 0)[:, None, None], ring, alone) for step in range(cycle)
    ]
    first = CAUTION * theory.largest_step(AGENTS, CLIP)
    theta = centres(len(everybody), seed=1)
    found, wanted_steps = [], set(marks)
    for step in range(max(marks)):
        rate = (first * (step + 1) ** -decay)[:, None, None]
        theta = mixed(weights[step % cycle], theta) + rate * clipped(everybody - theta)
        if step + 1 in wanted_steps:
            uphill = clipped(everybody - theta).numpy()
            settled = [
                theory.settled(ring.numpy(), uphill[i], float(rate[i]), int(pause[i]))
                for i in range(len(everybody))
            ]
            found.append((theory.gap(theta.numpy()), theory.square(settled).max(-1)))
    gap, closed = np.array(found).transpose(1, 0, 2).reshape(2, -1, *shape)
    return Mixed(np.array(sorted(wanted_steps)), gap, closed)


def clipped(way: Tensor) -> Tensor:
    """Gradients [R, N, D] of those who stand ``way`` from what they want, no longer than `CLIP`."""
    uphill = STEEP * way
    length = uphill.norm(dim=-1, keepdim=True)
    return uphill * (CLIP / length.clamp(min=CLIP))
