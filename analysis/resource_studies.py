"""What studies in worlds about resources have in common: columns, verdicts and the command line."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from commonweal.analysis import series
from commonweal.analysis.report import Report
from commonweal.analysis.resource_runs import Course, Length, everywhere
from commonweal.errors import CommonwealError


def ends(course: Course) -> dict[str, object]:
    """What a run came to, as columns of a table."""
    row: dict[str, object] = {}
    columns = {
        "collective": course.collective,
        "std/mean": course.per_episode,
        "of the period": course.per_period,
        "least": course.worst,
    }
    for name, values in columns.items():
        found = series.interval(values)
        row |= {name: float(found.mean)}
        row |= {f"{name} low": float(found.low), f"{name} high": float(found.high)}
    return row | {"seconds": round(course.seconds)}


def verdict(report: Report, text: str, excess: series.Estimate) -> None:
    """Judge a claim by the quantity that it says is positive.

    Shown if its whole interval is above zero; what was seen says whether it is contradicted, all of
    it below zero, or undecided.
    """
    shown = bool(excess.low > 0)
    word = "" if shown else "contradicted, " if excess.high < 0 else "undecided, "
    report.claim(text, shown, f"{word}{excess}")


# ---- the command ----------------------------------------------------------------------------


def command(
    name: str,
    description: str,
    budgets: Mapping[str, Length],
    study: Callable[[Report, Length, Sequence[str], int], None],
    worlds: Sequence[str],
    arguments: Sequence[str] | None = None,
) -> None:
    """Read the command line of a study and run it: ``study(report, length, worlds, workers)``."""
    parser = argparse.ArgumentParser(
        prog=f"python -m commonweal.analysis.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--budget", choices=list(budgets), default="quick", help="size of the study")
    add("--worlds", nargs="+", choices=list(worlds), default=list(worlds), help="where it is done")
    add("--episodes", type=int, help="of a replicate, instead of the budget's")
    add("--replicates", type=int, help="instead of the budget's")
    add("--seed", type=int, default=0, help="of all runs")
    add("--workers", type=int, default=1, help="runs at a time")
    add("--out", type=Path, help=f"folder of its outputs (results/{name}-BUDGET)")
    given = parser.parse_args(arguments)
    numbers = (given.workers, given.episodes, given.replicates)
    if min(number for number in numbers if number is not None) < 1:
        parser.error("--episodes, --replicates and --workers are positive")
    usual_length = budgets[given.budget]
    wanted = everywhere(given.episodes) if given.episodes else usual_length.episodes
    length = replace(
        usual_length,
        episodes={world: wanted[world] for world in given.worlds},
        replicates=given.replicates or usual_length.replicates,
        seed=given.seed,
    )
    note = f"budget {given.budget}: {length.note}"
    report = Report(out=given.out or Path("results") / f"{name}-{given.budget}", note=note)
    print(f"{name}: {note}", flush=True)
    try:
        study(report, length, given.worlds, given.workers)
    except CommonwealError as error:
        print(f"commonweal: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"{name}: stopped; the same command goes on from {report.out}", file=sys.stderr)
        raise SystemExit(130) from None
