"""Meetings of a few agents in the iterated dilemma: played by replicates, read, kept, put in a table.

For studies of who does what to whom.  A replicate has learners of its own, so replicates are
independent runs; all replicates of one meeting are played together.  Axes: R replicates, K kinds.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from multiprocessing import get_context
from pathlib import Path

import networkx as nx
import numpy as np

from commonweal.agents import AGENTS
from commonweal.analysis import gift_networks, series
from commonweal.errors import BadFile, CommonwealError
from commonweal.simulation import checkpoint, files
from commonweal.simulation.engine import Simulation
from commonweal.simulation.experiment import Experiment, Share, resolve, settable, with_value

HORIZON = 100
"""rounds of an episode, as in Kong et al. 2024"""
EXPLORING = 5
"""exploration falls over one part in so many of a run: 2,000 of 10,000 episodes"""


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long a meeting lasts, and how often it is played."""

    steps: int
    """environment steps of a replicate, summed over its lanes"""
    replicates: int
    seed: int = 0
    lanes: int = 16

    @property
    def note(self) -> str:
        """The length as it stands in every output."""
        each = "replicate" + "s" * (self.replicates > 1)
        return f"{self.steps:,} steps, {self.replicates} {each}, seed {self.seed}"


@dataclass(frozen=True)
class Course:
    """What a meeting has left; `series.align` and `series.runs` read it like a recording."""

    series: dict[str, np.ndarray]
    """columns of the series"""
    graph: nx.Graph
    """who meets whom"""
    kinds: tuple[str, ...]
    """kind of each agent, [N]"""
    gifts: tuple[nx.DiGraph, ...]
    """mean share given along each link in the last episode, a graph for each replicate; may be ()"""

    def name(self, indicator: str, kind: str) -> str:
        """The indicator of one kind: of all agents where only this kind lives."""
        return f"{indicator}/{kind}" if len(set(self.kinds)) > 1 else indicator

    def end(self, indicator: str) -> np.ndarray:
        """Mean over the last tenth of the run, [R]."""
        found = series.runs([self], indicator)
        return np.array([series.known_mean(v[steps > 0.9 * steps[-1]]) for steps, v in found])


def meeting(
    who: Mapping[str, int], length: Length, network: str = "complete", noise: float = 0.0
) -> Experiment:
    """The experiment in which so many agents of each kind meet.

    Who explores does so over the first fifth of the run, as in the 10,000 episodes of
    Kong et al. 2024, so that short runs are long ones in small.
    """
    experiment = Experiment(
        world={"kind": "iterated_dilemma", "horizon": HORIZON, "noise": noise},
        network={"kind": network},
        population=[Share(kind=kind, count=count) for kind, count in who.items()],
        steps=length.steps,
        replicates=length.replicates,
        lanes=length.lanes,
        seed=length.seed,
    )
    episodes = max(1, length.steps // HORIZON // EXPLORING)
    for name in settable(experiment):
        if name.endswith(".explore_episodes"):
            experiment = with_value(experiment, name, episodes)
    return resolve(experiment)


def play(experiment: Experiment) -> Course:
    """Play a meeting to its end; an interrupt ends the study, for half a run would mislead it."""
    with Simulation(experiment, progress=False) as simulation:
        if simulation.run()["status"] != "finished":
            raise KeyboardInterrupt
        world = simulation.world
        gifts: tuple[nx.DiGraph, ...] = ()
        if (ledger := world.society.ledgers.get("gifts")) is not None:
            each = world.lanes_each
            gifts = tuple(
                gift_networks.mean_graph([ledger.graph(r * each + lane) for lane in range(each)])
                for r in range(world.replicates)
            )
        kinds = tuple(person.kind for person in world.people)
        return Course(simulation.recorder.series(), world.graph, kinds, gifts)


# ---- pairs ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tournament:
    """Every pair of kinds that would play, at the end of its meeting; NaN where one refused."""

    kinds: tuple[str, ...]
    reward: np.ndarray
    """[K, K, R]: mean reward per round of the row kind when it meets the column kind"""
    cooperation: np.ndarray
    """[K, K, R]: share of rounds in which the row kind then cooperates"""
    refused: Mapping[tuple[str, ...], str]
    """why a pair was not played, or no pair of a kind"""


def learns(kind: str) -> bool:
    """Whether agents of a kind change as they play."""
    return any(mind.learns for mind in AGENTS[kind].heads.values())


def pair(one: str, other: str, length: Length) -> Experiment:
    """The experiment of one pair; two that do not learn play a tenth, for all rounds are alike."""
    steps = length.steps if learns(one) or learns(other) else max(length.steps // 10, 1)
    own = replace(length, steps=steps)
    return meeting({one: 2} if one == other else {one: 1, other: 1}, own)


def compete(kinds: Sequence[str], length: Length, home: Path, workers: int = 1) -> Tournament:
    """Play all pairs that are not yet kept in ``home``, one file each, and put them in tables.

    Pairs of which a kind is unknown or refuses to play are told at once, before any other is
    played, and are missing from the tables.
    """
    refused: dict[tuple[str, ...], str] = {
        (kind,): "there is no agent of this name" for kind in kinds if kind not in AGENTS
    }
    kinds = [kind for kind in kinds if kind in AGENTS]
    plans: dict[tuple[str, str], Experiment] = {}
    for names in combinations_with_replacement(kinds, 2):
        try:
            plan = pair(*names, length)
            Simulation(plan, progress=False).close()
            plans[names] = plan
        except CommonwealError as error:
            refused[names] = str(error)
    for names, why in refused.items():
        print(f"not played: {' and '.join(names)}: {why}", flush=True)
    paths = {names: _path(home, names, plan) for names, plan in plans.items()}
    todo = [names for names in plans if not paths[names].exists()]
    print(f"{len(plans)} pairs, {len(plans) - len(todo)} of them kept in {home}", flush=True)
    for count, (names, error) in enumerate(_played(todo, plans, paths, workers), 1):
        print(f"{count} of {len(todo)}: {' and '.join(names)} {error}".rstrip(), flush=True)
        if error:
            refused[names] = error
    shape = (len(kinds), len(kinds), length.replicates)
    reward, cooperation = np.full((2, *shape), np.nan)
    for names in plans.keys() - refused.keys():
        found = _read(paths[names], names, length.replicates)
        for own, other in (names, names[::-1]):
            cell = kinds.index(own), kinds.index(other)
            reward[cell], cooperation[cell] = found[own]["reward"], found[own]["cooperation"]
    return Tournament(tuple(kinds), reward, cooperation, refused)


def keep(experiment: Experiment, path: Path) -> str:
    """Play a pair and keep each kind's end values at ``path``; why not, if it breaks off."""
    try:
        course = play(experiment)
    except CommonwealError as error:
        return str(error)
    names = ("reward", "cooperation")
    ends = {
        kind: {name: course.end(course.name(name, kind)).tolist() for name in names}
        for kind in dict.fromkeys(course.kinds)
    }
    files.write_json(path, ends)
    return ""


def _played(
    todo: Sequence[tuple[str, str]],
    plans: Mapping[tuple[str, str], Experiment],
    paths: Mapping[tuple[str, str], Path],
    workers: int,
) -> Iterator[tuple[tuple[str, str], str]]:
    """Play the pairs ``todo``; yields each with why it broke off, or nothing."""
    if workers == 1:
        for names in todo:
            yield names, keep(plans[names], paths[names])
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        jobs = {pool.submit(keep, plans[names], paths[names]): names for names in todo}
        for job in as_completed(jobs):
            yield jobs[job], job.result()


def _path(home: Path, names: tuple[str, str], plan: Experiment) -> Path:
    """Where a pair is kept: under all that decides its result, so that other settings play anew."""
    return home / f"{'+'.join(names)}-{checkpoint.identity(plan)[:10]}.json"


def _read(path: Path, names: tuple[str, str], replicates: int) -> dict:
    found = files.read_json(path)
    try:
        lengths = {len(found[name][what]) for name in names for what in ("reward", "cooperation")}
    except (KeyError, TypeError):
        lengths = set()
    if lengths != {replicates}:
        raise BadFile(f"{path}: not what a pair has left; remove it to play the pair again")
    return found
