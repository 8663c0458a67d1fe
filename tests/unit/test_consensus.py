"""Weights by hand, and the laws that they keep or break."""

import networkx as nx
import pytest
import torch

from commonweal.errors import BadSetting
from commonweal.networks.consensus import (
    birkhoff,
    check_connected,
    check_doubly_stochastic,
    check_positive,
    check_shares,
    circulant,
    links,
    metropolis,
    rings,
    second_singular_value,
    uniform_clique,
    uniform_cliques,
)


def rows(*values):
    return torch.tensor(values, dtype=torch.float64)


# ---- builders -------------------------------------------------------------------------------


def test_metropolis_on_a_path():
    third = 1 / 3
    torch.testing.assert_close(
        metropolis(nx.path_graph(3)),
        rows([2 * third, third, 0], [third, third, third], [0, third, 2 * third]),
    )


def test_metropolis_on_a_star_takes_the_larger_degree():
    weights = metropolis(nx.star_graph(3))  # the hub has three neighbours, the rest have one
    torch.testing.assert_close(weights[0], rows(0.25, 0.25, 0.25, 0.25))
    torch.testing.assert_close(weights[1], rows(0.25, 0.75, 0, 0))


def test_metropolis_of_links_is_that_of_each_graph():
    graphs = [nx.path_graph(4), nx.cycle_graph(4), nx.empty_graph(4)]
    together = metropolis(torch.stack([links(graph) for graph in graphs]))
    for graph, weights in zip(graphs, together, strict=True):
        assert torch.equal(weights, metropolis(graph))
    assert torch.equal(together[2], torch.eye(4, dtype=torch.float64))


def test_links_leave_out_oneself_and_know_who_listens():
    graph = nx.DiGraph([(0, 1), (1, 1)])  # 1 listens to 0
    assert links(graph).tolist() == [[False, False], [True, False]]


def test_cliques_by_label_among_members():
    labels = torch.tensor([[0, 0, 1, 0, 1]])
    members = torch.tensor([[True, True, True, False, False]])
    half = 0.5
    expected = rows(
        [half, half, 0, 0, 0],
        [half, half, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    )
    assert torch.equal(uniform_cliques(labels, members), expected[None])
    assert torch.equal(uniform_clique(4), torch.full((4, 4), 0.25, dtype=torch.float64))


def test_circulant_of_ten():
    weights = circulant(10)
    torch.testing.assert_close(
        weights[0], rows(0.9, 0.025, 0.025, 0, 0, 0, 0, 0, 0.025, 0.025), rtol=0, atol=1e-12
    )
    assert torch.equal(weights[3], weights[0].roll(3))


@pytest.mark.parametrize(
    ("size", "row"),
    [
        (5, (0.9, 0.025, 0.025, 0.025, 0.025)),
        (4, (0.9, 0.025, 0.05, 0.025)),  # the next but one is the same on both sides
        (3, (0.9, 0.05, 0.05)),
        (2, (0.9, 0.1)),
        (1, (1.0,)),
    ],
)
def test_circulants_so_small_that_places_coincide(size, row):
    torch.testing.assert_close(circulant(size)[0], rows(*row), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("size", "value"), [(3, 0.85), (4, 0.90), (5, 0.875), (10, 0.9559)])
def test_second_singular_values_of_circulants(size, value):
    assert float(second_singular_value(circulant(size))) == pytest.approx(value, abs=5e-5)


def test_rings_leave_out_those_who_take_no_part():
    members = torch.tensor([[True, False, True, True], [False, False, True, False]])
    weights = rings(members, weight=0.2, reach=1)
    assert torch.equal(weights[1], torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(weights[0, 0], rows(0.8, 0, 0.1, 0.1))
    torch.testing.assert_close(weights[0, 1], rows(0, 1, 0, 0))


def test_birkhoff_by_hand():
    around, same = torch.tensor([1, 2, 0]), torch.tensor([0, 1, 2])
    weights = birkhoff(torch.stack((same, around)), (0.7, 0.3))
    expected = rows([0.7, 0.3, 0], [0, 0.7, 0.3], [0.3, 0, 0.7])
    torch.testing.assert_close(weights, expected)
    check_doubly_stochastic(weights)


@pytest.mark.parametrize(
    ("permutations", "weights", "says"),
    [
        ([[0, 1], [1, 0]], (0.7, 0.7), r"\[0.7, 0.7\] sum to 1.4; they must be shares of one"),
        ([[0, 1], [1, 0]], (1.5, -0.5), "shares of one"),
        ([[0, 1], [1, 0]], (1.0,), "weights of 1 permutations are given, of 2 needed"),
        ([[0, 0], [1, 0]], (0.5, 0.5), "each of the agents 0 to 1 once"),
    ],
)
def test_permutations_that_are_none_are_refused(permutations, weights, says):
    with pytest.raises(BadSetting, match=says):
        birkhoff(torch.tensor(permutations), weights)


# ---- laws -----------------------------------------------------------------------------------


def test_a_row_that_does_not_sum_to_one_is_named_with_its_sum():
    weights = torch.eye(4).repeat(2, 1, 1)
    check_shares(weights)
    weights[1, 2, 0] = 0.25
    says = "weights of row 2 sum to 1.25; they must sum to 1"
    with pytest.raises(BadSetting, match=f"^{says}$"):
        check_shares(weights)


def test_a_column_that_does_not_sum_to_one_is_named_with_its_sum():
    weights = rows([0.5, 0.5], [0, 1])
    check_shares(weights)
    with pytest.raises(BadSetting, match="^weights of column 0 sum to 0.5; they must sum to 1$"):
        check_doubly_stochastic(weights)
    check_doubly_stochastic(weights, tolerance=0.6)


@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf")])
def test_weights_that_are_no_shares_are_refused(value):
    weights = rows([1.5, value], [0, 1])
    with pytest.raises(
        BadSetting, match=f"weight of row 0, column 1 is {value}; it must be a share"
    ):
        check_shares(weights)


def test_tables_that_are_not_square_are_refused():
    with pytest.raises(BadSetting, match=r"shape \(2, 3\) are not square"):
        check_shares(torch.ones(2, 3) / 3)


def test_what_is_heard_must_be_heard_enough():
    check_positive(circulant(5), 0.025)
    with pytest.raises(BadSetting, match="row 0, column 1 is 0.025, below 0.03"):
        check_positive(circulant(5), 0.03)
    with pytest.raises(BadSetting, match="row 1, column 1 is 0, below 0.1"):
        check_positive(rows([0.5, 0.5], [1, 0]), 0.1)


def pair(size, one, other):
    """Two agents share, all others stay alone."""
    graph = nx.empty_graph(size)
    graph.add_edge(one, other)
    return metropolis(graph)


def test_connected_at_once():
    assert check_connected([circulant(6), circulant(6)]) == 1


def test_connected_over_three_meetings():
    # Along a path 0 - 1 - 2 - 3, one link at a time: three meetings in a row have them all.
    turns = [pair(4, 0, 1), pair(4, 1, 2), pair(4, 2, 3)] * 3
    assert check_connected(turns) == 3
    # With a pause, the windows that hold it need one meeting more.
    assert check_connected([*turns[:3], torch.eye(4), *turns[:3]]) == 4


def test_listening_has_to_lead_back():
    around = [rows([1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]), rows([1, 0, 0], [0, 1, 0], [0, 0.5, 0.5])]
    with pytest.raises(BadSetting, match="2 meetings leave 3 parts of 3 agents unconnected"):
        check_connected(around)
    assert check_connected([*around, rows([0.5, 0, 0.5], [0, 1, 0], [0, 0, 1])]) == 3


def test_two_halves_never_are_connected():
    halves = uniform_cliques(torch.tensor([0, 0, 1, 1]), torch.ones(4, dtype=torch.bool))
    with pytest.raises(BadSetting, match="9 meetings leave 2 parts of 4 agents unconnected"):
        check_connected([halves] * 9)


def test_second_singular_values_by_hand():
    assert float(second_singular_value(uniform_clique(5))) == pytest.approx(0, abs=1e-12)
    assert float(second_singular_value(torch.eye(3))) == 1
    assert float(second_singular_value(torch.ones(1, 1))) == 0
    # A mere exchange of places keeps all differences.
    assert second_singular_value(torch.eye(3).roll(1, 0).repeat(2, 1, 1)).tolist() == [1, 1]
