"""Graphs from outside: files in GraphML or as edge lists, and NetworkX objects.

Family: graph_file.

An edge list is a text file with one link per line, the names of its two ends separated by
blanks; a weight or a table in braces after them is not read, and `#` starts a comment. Agents without links
need GraphML.
"""

import math
import re
import warnings
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np

from commonweal.errors import BadFile, BadSetting, CommonwealError
from commonweal.networks import NETWORKS

GRAPHML = (".graphml", ".xml")
"""File names that end so are read as GraphML, all others as edge lists."""

LINK = re.compile(r"(?P<one>\S+)\s+(?P<other>\S+)(\s+([-+.\deE]+|\{.*\}))?")
"""A line of an edge list; NetworkX writes weights between braces."""


@NETWORKS.register("graph_file")
def graph_file(agents: int, rng: np.random.Generator, *, path: str = "") -> nx.Graph:
    """Graph read from a file; with 0 agents, as many as the file has nodes.

    Nodes become agents in ascending order where all are called by whole numbers, else in the
    order of the file; their names stay as the node attribute `label`.

    Args:
        path: GraphML file (.graphml, .xml) or edge list (any other name).

    Source: Brandes et al. (2002), Graph Drawing 2001, for GraphML.
    """
    if not path:
        raise BadSetting("network graph_file: path is empty; name a GraphML file or an edge list")
    file = Path(path)
    try:
        read = _read_graphml if file.suffix.lower() in GRAPHML else _read_edges
        graph = _normalised(read(file), BadFile, str(file))
    except OSError as error:
        raise BadFile(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise BadFile(f"{file}: not a text file") from error
    _check_agents("graph_file", graph, agents, str(file))
    graph.graph["name"] = "graph_file"
    return graph


def from_networkx(graph: nx.Graph, agents: int = 0) -> nx.Graph:
    """Copy any simple undirected NetworkX graph as an interaction graph on 0..N-1.

    Nodes that are not the numbers 0..N-1 already become agents in ascending order where all
    are whole numbers, else in the order of the graph; their names stay as `label`.

    Args:
        graph: the graph; directed graphs, parallel links and links to oneself are refused.
        agents: number of nodes it must have, or 0 for any.
    """
    where = graph.graph.get("name") or "the NetworkX graph"
    simple = _normalised(graph, BadSetting, where)
    _check_agents(where, simple, agents, "it")
    return simple


def write_graphml(graph: nx.Graph, path: Path | str) -> None:
    """Write the nodes, their places and names, and the links as GraphML.

    Places are written as the attributes `x` and `y`, which other programs draw by, and are
    read back by `graph_file`. The order of neighbours has no place in the format.
    """
    plain = nx.Graph(name=str(graph.graph.get("name", "")))
    for node, data in graph.nodes(data=True):
        plain.add_node(node)
        if "pos" in data:
            plain.nodes[node].update(x=float(data["pos"][0]), y=float(data["pos"][1]))
        if "label" in data:
            plain.nodes[node]["label"] = str(data["label"])
    plain.add_edges_from(graph.edges())
    # The writer for lxml lays bytes out otherwise; one file should not depend on what else
    # is installed.
    nx.write_graphml_xml(plain, Path(path))


def _read_graphml(path: Path) -> nx.Graph:
    """Read GraphML, turning every way of failing to parse into one line."""
    try:
        with warnings.catch_warnings():
            # They concern attributes of unknown type, of which none is used here.
            warnings.simplefilter("ignore")
            return nx.read_graphml(path)
    except (ParseError, nx.NetworkXException, LookupError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadFile(f"{path}: not a GraphML file ({reason})") from error


def _read_edges(path: Path) -> nx.MultiGraph:
    """Read an edge list, keeping links that occur twice for the check to find."""
    graph = nx.MultiGraph()
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        link = LINK.fullmatch(text)
        if link is None:
            raise BadFile(
                f"{path}: line {number} is not a link, two names and perhaps a weight between blanks"
            )
        graph.add_edge(link["one"], link["other"])
    return graph


def _normalised(graph: nx.Graph, error: type[CommonwealError], where: str) -> nx.Graph:
    """Copy on the nodes 0..N-1, or raise the error where the graph does not fit."""
    if graph.is_directed():
        raise error(f"{where}: links are directed; neighbours must be mutual")
    if len(graph) == 0:
        raise error(f"{where}: holds no nodes")
    seen = set()
    for one, other in graph.edges():
        if one == other:
            raise error(f"{where}: node {one!r} is linked with itself")
        if (one, other) in seen:
            raise error(f"{where}: the link between {one!r} and {other!r} occurs more than once")
        seen.add((one, other))
    number = {name: agent for agent, name in enumerate(_ascending(graph))}
    simple = nx.Graph(name=graph.graph.get("name") or "networkx")
    for name, agent in number.items():
        simple.add_node(agent)
        data = simple.nodes[agent]
        data.update(graph.nodes[name])
        if str(name) != str(agent):
            data.setdefault("label", name)
        place = tuple(data.get(axis) for axis in "xy")
        if all(isinstance(value, int | float) and math.isfinite(value) for value in place):
            data["pos"] = place
    simple.add_edges_from((number[one], number[other]) for one, other in graph.edges())
    return simple


def _ascending(graph: nx.Graph) -> list:
    """The nodes in ascending order where all are whole numbers or texts of such."""
    try:
        return sorted(graph, key=lambda name: int(str(name)))
    except ValueError:
        return list(graph)


def _check_agents(name: str, graph: nx.Graph, agents: int, what: str) -> None:
    """Refuse a number of agents that is not that of the nodes."""
    if agents not in (0, len(graph)):
        raise BadSetting(
            f"network {name}: agents = {agents}, but {what} has {len(graph)} nodes; "
            f"give {len(graph)}, or 0 for as many as there are"
        )
