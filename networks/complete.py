"""Everyone with everyone, and everyone with one partner.

Family: complete, pairs.
"""

import networkx as nx
import numpy as np

from commonweal.errors import BadSetting
from commonweal.networks import NETWORKS


@NETWORKS.register("complete")
def complete(agents: int, rng: np.random.Generator) -> nx.Graph:
    """Everyone is a neighbour of everyone else.

    Source: Axelrod (1984), The Evolution of Cooperation: the round-robin tournament.
    """
    if agents < 2:
        raise BadSetting(f"network complete: agents = {agents}; at least 2 are needed")
    graph = nx.complete_graph(agents)
    graph.graph["name"] = "complete"
    return graph


@NETWORKS.register("pairs")
def pairs(agents: int, rng: np.random.Generator) -> nx.Graph:
    """Fixed pairs: agents 0 and 1, 2 and 3, and so on.

    Source: Rapoport and Chammah (1965), Prisoner's Dilemma: two who always meet again.
    """
    if agents < 2 or agents % 2:
        raise BadSetting(f"network pairs: agents = {agents} must be even and at least 2")
    graph = nx.Graph(name="pairs")
    graph.add_nodes_from(range(agents))
    graph.add_edges_from((agent, agent + 1) for agent in range(0, agents, 2))
    return graph
