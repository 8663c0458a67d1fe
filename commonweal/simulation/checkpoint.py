"""Save and restore everything a run needs to go on to the same bits.

A checkpoint is a folder ``checkpoints/<step>/`` of two files.  ``tensors.safetensors``
holds every tensor of the state under its path of keys, with ``/`` and ``~`` inside a key
escaped as in RFC 6901.  ``values.json`` holds the same nesting with the plain values in
place and the name of a tensor where one stands, and the SHA-256 of both parts: a file
that was cut short or edited is noticed, and the checkpoint before it is used.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

import commonweal
from commonweal.errors import BadFile, BrokenContract
from commonweal.simulation import experiment as experiments
from commonweal.simulation import files

KEPT = 2
"""Checkpoints of a run that stay on the disk."""

_TENSOR = "$tensor"
"""Key of the entry that stands for a tensor in ``values.json``."""


class _OtherVersion(BadFile):
    """A whole checkpoint of another version: no damage, so nothing to fall back from."""


def identity(experiment: experiments.Experiment) -> str:
    """Return the SHA-256 of all that decides what a resolved experiment computes."""
    table = experiments.to_plain(experiment)
    for name in ("title", "source", "checkpoint_every"):
        table.pop(name, None)
    return files.digest(json.dumps(table, sort_keys=True).encode())


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint as read from the disk."""

    path: Path
    step: int
    experiment: str
    """Identity of the experiment it belongs to."""
    state: dict


def save(folder: Path, step: int, experiment: str, state: dict) -> Path:
    """Write the state at ``step`` into the run ``folder``; return the checkpoint's path.

    Only the newest ``KEPT`` stay.  A whole checkpoint of the same step is left alone, for
    nothing can have happened since.
    """
    home = folder / "checkpoints"
    path = home / f"{step:012d}"
    if path.is_dir():
        try:
            _read(path)
            return path
        except BadFile:
            _remove(path)
    tensors: dict[str, Tensor] = {}
    values = json.dumps(_flatten(state, "", tensors))
    packed = safetensors.torch.save(tensors)
    draft = home / f".{path.name}.{os.getpid()}.tmp"
    try:
        files.write_bytes(draft / "tensors.safetensors", packed)
        manifest = {
            "version": commonweal.__version__,
            "experiment": experiment,
            "step": step,
            "sha256_of_tensors": files.digest(packed),
            "sha256_of_values": files.digest(values.encode()),
            "values": json.loads(values),
        }
        files.write_json(draft / "values.json", manifest)
        with files.disk(path):
            os.rename(draft, path)
            files.flush_folder(home)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for stale in list(steps(folder))[:-KEPT] + [p for p in home.glob(".*.tmp")]:
        _remove(stale)
    return path


def steps(folder: Path) -> Iterator[Path]:
    """Yield the checkpoint folders of a run, oldest first, whole or not."""
    yield from sorted(p for p in (folder / "checkpoints").glob("*") if p.name.isdecimal())


def restore(folder: Path) -> Checkpoint:
    """Read the newest whole checkpoint of a run.

    A damaged newer one is renamed to ``<step>.damaged`` with a warning of one line; with
    no whole one left, or one of another version of the package, ``BadFile``.
    """
    damage = "it has no checkpoint"
    for path in reversed(list(steps(folder))):
        try:
            found = _read(path)
        except _OtherVersion:
            raise
        except BadFile as error:
            damage = str(error)
            continue
        for newer in steps(folder):
            if newer > path:
                print(f"commonweal: {damage}; going on from {path.name}", file=sys.stderr)
                aside = newer.with_name(f"{newer.name}.damaged")
                _remove(aside)
                with files.disk(newer):
                    os.rename(newer, aside)
        return found
    raise BadFile(f"{folder}: nothing to go on from: {damage}")


def _read(path: Path) -> Checkpoint:
    """Return the checkpoint at ``path``, or say in one line what is wrong with it."""
    manifest = files.read_json(path / "values.json")
    version = manifest.get("version")
    if version not in (None, commonweal.__version__):
        raise _OtherVersion(
            f"{path}: written by commonweal {version}, and this is commonweal "
            f"{commonweal.__version__}; go on with the version that wrote it"
        )
    packed = files.read_bytes(path / "tensors.safetensors")
    try:
        values = manifest["values"]
        parts = {
            "values.json": (json.dumps(values).encode(), manifest["sha256_of_values"]),
            "tensors.safetensors": (packed, manifest["sha256_of_tensors"]),
        }
        for name, (data, expected) in parts.items():
            if files.digest(data) != expected:
                raise BadFile(f"{path / name}: cut short or edited (its SHA-256 differs)")
        state = _nest(values, safetensors.torch.load(packed))
        return Checkpoint(path, manifest["step"], manifest["experiment"], state)
    except (KeyError, safetensors.SafetensorError) as error:
        raise BadFile(f"{path}: not a checkpoint ({error!r})") from error


def _flatten(value: object, path: str, tensors: dict[str, Tensor]) -> object:
    """Return ``value`` with each tensor moved to ``tensors`` and its name in its place."""
    if isinstance(value, Tensor):
        # Views of one storage are common (agents look into their cohort's tensors), and
        # the format refuses them: each gets its own memory.
        tensors[path] = value.detach().to("cpu", copy=True).contiguous()
        return {_TENSOR: path}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or key == _TENSOR:
                raise BrokenContract(f"state {path or '/'}: {key!r} cannot be a key, use a string")
        return {key: _flatten(part, _join(path, key), tensors) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_flatten(part, _join(path, str(i)), tensors) for i, part in enumerate(value)]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise BrokenContract(
        f"state {path}: a {type(value).__name__} cannot be kept, only tensors, numbers, "
        "strings, booleans, None, lists and tables of these"
    )


def _nest(value: object, tensors: dict[str, Tensor]) -> object:
    """Undo ``_flatten``."""
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _nest(part, tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_nest(part, tensors) for part in value]
    return value


def _join(path: str, key: str) -> str:
    key = key.replace("~", "~0").replace("/", "~1")
    return f"{path}/{key}" if path else key


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
