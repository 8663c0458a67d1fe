"""Write files so that a reader sees the old one or the new one, never half of either.

Everything goes to a temporary name in the same folder, is forced to the disk and
renamed.  Whatever the disk answers (full, read-only, gone) becomes one ``BadFile``.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import networkx as nx

from commonweal.errors import BadFile


@contextlib.contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turn what the disk refuses about ``path`` into a ``BadFile`` of one line."""
    try:
        yield
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error


def flush_folder(folder: Path) -> None:
    """Force the names in ``folder`` to the disk, where the system lets a folder be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` in one stroke."""
    # The process number keeps two writers of one file from sharing a temporary name.
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(draft, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


def lock(file: BinaryIO, path: Path) -> None:
    """Keep ``file`` for this process until it is closed; refuse it if another one has it."""
    with contextlib.suppress(ImportError):
        import fcntl  # not on every system, and then nothing is locked

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise BadFile(f"{path}: another process is writing this run") from None


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON."""
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def write_rows(path: Path, rows: list[dict]) -> None:
    """Write rows with the same keys as CSV; nothing if there are none."""
    if not rows:
        return
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(path, buffer.getvalue().encode())


def read_bytes(path: Path) -> bytes:
    """Return the content of ``path``."""
    with disk(path):
        return path.read_bytes()


def read_json(path: Path) -> dict:
    """Return the JSON table in ``path``."""
    try:
        value = json.loads(read_bytes(path))
    except ValueError as error:
        raise BadFile(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, dict):
        raise BadFile(f"{path}: holds no table")
    return value


def digest(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_graph(path: Path, graph: nx.Graph) -> None:
    """Write a graph as GraphML; ``pos`` becomes ``x`` and ``y``, other compounds JSON text."""
    like = nx.DiGraph if graph.is_directed() else nx.Graph
    plain = like(**{key: _simple(value) for key, value in graph.graph.items()})
    for node, values in graph.nodes(data=True):
        values = dict(values)
        if "pos" in values:
            values["x"], values["y"] = map(float, values.pop("pos"))
        plain.add_node(node, **{key: _simple(value) for key, value in values.items()})
    for a, b, values in graph.edges(data=True):
        plain.add_edge(a, b, **{key: _simple(value) for key, value in values.items()})
    buffer = io.BytesIO()
    nx.write_graphml_xml(plain, buffer)
    write_bytes(path, buffer.getvalue())


def read_graph(path: Path) -> nx.Graph:
    """Read what ``write_graph`` wrote."""
    try:
        plain = nx.read_graphml(io.BytesIO(read_bytes(path)), node_type=int)
    except (nx.NetworkXError, SyntaxError, ValueError, KeyError) as error:
        raise BadFile(f"{path}: not readable as GraphML ({error})") from error
    graph = (nx.DiGraph if plain.is_directed() else nx.Graph)(**_compound(plain.graph))
    for node, values in plain.nodes(data=True):
        if "x" in values and "y" in values:
            values["pos"] = (values.pop("x"), values.pop("y"))
        graph.add_node(node, **_compound(values))
    graph.add_edges_from((a, b, _compound(values)) for a, b, values in plain.edges(data=True))
    return graph


_JSON = "json:"
"""Prefix of the text form of a compound attribute, which GraphML itself cannot hold."""


def _simple(value: object) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else _JSON + json.dumps(value)


def _compound(values: dict) -> dict:
    return {
        key: json.loads(value.removeprefix(_JSON))
        if isinstance(value, str) and value.startswith(_JSON)
        else value
        for key, value in values.items()
        if key not in ("node_default", "edge_default")  # added by the GraphML reader
    }
