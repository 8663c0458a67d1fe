"""Ways to run the points of a sweep: in turn, in processes of this machine, or on Ray.

Each way takes the same tasks and yields a report for each point as it ends, and None now
and then so that the caller can show progress.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from commonweal.errors import CommonwealError, Diverged, MissingExtra
from commonweal.simulation.engine import Simulation
from commonweal.simulation.experiment import Experiment
from commonweal.simulation.interrupts import StopFile

POLL = 1.0
"""Seconds between two looks at the points under way."""


@dataclass(frozen=True)
class Task:
    """One point to run or to go on with."""

    id: str
    experiment: Experiment
    folder: Path
    """folder of the sweep"""


class Report(NamedTuple):
    """How a point ended."""

    id: str
    status: str
    """finished, stopped, waiting (never begun), diverged or failed"""
    reason: str = ""


Way = Callable[[list[Task], int, str | None], Iterator[Report | None]]


def run_point(task: Task) -> Report:
    """Run one point to its end, from its last checkpoint if it has one.

    Whatever goes wrong is reported and not raised: the other points must not suffer.
    """
    stop = StopFile(task.folder / "stop")
    home = (task.folder / "points").absolute()
    begun = (home / task.id).exists()
    if stop():
        return Report(task.id, "stopped" if begun else "waiting")
    try:
        if begun:
            simulation = Simulation.resume(home / task.id, progress=False)
        else:
            simulation = Simulation(task.experiment, home, progress=False, name=task.id)
        with simulation:
            return Report(task.id, simulation.run(stop)["status"])
    except Diverged as error:
        return Report(task.id, "diverged", str(error))
    except CommonwealError as error:
        return Report(task.id, "failed", str(error))
    except Exception as error:  # noqa: BLE001 - a fault in somebody's kind
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return Report(task.id, "failed", f"{type(error).__name__}: {text} ({where})")


def in_turn(tasks: list[Task], workers: int, address: str | None) -> Iterator[Report | None]:
    """Run the points one after another in this process."""
    for task in tasks:
        yield run_point(task)


def in_processes(tasks: list[Task], workers: int, address: str | None) -> Iterator[Report | None]:
    """Run ``workers`` points at a time, each in a process of one thread."""
    while tasks:
        lost, begun = yield from _pool(tasks, workers)
        # One process that dies (killed, out of memory) ends its whole pool. The point at
        # fault is among those under way; each of them has a second chance, by itself.
        suspects = [task for task in lost if task.id in begun] or lost
        for task in suspects:
            if (yield from _pool([task], 1))[0]:
                yield Report(task.id, "failed", "its process died twice: killed, or no memory left")
        tasks = [task for task in lost if task not in suspects]


def _pool(
    tasks: list[Task], workers: int
) -> Generator[Report | None, None, tuple[list[Task], set[str]]]:
    """Run tasks in one pool; return those lost with it, and the ids that were under way."""
    # The method is named because importing Mesa sets a global one.
    context = multiprocessing.get_context("spawn")
    lost: list[Task] = []
    begun: set[str] = set()
    with ProcessPoolExecutor(workers, context, initializer=_begin_worker) as pool:
        with _ignoring_interrupts():  # which the processes started here inherit
            waiting = {pool.submit(run_point, task): task for task in tasks}
        while waiting:
            done, rest = wait(waiting, POLL, FIRST_COMPLETED)
            for future in done:
                task = waiting.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    lost.append(task)
                else:
                    yield future.result()
            begun = {waiting[future].id for future in rest if future.running()} or begun
            yield None
    return lost, begun


def on_ray(tasks: list[Task], workers: int, address: str | None) -> Iterator[Report | None]:
    """Run the points as tasks of a Ray cluster that shares the sweep's folder.

    Without an address a local Ray with ``workers`` processors is started and ended.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra(
            'engine "ray" needs the extra "cluster": pip install "commonweal[cluster]"'
        ) from None
    ours = not ray.is_initialized()
    if ours:
        size = {"num_cpus": workers} if address is None else {}
        ray.init(address=address, include_dashboard=False, log_to_driver=False, **size)
    try:
        point = ray.remote(num_cpus=1)(run_point)
        waiting = {point.remote(task): task for task in tasks}
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=POLL)
            for reference in done:
                task = waiting.pop(reference)
                try:
                    yield Report(*ray.get(reference))
                except ray.exceptions.RayError as error:
                    yield Report(task.id, "failed", str(error).strip().splitlines()[0])
            yield None
    finally:
        if ours:
            ray.shutdown()


WAYS: dict[str, Way] = {"processes": in_processes, "serial": in_turn, "ray": on_ray}


class _ignoring_interrupts:
    """Ignore the keyboard for a moment; processes started meanwhile do so for life."""

    def __enter__(self) -> None:
        self.main = threading.current_thread() is threading.main_thread()
        if self.main:
            self.before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __exit__(self, *_) -> None:
        if self.main:
            signal.signal(signal.SIGINT, self.before)


def _begin_worker() -> None:
    """Leave the keyboard to the parent, and end with it even when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)  # nothing is lost: a point goes on from its last checkpoint
