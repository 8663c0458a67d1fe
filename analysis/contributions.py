"""Many runs of the public goods game of two, and what a table of them should say.

Source: Li et al. 2024, table of the public goods game; what it leaves open is inferred, see
`worlds.public_goods`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from commonweal.simulation.engine import Simulation
from commonweal.simulation.experiment import Experiment, Share
from commonweal.simulation.table import QUANTILE

METHODS = {
    "Simul-Ind": "simul_ind",
    "CGA": "cga",
    "SGA": "sga",
    "SVO": "svo",
    "Simul-Co": "simul_co",
    "SL": "sl",
    "AgA": "aga",
}
BASELINES = [label for label in METHODS if label != "AgA"]
CELLS = ("reward_1", "reward_2", "welfare", "equality")
BATCH = 50
"""runs of the published table"""
SLOPES = {"Simul-Ind": -0.25, "CGA": -0.25, "SGA": -0.25, "Simul-Co": 0.5, "SL": 0.25}
"""constant ascent of each action"""
STEPS = 100
"""most steps of a run"""
SPAN = 0.01 * STEPS
"""step size times steps"""


@dataclass(frozen=True)
class Runs:
    """Where many runs of one method began and ended."""

    start: np.ndarray
    """[n, 2] first contributions"""
    end: np.ndarray
    """[n, 2] last ones"""
    values: dict[str, np.ndarray]
    """by cell, [n]"""
    steps: np.ndarray
    """[n] steps taken until the first exit, which belongs to them, or to the end"""


def expected(slope: float, boundary: str) -> float:
    """Expected welfare at the end of a uniform start, for a constant slope of both actions.

    With s = |slope| * step size * steps <= 1: ``2.5 +- (1 - (1 - s)^3) / 3`` where both stop at the
    first exit, ``2.5 +- (1 - (1 - s)^2) / 2`` where each is projected, ``2.5 +- s`` without bounds.
    """
    s = abs(slope) * SPAN
    gain = {
        "first_exit": (1 - (1 - s) ** 3) / 3,
        "projection": (1 - (1 - s) ** 2) / 2,
        "none": s,
    }[boundary]
    return 2.5 + math.copysign(gain, slope)


def play(
    kind: str,
    runs: int,
    seed: int = 0,
    *,
    boundary: str = "first_exit",
    start: np.ndarray | None = None,
    **rule: float,
) -> Runs:
    """Play ``runs`` games of two at once, each a replicate with a start of its own or given."""
    settings = {"rule": rule} if rule else {}
    experiment = Experiment(
        seed=seed,
        world={"kind": "public_goods", "boundary": boundary},
        population=[Share(kind=kind, settings=settings)],
        replicates=runs,
        record_every=STEPS + 1,
    )
    with Simulation(experiment, progress=False) as simulation:
        world = simulation.world
        actions = world.society.cohorts[0].minds["move"].actions
        if start is not None:
            actions.copy_(torch.from_numpy(start).view_as(actions))
        start = actions.view(runs, 2).numpy().copy()
        simulation.run()
        # The one row of the series is a mean over the run, and here the end counts.
        last = {name: world.measured[name] for name in CELLS}
        values = {name: (above / below).numpy() for name, (above, below) in last.items()}
        moving = simulation.recorder.series()["moving"] * (STEPS + 1)
        end = world.state.last[..., 0].numpy().copy()
        return Runs(start, end, values, np.minimum(moving, STEPS))


def cells(values: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and half-width of the 95 % interval over the last axis, by cell."""
    return {
        name: (row.mean(-1), QUANTILE * row.std(-1, ddof=1) / math.sqrt(row.shape[-1]))
        for name, row in values.items()
    }


def inside(runs: Runs, published: Mapping[str, tuple[float, float]]) -> dict[str, tuple[bool, ...]]:
    """Whether published means and half-widths lie in the central 95 % of batches of 50 runs."""
    batches = {name: row[: len(row) // BATCH * BATCH] for name, row in runs.values.items()}
    found = cells({name: row.reshape(-1, BATCH) for name, row in batches.items()})
    return {
        name: tuple(
            bool(np.quantile(ours, 0.025) <= theirs <= np.quantile(ours, 0.975))
            for ours, theirs in zip(found[name], published[name], strict=True)
        )
        for name in published
    }
