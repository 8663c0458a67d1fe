"""Make the folder of a run, and condense what a run has left.

::

    <YYYYmmdd-HHMMSS>-<world>-<kinds>-seed<seed>/
        experiment.toml    resolved; can be run again
        run.json           versions, seed, device, status, speed
        graph.graphml      who meets whom
        series.csv         step, replicate, then the indicators
        snapshots/         step_<step>.npz: layers [L, N]; layers.json: what they mean
        checkpoints/       the last two; see `commonweal.simulation.checkpoint`
        figures/           written at the end
        summary.json       means over the last episodes, speed
        table.csv          the same with intervals over replicates, beside published values
"""

import datetime
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

import commonweal
from commonweal.simulation import files
from commonweal.simulation.experiment import Experiment


def new_folder(out: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """Make ``out/name``, or ``out/name-2`` and so on, with what ``fill`` writes into it.

    It is filled under a hidden name and then renamed, so that a run folder is complete from
    the moment it can be seen.
    """
    with files.disk(out):
        out.mkdir(parents=True, exist_ok=True)
    draft = out / f".{name}.{os.getpid()}.new"
    try:
        with files.disk(draft):
            draft.mkdir()
        fill(draft)
        folder, number = out / name, 1
        while folder.exists():
            number += 1
            folder = out / f"{name}-{number}"
        with files.disk(folder):
            os.rename(draft, folder)
            files.flush_folder(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def folder_name(experiment: Experiment) -> str:
    """Return the usual name of a run's folder: time, world, kinds and seed."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{kinds_of(experiment)}-seed{experiment.seed}"


def kinds_of(experiment: Experiment) -> str:
    """Return the world and the kinds of agents as part of a file name."""
    kinds = "+".join(dict.fromkeys(share.kind for share in experiment.population))
    return f"{experiment.world['kind']}-{kinds}"


def about(experiment: Experiment) -> dict:
    """Return what ``run.json`` says about a run that begins now."""
    versions = {"commonweal": commonweal.__version__, "python": platform.python_version()}
    versions |= {p: importlib.metadata.version(p) for p in ("torch", "mesa", "numpy", "networkx")}
    return {
        "versions": versions,
        "seed": experiment.seed,
        "device": experiment.device,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def published(experiment: Experiment) -> dict[str, tuple[float, float | None]]:
    """Return published values by indicator, where all agents are of one published kind."""
    from commonweal.worlds import WORLDS

    kinds = {share.kind for share in experiment.population}
    known = WORLDS[experiment.world["kind"]].published
    return known.get(kinds.pop(), {}) if len(kinds) == 1 else {}


def summarise(series: dict[str, np.ndarray], span: int) -> dict:
    """Return the mean of each indicator over the rows of the last ``span`` steps.

    ``mean`` is over all replicates, ``replicates`` lists each; None where nothing was
    counted.  Rows weigh alike.
    """
    recent = series["step"] > series["step"].max(initial=0) - span
    names = [name for name in series if name not in ("step", "replicate")]
    which = series["replicate"]
    return {
        "mean": {name: _mean(series[name][recent]) for name in names},
        "replicates": [
            {name: _mean(series[name][recent & (which == replicate)]) for name in names}
            for replicate in np.unique(which)
        ],
    }


def _mean(values: np.ndarray) -> float | None:
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if counted.size else None
