"""Do federations converge as fast as promised?  Measured on quadratics, beside bounds and closed forms.

Question: with a common model, does the mean of |grad F|^2 fall as O(1 / T), and to what, if all, the
same few or few drawn anew take part?  How far do agents stay from the common model?  Without one,
does the squared consensus gap fall at least as T^(-beta) if the step size falls as t^(-beta)?

Expected answer: O(1 / T) to zero if all take part.  If the same few always do, as in the published
experiments, there is a floor ``k^2 |mean a - mean of members' a|^2`` that no step size lowers; members
drawn in every round, for which the factor of theorem 1 is made, leave a floor of the order of the
pace eta * alpha.  The consensus gap falls as T^(-2 beta), faster than its bound, and grows as the
square of the steps between exchanges; the bound's other term, eps_bar^T, is no use: it stays at one for
longer than anybody runs.

Agents act on their parameters with the functions that all learners use.  Ten agents want
``J_i = -(L / 2) |theta - a_i|^2`` with a_i standard normal in five dimensions.  With a common model
L = 0.1, lambda = 1, eta = 1.5, alpha = 0.05, omega starts at 3 and six agents take part where not all
do; without one L = 1, gradients are clipped at length 1, and agents exchange on a ring.

``quick`` takes about a quarter of a minute on one core, ``standard`` a minute, ``paper`` five.

Source: Dong et al. 2025, theorems 1 and 2; quadratics and closed forms are ours.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from commonweal.analysis import federation_theory as theory
from commonweal.analysis import quadratic_federations as quadratics
from commonweal.analysis import series
from commonweal.analysis.convergence_courses import (
    ALPHA,
    ALPHAS,
    BUDGETS,
    DECAYS,
    LEAST,
    PAUSES,
    SCHEDULES,
    SETTLED,
    TOLERANCE,
    Length,
    federations,
    inner_loops,
    mixtures,
    predicted,
)
from commonweal.analysis.convergence_figures import courses
from commonweal.analysis.quadratic_federations import (
    AGENTS,
    CURVATURE,
    FEDERATION_RATE,
    STRENGTH,
    Common,
    Mixed,
)
from commonweal.analysis.report import Report

ROUNDING = 1e-6
"""relative gap that counts as none"""


# ---- with a common model ----------------------------------------------------------------------


def federation_rows(
    length: Length, found: Mapping[tuple[str, float], Common]
) -> list[dict[str, object]]:
    """Measured beside predicted, means over problems."""
    rows = []
    for (who, alpha), course in found.items():
        running, floor = predicted(length, who, alpha)
        late = course.marks * 10 >= length.rounds
        rows.append(
            {
                "members": who,
                "alpha": alpha,
                "mean |grad F|^2": f"{course.running[-1].mean():.4e}",
                "closed form": f"{running[-1].mean():.4e}",
                "slope": f"{_slope(course.running[late], course.marks[late]).mean():.4f}",
                "second half": f"{course.late.mean():.4e}",
                "floor": f"{floor.mean():.4e}",
                "largest gap to the identity": f"{course.identity:.0e}",
            }
        )
    return rows


def _slope(values: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Log-log slopes of [C, ...] over marks [C]."""
    return theory.slope(marks, np.moveaxis(values, 0, -1))


def judge_federations(
    report: Report, length: Length, found: Mapping[tuple[str, float], Common]
) -> None:
    """Theorem 1 on the three ways of taking part."""
    everyone, few = found["all", ALPHA], found["the same", ALPHA]
    tail = everyone.marks * 10 >= length.rounds
    slopes = _slope(everyone.running[tail], everyone.marks[tail])
    bound = theory.conditions(AGENTS, AGENTS, CURVATURE, STRENGTH, FEDERATION_RATE * ALPHA)
    report.claim(
        "all take part: the mean of |grad F|^2 falls as O(1 / T) (theorem 1a)",
        bool(slopes.max() < -0.99),
        f"slope {slopes.mean():.4f}; the theorem's conditions stand at {bound[0]:.2f} and "
        f"{bound[1]:.2f} of what they allow",
    )
    halves = everyone.running[everyone.marks == length.rounds // 2] / everyone.running[-1]
    report.claim(
        "all take part: twice the rounds, half the mean",
        bool(abs(halves - 2).max() < 1e-3),
        f"{halves.min():.5f} to {halves.max():.5f} times",
    )
    gap = abs(few.late / predicted(length, "the same", ALPHA)[1] - 1).max()
    report.claim(
        "ours: the same few take part: a floor k^2 |mean a - members' mean a|^2, never zero",
        bool(gap < ROUNDING),
        f"{few.late.mean():.4e} in the second half, largest relative gap to it {gap:.0e}",
    )
    others = [found["the same", alpha].late for alpha in ALPHAS]
    gap = max(abs(other / few.late - 1).max() for other in others)
    report.claim(
        "ours: no learning rate lowers that floor",
        bool(gap < ROUNDING),
        f"largest relative change over {len(ALPHAS)} rates {gap:.0e}",
    )
    floors = np.array([found["drawn anew", alpha].late for alpha in ALPHAS])
    closed = np.array([predicted(length, "drawn anew", alpha)[1] for alpha in ALPHAS])
    ratio = series.interval((floors / closed).mean(0))
    report.claim(
        "ours: few drawn in every round: a floor with the factor (N / n - 1) / (N - 1)",
        bool(abs(ratio.mean - 1) < 0.1),
        f"{ratio} times the closed form",
    )
    slopes = series.interval(_slope(floors, np.array(ALPHAS)))
    report.claim(
        "that floor is of the order of the pace eta * alpha",
        bool(0.8 < slopes.mean < 1.2),
        f"slope over alpha {slopes}",
    )
    worst = max(course.identity for course in found.values())
    report.claim(
        "ours: mean |theta_i - omega|^2 = (L / (L + lambda))^2 mean |a_i - omega|^2",
        worst < ROUNDING,
        f"largest relative gap {worst:.0e}",
    )
    wanted = quadratics.centres(length.problems).numpy()
    kept = theory.discrepancy(wanted, everyone.end, CURVATURE, STRENGTH)
    allowed = theory.discrepancy_bound(theory.diversity(wanted), CURVATURE, STRENGTH)
    report.claim(
        "in the end it is below 4 sigma^2 / (lambda^2 - 8 L^2) (theorem 1b)",
        bool((kept < allowed).all()),
        f"at {(kept / allowed).max():.2f} of it",
    )


def inner_rows(report: Report, length: Length) -> None:
    """What it costs to learn to a tolerance, or one step, instead of to the end."""
    found = inner_loops(length)
    rows = [
        {
            "agents learn": way,
            "mean |grad F|^2": f"{course.running[-1].mean():.4e}",
            "largest of the second half": f"{course.late.max():.1e}",
        }
        for way, course in found.items()
    ]
    report.table("inner_loops", rows)
    _, stopped, single = (course.late.max() for course in found.values())
    rest = STRENGTH**2 * TOLERANCE / (CURVATURE + STRENGTH) ** 2
    report.claim(
        "ours: a tolerance nu leaves at most lambda^2 nu / (L + lambda)^2",
        bool(stopped <= rest * (1 + ROUNDING)),
        f"{stopped:.2e} of {rest:.2e}",
    )
    report.claim(
        "ours: one step and one pull per meeting, as in the code, lead to the same end",
        bool(single < 1e-9),
        f"|grad F|^2 {single:.0e} in the second half",
    )


# ---- without a common model ---------------------------------------------------------------------


def mixture_rows(found: Mixed) -> list[dict[str, object]]:
    """Slopes beside the bound, gaps beside the closed form."""
    late = found.marks >= SETTLED
    slopes = _slope(found.gap[late], found.marks[late])
    return [
        {
            "beta": decay,
            "steps per exchange": pause,
            "squared gap": f"{found.gap[-1, i, j].mean():.3e}",
            "closed form": f"{found.closed[-1, i, j].mean():.3e}",
            "slope": str(series.interval(slopes[i, j])),
            "bound": -decay,
            "ours": -2 * decay,
        }
        for i, decay in enumerate(DECAYS)
        for j, pause in enumerate(PAUSES)
    ]


def judge_mixtures(report: Report, length: Length, found: Mixed) -> None:
    """Theorem 2, what its bound is worth, and what the gap does."""
    late = found.marks >= SETTLED
    marks, gap = found.marks[late], found.gap[late]
    betas = np.array(DECAYS)[:, None, None]
    scaled = gap * marks[:, None, None, None] ** betas
    report.claim(
        "gap * T^beta decreases (theorem 2)",
        bool((np.diff(scaled, axis=0) < 0).all()),
        f"over {len(marks)} marks from {SETTLED:,} steps, all draws, every beta and pause",
    )
    slopes = _slope(gap, marks)
    report.claim(
        "slope <= -beta (theorem 2)",
        bool((slopes <= -betas).all()),
        f"largest slope + beta {(slopes + betas).max():.2f}",
    )
    often = slopes[:, 0] + 2 * betas[:, 0]
    report.claim(
        "ours: with an exchange in every step the slope is -2 beta",
        bool(abs(often).max() < 0.1),
        f"slope + 2 beta {often.min():.3f} to {often.max():.3f}",
    )
    ratio = found.closed[-1] / found.gap[-1]
    report.claim(
        "ours: the gap is (B alpha_T)^2 |(I - C)^+ g|^2, so as the square of the pause B",
        bool(abs(ratio - 1).max() < 0.1),
        f"closed form over measured {ratio.min():.3f} to {ratio.max():.3f} at the end",
    )
    forgets = theory.forgetting(LEAST, AGENTS, 1)
    left = 1 - forgets * length.steps
    report.claim(
        "the bound's eps_bar^T is small by then (theorem 2, B = 1)",
        left < 0.5,
        f"1 - eps_bar = {forgets:.0e}, so eps_bar^T is {left:.6f}; disagreement really shrinks by "
        "the second singular value of C in each exchange",
    )


# ---- the command --------------------------------------------------------------------------------


def study(report: Report, length: Length) -> None:
    """Run, tabulate, draw and judge."""
    found = federations(length)
    report.table("common_model", federation_rows(length, found))
    judge_federations(report, length, found)
    inner_rows(report, length)
    mixture = mixtures(length)
    report.table("mixing", mixture_rows(mixture))
    judge_mixtures(report, length, mixture)
    drawn = {who: (found[who, ALPHA], *predicted(length, who, ALPHA)) for who in SCHEDULES}
    report.draw(courses(drawn, mixture, DECAYS, PAUSES), "convergence")
    report.conclude()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    parser = argparse.ArgumentParser(
        prog="python -m commonweal.analysis.convergence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--budget", "--size", choices=list(BUDGETS), default="quick", help="size of the study"
    )
    parser.add_argument(
        "--out", type=Path, help="folder of its outputs (results/convergence-BUDGET)"
    )
    given = parser.parse_args(arguments)
    length = BUDGETS[given.budget]
    note = f"budget {given.budget}: {length.note}"
    print(f"convergence: {note}", flush=True)
    torch.set_num_threads(1)
    study(
        Report(out=given.out or Path("results") / f"convergence-{given.budget}", note=note), length
    )


if __name__ == "__main__":
    main()
