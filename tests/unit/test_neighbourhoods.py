"""Index tables against graphs small enough to write down."""

import networkx as nx
import numpy as np
import pytest
import torch

from commonweal.errors import BadSetting, BrokenContract
from commonweal.networks import NETWORKS
from commonweal.networks.neighbourhoods import neighbourhoods


def test_tables_of_a_path_with_an_isolated_agent():
    graph = nx.Graph([(2, 1), (1, 0)])
    graph.add_node(3)
    tables = neighbourhoods(graph)
    assert tables.agents == 4
    assert tables.source.tolist() == [0, 1, 1, 2]
    assert tables.target.tolist() == [1, 0, 2, 1]
    assert tables.reverse.tolist() == [1, 0, 3, 2]
    assert tables.degree.tolist() == [1, 2, 1, 0]
    assert tables.view.tolist() == [[1, 0], [0, 2], [1, 2], [3, 3]]
    assert tables.mask.tolist() == [[True, False], [True, True], [True, False], [False, False]]
    assert tables.view_edges.tolist() == [[0, 0], [1, 2], [3, 0], [0, 0]]
    assert not tables.regular


def test_dtypes():
    tables = neighbourhoods(nx.path_graph(3))
    names = ("source", "target", "reverse", "degree", "view", "view_edges")
    assert {getattr(tables, name).dtype for name in names} == {torch.int64}
    assert tables.mask.dtype == torch.bool


def test_lattice_neighbours_stand_right_down_left_up():
    graph = NETWORKS["square_lattice"](9, np.random.default_rng(0))
    tables = neighbourhoods(graph)
    # 0 1 2
    # 3 4 5
    # 6 7 8
    assert tables.view[4].tolist() == [5, 7, 3, 1]
    assert tables.view[0].tolist() == [1, 3, 2, 6]
    assert tables.view[8].tolist() == [6, 2, 7, 5]
    assert tables.regular
    assert tables.target.tolist() == tables.view.ravel().tolist()


@pytest.mark.parametrize("side", [3, 4, 7])
def test_an_agent_stands_at_place_2301_of_its_neighbours_lists(side):
    tables = neighbourhoods(NETWORKS["square_lattice"](side * side, np.random.default_rng(0)))
    place = tables.reverse.reshape(-1, 4) % 4
    assert torch.equal(place, torch.tensor([2, 3, 0, 1]).expand(side * side, 4))


def test_sum_and_mean_of_a_regular_graph_use_each_agents_own_edges():
    tables = neighbourhoods(nx.cycle_graph(3))
    values = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [10.0, 0.0, 0.0, 0.0, 0.0, 7.0]])
    assert tables.regular
    assert tables.sum(values).tolist() == [[3.0, 7.0, 11.0], [10.0, 0.0, 7.0]]
    assert tables.mean(values).tolist() == [[1.5, 3.5, 5.5], [5.0, 0.0, 3.5]]


def test_sum_and_mean_of_an_irregular_graph_count_isolated_agents_as_zero():
    graph = nx.Graph([(0, 1), (0, 2)])
    graph.add_node(3)
    tables = neighbourhoods(graph)
    values = torch.tensor([[1.0, 2.0, 4.0, 8.0]])
    assert tables.sum(values).tolist() == [[3.0, 4.0, 8.0, 0.0]]
    assert tables.mean(values).tolist() == [[1.5, 4.0, 8.0, 0.0]]


@pytest.mark.parametrize("graph", [nx.cycle_graph(4), nx.star_graph(4)])
def test_sum_counts_bools(graph):
    tables = neighbourhoods(graph)
    assert torch.equal(tables.sum(torch.ones_like(tables.source, dtype=torch.bool)), tables.degree)


@pytest.mark.parametrize("graph", [nx.cycle_graph(4), nx.star_graph(4)])
def test_sum_keeps_leading_axes_and_gradients(graph):
    tables = neighbourhoods(graph)
    values = torch.ones(2, 3, len(tables.source), requires_grad=True)
    total = tables.sum(values)
    assert total.shape == (2, 3, tables.agents)
    total[1, 2, 0].backward()
    assert torch.equal(values.grad[1, 2], (tables.source == 0).float())
    assert values.grad.sum() == tables.degree[0]


def test_the_hub_sees_an_evenly_spaced_sample_and_sums_all():
    tables = neighbourhoods(nx.star_graph(8), sight=4)
    assert tables.view.shape == (9, 4)
    assert tables.view[0].tolist() == [1, 3, 5, 7]
    assert tables.view[1].tolist() == [0, 1, 1, 1]
    assert tables.sum(torch.ones(16)).tolist() == [8.0] + [1.0] * 8
    assert not tables.regular


def test_the_sample_reaches_across_lists_that_do_not_divide_evenly():
    tables = neighbourhoods(nx.star_graph(11), sight=4)
    assert tables.view[0].tolist() == [1, 3, 6, 9]


def test_equal_degrees_beyond_sight_are_not_regular():
    tables = neighbourhoods(nx.complete_graph(6), sight=3)
    assert not tables.regular
    assert tables.sum(torch.ones(30)).tolist() == [5.0] * 6


def test_sight_does_not_widen_a_sparse_graph():
    assert neighbourhoods(nx.cycle_graph(5), sight=16).view.shape == (5, 2)


def test_agents_without_any_link_have_a_view_of_width_one():
    tables = neighbourhoods(nx.empty_graph(3))
    assert tables.view.tolist() == [[0], [1], [2]]
    assert not tables.mask.any()
    assert not tables.regular
    assert tables.sum(torch.zeros(5, 0)).tolist() == [[0.0] * 3] * 5


def test_the_order_of_nodes_in_the_graph_does_not_matter():
    graph = nx.Graph()
    graph.add_nodes_from([2, 0, 1])
    graph.add_edges_from([(2, 0), (1, 0)])
    assert neighbourhoods(graph).target.tolist() == [1, 2, 0, 0]


def test_to_moves_every_tensor():
    tables = neighbourhoods(nx.path_graph(4)).to("meta")
    kept = {name: value for name, value in vars(tables).items() if torch.is_tensor(value)}
    assert len(kept) == 7
    assert {value.device.type for value in kept.values()} == {"meta"}
    assert tables.agents == 4


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (nx.DiGraph([(0, 1)]), "simple undirected"),
        (nx.MultiGraph([(0, 1)]), "simple undirected"),
        (nx.Graph([(1, 2)]), "0 to N-1"),
        (nx.Graph(), "0 to N-1"),
        (nx.Graph([(0, 1), (1, 1)]), "agent 1 is its own neighbour"),
        (nx.Graph([(0, 1), (1, 2)], order=[[1], [0], [1]]), "order of neighbours"),
        (nx.Graph([(0, 1), (2, 3)], order=[[2], [3], [0], [1]]), "order of neighbours"),
    ],
)
def test_graphs_that_break_the_contract_are_refused(graph, says):
    with pytest.raises(BrokenContract, match=says):
        neighbourhoods(graph)


def test_no_sight_is_refused():
    with pytest.raises(BadSetting, match="sight = 0"):
        neighbourhoods(nx.path_graph(2), sight=0)


def test_met_shows_the_neighbours_in_view_whatever_their_values():
    near = neighbourhoods(nx.path_graph(3))
    values = torch.tensor([[10.0, 20.0, 30.0]])
    # Ends of the path have one neighbour; padding is the agent itself.
    assert near.met(values).tolist() == [[[20, 10], [10, 30], [20, 30]]]
    rows = torch.stack((values, -values), -1)
    assert near.met(rows)[0, 1].tolist() == [[10, -10], [30, -30]]
