"""Measures against tables worked by hand."""

import networkx as nx
import numpy as np
import pytest

from commonweal.analysis import measures

PATH = measures.edges(nx.path_graph(4))
ACTIONS = np.array([0, 0, 1, 0])  # C C D C on a path of four


@pytest.fixture(scope="module")
def torus():
    """Links of the periodic 4 x 4 lattice, node = 4 * row + column."""
    graph = nx.grid_2d_graph(4, 4, periodic=True)
    return measures.edges(nx.relabel_nodes(graph, lambda rc: 4 * rc[0] + rc[1]))


def test_edges_are_listed_once(torus):
    assert PATH.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert torus.shape == (32, 2)
    assert measures.edges(nx.empty_graph(3)).shape == (0, 2)


def test_cooperation_counts_zero_as_cooperation():
    assert measures.cooperation([[0, 0, 1, 0], [1, 1, 1, 0]]).tolist() == [0.75, 0.25]


def test_cc_link_share_and_clustering_on_a_path():
    assert measures.cc_link_share(ACTIONS, PATH) == pytest.approx(1 / 3)
    # cooperators have 1 + 2 + 1 links, two of whose far ends cooperate
    assert measures.clustering(ACTIONS, PATH) == pytest.approx(2 / 4 - 3 / 4)


def test_clustering_of_two_full_rows(torus):
    actions = np.repeat([0, 0, 1, 1], 4)
    assert measures.cc_link_share(actions, torus) == pytest.approx(12 / 32)
    assert measures.clustering(actions, torus) == pytest.approx(3 / 4 - 1 / 2)


def test_without_cooperators_clustering_is_unknown():
    both = measures.clustering(np.array([[1, 1, 1, 1], [0, 0, 0, 0]]), PATH)
    assert np.isnan(both[0]) and both[1] == 0.0


def test_cluster_sizes_do_not_cross_defectors_and_wrap_around(torus):
    assert measures.cluster_sizes(ACTIONS, PATH).tolist() == [2, 1]
    rows = np.repeat([0, 1, 1, 0], 4)  # first and last row touch across the border
    assert measures.cluster_sizes(rows, torus).tolist() == [8]
    checkerboard = np.array([(i // 4 + i) % 2 for i in range(16)])
    assert measures.cluster_sizes(checkerboard, torus).tolist() == [1] * 8
    assert measures.cluster_sizes(np.ones(16), torus).tolist() == []


def test_cluster_size_distribution_is_cumulative_from_above():
    sizes, shares = measures.cluster_size_distribution([5, 2, 1, 1])
    assert sizes.tolist() == [1, 2, 5]
    assert shares.tolist() == [1.0, 0.5, 0.25]
    assert measures.cluster_size_distribution([])[0].size == 0


def test_morans_i_by_hand(torus):
    # deviations -1.5 -0.5 0.5 1.5: products 0.75 - 0.25 + 0.75, squares 5
    assert measures.morans_i([1, 2, 3, 4], PATH) == pytest.approx(1.25 * 4 / (5 * 3))
    checkerboard = [(i // 4 + i) % 2 for i in range(16)]
    halves = np.repeat([0, 0, 1, 1], 4)
    found = measures.morans_i(np.array([checkerboard, halves]), torus)
    assert found == pytest.approx([-1.0, 0.5])


def test_morans_i_of_a_constant_is_unknown():
    # the mean of three times 0.1 is not 0.1 in floating point
    assert np.full(3, 0.1).mean() != 0.1
    assert np.isnan(measures.morans_i(np.full(3, 0.1), PATH[:2]))


def test_assortment_over_expectation():
    # two of three links join like kinds; at random (2*1 + 2*1) / (4*3) = 1/3 would
    assert measures.assortment(np.array(["a", "a", "b", "b"]), PATH) == pytest.approx(2.0)
    assert measures.assortment(np.array([1, 2, 1, 2]), PATH) == 0.0
    assert measures.assortment(np.array([7, 7, 7, 7]), PATH) == 1.0
    rows = measures.assortment(np.array([[0, 0, 1, 1], [0, 1, 0, 0]]), PATH)
    assert rows == pytest.approx([2.0, (1 / 3) / (6 / 12)])


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [([2, 2, 2, 2], 1.0), ([0, 0, 0, 1], 0.25), ([3, 1], 0.75), ([0, 0], 1.0)],
)
def test_equality_by_hand(rewards, expected):
    assert measures.equality(rewards) == pytest.approx(expected)


def test_equality_is_unknown_with_losses():
    assert np.isnan(measures.equality([[-1, 2], [1, 1]])).tolist() == [True, False]


def test_reciprocity_counts_what_is_answered():
    reverse = [1, 0, 3, 2]  # 0->1, 1->0, 1->2, 2->1
    assert measures.reciprocity([1, 1, 1, 0], reverse) == pytest.approx(2 / 3)
    assert measures.reciprocity([4, 1, 0, 3], reverse) == pytest.approx(2 / 8)
    assert np.isnan(measures.reciprocity([0, 0, 0, 0], reverse))
