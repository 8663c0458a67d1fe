"""Runs in the worlds about shared resources: what every agent earned in every episode, kept on disk.

Recordings hold means over agents; studies of who does well need each agent by itself.  All replicates
of a run learn side by side, stacked, and each is an independent run.  A run that is kept is not played
again, so that a study which was interrupted goes on where it was.

Axes: T episodes of each lane, R replicates, N agents.
"""

import io
import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from commonweal.analysis import resource_measures as measures
from commonweal.errors import BadFile
from commonweal.simulation import checkpoint, files
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share, resolve, settable, with_value

WORLDS = {
    "job_scheduling": "job scheduling",
    "matthew_effect": "Matthew effect",
    "manufacturing_plant": "manufacturing plant",
}
PUBLISHED = {"job_scheduling": 10_000, "matthew_effect": 40_000, "manufacturing_plant": 20_000}
"""episodes of a run in Dong et al. 2025"""
HORIZON = 200
PPO, PULL = 1e-4, 1e-3
"""learning rate of actors, and length of a pull towards common models, in Dong et al. 2025"""
CLOSING = 5
"""one part in so many, the last, is what a run comes to"""
EXPLORING = 5
"""who explores less and less does so over one part in so many of a run"""


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long runs are, how often each is repeated, and what learns in them."""

    episodes: Mapping[str, int]
    """world -> episodes of a replicate, over its lanes"""
    replicates: int
    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 3e-4
    seed: int = 0

    @property
    def pull(self) -> float:
        """Length of a pull that is to the learning rate as in the published runs."""
        return PULL * self.learning_rate / PPO

    @property
    def note(self) -> str:
        """All of it as it stands in every output."""
        long = [f"{WORLDS[world]} {count:,}" for world, count in self.episodes.items()]
        return (
            f"episodes of {HORIZON} rounds: {', '.join(long)}; {self.replicates} replicates, "
            f"seed {self.seed}, networks {'-'.join(map(str, self.hidden))}, "
            f"learning rate {self.learning_rate:g}"
        )


def everywhere(episodes: int) -> dict[str, int]:
    """The same number of episodes in all worlds."""
    return dict.fromkeys(WORLDS, episodes)


PAPER = Length(episodes=PUBLISHED, replicates=5, hidden=(256, 256), learning_rate=PPO)


def experiment(
    world: str,
    kind: str,
    length: Length,
    settings: Mapping[str, Any] | None = None,
    **fields: object,
) -> Experiment:
    """One kind in one world, resolved.

    PPO of every kind has the networks and the learning rate of the ``length``; Q-networks and A2C have
    the same hidden layers and rates of their own.  All else is usual in the world.

    Args:
        world: its kind.
        kind: of all agents.
        length: of the run.
        settings: dotted settings of the kind, and of the world as ``world.name``.
        **fields: fields of the experiment.
    """
    made = Experiment(
        world={"kind": world},
        population=[Share(kind=kind)],
        steps=length.episodes[world] * HORIZON,
        replicates=length.replicates,
        seed=length.seed,
        **fields,
    )
    wanted = {"move.hidden": length.hidden}
    known = settable(made)
    if f"{kind}.move.critic_rate" in known:
        wanted |= {"move.learning_rate": length.learning_rate}
    wanted |= {"move.explore_episodes": max(1, length.episodes[world] // EXPLORING)}
    for name, value in wanted.items():
        if f"{kind}.{name}" in known:
            made = with_value(made, f"{kind}.{name}", value)
    for name, value in (settings or {}).items():
        made = with_value(made, name if name.startswith("world.") else f"{kind}.{name}", value)
    return resolve(made)


@dataclass(frozen=True)
class Course:
    """What a run has left."""

    returns: np.ndarray
    """[T, R, N]: what each earned in an episode, mean over lanes"""
    ratio: np.ndarray
    """[T, R]: `std_over_mean` of single episodes, mean over the lanes in which anybody earned"""
    least: np.ndarray
    """[T, R]: return of the worst off in single episodes, mean over lanes"""
    gap: np.ndarray
    """[T, R]: consensus gap of the members when they last met; NaN without a federation"""
    members: np.ndarray
    """[R, N] bool: who took part in the last meeting; nobody without a federation"""
    lanes: int
    seconds: float
    """wall time of the run"""

    @cached_property
    def episodes(self) -> np.ndarray:
        """Episodes of a replicate at the end of each row, [T]."""
        return self.lanes * np.arange(1, len(self.returns) + 1)

    @property
    def closing(self) -> slice:
        """Rows of the last part of the run."""
        return slice(-max(1, len(self.returns) // CLOSING), None)

    @cached_property
    def by_agent(self) -> np.ndarray:
        """Mean return of each agent at the end, [R, N]."""
        return self.returns[self.closing].mean(0)

    @property
    def collective(self) -> np.ndarray:
        """Sum of all returns of an episode at the end, [R]."""
        return self.by_agent.sum(-1)

    @property
    def per_episode(self) -> np.ndarray:
        """`std_over_mean` of single episodes, then averaged over those at the end, [R]."""
        return measures.mean_of_known(self.ratio[self.closing])

    @property
    def per_period(self) -> np.ndarray:
        """`std_over_mean` of what each earned on average at the end, [R]."""
        return measures.over_period(self.returns[self.closing])

    @property
    def worst(self) -> np.ndarray:
        """Return of the worst off of an episode at the end, [R]."""
        return self.least[self.closing].mean(0)


def play(made: Experiment) -> Course:
    """Play a run to its end."""
    torch.set_num_threads(1)
    begun = time.monotonic()
    world = assemble(made)
    shape = (world.replicates, world.lanes_each)
    returns, ratio, least, gap = [], [], [], []
    earned = torch.zeros(world.lanes, world.neighbourhoods.agents)
    try:
        while world.steps_taken < made.steps:
            world.step()
            earned += world.society.experience.outcome.rewards
            if not world.episode_ended:
                continue
            each = earned.double().numpy().reshape(*shape, -1)
            returns.append(each.mean(1))
            ratio.append(measures.mean_of_known(measures.std_over_mean(each).T))
            least.append(each.min(-1).mean(1))
            gap.append(_gap(world.measured, shape))
            earned.zero_()
        members = np.zeros((shape[0], earned.shape[1]), bool)
        for federation in world.society.federations.values():
            members[:, federation.roll.nodes.numpy()] = federation.members.numpy()
    finally:
        world.close()
    arrays = (np.stack(rows) for rows in (returns, ratio, least, gap))
    return Course(*arrays, members, shape[1], time.monotonic() - begun)


def _gap(measured: Mapping, shape: tuple[int, int]) -> np.ndarray:
    if "consensus_gap" not in measured:
        return np.full(shape[0], np.nan)
    return measured["consensus_gap"][0].double().numpy().reshape(shape).mean(1)


# ---- many runs ------------------------------------------------------------------------------


def play_all(plans: Mapping[str, Experiment], home: Path, workers: int = 1) -> dict[str, Course]:
    """Play what is not yet kept in ``home``, one file each, and read all of it, by name."""
    paths = {name: _path(home, name, plan) for name, plan in plans.items()}
    todo = [name for name in plans if not paths[name].exists()]
    print(f"{len(plans)} runs, {len(plans) - len(todo)} of them kept in {home}", flush=True)
    if workers == 1:
        for count, name in enumerate(todo, 1):
            _tell(count, todo, name, keep(plans[name], paths[name]))
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            jobs = {pool.submit(keep, plans[name], paths[name]): name for name in todo}
            for count, job in enumerate(as_completed(jobs), 1):
                _tell(count, todo, jobs[job], job.result())
    return {name: read(path) for name, path in paths.items()}


def _tell(count: int, todo: list[str], name: str, seconds: float) -> None:
    print(f"{count} of {len(todo)}: {name}, {seconds:.0f} s", flush=True)


def keep(made: Experiment, path: Path) -> float:
    """Play a run and keep it at ``path``; returns the seconds it took."""
    course = play(made)
    buffer = io.BytesIO()
    arrays = {name: getattr(course, name) for name in Course.__dataclass_fields__}
    np.savez_compressed(buffer, **arrays)
    files.write_bytes(path, buffer.getvalue())
    return course.seconds


def read(path: Path) -> Course:
    """The run kept at ``path``."""
    try:
        with np.load(io.BytesIO(files.read_bytes(path))) as found:
            arrays = {name: found[name] for name in Course.__dataclass_fields__}
    except (EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadFile(
            f"{path}: not what a run has left ({error}); remove it to play it again"
        ) from None
    return Course(**arrays | {"lanes": int(arrays["lanes"]), "seconds": float(arrays["seconds"])})


def _path(home: Path, name: str, plan: Experiment) -> Path:
    """Where a run is kept: under all that decides its result, so that other settings play anew."""
    return home / f"{name}-{checkpoint.identity(plan)[:10]}.npz"
