"""Graphs drawn at random, from equal degrees to hubs.

Family: random_regular, well_mixed, small_world, scale_free, erdos_renyi.

Every draw comes from the generator that is passed in, so a seed fixes the graph.
"""

import networkx as nx
import numpy as np

from commonweal.errors import BadSetting
from commonweal.networks import NETWORKS
from commonweal.networks.rings import check_ring, place_on_circle


@NETWORKS.register("random_regular")
def random_regular(agents: int, rng: np.random.Generator, *, neighbours: int = 4) -> nx.Graph:
    """Random graph in which all have the same number of neighbours, drawn once.

    Args:
        neighbours: neighbours of each agent; agents times neighbours must be even.

    Source: Bollobas (1980), European Journal of Combinatorics 1, for the pairing of ends;
    Rao, Jana and Bandyopadhyay (1996), Sankhya A 58, for the swapping.
    """
    return _regular("random_regular", agents, neighbours, rng)


@NETWORKS.register("well_mixed")
def well_mixed(agents: int, rng: np.random.Generator, *, neighbours: int = 4) -> nx.Graph:
    """Random graph with equal numbers of neighbours, redrawn after every round.

    Args:
        neighbours: partners of each agent in a round; agents times neighbours must be even.

    Source: Ren et al. (2025), AAMAS, pp. 1745-1754, the well-mixed population.
    """
    graph = _regular("well_mixed", agents, neighbours, rng)
    graph.graph["redrawn"] = True
    return graph


@NETWORKS.register("small_world")
def small_world(
    agents: int, rng: np.random.Generator, *, neighbours: int = 4, rewiring: float = 0.1
) -> nx.Graph:
    """Ring whose links are rewired at random.

    Args:
        neighbours: neighbours of each agent before rewiring, half of them on either side; even.
        rewiring: probability that a link of the ring gets a random other end, from 0 to 1.

    Source: Watts and Strogatz (1998), Nature 393.
    """
    check_ring("small_world", agents, neighbours)
    if not 0 <= rewiring <= 1:
        raise BadSetting(f"network small_world: rewiring = {rewiring} lies outside [0, 1]")
    graph = nx.watts_strogatz_graph(agents, neighbours, rewiring, seed=rng)
    place_on_circle(graph, agents)
    graph.graph["name"] = "small_world"
    return graph


@NETWORKS.register("scale_free")
def scale_free(agents: int, rng: np.random.Generator, *, links: int = 2) -> nx.Graph:
    """Growing graph with hubs: newcomers link preferably with those who have many links.

    Args:
        links: links that each newcomer makes, from 1 to one less than the agents.

    Source: Barabasi and Albert (1999), Science 286.
    """
    _check("scale_free", agents, "links", links, 1)
    graph = nx.barabasi_albert_graph(agents, links, seed=rng)
    graph.graph["name"] = "scale_free"
    return graph


@NETWORKS.register("erdos_renyi")
def erdos_renyi(agents: int, rng: np.random.Generator, *, neighbours: float = 4.0) -> nx.Graph:
    """Every two agents are linked with the same probability; some may stay alone.

    Args:
        neighbours: expected neighbours of an agent, from 0 to one less than the agents.

    Source: Erdos and Renyi (1959), Publicationes Mathematicae 6; Gilbert (1959).
    """
    _check("erdos_renyi", agents, "neighbours", neighbours, 0)
    graph = nx.fast_gnp_random_graph(agents, neighbours / (agents - 1), seed=rng)
    graph.graph["name"] = "erdos_renyi"
    return graph


def _check(name: str, agents: int, argument: str, value: float, low: int) -> None:
    """Refuse numbers of links that so many agents cannot have."""
    if agents < 2:
        raise BadSetting(f"network {name}: agents = {agents}; at least 2 are needed")
    if not low <= value <= agents - 1:
        raise BadSetting(
            f"network {name}: {argument} = {value} lies outside [{low}, {agents - 1}] "
            f"with {agents} agents"
        )


def _regular(name: str, agents: int, neighbours: int, rng: np.random.Generator) -> nx.Graph:
    """Random graph of equal degrees under the given name."""
    _check(name, agents, "neighbours", neighbours, 1)
    if agents * neighbours % 2:
        raise BadSetting(
            f"network {name}: agents * neighbours = {agents} * {neighbours} is odd; "
            f"one of the two must be even"
        )
    graph = nx.Graph(name=name)
    graph.add_nodes_from(range(agents))
    # A dense graph is drawn as those links that are missing: repairs need room.
    missing = agents - 1 - neighbours
    if missing < neighbours:
        graph.add_edges_from(_regular_links(agents, missing, rng))
        graph = nx.complement(graph)
        graph.graph["name"] = name
    else:
        graph.add_edges_from(_regular_links(agents, neighbours, rng))
    return graph


def _regular_links(agents: int, degree: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Links, lower id first, that give every agent the same degree, near to uniformly drawn.

    The ends of all links are paired at random. A link from an agent to itself, or one that is
    there already, swaps ends with random others until both fit; where none fits, all is drawn
    again. Such repairs favour some graphs, so random pairs of links then swap ends, twice as
    many as there are links, which favours none. Both faster and nearer to uniform than the
    generator of NetworkX; speed is felt where every round has its own graph.
    """
    ends = np.repeat(np.arange(agents), degree)
    while True:
        drawn = np.sort(rng.permutation(ends).reshape(-1, 2))
        links, taken, misfits = [], set(), []
        for link in zip(*drawn.T.tolist(), strict=True):
            if link[0] == link[1] or link in taken:
                misfits.append(link)
            else:
                links.append(link)
                taken.add(link)
        if all(_repair(misfit, links, taken, rng) for misfit in misfits):
            _mix(links, taken, 2 * len(links), rng)
            return links


def _repair(misfit: tuple[int, int], links: list, taken: set, rng: np.random.Generator) -> bool:
    """Swap ends of the misfit and a random link so that both fit; False where none is found."""
    if not links:
        return False
    for pick in rng.integers(2 * len(links), size=100).tolist():
        place, turned = divmod(pick, 2)
        swapped = _swapped(misfit, links[place], turned, taken)
        if swapped:
            taken.remove(links[place])
            taken.update(swapped)
            links[place] = swapped[0]
            links.append(swapped[1])
            return True
    return False


def _mix(links: list, taken: set, times: int, rng: np.random.Generator) -> None:
    """Let random pairs of links swap ends, wherever both results fit."""
    if not links:
        return
    picks = rng.integers(len(links), size=(times, 2)).tolist()
    for (place, other), turned in zip(picks, rng.integers(2, size=times).tolist(), strict=True):
        swapped = _swapped(links[place], links[other], turned, taken)
        if swapped:
            taken.difference_update((links[place], links[other]))
            taken.update(swapped)
            links[place], links[other] = swapped


def _swapped(
    link: tuple[int, int], other: tuple[int, int], turned: int, taken: set
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The two links after a swap of ends, or None where one leads to itself or is taken."""
    a, b = link
    c, d = other[::-1] if turned else other
    one = (a, c) if a < c else (c, a)
    two = (b, d) if b < d else (d, b)
    if a == c or b == d or one in taken or two in taken:
        return None
    return one, two
