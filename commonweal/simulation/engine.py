"""Step a world to its end, keep what it measures, and go on after any interruption."""

import contextlib
import importlib
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import torch
from tqdm import tqdm

from commonweal.errors import BadFile, BadSetting, Diverged
from commonweal.simulation import assembly, checkpoint, files, run_folder, table
from commonweal.simulation import experiment as experiments
from commonweal.simulation.early_stop import EarlyStop
from commonweal.simulation.interrupts import heeding
from commonweal.simulation.recorder import Recorder, Recording

HEADLINE = (
    *("cooperation", "reputation", "gift_weight", "accuracy"),
    *("collective_return", "std_over_mean", "return_members", "return_outsiders"),
)


class Simulation:
    """One run of one experiment.

    With ``out`` a run folder is made there before anything is stepped, whole from its
    first moment: it appears under its name with a checkpoint of step 0 in it.
    """

    def __init__(
        self,
        experiment: experiments.Experiment,
        out: str | Path | None = None,
        progress: bool = True,
        *,
        name: str | None = None,
    ) -> None:
        """Build the world; ``name`` replaces the run folder's usual name of time and kinds."""
        # Many small products: a second thread makes them 2 to 25 times slower (measured).
        torch.set_num_threads(1)
        if experiment.sweep:
            raise BadSetting(
                f"sweep: {', '.join(experiment.sweep)} take several values; one run has one of "
                "each, all of them are for sweep.run_all"
            )
        self.experiment = experiments.resolve(experiment)
        self.progress = progress
        self.folder: Path | None = None
        self.status = "running"
        self.world = assembly.assemble(self.experiment)
        self.recorder = Recorder(
            self.experiment.record_every or self.world.horizon,
            self.world.replicates,
            self.experiment.snapshots,
        )
        self._early: EarlyStop | None = None
        if self.experiment.early_stop:
            self._early = EarlyStop(self.world.replicates, self.world.measures())
        self._identity = checkpoint.identity(self.experiment)
        self._about: dict = {}
        self._seconds = 0.0
        self._resumed = time.monotonic()
        self._stopping = False
        if out is not None:
            try:
                self._found(Path(out), name or run_folder.folder_name(self.experiment))
            except BaseException:
                self.close()
                raise

    @classmethod
    def resume(cls, folder: str | Path, progress: bool = True) -> Self:
        """Return the run in ``folder`` as it was at its newest whole checkpoint."""
        recording = Recording.open(folder)
        found = checkpoint.restore(recording.folder)
        experiment = recording.experiment
        if found.experiment != checkpoint.identity(experiments.resolve(experiment)):
            raise BadFile(
                f"{recording.folder / 'experiment.toml'}: changed since {found.path.name} was "
                "saved; a changed experiment is a new run"
            )
        simulation = cls(experiment, progress=progress)
        simulation.world.load_state_dict(found.state["world"])
        simulation.recorder.load(found.state["recorder"])
        if simulation._early:
            simulation._early.load(found.state["early_stop"])
        simulation.folder = recording.folder
        simulation._about = recording.run
        simulation._seconds = simulation._about["seconds"]
        simulation.status = simulation._about["status"]
        return simulation

    @property
    def done(self) -> bool:
        """Whether all steps are taken or the early stop has struck."""
        enough = self.world.steps_taken >= self.experiment.steps
        return enough or (self._early is not None and self._early.over)

    def stop(self) -> None:
        """Ask `run` to end after the step it is in, as one interrupt from the keyboard does."""
        self._stopping = True

    def run(self, asked_to_stop: Callable[[], bool] = lambda: False) -> dict:
        """Step to the end, or until stopped; return the summary, which ``folder`` holds too.

        ``asked_to_stop`` is asked before every step: true has the effect of `stop`.
        Raises `Diverged`, with the place of the last good checkpoint, when the world does.
        """
        if self.status == "finished":
            print(
                f"commonweal: {self.folder} is already finished at step {self.world.steps_taken}",
                file=sys.stderr,
            )
            return Recording.open(self.folder).summary
        self._resumed = time.monotonic()
        if self.folder is not None:
            self.recorder.open(self.folder)
        self._mark("running")
        try:
            with heeding(self.stop), self._bar() as bar:
                self._advance(bar, asked_to_stop)
                if self.done:
                    self.recorder.finish(self.world)
                self._save()
                summary = self._conclude("finished" if self.done else "stopped")
        except Diverged as error:
            self._conclude("diverged")
            raise Diverged(
                f"{error}, step {self.world.steps_taken}; {self._last_good()}"
            ) from error
        except BaseException:
            # Not at the end of a step, so there is nothing sound to save; what the last
            # checkpoint holds is still there.
            with contextlib.suppress(BadFile):
                self._mark("stopped")
            raise
        finally:
            self._stopping = False
            self._seconds = self._clock()[0]
            self.recorder.close()
        if self.folder is not None and self.status == "finished":
            # By name, because drawing sits above the simulation and imports matplotlib.
            figures = importlib.import_module("commonweal.analysis.figures")
            figures.run_figures(Recording.open(self.folder), self.folder)
            if self.world.society.federations:
                drawing = importlib.import_module("commonweal.analysis.federation_figures")
                drawing.run_networks(self.folder)
        return summary

    def close(self) -> None:
        """Close the series and the world."""
        self.recorder.close()
        self.world.close()

    def __enter__(self) -> Self:
        """Return the simulation itself."""
        return self

    def __exit__(self, *_) -> None:
        """Close the world, come what may."""
        self.close()

    def _advance(self, bar: tqdm, asked_to_stop: Callable[[], bool]) -> None:
        world, recorder, early = self.world, self.recorder, self._early
        agent_steps = world.lanes * world.graph.number_of_nodes()
        every = self.experiment.checkpoint_every
        shown = recorder.rows
        saved = time.monotonic()
        while not (self.done or self._stopping or asked_to_stop()):
            world.step()
            recorder.note(world)
            if early is not None:
                early.note(world)
            bar.update(agent_steps)
            if recorder.rows != shown:
                shown = recorder.rows
                bar.set_postfix(_headline(recorder.latest), refresh=False)
            if self.folder is not None and time.monotonic() - saved >= every:
                self._save()
                self._mark("running")
                saved = time.monotonic()

    def _save(self) -> None:
        if self.folder is None:
            return
        state = {"world": self.world.state_dict(), "recorder": self.recorder.state()}
        if self._early is not None:
            state["early_stop"] = self._early.state()
        checkpoint.save(self.folder, self.world.steps_taken, self._identity, state)

    def _conclude(self, status: str) -> dict:
        """Write how the run stands and return the summary."""
        seconds, speed = self._clock()
        means = run_folder.summarise(
            self.recorder.series(),
            max(1, self.world.closing * self.world.horizon * self.world.lanes_each),
        )
        summary = {
            "status": status,
            "folder": None if self.folder is None else str(self.folder),
            "steps": self.world.steps_taken,
            "seconds": seconds,
            "agent_steps_per_second": speed,
            "closing": self.world.closing,
            **means,
        }
        rows = []
        if self.world.replicates > 1 and means["replicates"]:
            rows = table.rows(means["replicates"], run_folder.published(self.experiment))
        summary["table"] = [vars(row) for row in rows]
        if self.folder is not None:
            files.write_json(self.folder / "summary.json", summary)
            if rows:
                files.write_bytes(self.folder / "table.csv", table.as_csv(rows))
            for ledger, book in self.world.society.ledgers.items():
                # Who last did what to whom, in the lane that is shown.
                files.write_graph(self.folder / f"{ledger}.graphml", book.graph(self.world.focus))
            replicate = self.world.focus // self.world.lanes_each
            for name, federation in self.world.society.federations.items():
                path = self.folder / f"federation-{name}.graphml"
                files.write_graph(path, federation.graph(replicate))
                files.write_rows(path.with_suffix(".csv"), federation.log(replicate))
        self._mark(status)
        return summary

    def _mark(self, status: str) -> None:
        self.status = status
        if self.folder is not None:
            seconds, speed = self._clock()
            self._about |= {
                "status": status,
                "steps": self.world.steps_taken,
                "seconds": seconds,
                "agent_steps_per_second": speed,
            }
            files.write_json(self.folder / "run.json", self._about)

    def _clock(self) -> tuple[float, float]:
        """Return wall seconds over all sittings, and agent-steps per second."""
        seconds = self._seconds + time.monotonic() - self._resumed
        agent_steps = self.world.tick * self.world.lanes * self.world.graph.number_of_nodes()
        return round(seconds, 3), round(agent_steps / seconds, 1) if seconds else 0.0

    def _last_good(self) -> str:
        saved = list(checkpoint.steps(self.folder)) if self.folder is not None else []
        return f"last good checkpoint: {saved[-1]}" if saved else "no checkpoint was kept"

    def _bar(self) -> tqdm:
        world = self.world
        each = world.lanes * world.graph.number_of_nodes()
        rounds = math.ceil(self.experiment.steps * world.replicates / world.lanes)
        return tqdm(
            desc=run_folder.kinds_of(self.experiment),
            initial=world.tick * each,
            total=rounds * each,
            unit=" agent-steps",
            unit_scale=True,
            disable=not self.progress,
            # A log file gets a line now and then, a terminal a bar that moves.
            mininterval=0.5 if sys.stderr.isatty() else 10.0,
            dynamic_ncols=True,
        )

    def _found(self, out: Path, name: str) -> None:
        """Make the run folder and move into it."""
        self._about = run_folder.about(self.experiment)

        def fill(folder: Path) -> None:
            self.folder = folder
            experiments.save(self.experiment, folder / "experiment.toml")
            files.write_graph(folder / "graph.graphml", self.world.graph)
            self.recorder.open(folder)
            self.recorder.snapshot(self.world)
            self._save()
            self._mark("running")
            self.recorder.close()  # some systems do not rename a folder with an open file in it

        self.folder = run_folder.new_folder(out, name, fill)


def _headline(row: dict[str, float]) -> dict[str, str]:
    """Return what the progress bar shows of a row: its key indicators, or the first two."""
    names = [name for name in HEADLINE if name in row] or list(row)[:2]
    return {name: f"{row[name]:.3f}" for name in names}
