"""Who meets whom: kinds of interaction graph, and what is recorded on them.

A network is a function ``kind(agents, rng, *, settings...) -> nx.Graph``: a simple undirected
graph on the nodes 0..N-1, drawn with the given generator only. Its keyword-only arguments are
its settings, each with a default and a line under ``Args:``. The graph carries

- ``graph.graph["name"]``, the registered name;
- ``graph.graph["order"]``, [N, k] neighbours of each agent, where directions have an order;
- ``graph.graph["redrawn"] = True``, where it is drawn afresh after every round;
- ``pos = (x, y)`` at each node, where the shape has natural places.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import make_dataclass
from functools import cache
from typing import get_type_hints

import networkx as nx

from commonweal.errors import BrokenContract
from commonweal.registry import Registry
from commonweal.settings import Settings, setting

NETWORKS = Registry("network", "commonweal.networks")


@cache
def settings_of(kind: Callable[..., nx.Graph]) -> type[Settings]:
    """Turn the keyword-only arguments of a network into a class of settings.

    ``settings_of(small_world)`` is a class ``SmallWorldConfig``, with the fields
    ``neighbours`` and ``rewiring``, that serves flags, files and help as any kind's does.
    """
    helps = _documented(kind)
    hints = get_type_hints(kind)
    fields = []
    for name, argument in inspect.signature(kind).parameters.items():
        if argument.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        if argument.default is argument.empty or name not in hints or name not in helps:
            raise BrokenContract(
                f"network {kind.__name__}: {name} needs a type, a default and a line under Args:"
            )
        fields.append((name, hints[name], setting(argument.default, helps[name])))
    title = kind.__name__.title().replace("_", "") + "Config"
    return make_dataclass(
        title,
        fields,
        bases=(Settings,),
        frozen=True,
        kw_only=True,
        namespace={"__doc__": f"Settings of the network {kind.__name__}."},
    )


def _documented(kind: Callable[..., nx.Graph]) -> dict[str, str]:
    """The lines under ``Args:`` in a docstring, by argument."""
    _, _, text = (inspect.getdoc(kind) or "").partition("\nArgs:\n")
    section = re.match(r"(?: .*\n?|\n)*", text).group()
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(help.split()).rstrip(".") for name, help in entries}
