"""What Li et al. 2024 say of their two-player game, each claim with what is seen of it.

A claim is shown or not shown by numbers alone; what counts as shown stands in its text or in the
constants here, because the paper says it in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from commonweal.analysis.courses import Course

ALONE = ("Simul-Ind", "CGA", "SGA")
"""methods that begin with everybody's own gradient, of those in the paper's figure"""
TOGETHER = ("Simul-Co", "AgA")
NEAR = 0.25
"""what may be left of the distance to an optimum towards which a method moves"""
RIDGE_FROM = 10
"""step from which a course is on its ridge or not"""
LOSS = 0.01
"""fall of a reward that is more than a wobble"""
TURN = 14
"""update in which the signs first differ, as published"""
FEWER = (0.10, 0.20)
"""what passes for "about 15 % fewer steps" """
HOLDS = 0.999
"""share of joint actions where a corollary is to hold"""


@dataclass(frozen=True)
class Verdict:
    """A claim and what was seen of it."""

    claim: str
    shown: bool
    seen: str


def distance(course: Course, optimum: np.ndarray) -> np.ndarray:
    """Distance of each joint action to an optimum [N, size], [T + 1]."""
    return np.linalg.norm((course.actions - optimum).reshape(len(course.actions), -1), axis=1)


def first_turn(course: Course) -> int | None:
    """Number of the first update, counted from 1, that AgA-Sign would have taken otherwise."""
    turned = np.flatnonzero(course.signs < 1)
    return int(turned[0]) + 1 if len(turned) else None


def step_reaching(course: Course, reward: float) -> int | None:
    """First step with at least this collective reward."""
    there = np.flatnonzero(course.collective >= reward)
    return int(there[0]) if len(there) else None


def fall(rewards: np.ndarray) -> float:
    """Largest drop of a reward below where it has been before."""
    return float((np.maximum.accumulate(rewards) - rewards).max())


def to_the_optimum(courses: Mapping[str, Course], optimum: np.ndarray | None) -> Verdict:
    """Only Simul-Co and AgA move towards the social optimum; judged by where courses end."""
    steps = max(course.steps for course in courses.values())
    claim = (
        f"T1: towards the social optimum move Simul-Co and AgA, not {', '.join(ALONE)} "
        f"({steps:,} steps, at least {1 - NEAR:.0%} of the way)"
    )
    if optimum is None:
        return Verdict(claim, False, "no optimum in the window")
    left = {}
    for label in (*TOGETHER, *ALONE):
        course = courses[label]
        far = distance(course, optimum)
        left[label] = np.inf if course.diverged else far[-1] / far[0]
    arrived = all(left[label] <= NEAR for label in TOGETHER)
    others = [label for label in ALONE if left[label] <= NEAR]
    ends = {label: (courses[label].collective[-1], left[label]) for label in left}
    seen = ", ".join(f"{n} R_c {reward:.3f}, {x:.0%} left" for n, (reward, x) in ends.items())
    return Verdict(claim, arrived and not others, seen)


def along_the_ridge(courses: Mapping[str, Course]) -> Verdict:
    """AgA runs along player 1's ridge: soon high there, never far down again, above Simul-Co."""
    one, other = (courses[label].rewards[:, 0] for label in ("AgA", "Simul-Co"))
    late = one[RIDGE_FROM:]
    shown = one.mean() > other.mean() and late.size > 0 and late.min() > other[RIDGE_FROM:].mean()
    span = f", from step {RIDGE_FROM} on {late.min():.3f} to {late.max():.3f}" if late.size else ""
    return Verdict(
        "T2a: AgA runs along player 1's ridge, where its reward is higher than on Simul-Co's way",
        bool(shown),
        f"mean R_1 on the way: AgA {one.mean():.3f}{span}; Simul-Co {other.mean():.3f}",
    )


def over_peaks_and_valleys(courses: Mapping[str, Course]) -> Verdict:
    """Simul-Co crosses peaks and valleys of player 1's reward: it falls on the way."""
    rewards = courses["Simul-Co"].rewards[:, 0]
    return Verdict(
        f"T2b: Simul-Co crosses peaks and valleys of player 1's reward (falls by over {LOSS})",
        fall(rewards) > LOSS,
        f"R_1 from {rewards[0]:.3f} to {rewards[-1]:.3f}, largest fall on the way "
        f"{fall(rewards):.3f}",
    )


def by_the_sign(courses: Mapping[str, Course]) -> Verdict:
    """AgA leaves AgA-Sign's way with the 14th update and is as high in about 15 % fewer steps."""
    one, other = courses["AgA"], courses["AgA-Sign"]
    turn, goal = first_turn(one), other.collective[-1]
    reached = step_reaching(one, goal)
    fewer = None if reached is None or not other.steps else 1 - reached / other.steps
    shown = turn == TURN and fewer is not None and FEWER[0] <= fewer <= FEWER[1]
    seen = "the sign never changes" if turn is None else f"first other sign in update {turn}"
    if reached is None:
        seen += f"; AgA does not reach AgA-Sign's final R_c {goal:.3f}"
    else:
        seen += f"; AgA has AgA-Sign's final R_c {goal:.3f} at step {reached} of {other.steps}"
        seen += f", {fewer:.1%} fewer"
    return Verdict(
        f"T3: AgA leaves AgA-Sign's way with update {TURN} and saves about 15 % of the steps",
        shown,
        seen,
    )


def corollary(rule: str, shares: Mapping[str, float]) -> Verdict:
    """The sign rule bounds the angle to the curvature; shares by where they were measured."""
    seen = ", ".join(f"{where} {share:.1%}" for where, share in shares.items())
    shown = bool(shares) and all(share >= HOLDS for share in shares.values())
    return Verdict(
        f"corollary: the {rule} sign leans AgA as claimed in {HOLDS:.1%} of joint actions",
        shown,
        seen,
    )
