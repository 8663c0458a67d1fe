"""Rings: agents on a circle, linked with the nearest on both sides.

Family: ring.
"""

import math

import networkx as nx
import numpy as np

from commonweal.errors import BadSetting
from commonweal.networks import NETWORKS


@NETWORKS.register("ring")
def ring(agents: int, rng: np.random.Generator, *, neighbours: int = 2) -> nx.Graph:
    """Circle on which everyone is linked with the nearest on both sides.

    The neighbours of an agent are ordered next, previous, next but one, previous but one, ...

    Args:
        neighbours: neighbours of each agent, half of them on either side; even.

    Source: Watts and Strogatz (1998), Nature 393, the ring before rewiring.
    """
    check_ring("ring", agents, neighbours)
    steps = [sign * step for step in range(1, neighbours // 2 + 1) for sign in (1, -1)]
    order = (np.arange(agents)[:, None] + steps) % agents
    graph = nx.Graph(name="ring", order=order.tolist())
    place_on_circle(graph, agents)
    graph.add_edges_from(
        (agent, other) for agent, row in enumerate(order.tolist()) for other in row
    )
    return graph


def check_ring(name: str, agents: int, neighbours: int) -> None:
    """Refuse numbers of which no ring can be made."""
    if agents < 3:
        raise BadSetting(f"network {name}: agents = {agents}; a ring needs at least 3")
    if neighbours % 2 or not 2 <= neighbours < agents:
        raise BadSetting(
            f"network {name}: neighbours = {neighbours} must be even, "
            f"from 2 to {(agents - 1) // 2 * 2} with {agents} agents"
        )


def place_on_circle(graph: nx.Graph, agents: int) -> None:
    """Add the nodes 0..N-1 with their places `pos` on the unit circle."""
    angles = [2 * math.pi * agent / agents for agent in range(agents)]
    graph.add_nodes_from(
        (agent, {"pos": (math.cos(angle), math.sin(angle))}) for agent, angle in enumerate(angles)
    )
