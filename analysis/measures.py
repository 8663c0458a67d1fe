"""Measures of cooperation, as pure functions on recorded arrays.

Axes: N agents, E undirected links, ``...`` any leading axes (lanes, rounds, runs).
Actions are integers, 0 = cooperate, 1 = defect.  Links are ``[E, 2]`` node pairs as
``edges`` gives them, each link once.  A measure that is undefined (the neighbours of
cooperators where nobody cooperates) is NaN, never zero.
"""

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

COOPERATE = 0


def edges(graph: nx.Graph) -> np.ndarray:
    """Links of a graph with nodes 0..N-1, each once. Returns [E, 2] int64."""
    return np.array(graph.edges, dtype=np.int64).reshape(-1, 2)


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> np.ndarray:
    """Numerator over denominator [...], NaN where the denominator is zero."""
    numerator, denominator = np.broadcast_arrays(
        np.asarray(numerator, float), np.asarray(denominator, float)
    )
    quotient = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient[()]


def cooperation(actions: ArrayLike) -> np.ndarray:
    """Share of cooperators: [..., N] -> [...]. Ren et al. 2025, level of cooperation."""
    return np.mean(np.asarray(actions) == COOPERATE, axis=-1)


def _both_cooperate(actions: ArrayLike, links: np.ndarray) -> np.ndarray:
    """Whether both ends of a link cooperate: [..., N], [E, 2] -> [..., E] bool."""
    cooperates = np.asarray(actions) == COOPERATE
    return cooperates[..., links[:, 0]] & cooperates[..., links[:, 1]]


def cc_link_share(actions: ArrayLike, links: np.ndarray) -> np.ndarray:
    """Share of links that join two cooperators: [..., N], [E, 2] -> [...].

    The mean field of the links in Szabo and Fath 2007, Sec. 6; one number for Fig. 4 of
    Ren et al. 2025.
    """
    both = _both_cooperate(actions, links)
    return _ratio(both.sum(-1), both.shape[-1])


def clustering(actions: ArrayLike, links: np.ndarray) -> np.ndarray:
    """P(neighbour cooperates | cooperator) - P(cooperator): [..., N], [E, 2] -> [...].

    Zero in a well-mixed society, at most one; NaN without cooperators that have links.
    The probability runs over the links of cooperators, so that hubs count by degree
    (pair approximation, Matsuda et al. 1992).
    """
    cooperates = np.asarray(actions) == COOPERATE
    degree = np.bincount(links.ravel(), minlength=cooperates.shape[-1])
    ends = 2 * _both_cooperate(actions, links).sum(-1)
    return _ratio(ends, (cooperates * degree).sum(-1)) - cooperation(actions)


def cluster_sizes(actions: ArrayLike, links: np.ndarray) -> np.ndarray:
    """Sizes of the clusters of cooperators, largest first: [N], [E, 2] -> [clusters].

    A cluster is a connected component of the graph that is left when all defectors are
    taken out; a lone cooperator is a cluster of one (Stauffer and Aharony 1994).
    """
    cooperates = np.asarray(actions) == COOPERATE
    kept = links[_both_cooperate(actions, links)]
    matrix = coo_array((np.ones(len(kept)), (kept[:, 0], kept[:, 1])), shape=(cooperates.size,) * 2)
    _, label = connected_components(matrix, directed=False)
    sizes = np.bincount(label[cooperates], minlength=1)
    return np.sort(sizes[sizes > 0])[::-1]


def cluster_size_distribution(sizes: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Share of clusters of at least each size: [clusters] -> sizes [K], shares [K].

    The cumulative form needs no bins and shows a power law as a straight line on two
    logarithmic axes (Newman 2005, Sec. 2).
    """
    sizes = np.asarray(sizes)
    values, counts = np.unique(sizes, return_counts=True)
    return values, np.cumsum(counts[::-1])[::-1] / max(sizes.size, 1)


def morans_i(values: ArrayLike, links: np.ndarray) -> np.ndarray:
    """Spatial autocorrelation of values on a graph: [..., N], [E, 2] -> [...].

    Moran 1950 with weight one for each link: -1 for a checkerboard, -1/(N-1) in
    expectation without structure, towards +1 for wide patches, NaN for constant values.
    """
    values = np.asarray(values, float)
    centred = values - values.mean(-1, keepdims=True)
    # A constant row leaves rounding errors of its mean; without the floor they would
    # be divided by one another and look like a correlation.
    centred[np.ptp(values, axis=-1) == 0] = 0.0
    products = centred[..., links[:, 0]] * centred[..., links[:, 1]]
    return _ratio(products.sum(-1) * values.shape[-1], (centred**2).sum(-1) * links.shape[0])


def assortment(kinds: ArrayLike, links: np.ndarray) -> np.ndarray:
    """Like-kind neighbours over expectation: [..., N], [E, 2] -> [...].

    Share of links between agents of one kind, divided by its expectation when the same
    agents are placed at random: one without assortment, above one where like meets
    like (Eshel and Cavalli-Sforza 1982).  Works for actions as well as for kinds.
    """
    kinds = np.asarray(kinds)
    agents = kinds.shape[-1]
    alike = np.mean(kinds[..., links[:, 0]] == kinds[..., links[:, 1]], axis=-1)
    counts = np.stack([(kinds == kind).sum(-1) for kind in np.unique(kinds)], axis=-1)
    expected = _ratio((counts * (counts - 1)).sum(-1), agents * (agents - 1))
    return _ratio(alike, expected)


def equality(rewards: ArrayLike) -> np.ndarray:
    """One minus the Gini coefficient over agents: [..., N] -> [...].

    Perolat et al. 2017, equality: one when all have the same, 1/N when one has all.
    The coefficient is defined for what can be divided, so a negative reward gives NaN.
    """
    rewards = np.sort(np.asarray(rewards, float), axis=-1)
    agents = rewards.shape[-1]
    rank = 2 * np.arange(1, agents + 1) - agents - 1
    total = rewards.sum(-1)
    gini = np.where(total == 0, 0.0, _ratio((rank * rewards).sum(-1), agents * total))
    return np.where(rewards[..., 0] < 0, np.nan, 1 - gini)[()]


def reciprocity(given: ArrayLike, reverse: ArrayLike) -> np.ndarray:
    """Share of what is given that is returned: [..., E'], [E'] -> [...].

    ``given`` lists non-negative acts (verdicts, gifts) along directed links, ``reverse``
    the index of the opposite link, both as in ``Neighbourhoods``.  Each act counts up to
    the size of its answer (Squartini et al. 2013, weighted reciprocity).
    """
    given = np.asarray(given, float)
    returned = np.minimum(given, given[..., np.asarray(reverse)])
    return _ratio(returned.sum(-1), given.sum(-1))
