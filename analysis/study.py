"""The frame that all studies share: budget, runs, figures, table, verdicts.

A study lists its points (label -> experiment), the frame runs each with every seed and
hands back recordings; the study turns them into figures, one table and one verdict for
each claim.  Every output states how large the study was.
"""

import argparse
import csv
import io
import itertools
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from commonweal.analysis import figures
from commonweal.analysis.series import Estimate
from commonweal.errors import BadFile, CommonwealError
from commonweal.simulation import files
from commonweal.simulation.experiment import Experiment, Share
from commonweal.simulation.recorder import Recording
from commonweal.simulation.sweep import run_all

TEMPTATION, SUCKER = 1.30, -0.33
"""the prisoner's dilemma of Ren et al. 2025, Figs. 3 to 5, at its lowest temptation"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a study is at one budget."""

    side: int
    """agents along one side of the lattice"""
    steps: int
    """environment steps of a run; the learning rate falls to zero over them"""
    seeds: int
    early_stop: bool = True
    """end a run that has settled; its last value then stands for the rest"""
    grid: Mapping[str, tuple] = field(default_factory=dict)
    """what the study varies, by name"""


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study at one budget, with the folder its outputs go to."""

    name: str
    budget: str
    size: Size
    out: Path
    workers: int = 1
    claims: list[dict] = field(default_factory=list)

    @property
    def note(self) -> str:
        """How large the study is, as it stands in every output."""
        size = self.size
        return (
            f"budget {self.budget}: {size.side**2} agents, {size.steps:,} steps, "
            f"{size.seeds} seed{'s' * (size.seeds > 1)}, "
            f"early stop {'on' if size.early_stop else 'off'}"
        )

    def run(
        self,
        population: str | Sequence[Share],
        sweep: Mapping[str, Sequence] | None = None,
        **fields: object,
    ) -> dict[tuple, list[Recording]]:
        """Run one population at every point of a sweep with every seed.

        Args:
            population: one kind, or several shares.
            sweep: dotted setting -> its values; all combinations are run.
            **fields: fields of the experiment that differ from the study's base.

        Returns:
            Recordings in the order of seeds, by the values of the sweep.
        """
        shares = [Share(kind=population)] if isinstance(population, str) else list(population)
        seeds = list(range(self.size.seeds))
        swept = {name: list(values) for name, values in (sweep or {}).items()} | {"seed": seeds}
        base = {
            "title": self.name,
            "agents": self.size.side**2,
            "steps": self.size.steps,
            "early_stop": self.size.early_stop,
            "world": {"kind": "lattice", "temptation": TEMPTATION, "sucker": SUCKER},
            "network": {"kind": "square_lattice"},
        }
        experiment = Experiment(population=shares, sweep=swept, **base | fields)
        cells = list(itertools.product(*([*values] for values in (sweep or {}).values())))
        print(f"{self.name}: {_who(shares)}, {len(cells)} x {len(seeds)} runs", flush=True)
        # One worker needs no process of its own, whose start costs seconds.
        engine = "serial" if self.workers == 1 else "processes"
        folder = run_all(experiment, self.out / "runs", self.workers, engine)
        points = files.read_json(folder / "sweep.json")["points"]
        known = {tuple(point["label"][name] for name in swept): point for point in points}
        found: dict[tuple, list[Recording]] = {}
        for cell in cells:
            runs = [known[*cell, seed] for seed in seeds]
            for point in runs:
                if point["status"] != "finished":
                    where = folder / point["folder"]
                    raise BadFile(f"{where}: {point['status']}, so {self.name} is incomplete")
            found[cell] = [Recording.open(folder / point["folder"]) for point in runs]
        return found

    def draw(self, figure: figures.Figure, name: str = "") -> None:
        """Write a figure as PNG and SVG, with the size of the study as its footnote."""
        figures.footnote(figure, self.note)
        for path in figures.save(figure, self.out / (name or self.name)):
            print(f"wrote {path}")

    def table(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Print the table and write it as CSV; an ``Estimate`` takes four columns there.

        The first row names the columns; a later row may lack some.
        """
        columns = list(rows[0])
        shown = [columns, *([_text(row[c]) if c in row else "" for c in columns] for row in rows)]
        widths = [max(len(line[i]) for line in shown) for i in range(len(columns))]
        for line in shown:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
        self._write(self.name, [_flat(row) | self._size() for row in rows])

    def claim(self, text: str, excess: Estimate) -> None:
        """Judge a claim by the quantity it says is positive, and print one line.

        Supported or contradicted only if the whole interval lies on one side of zero; a
        single run decides nothing.
        """
        verdict = "undecided"
        if excess.low > 0:
            verdict = "supported"
        elif excess.high < 0:
            verdict = "contradicted"
        print(f"{verdict.upper():12} {text}: {excess}")
        self.claims.append(_flat({"claim": text, "verdict": verdict, "excess": excess}))
        self._write(f"{self.name}_verdicts", [row | self._size() for row in self.claims])

    def _size(self) -> dict[str, object]:
        size = self.size
        named = {"budget": self.budget, "agents": size.side**2, "steps": size.steps}
        return named | {"seeds": size.seeds, "early_stop": size.early_stop}

    def _write(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        files.write_bytes(self.out / f"{name}.csv", buffer.getvalue().encode())


def main(
    name: str,
    description: str,
    sizes: Mapping[str, Size],
    body: Callable[[Study], None],
    arguments: Sequence[str] | None = None,
) -> None:
    """Read the command line of a study and run its ``body``."""
    parser = argparse.ArgumentParser(
        prog=f"python -m commonweal.analysis.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--budget", choices=list(sizes), default="quick", help="size of the study")
    parser.add_argument("--out", type=Path, help="folder of its outputs (results/NAME-BUDGET)")
    parser.add_argument("--workers", type=_positive, default=os.cpu_count() or 1, help="processes")
    parser.add_argument(
        "--seeds", type=_positive, help="runs of each point, instead of the budget's"
    )
    given = parser.parse_args(arguments)
    size = sizes[given.budget]
    size = replace(size, seeds=given.seeds or size.seeds)
    out = given.out or Path("results") / f"{name}-{given.budget}"
    try:
        frame = Study(name=name, budget=given.budget, size=size, out=out, workers=given.workers)
        print(f"{name}: {frame.note}", flush=True)
        body(frame)
    except CommonwealError as error:
        print(f"commonweal: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _who(shares: Sequence[Share]) -> str:
    return " + ".join(
        f"{share.count} {share.kind}" if share.count else share.kind for share in shares
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _text(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3g}"
    return str(value)


def _flat(row: Mapping[str, object]) -> dict[str, object]:
    """A row of plain cells: an estimate becomes its mean, bounds and number of runs."""
    cells: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Estimate):
            numbers = (value.mean, value.low, value.high)
            for part, number in zip(("", "_low", "_high"), numbers, strict=True):
                cells[name + part] = "" if math.isnan(number) else f"{float(number):.6g}"
            cells[f"{name}_runs"] = value.runs
        else:
            cells[name] = value
    return cells
