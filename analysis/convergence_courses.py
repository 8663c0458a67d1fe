"""What the study of convergence runs, and what the closed forms say of it.

For `convergence`.  Letters: R problems, C marks, as in `quadratic_federations`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from commonweal.analysis import federation_theory as theory
from commonweal.analysis import quadratic_federations as quadratics
from commonweal.analysis.quadratic_federations import (
    AGENTS,
    CURVATURE,
    FEDERATION_RATE,
    MEMBERS,
    SIZE,
    START,
    STRENGTH,
    Common,
    Mixed,
)

ALPHA = 0.05
ALPHAS = (0.025, ALPHA, 0.1)
DECAYS, PAUSES = (0.6, 0.75, 0.9), (1, 5, 20)
TOLERANCE = 1e-6
"""nu: squared length of the gradient at which agents stop learning (Algorithm 1)"""
LEAST = 0.025
"""smallest weight of the ring"""
SETTLED = 2_000
"""steps after which the first disagreement no longer shows"""


@dataclass(frozen=True)
class Length:
    """How much is run."""

    rounds: int
    """with a common model"""
    problems: int
    """with a common model: draws of what agents want"""
    steps: int
    """without a common model, each a multiple of all pauses"""
    draws: int
    """without a common model"""

    @property
    def note(self) -> str:
        """As it stands in every output."""
        return (
            f"{self.rounds:,} rounds of {self.problems} problems with a common model, "
            f"{self.steps:,} steps of {self.draws} without"
        )


BUDGETS = {
    "quick": Length(rounds=10_000, problems=50, steps=20_000, draws=5),
    "standard": Length(rounds=40_000, problems=100, steps=200_000, draws=5),
    "paper": Length(rounds=200_000, problems=200, steps=1_000_000, draws=10),
}
SCHEDULES: dict[str, Callable[[int, int], quadratics.Schedule]] = {
    "all": lambda problems, seed: quadratics.everyone(problems),
    "the same": lambda problems, seed: quadratics.the_same(problems),
    "drawn anew": quadratics.drawn_anew,
}
"""who takes part, given the number of problems and a seed"""


# ---- with a common model ----------------------------------------------------------------------


def marked(last: int, number: int = 25) -> list[int]:
    """Rounds from 10 to the last, evenly spread on a logarithmic axis, with half of the last."""
    spread = np.geomspace(10, last, number).round().astype(int)
    return sorted({*spread.tolist(), last // 2})


def federations(length: Length) -> dict[tuple[str, float], Common]:
    """Courses with a common model, by who takes part and the learning rate."""
    wanted, marks = quadratics.centres(length.problems), marked(length.rounds)
    run = partial(quadratics.federate, wanted, rounds=length.rounds, marks=marks)
    learn = quadratics.rested(wanted)
    return {
        (who, alpha): run(schedule(length.problems, seed), learn, alpha)
        for who, schedule in SCHEDULES.items()
        for seed, alpha in enumerate(ALPHAS)
    }


def predicted(length: Length, who: str, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """What the closed forms say: the running means [C, R] and the floors [R]."""
    wanted = quadratics.centres(length.problems).numpy()
    start, pace = np.full(SIZE, START), FEDERATION_RATE * alpha
    marks = np.array(marked(length.rounds))[:, None]
    form = (CURVATURE, STRENGTH, pace)
    if who == "drawn anew":
        floor = theory.random_floor(theory.diversity(wanted), AGENTS, MEMBERS, *form)
        return theory.random_running_mean(start, wanted, MEMBERS, *form, marks), floor
    takes_part = np.arange(AGENTS) < (AGENTS if who == "all" else MEMBERS)
    centre, target = wanted.mean(1), wanted[:, takes_part].mean(1)
    mask = np.broadcast_to(takes_part, wanted.shape[:2])
    floor = theory.fixed_floor(wanted, mask, CURVATURE, STRENGTH)
    return theory.running_mean(start, centre, target, *form, marks), floor


def inner_loops(length: Length) -> dict[str, Common]:
    """Courses by how agents learn in a round: to the end, to a tolerance, or by one step."""
    wanted, marks = quadratics.centres(length.problems), marked(length.rounds)
    ways = {
        "to the end": quadratics.rested(wanted),
        f"until {TOLERANCE:g}": quadratics.until(wanted, ALPHA, TOLERANCE),
        "one step, one pull": quadratics.once(wanted, ALPHA),
    }
    schedule = quadratics.everyone(length.problems)
    return {
        way: quadratics.federate(wanted, schedule, learn, ALPHA, length.rounds, marks)
        for way, learn in ways.items()
    }


def mixtures(length: Length) -> Mixed:
    """Courses of agents that mix parameters, for each decay and pause."""
    cycle = int(np.lcm.reduce(PAUSES))
    spread = np.geomspace(SETTLED / 10, length.steps, 25)
    marks = sorted({int(mark // cycle + 1) * cycle for mark in spread[:-1]} | {length.steps})
    return quadratics.mix(quadratics.centres(length.draws), DECAYS, PAUSES, marks)
