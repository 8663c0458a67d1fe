"""What the clauses of all contracts share: how they are kept, compared and documented."""

import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from inspect import getdoc
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from commonweal.errors import BadSetting, BrokenContract
from commonweal.networks import NETWORKS
from commonweal.records import Indicators
from commonweal.registry import Registry
from commonweal.settings import Flag, Settings, flags, from_table, replace_at, to_table
from commonweal.simulation import checkpoint
from commonweal.simulation.toml import dumps

Clause = Callable[..., Iterator[str]]


def keep(what: str, clauses: Sequence[Clause], *case: Any) -> None:
    """Raise `BrokenContract` with the sentence of the first clause that ``case`` breaks."""
    for clause in clauses:
        for fault in clause(*case):
            raise BrokenContract(f"{what}: {sentence(clause)} ({fault})")


def sentence(clause: Clause) -> str:
    """The clause in words."""
    return getdoc(clause).partition("\n")[0].rstrip(".")


# ---- comparing ------------------------------------------------------------------------------


def differences(one: Any, other: Any, path: str = "state") -> Iterator[str]:
    """Where two nested states differ, bit by bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key not in one or key not in other:
                yield f"{path}/{key} exists only once"
            else:
                yield from differences(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            yield f"{path} has {len(one)} and {len(other)} entries"
        for place, pair in enumerate(zip(one, other, strict=False)):
            yield from differences(*pair, f"{path}/{place}")
    elif isinstance(one, Tensor) and isinstance(other, Tensor):
        if not torch.equal(one, other):
            yield f"{path} differs"
    elif one != other:
        yield f"{path} = {one!r} and {other!r}"


def saved(state: dict) -> dict:
    """A state after a way through the files of a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder), 0, "conformance", state)
        return checkpoint.restore(Path(folder)).state


# ---- what several contracts ask ------


def shadowed(kind: type, base: type, theirs: set[str]) -> Iterator[str]:
    """Which of the names ``theirs`` a subclass of ``base`` defines anew."""
    # What Mesa itself writes into every subclass is not ours.
    theirs = theirs - set(vars(type(base.__name__, (base,), {})))
    for cls in kind.__mro__[: kind.__mro__.index(base)]:
        for name in sorted(theirs & set(vars(cls))):
            if not name.startswith("__"):
                yield f"{cls.__name__}.{name}"


def unsound(measured: Indicators, lanes: int, label: str) -> Iterator[str]:
    """Indicators that are not sums over counts."""
    for indicator, (above, below) in measured.items():
        if above.shape != (lanes,) or below.shape != (lanes,):
            yield f"{label}: {indicator} is {tuple(above.shape)} over {tuple(below.shape)}"
        elif not (torch.isfinite(above) & torch.isfinite(below)).all():
            yield f"{label}: {indicator} is not finite"
        elif (below < 0).any() or (above[below == 0] != 0).any():
            yield f"{label}: {indicator} counts {below.tolist()}"


# ---- graphs ---------------------------------------------------------------------------------


def small_graphs() -> dict[str, nx.Graph]:
    """Graphs on which every kind must live: three regular ones, one with all irregularities."""
    hub = nx.star_graph(4)
    hub.add_edge(1, 2)
    hub.add_node(5)
    hub.graph["name"] = "hub"
    rng = np.random.default_rng(0)
    return {
        "a lattice of 4 x 4": NETWORKS["square_lattice"](16, rng),
        "a ring of 6": NETWORKS["ring"](6, rng),
        "a hub, a triangle and an isolated agent": hub,
        "a pair": NETWORKS["pairs"](2, rng),
    }


# ---- names, documentation, settings ---------------------------------------------------------


def documentation(registry: Registry, name: str) -> Iterator[str]:
    """The kind and its module say what it is, found under its name or listed by its family."""
    kind = registry[name]
    module = sys.modules[kind.__module__]
    if not registry.summary(name):
        yield "no docstring"
    about = getdoc(module) or ""
    if registry.file(name).stem != name and not re.search(rf"\b{name}\b", about):
        yield f"{registry.file(name).name} is not called {name}.py and its docstring lists no {name}"


def source(registry: Registry, name: str) -> Iterator[str]:
    """Its docstring or its module's names a source: author and year."""
    kind = registry[name]
    text = f"{getdoc(kind) or ''} {getdoc(sys.modules[kind.__module__]) or ''}"
    if not re.search(r"[A-Z]\w+[^\n]{0,60}\b(1[89]|20)\d\d\b", text):
        yield "no author and year"


def settings(config: type[Settings]) -> Iterator[str]:
    """Settings survive TOML, one by one, and each says what it means."""
    for flag in flags(config, ""):
        if not flag.help:
            yield f"{flag.name} has no help"
        try:
            changed = replace_at(config(), flag.name, another(flag))
        except BadSetting:  # at odds with the other settings
            continue
        if from_table(config, tomllib.loads(dumps(to_table(changed))), "") != changed:
            yield f"{flag.name} = {another(flag)!r} reads back otherwise"


def another(flag: Flag) -> Any:
    """A value other than the default that the bounds allow, the default where there is none."""
    value = flag.default
    if flag.choices:
        return next((choice for choice in flag.choices if choice != value), value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1 if flag.high is None or value < flag.high else value - 1
    if isinstance(value, float):
        high = value + 1 if flag.high is None else flag.high
        low = value - 1 if flag.low is None else flag.low
        return (value + high) / 2 if value < high else (value + low) / 2
    if isinstance(value, tuple):
        return (*value, *value[:1])
    return f"{value}other"
