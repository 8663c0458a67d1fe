"""Run every point of a grid of settings, each in its own run folder.

::

    <out>/sweep-<world>-<kinds>-<id>/
        sweep.toml         the experiment with its sweep; can be run again
        sweep.json         id, label, status and reason of every point
        points.csv         labels and final indicators, one line per point
        points/<id>/       one run folder per point

The id of a point is a hash of all that decides its result, so running a sweep again skips
what is finished, goes on with what was stopped and adds what is new.
"""

import csv
import io
import itertools
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

import commonweal
from commonweal.errors import BadSetting, UnknownName, known
from commonweal.simulation import checkpoint, files, run_folder
from commonweal.simulation import experiment as experiments
from commonweal.simulation.experiment import Experiment
from commonweal.simulation.interrupts import heeding
from commonweal.simulation.workers import WAYS, Report, Task

Label = dict[str, Any]

ENDED = ("finished", "diverged")
"""Statuses after which running a point again would change nothing."""


def expand(experiment: Experiment) -> list[tuple[Label, Experiment]]:
    """Return each combination of the swept values with its resolved experiment.

    All points are checked before any is returned.
    """
    base = replace(experiment, sweep={})
    points = []
    for values in itertools.product(*experiment.sweep.values()):
        label = dict(zip(experiment.sweep, values, strict=True))
        point = base
        for name, value in label.items():
            point = experiments.with_value(point, name, value)
        points.append((label, experiments.resolve(point)))
    return points


def run_all(
    experiment: Experiment,
    out: str | Path,
    workers: int | None = None,
    engine: str = "processes",
    address: str | None = None,
    progress: bool = True,
) -> Path:
    """Run what is not finished of a sweep; return the sweep's folder.

    Points that fail are reported at the end and do not stop the others.  On an interrupt the
    points under way are saved before `KeyboardInterrupt` leaves; the same call goes on with
    them.

    Args:
        experiment: with a sweep; every point is checked before the first one runs.
        out: the sweep's folder is made or found in it.
        workers: points at a time; all processors unless said.
        engine: "processes", "serial" or "ray".
        address: of a Ray cluster.
        progress: show one bar for the whole sweep.
    """
    if engine not in WAYS:
        raise UnknownName(f"no engine named {engine!r} for a sweep{known(engine, WAYS)}")
    sweep = Sweep(experiment, Path(out))
    tasks = sweep.tasks()
    stop = sweep.folder / "stop"
    stop.unlink(missing_ok=True)
    with (
        heeding(stop.touch),
        tqdm(
            desc="sweep",
            initial=sweep.steps_taken(),
            total=sum(point.steps for _, point in sweep.points.values()),
            unit=" steps",
            unit_scale=True,
            disable=not progress,
            mininterval=0.5 if sys.stderr.isatty() else 10.0,
        ) as bar,
    ):
        at_once = min(workers or os.cpu_count() or 1, len(tasks))
        for report in WAYS[engine](tasks, at_once, address) if tasks else ():
            if report is not None:
                sweep.note(report)
                if report.status == "stopped":
                    stop.touch()
            bar.update(sweep.steps_taken() - bar.n)
            bar.set_postfix_str(sweep.standing(), refresh=False)
    interrupted = stop.exists()
    stop.unlink(missing_ok=True)
    sweep.write_table()
    for line in sweep.troubles():
        print(f"commonweal: {line}", file=sys.stderr)
    if interrupted:
        raise KeyboardInterrupt
    return sweep.folder


class Sweep:
    """The folder and the index of one sweep."""

    def __init__(self, experiment: Experiment, out: Path) -> None:
        """Find or make the folder; its name depends on what is varied, not on the values."""
        if not experiment.sweep:
            raise BadSetting("sweep: no setting is given several values, so there is nothing to do")
        self.points = {
            checkpoint.identity(point)[:10]: (label, point) for label, point in expand(experiment)
        }
        """Label and resolved experiment by id"""
        base = checkpoint.identity(replace(experiment, sweep={}))
        name = files.digest(" ".join([base, *sorted(experiment.sweep)]).encode())[:8]
        self.folder = out / f"sweep-{run_folder.kinds_of(experiment)}-{name}"
        with files.disk(self.folder):
            (self.folder / "points").mkdir(parents=True, exist_ok=True)
        experiments.save(experiment, self.folder / "sweep.toml")
        path = self.folder / "sweep.json"
        known = files.read_json(path)["points"] if path.exists() else []
        self.index: dict[str, dict] = {entry["id"]: entry for entry in known}
        for name, (label, _) in self.points.items():
            entry = {"id": name, "label": label, "folder": f"points/{name}"}
            entry |= {"status": "waiting", "reason": ""}
            if name not in self.index or not (self.folder / entry["folder"]).exists():
                self.index[name] = entry
        self._write_index()

    def tasks(self) -> list[Task]:
        """Return the points that have not come to their end."""
        return [
            Task(name, point, self.folder)
            for name, (_, point) in self.points.items()
            if self.index[name]["status"] not in ENDED
        ]

    def note(self, report: Report) -> None:
        """Enter how a point ended."""
        self.index[report.id] |= {"status": report.status, "reason": report.reason}
        self._write_index()

    def steps_taken(self) -> int:
        """Return the environment steps of all points, as their newest checkpoints tell."""
        return sum(
            point.steps
            if self.index[name]["status"] in ENDED
            else min(point.steps, self._saved(name))
            for name, (_, point) in self.points.items()
        )

    def standing(self) -> str:
        """Return a few words on how far the sweep is."""
        counts = Counter(self.index[name]["status"] for name in self.points)
        failed = counts["failed"] + counts["diverged"]
        text = f"{counts['finished']} of {len(self.points)} points finished"
        return text + (f", {failed} failed" if failed else "")

    def troubles(self) -> list[str]:
        """Return one line for each point that failed, and one when some are left to run."""
        entries = [self.index[name] for name in self.points]
        bad = [e for e in entries if e["status"] in ("failed", "diverged")]
        lines = [f"point {words(e['label'])} {e['status']}: {e['reason']}" for e in bad]
        left = sum(e["status"] in ("waiting", "stopped") for e in entries)
        if left:
            lines.append(f"{self.folder}: {left} points left; run the sweep again to go on")
        return lines

    def write_table(self) -> None:
        """Write the labels and final indicators of all points."""
        rows = []
        for entry in self.index.values():
            summary = {}
            if entry["status"] == "finished":
                summary = files.read_json(self.folder / entry["folder"] / "summary.json")["mean"]
            rows.append(entry["label"] | {"id": entry["id"], "status": entry["status"]} | summary)
        names = dict.fromkeys(name for row in rows for name in row)
        buffer = io.StringIO()
        table = csv.DictWriter(buffer, list(names), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        files.write_bytes(self.folder / "points.csv", buffer.getvalue().encode())

    def _saved(self, name: str) -> int:
        saved = list(checkpoint.steps(self.folder / "points" / name))
        return int(saved[-1].name) if saved else 0

    def _write_index(self) -> None:
        table = {"version": commonweal.__version__, "points": list(self.index.values())}
        files.write_json(self.folder / "sweep.json", table)


def words(label: Label) -> str:
    """Return a label as ``name=value`` pairs."""
    return " ".join(f"{name}={value}" for name, value in label.items())
