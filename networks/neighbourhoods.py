"""Turn a graph into the index tables that a step of the world reads.

The graph stays the public truth; the tables are its compiled form. What is *summed* over
neighbours goes through the list of directed edges, whatever the degrees; what must be kept
apart, neighbour by neighbour, goes through the view, whose width is bounded so that one hub
does not widen the rows of everybody.

Letters in brackets: N agents, E directed edges (two per link), D neighbours in view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from commonweal.errors import BadSetting, BrokenContract

SIGHT = 16
"""Most neighbours that one agent observes one by one, unless told otherwise."""


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """Index tables of one interaction graph.

    Attributes:
        agents: number of agents, N.
        source: [E] int64, tail of each directed edge; edges are sorted by source, within one
            source in that agent's own order of neighbours.
        target: [E] int64, head of each directed edge.
        reverse: [E] int64, index of the edge that runs the other way.
        degree: [N] int64, number of neighbours.
        view: [N, D] int64, the neighbours observed one by one; padding is the agent itself.
        mask: [N, D] bool, True where a neighbour stands, always a prefix of the row.
        view_edges: [N, D] int64, edge from i to view[i, m]; padding is 0.
        regular: whether every agent has D neighbours and sees them all. The edges are then
            the view read row by row, and E = N * D.
    """

    agents: int
    source: Tensor
    target: Tensor
    reverse: Tensor
    degree: Tensor
    view: Tensor
    mask: Tensor
    view_edges: Tensor
    regular: bool

    def sum(self, values: Tensor) -> Tensor:
        """Sum over each agent's own edges, [..., E] -> [..., N]; bools are counted."""
        if not values.is_floating_point():
            values = values.long()
        lead = values.shape[:-1]
        if self.regular:
            return values.reshape(*lead, self.agents, self.view.shape[1]).sum(-1)
        return values.new_zeros(*lead, self.agents).index_add_(-1, self.source, values)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over each agent's own edges, [..., E] -> [..., N]; 0 without neighbours."""
        return self.sum(values) / self.degree.clamp(min=1)

    def each(self, values: Tensor) -> Tensor:
        """Values of the edges to the neighbours in view, [..., E] -> [..., N, D].

        Where `mask` is False they mean nothing.
        """
        if self.regular:
            return values.unflatten(-1, self.view.shape)
        if not len(self.source):
            return values.new_zeros(*values.shape[:-1], *self.view.shape)
        return values[..., self.view_edges.flatten()].unflatten(-1, self.view.shape)

    def met(self, values: Tensor) -> Tensor:
        """Values of the neighbours in view, [L, N, ...] -> [L, N, D, ...].

        Where `mask` is False they are the agent's own.
        """
        return values[:, self.view.flatten()].unflatten(1, self.view.shape)

    def to(self, device: torch.device | str) -> Neighbourhoods:
        """The same tables on another device."""
        tensors = {
            name: value.to(device) for name, value in vars(self).items() if torch.is_tensor(value)
        }
        return replace(self, **tensors)


def neighbourhoods(
    graph: nx.Graph, sight: int = SIGHT, device: torch.device | str = "cpu"
) -> Neighbourhoods:
    """Compile a simple undirected graph on the nodes 0..N-1 into index tables.

    Neighbours stand in the order of `graph.graph["order"]` ([N, k], set by regular shapes)
    where there is one, else by ascending id. An agent with more than `sight` neighbours
    observes an evenly spaced, fixed sample of its list. Isolated agents are allowed.
    """
    if sight < 1:
        raise BadSetting(f"sight = {sight} lies below 1, the least an agent can observe")
    agents = len(graph)
    name = graph.graph.get("name") or "without a name"
    source, target = _edges(graph, agents, name)
    reverse = _reverse(source, target, agents)
    degree = np.bincount(source, minlength=agents)
    width = max(1, min(int(degree.max()), sight))

    column = np.arange(width)
    mask = column < degree[:, None]
    # Row i of the sample: 0, 1, 2 ... where all is seen, else width steps across the list.
    place = column * np.maximum(degree, width)[:, None] // width
    first = np.cumsum(degree) - degree
    view_edges = np.where(mask, first[:, None] + place, 0)
    # One spare entry lets a graph without edges be indexed too.
    view = np.where(mask, np.append(target, 0)[view_edges], np.arange(agents)[:, None])

    def table(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return Neighbourhoods(
        agents=agents,
        source=table(source),
        target=table(target),
        reverse=table(reverse),
        degree=table(degree),
        view=table(view),
        mask=table(mask),
        view_edges=table(view_edges),
        regular=bool((degree == width).all()),
    )


def _edges(graph: nx.Graph, agents: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Tails and heads of the directed edges, [E] each, sorted by tail."""
    if graph.is_directed() or graph.is_multigraph():
        raise BrokenContract(f"network {name}: a simple undirected graph is needed")
    if agents == 0 or set(graph) != set(range(agents)):
        raise BrokenContract(f"network {name}: the nodes must be the numbers 0 to N-1")
    pairs = np.fromiter(chain.from_iterable(graph.edges()), dtype=np.int64).reshape(-1, 2)
    tail, head = pairs.T
    if (tail == head).any():
        raise BrokenContract(f"network {name}: agent {tail[tail == head][0]} is its own neighbour")
    keys = np.sort(np.concatenate([tail * agents + head, head * agents + tail]))
    order = graph.graph.get("order")
    if order is None:
        return keys // agents, keys % agents
    order = np.asarray(order, dtype=np.int64)
    source, target = np.repeat(np.arange(len(order)), order.shape[1]), order.ravel()
    if not np.array_equal(np.sort(source * agents + target), keys):
        raise BrokenContract(f"network {name}: its order of neighbours is not that of its edges")
    return source, target


def _reverse(source: np.ndarray, target: np.ndarray, agents: int) -> np.ndarray:
    """Index of the opposite of each directed edge, [E]."""
    # The n-th edge by (source, target) is the opposite of the n-th edge by (target, source).
    reverse = np.empty_like(source)
    reverse[np.argsort(source * agents + target)] = np.argsort(target * agents + source)
    return reverse
