"""Clauses of a network, which says who meets whom."""

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch

from commonweal.errors import BadSetting, BrokenContract
from commonweal.networks import NETWORKS, settings_of
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.simulation.conformance.tools import documentation, settings, source

SIZES = (16, 36, 12)
"""Numbers of agents that are tried until one suits the kind."""


def draw(name: str, seed: int = 0) -> nx.Graph:
    """A graph of the kind, of the first size that suits it; files are given one to read."""
    kind = NETWORKS[name]
    with tempfile.TemporaryDirectory() as folder:
        given: dict[str, Any] = {}
        if "path" in inspect.signature(kind).parameters:
            given["path"] = str(Path(folder) / "ring.graphml")
            nx.write_graphml(nx.cycle_graph(SIZES[0]), given["path"])
        for size in SIZES:
            try:
                return kind(size, np.random.default_rng(seed), **given)
            except BadSetting as error:
                refusal = error
        raise refusal


def network_is_documented(name: str) -> Iterator[str]:
    """It stands in a file of its name, or in a family whose docstring lists it."""
    yield from documentation(NETWORKS, name)


def network_names_a_source(name: str) -> Iterator[str]:
    """Its docstring names a source."""
    yield from source(NETWORKS, name)


def keywords_are_settings(name: str) -> Iterator[str]:
    """Every keyword argument is documented and survives a file as a setting."""
    try:
        config = settings_of(NETWORKS[name])
    except BrokenContract as error:
        yield str(error)
        return
    yield from settings(config)


def graph_is_simple(name: str) -> Iterator[str]:
    """It is a simple undirected graph on the nodes 0 to N-1 that bears the kind's name."""
    graph = draw(name)
    if graph.is_directed() or graph.is_multigraph() or any(nx.selfloop_edges(graph)):
        yield "directed, with parallel links or with loops"
    elif sorted(graph) != list(range(len(graph))):
        yield f"nodes {sorted(graph)[:3]} ..."
    elif graph.graph.get("name") != name:
        yield f"named {graph.graph.get('name')!r}"
    else:
        try:
            neighbourhoods(graph)
        except BrokenContract as error:
            yield str(error)


def stream_decides(name: str) -> Iterator[str]:
    """The same stream draws the same graph, and no other source of chance is used."""
    torch.rand(1), np.random.default_rng().random()  # what passes outside must not matter
    edges = [sorted(draw(name).edges) for _ in range(2)]
    if edges[0] != edges[1]:
        yield "two draws from equal streams differ"


NETWORK_CLAUSES = (
    network_is_documented,
    network_names_a_source,
    keywords_are_settings,
    graph_is_simple,
    stream_decides,
)
