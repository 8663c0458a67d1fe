"""Who supports whom: measures of weighted directed graphs of gifts, as the gift ledger leaves them.

Nodes are agents 0..N-1; an edge from i to j carries what i gives j under the attribute named by
``weight``.  Pure functions; a measure that is undefined (no gifts at all) is NaN, never zero.
"""

from collections.abc import Iterable, Mapping, Sequence

import networkx as nx
import numpy as np

from commonweal.analysis import measures


def mean_graph(graphs: Sequence[nx.DiGraph], weight: str = "weight") -> nx.DiGraph:
    """One graph with the mean ``weight`` of each edge over graphs of the same edges (lanes, runs)."""
    result = nx.DiGraph()
    result.add_nodes_from(graphs[0].nodes)
    for i, j in graphs[0].edges:
        result.add_edge(i, j, **{weight: float(np.mean([g[i][j][weight] for g in graphs]))})
    return result


def in_strength(gifts: nx.DiGraph, weight: str = "weight") -> np.ndarray:
    """Sum of what each agent is given, [N] (Barrat et al. 2004)."""
    return np.array([gifts.in_degree(node, weight=weight) for node in range(len(gifts))], float)


def support(
    gifts: nx.DiGraph, kinds: Sequence[str], givers: Iterable[str], weight: str = "weight"
) -> dict[str, float]:
    """How far each kind is favoured: the mean weight of a giver's link to it over that of any link.

    One if ``givers`` gave all their neighbours alike, zero for who gets nothing.  NaN for all if
    nothing is given; kinds that no giver meets are left out.
    """
    kept = set(givers)
    links = [(kinds[j], w) for i, j, w in gifts.edges(data=weight) if kinds[i] in kept]
    usual = float(np.mean([w for _, w in links])) if links else 0.0
    by_kind: dict[str, list[float]] = {}
    for kind, value in links:
        by_kind.setdefault(kind, []).append(value)
    return {
        kind: float(np.mean(values)) / usual if usual else float("nan")
        for kind, values in by_kind.items()
    }


def reciprocity(gifts: nx.DiGraph, nodes: Iterable[int], weight: str = "weight") -> float:
    """Share of what is given among ``nodes`` that is returned, link by link (Squartini et al. 2013)."""
    among = gifts.subgraph(nodes)
    edges = {edge: place for place, edge in enumerate(among.edges)}
    given = [among.edges[edge][weight] for edge in edges]
    reverse = np.array([edges[j, i] for i, j in edges], dtype=np.int64)
    return float(measures.reciprocity(given, reverse))


def mean_by_kind(values: np.ndarray, kinds: Sequence[str]) -> Mapping[str, float]:
    """Mean of the values [N] of the agents of each kind."""
    names = np.asarray(kinds)
    return {str(name): float(np.asarray(values)[names == name].mean()) for name in np.unique(names)}
