"""Which method contributes how much to a public good of two, and why?

Question: in the public goods game with two players, budget 1 and multiplier 1.5, started
anywhere in the unit square, where do the methods end after at most 100 steps: rewards of both,
social welfare, equality?  What of it comes from a method, and what from the step it takes?

Expected answer: Simul-Ind, CGA and SGA are one and the same algorithm here, since a linear game has
no curvature; SVO, Simul-Co and SL differ from them in slope only.  AgA's product of signs is exactly
zero, so AgA is Simul-Co unless zero is read as a sign: as -1 it climbs fast and ends on top, as +1
it is the worst of all.

Source: Li et al. 2024, table of the public goods game and scatter of final actions.  Starts,
step size, strengths and what happens at the bounds are not in it; see `worlds.public_goods`.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from commonweal.analysis import figures
from commonweal.analysis.contributions import (
    BASELINES,
    BATCH,
    CELLS,
    METHODS,
    SLOPES,
    STEPS,
    Runs,
    cells,
    expected,
    inside,
    play,
)
from commonweal.analysis.report import Report
from commonweal.errors import CommonwealError
from commonweal.simulation.engine import Simulation
from commonweal.simulation.experiment import Experiment, Share
from commonweal.worlds import WORLDS


def study(report: Report, runs: int, seed: int, many: int) -> None:
    """Play all methods; tabulate, draw and judge."""
    began = time.perf_counter()
    published = WORLDS["public_goods"].published
    found = {label: play(kind, runs, seed) for label, kind in METHODS.items()}
    seconds = time.perf_counter() - began
    rows = []
    for label, kind in METHODS.items():
        ours = cells(found[label].values)
        for source, pairs in (("here", ours), ("published", published[kind])):
            row = {"method": label, "": source}
            row |= {name: "{:.3f} +- {:.3f}".format(*pairs[name]) for name in CELLS}
            steps = f"{found[label].steps.mean():.1f}" if source == "here" else ""
            rows.append(row | {"steps": steps})
    report.table("public_goods", rows)
    print(f"  {len(METHODS)} methods x {runs} runs x 100 steps in {seconds:.1f} s")
    report.draw(scatter(found), "public_goods")
    batches = {label: play(kind, many, seed + 1) for label, kind in METHODS.items()}
    bands(report, batches)
    signs(report, runs, seed)
    bounds(report, max(many // 5, BATCH), seed)
    graphs(report, seed)
    judge(report, found, batches)


def bands(report: Report, batches: Mapping[str, Runs]) -> None:
    """Count the published cells inside the band of batches of 50 runs."""
    published = WORLDS["public_goods"].published
    rows = []
    for label, kind in METHODS.items():
        hits = inside(batches[label], published[kind])
        missed = [
            f"{part} of {name}"
            for name, pair in hits.items()
            for part, hit in zip(("mean", "half-width"), pair, strict=True)
            if not hit
        ]
        welfare = batches[label].values["welfare"].mean()
        rows.append(
            {
                "method": label,
                "expected welfare": f"{expected(SLOPES[label], 'first_exit'):.4f}"
                if label in SLOPES
                else "-",
                "mean welfare": f"{welfare:.4f}",
                "published cells in the band": f"{8 - len(missed)} of 8",
                "outside": ", ".join(missed),
            }
        )
    report.table("bands", rows)


def signs(report: Report, runs: int, seed: int) -> None:
    """AgA by strength and by the sign that a zero product is given."""
    rows = []
    for sign in (-1, 0, 1):
        for strength in (1.0, 10.0, 100.0):
            ours = play("aga", runs, seed, strength=strength, zero_sign=sign)
            pairs = cells(ours.values)
            slope = 0.5 - 0.25 * sign * strength
            row = {"zero sign": sign, "strength": strength, "slope": f"{slope:g}"}
            row |= {n: "{:.3f} +- {:.3f}".format(*pairs[n]) for n in ("welfare", "equality")}
            rows.append(row | {"steps": f"{ours.steps.mean():.1f}"})
    report.table("signs", rows)


def bounds(report: Report, many: int, seed: int) -> None:
    """Welfare by what happens at the bounds."""
    rows = []
    for label, kind in METHODS.items():
        row: dict[str, object] = {"method": label}
        for boundary in ("first_exit", "projection", "none"):
            ours = play(kind, many, seed, boundary=boundary)
            row[boundary] = f"{ours.values['welfare'].mean():.3f}"
            if label in SLOPES:
                row[boundary] += f" ({expected(SLOPES[label], boundary):.3f})"
        rows.append(row)
    report.table("bounds", rows)


def graphs(report: Report, seed: int) -> None:
    """Twenty players on three graphs, each neighbourhood a pool, contributions cut back one by one."""
    rows = []
    for label, kind in METHODS.items():
        row: dict[str, object] = {"method": label}
        for network in ("ring", "small_world", "complete"):
            experiment = Experiment(
                seed=seed,
                agents=20,
                network={"kind": network},
                world={"kind": "public_goods", "boundary": "projection"},
                population=[Share(kind=kind)],
                replicates=20,
                record_every=STEPS + 1,
            )
            with Simulation(experiment, progress=False) as simulation:
                simulation.run()
                last = simulation.world.measured
            given, equal = (
                (last[name][0].sum() / last[name][1].sum()).item()
                for name in ("action", "equality")
            )
            row[network] = f"{given:.2f} ({equal:.2f})"
        rows.append(row)
    report.table("contribution_and_equality_of_twenty", rows)


def judge(report: Report, found: Mapping[str, Runs], batches: Mapping[str, Runs]) -> None:
    """A verdict on each claim that concerns this game."""
    published = WORLDS["public_goods"].published
    start, own = found["Simul-Ind"].start, found["Simul-Ind"].end
    ends = [play(kind, len(start), start=start).end for kind in ("cga", "sga")]
    same = all(np.array_equal(own, end) for end in ends)
    report.claim(
        "Simul-Ind, CGA and SGA end at different values (columns of the table)",
        not same,
        "from the same starts they end at the same bits; columns differ by their starts alone",
    )
    inner = sum(
        sum(map(sum, inside(batches[label], published[METHODS[label]]).values()))
        for label in BASELINES
    )
    report.claim(
        "columns of the six baselines", inner >= 44, f"{inner} of 48 published cells in the band"
    )
    hits = inside(batches["AgA"], published["aga"])
    means = sum(pair[0] for pair in hits.values())
    report.claim("column of AgA, means", means == 4, f"{means} of 4 in the band, zero read as -1")
    widths = sum(pair[1] for pair in hits.values())
    report.claim("column of AgA, intervals", widths == 4, f"{widths} of 4 half-widths in the band")
    welfare = {label: runs.values["welfare"].mean() for label, runs in batches.items()}
    order = ("AgA", "Simul-Co", "SL", "Simul-Ind", "SVO")
    rising = all(welfare[a] > welfare[b] for a, b in pairwise(order))
    seen = ", ".join(f"{label} {welfare[label]:.3f}" for label in order)
    report.claim("AgA has the highest welfare, SVO the lowest", rising, seen)
    equality = {label: runs.values["equality"].mean() for label, runs in batches.items()}
    others = max(value for label, value in equality.items() if label != "AgA")
    report.claim(
        "AgA has the highest equality",
        equality["AgA"] > others,
        f"{equality['AgA']:.3f}, the best of the others {others:.3f}",
    )
    silent = play("aga", len(start), start=start, zero_sign=0)
    co = play("simul_co", len(start), start=start)
    report.claim(
        "AgA's advantage comes from its curvature and its choice of sign",
        not np.array_equal(silent.end, co.end),
        "no: the curvature is exactly 0; with sign(0) = 0 AgA ends at the bits of Simul-Co",
    )
    report.conclude()


def scatter(found: Mapping[str, Runs]) -> figures.Figure:
    """Final contributions of each method, with starts in grey."""
    figure, axes = figures.panels(1, len(found), size=(1.15, 1.95), sharey=True)
    for panel, (label, runs) in zip(axes[0], found.items(), strict=True):
        panel.set(xlim=(-0.06, 1.06), ylim=(-0.06, 1.06), aspect="equal")
        panel.set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        for (x, y), (u, v) in zip(runs.start, runs.end, strict=True):
            panel.plot((x, u), (y, v), color="0.85", linewidth=0.5, zorder=1)
        panel.scatter(*runs.start.T, s=3, color="0.7", linewidths=0, zorder=2)
        colour = figures.ORANGE if label == "AgA" else figures.BLUE
        panel.scatter(*runs.end.T, s=9, color=colour, linewidths=0, zorder=3, clip_on=False)
        figures.title(panel, f"{label}\nSW {runs.values['welfare'].mean():.2f}")
        panel.set_xlabel("contribution 1")
    axes[0, 0].set_ylabel("contribution 2")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    parser = argparse.ArgumentParser(
        prog="python -m commonweal.analysis.public_goods",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=BATCH, help="runs of each method (50)")
    parser.add_argument("--many", type=int, default=10_000, help="runs behind the bands (10,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/public_goods"))
    given = parser.parse_args(arguments)
    if given.runs < 2 or given.many < 2 * BATCH:
        parser.error(f"--runs is at least 2 and --many at least {2 * BATCH}")
    torch.set_num_threads(1)
    began = time.perf_counter()
    report = Report(out=given.out, note=f"{given.runs} runs of each method, seed {given.seed}")
    try:
        study(report, given.runs, given.seed, given.many)
    except CommonwealError as error:
        print(f"commonweal: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(f"\nall in {time.perf_counter() - began:.1f} s, written to {given.out}")


if __name__ == "__main__":
    main()
