"""Regular lattices on a torus: square, Moore, honeycomb.

Family: square_lattice, moore_lattice, honeycomb.

L x L agents, one per cell; agent L * row + column stands in that row and column,
rows counted downwards, and what leaves one border enters at the opposite one. Every agent has
the same number of neighbours in the same order of directions, kept in `graph.graph["order"]`,
because observations are laid out in that order. `pos` is (column, row), for the honeycomb the
place of the vertex in a plane of regular hexagons.

A side below three would make two directions lead to the same cell.
"""

import math

import networkx as nx
import numpy as np

from commonweal.errors import BadSetting
from commonweal.networks import NETWORKS

# Directions as (column, row) steps.
CROSS = ((1, 0), (0, 1), (-1, 0), (0, -1))
DIAGONALS = ((1, 1), (-1, 1), (-1, -1), (1, -1))


@NETWORKS.register("square_lattice")
def square_lattice(agents: int, rng: np.random.Generator) -> nx.Graph:
    """Square lattice on a torus, four neighbours: right, down, left, up.

    An agent's place in the list of its m-th neighbour is (2, 3, 0, 1)[m].

    Source: Nowak and May (1992), Nature 359; order of directions as in Ren et al. (2025).
    """
    return _torus("square_lattice", agents, CROSS)


@NETWORKS.register("moore_lattice")
def moore_lattice(agents: int, rng: np.random.Generator) -> nx.Graph:
    """Square lattice on a torus, eight neighbours: right, down, left, up, then the diagonals.

    The diagonals follow as right-down, left-down, left-up, right-up.

    Source: Nowak and May (1992), Nature 359; order of directions as in Ren et al. (2025).
    """
    return _torus("moore_lattice", agents, CROSS + DIAGONALS)


@NETWORKS.register("honeycomb")
def honeycomb(agents: int, rng: np.random.Generator, *, ladders: bool = False) -> nx.Graph:
    """Honeycomb on a torus, three neighbours: right, left, and one up or down.

    Drawn as a brick wall of even side: the vertical link goes up where row + column is even,
    down where it is odd.

    Args:
        ladders: let the vertical link go up on even rows and down on odd ones, as the code
            published with the source does; that joins rows two by two to separate ladders,
            without hexagons.

    Source: Ren et al. (2025), AAMAS, pp. 1745-1754.
    """
    side = _side("honeycomb", agents, even=True)
    column, row = _cells(side)
    up = (row if ladders else row + column) % 2 == 0
    order = np.stack(
        [
            _cell(column + 1, row, side),
            _cell(column - 1, row, side),
            _cell(column, row + np.where(up, -1, 1), side),
        ],
        axis=1,
    )
    # Links of length one: corners of hexagons zigzag along a row, by half a link up and down.
    x, y = column * math.sqrt(3) / 2, row * 1.5 + np.where(up, 0.0, 0.5)
    return _graph("honeycomb", order, x, y)


def _torus(name: str, agents: int, directions: tuple[tuple[int, int], ...]) -> nx.Graph:
    """Link every cell of a square torus with its neighbours in the given directions."""
    side = _side(name, agents)
    column, row = _cells(side)
    steps = [_cell(column + right, row + down, side) for right, down in directions]
    return _graph(name, np.stack(steps, axis=1), column, row)


def _side(name: str, agents: int, even: bool = False) -> int:
    """Side of the square that holds so many agents."""
    least, step = (4, 2) if even else (3, 1)
    side = math.isqrt(max(agents, 0))
    if side * side == agents and side >= least and side % step == 0:
        return side
    below = max(side - side % step, least)
    above = below if agents < least * least else below + step
    nearest = " or ".join(str(size * size) for size in dict.fromkeys((below, above)))
    kind = "an even number" if even else "a number"
    raise BadSetting(
        f"network {name}: agents = {agents} is not the square of {kind} from {least} up; "
        f"the nearest is {nearest}"
    )


def _cells(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of every agent, [N] each."""
    row, column = np.divmod(np.arange(side * side), side)
    return column, row


def _cell(column: np.ndarray, row: np.ndarray, side: int) -> np.ndarray:
    """Agents at these columns and rows of the torus, [N]."""
    return row % side * side + column % side


def _graph(name: str, order: np.ndarray, x: np.ndarray, y: np.ndarray) -> nx.Graph:
    """Build the graph from each agent's ordered neighbours [N, k] and their places [N]."""
    graph = nx.Graph(name=name, order=order.tolist())
    places = zip(x.tolist(), y.tolist(), strict=True)
    graph.add_nodes_from((agent, {"pos": place}) for agent, place in enumerate(places))
    graph.add_edges_from(
        (agent, other) for agent, row in enumerate(order.tolist()) for other in row
    )
    return graph
