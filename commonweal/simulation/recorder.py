"""Keep the series and snapshots of a run, and read them again.

Every step costs one stack and one sum of small tensors, on the device where they are;
nothing becomes a Python number before an interval of the series is over.
"""

import csv
import functools
import hashlib
import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Self

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from commonweal.errors import BadFile, BrokenContract
from commonweal.simulation import experiment as experiments
from commonweal.simulation import files

SERIES = "series.csv"


class Recorder:
    """Turns what a world measures at each step into rows and snapshots.

    A row of the series is the mean of each indicator over the rounds of one interval and
    the lanes of one replicate.  Rows are appended; a checkpoint remembers how much of the
    file belongs to it, so that whatever was written later is dropped on resuming.
    """

    def __init__(self, every: int, replicates: int, snapshots: Sequence[int] = ()) -> None:
        """Keep one row per ``every`` rounds and the layers at the steps ``snapshots``."""
        self.every = every
        self.replicates = replicates
        self.latest: dict[str, float] = {}
        """The last row, over all replicates."""
        self.rows = 0
        """Intervals recorded by this object."""
        self._names: tuple[str, ...] = ()
        self._sums: Tensor | None = None
        """[2 I, L] float64: numerator and denominator of each indicator, this interval"""
        self._rounds = 0
        self._due = sorted(set(snapshots) - {0})
        self._folder: Path | None = None
        self._file: BinaryIO = io.BytesIO()
        self._size = 0
        self._hash = hashlib.sha256()
        self._digest = self._hash.hexdigest()

    def open(self, folder: Path) -> None:
        """Write into ``folder`` from now on, behind the part of the series already known.

        Until then, and without it, the series stays in memory and snapshots are not kept.
        """
        self._folder = folder
        path = folder / SERIES
        with files.disk(path):
            path.touch()
            self._file = open(path, "r+b")  # noqa: SIM115 - stays open for the run
            files.lock(self._file, path)
            self._hash = hashlib.sha256(self._file.read(self._size))
            if self._hash.hexdigest() != self._digest:
                self._file.close()
                raise BadFile(f"{path}: cut short or edited, so the run cannot go on behind it")
            self._file.truncate(self._size)
            self._file.seek(self._size)

    def close(self) -> None:
        """Close the file of the series; `open` goes on where it ended."""
        if self._folder is not None:
            self._file.close()
            self._digest = self._hash.hexdigest()

    def note(self, world) -> None:
        """Take in what the step just made has measured."""
        measured = world.measured
        parts = torch.stack([part for pair in measured.values() for part in pair])
        if self._sums is None:
            self._names = tuple(measured)
            # Sums over an episode of a large world exceed what float32 counts exactly;
            # Apple's devices have nothing wider.
            wide = torch.float32 if parts.device.type == "mps" else torch.float64
            self._sums = torch.zeros_like(parts, dtype=wide)
        elif tuple(measured) != self._names:
            raise BrokenContract(
                f"indicators changed during the run from {', '.join(self._names)} "
                f"to {', '.join(measured)}"
            )
        elif self._sums.device != parts.device:
            self._sums = self._sums.to(parts.device)  # after a checkpoint was loaded
        self._sums += parts
        self._rounds += 1
        if self._rounds == self.every:
            self._write_row(world.steps_taken)
        if self._due and world.steps_taken >= self._due[0]:
            self._due = [step for step in self._due if step > world.steps_taken]
            self.snapshot(world)

    def finish(self, world) -> None:
        """Write the row of the interval begun, and the last snapshot."""
        if self._rounds:
            self._write_row(world.steps_taken)
        self.snapshot(world)

    def snapshot(self, world) -> None:
        """Keep every layer of the world as it is now."""
        if self._folder is None:
            return
        layers = world.layers()
        buffer = io.BytesIO()
        arrays = {name: layer.values.cpu().numpy() for name, layer in layers.items()}
        np.savez_compressed(buffer, **arrays)
        home = self._folder / "snapshots"
        files.write_bytes(home / f"step_{world.steps_taken:09d}.npz", buffer.getvalue())
        legend = home / "layers.json"
        if not legend.exists():
            about = ("low", "high", "labels")
            table = {n: {a: getattr(layer, a) for a in about} for n, layer in layers.items()}
            files.write_json(legend, table)

    def state(self) -> dict:
        """Return what a checkpoint keeps, after forcing the rows so far to the disk."""
        if self._folder is not None and not self._file.closed:
            with files.disk(self._folder / SERIES):
                os.fsync(self._file.fileno())
        return {
            "names": list(self._names),
            "sums": self._sums,
            "rounds": self._rounds,
            "due": list(self._due),
            "size": self._size,
            "sha256": self._hash.hexdigest(),
        }

    def load(self, state: dict) -> None:
        """Take over what ``state`` returned; ``open`` then drops the rows written after it."""
        self._names = tuple(state["names"])
        self._sums = state["sums"]
        self._rounds = state["rounds"]
        self._due = list(state["due"])
        self._size = state["size"]
        self._digest = state["sha256"]

    def series(self) -> dict[str, np.ndarray]:
        """Return the series so far as columns."""
        if self._folder is None:
            return parse_series(self._file.getvalue(), SERIES)
        return parse_series(files.read_bytes(self._folder / SERIES), str(self._folder / SERIES))

    def _write_row(self, step: int) -> None:
        sums = self._sums.cpu().numpy().reshape(len(self._names), 2, self.replicates, -1).sum(-1)
        self._sums.zero_()
        self._rounds = 0
        self.rows += 1
        lines = [] if self._size else [",".join(["step", "replicate", *self._names])]
        for replicate, row in enumerate(_means(sums).T):
            cells = ("" if np.isnan(value) else f"{value:.9g}" for value in row)
            lines.append(",".join([str(step), str(replicate), *cells]))
        self.latest = dict(zip(self._names, _means(sums.sum(-1)).tolist(), strict=True))
        data = "".join(line + "\n" for line in lines).encode()
        where = self._folder / SERIES if self._folder else Path(SERIES)
        with files.disk(where):
            self._file.write(data)
            self._file.flush()
        self._size += len(data)
        self._hash.update(data)


class Recording:
    """What a run has left behind in its folder; each part is read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        """Use `Recording.open`, which takes a string as well."""
        self.folder = folder
        for name in ("experiment.toml", "run.json"):
            if not (folder / name).is_file():
                raise BadFile(f"{folder} is no run folder: it has no {name}")

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open a run folder, or say in one line why it is none."""
        return cls(Path(folder))

    @property
    def status(self) -> str:
        """``running``, ``stopped``, ``finished`` or ``diverged``, as last written."""
        return self.run["status"]

    @property
    def summary(self) -> dict:
        """The final means and speeds; empty while the run has not ended."""
        path = self.folder / "summary.json"
        return files.read_json(path) if path.exists() else {}

    @property
    def run(self) -> dict:
        """Versions, seed, device, status and speed."""
        return files.read_json(self.folder / "run.json")

    @functools.cached_property
    def experiment(self) -> experiments.Experiment:
        """The resolved experiment."""
        return experiments.load(self.folder / "experiment.toml")

    @functools.cached_property
    def series(self) -> dict[str, np.ndarray]:
        """Columns of the series: ``step`` and ``replicate`` [T] int64, indicators [T] float64."""
        path = self.folder / SERIES
        return parse_series(files.read_bytes(path), str(path))

    @functools.cached_property
    def snapshots(self) -> dict[int, dict[str, np.ndarray]]:
        """Layers [L, N] by name, by the environment step they were kept at."""
        found = {}
        for path in sorted((self.folder / "snapshots").glob("step_*.npz")):
            try:
                with np.load(io.BytesIO(files.read_bytes(path))) as arrays:
                    found[int(path.stem.removeprefix("step_"))] = dict(arrays)
            except (ValueError, zipfile.BadZipFile) as error:
                raise BadFile(f"{path}: not readable as a snapshot ({error})") from error
        return found

    @functools.cached_property
    def layers(self) -> dict[str, dict]:
        """What a snapshot's layers mean: ``low``, ``high`` and ``labels`` by name."""
        return files.read_json(self.folder / "snapshots" / "layers.json")

    @functools.cached_property
    def graph(self) -> nx.Graph:
        """The interaction graph, with its node attributes."""
        return files.read_graph(self.folder / "graph.graphml")


def parse_series(data: bytes, where: str) -> dict[str, np.ndarray]:
    """Return the columns of a series; a last line without its end is not seen.

    Such a line is what a process leaves that was killed while writing it.
    """
    whole = data[: data.rfind(b"\n") + 1].decode(errors="replace")
    header, *rows = csv.reader(io.StringIO(whole)) if whole else [["step", "replicate"]]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BadFile(f"{where}, line {number}: {len(row)} cells for {len(header)} columns")
    try:
        table = np.array([[float(cell or "nan") for cell in row] for row in rows], dtype=float)
        table = table.reshape(-1, len(header))
        columns = dict(zip(header, table.T, strict=True))
        return columns | {key: columns[key].astype(np.int64) for key in ("step", "replicate")}
    except (ValueError, KeyError) as error:
        raise BadFile(f"{where}: not a series of this framework ({error})") from error


def _means(sums: np.ndarray) -> np.ndarray:
    """[I, 2, ...] numerators and denominators -> [I, ...] means, NaN where nothing was counted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[:, 1] == 0, np.nan, sums[:, 0] / sums[:, 1])
