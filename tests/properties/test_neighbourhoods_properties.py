"""Index tables against naive loops, on arbitrary graphs with isolated agents and hubs."""

import networkx as nx
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.networks.neighbourhoods import neighbourhoods


@st.composite
def graphs(draw):
    """Any simple graph of 1 to 14 agents, some with a hub linked to everyone."""
    agents = draw(st.integers(1, 14))
    links = [(one, other) for one in range(agents) for other in range(one)]
    graph = nx.empty_graph(agents)
    if links:
        graph.add_edges_from(draw(st.lists(st.sampled_from(links), unique=True)))
    if draw(st.booleans()):
        hub = draw(st.integers(0, agents - 1))
        graph.add_edges_from((hub, other) for other in range(agents) if other != hub)
    return graph


sights = st.integers(1, 16)


@settings(deadline=None)
@given(graphs(), sights)
def test_reverse_is_an_involution_that_swaps_ends(graph, sight):
    tables = neighbourhoods(graph, sight)
    assert torch.equal(tables.reverse[tables.reverse], torch.arange(len(tables.source)))
    assert torch.equal(tables.source[tables.reverse], tables.target)
    assert torch.equal(tables.target[tables.reverse], tables.source)


@settings(deadline=None)
@given(graphs(), sights)
def test_edges_are_those_of_the_graph_sorted_by_source(graph, sight):
    tables = neighbourhoods(graph, sight)
    edges = list(zip(tables.source.tolist(), tables.target.tolist(), strict=True))
    assert edges == sorted((agent, other) for agent in graph for other in graph[agent])
    assert tables.degree.tolist() == [graph.degree(agent) for agent in range(len(graph))]


@settings(deadline=None)
@given(graphs(), sights, st.integers(0, 2**32 - 1))
def test_sum_and_mean_equal_a_naive_loop(graph, sight, seed):
    tables = neighbourhoods(graph, sight)
    chance = torch.Generator().manual_seed(seed)
    values = torch.rand(3, len(tables.source), generator=chance, dtype=torch.float64)
    total = torch.zeros(3, len(graph), dtype=torch.float64)
    for edge, agent in enumerate(tables.source.tolist()):
        total[:, agent] += values[:, edge]
    degree = torch.tensor([max(graph.degree(agent), 1) for agent in range(len(graph))])
    torch.testing.assert_close(tables.sum(values), total)
    torch.testing.assert_close(tables.mean(values), total / degree)


@settings(deadline=None)
@given(graphs(), sights)
def test_the_view_is_a_prefix_of_distinct_neighbours(graph, sight):
    tables = neighbourhoods(graph, sight)
    width = max(1, min(sight, max(degree for _, degree in graph.degree())))
    assert tables.view.shape == tables.mask.shape == tables.view_edges.shape == (len(graph), width)
    for agent in range(len(graph)):
        seen = tables.view[agent][tables.mask[agent]].tolist()
        neighbours = sorted(graph[agent])
        count = min(len(neighbours), width)
        assert tables.mask[agent].tolist() == [True] * count + [False] * (width - count)
        assert tables.view[agent, count:].tolist() == [agent] * (width - count)
        assert len(set(seen)) == count and set(seen) <= set(neighbours)
        if len(neighbours) <= width:
            assert seen == neighbours
        edges = tables.view_edges[agent, :count]
        assert tables.source[edges].tolist() == [agent] * count
        assert tables.target[edges].tolist() == seen
        assert not tables.view_edges[agent, count:].any()


@settings(deadline=None)
@given(graphs(), sights)
def test_regular_means_that_edges_are_the_view_row_by_row(graph, sight):
    tables = neighbourhoods(graph, sight)
    rows = torch.equal(tables.view_edges.ravel(), torch.arange(len(tables.source)))
    assert tables.regular == (rows and bool(tables.mask.all()))


@settings(deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_renaming_agents_renames_their_sums(graph, random):
    names = list(range(len(graph)))
    random.shuffle(names)
    renamed = nx.relabel_nodes(graph, dict(enumerate(names)))
    before, after = neighbourhoods(graph), neighbourhoods(renamed)
    trait = torch.arange(len(graph), dtype=torch.float64) ** 2
    moved = torch.empty_like(trait)
    moved[names] = trait
    assert torch.equal(before.sum(trait[before.target]), after.sum(moved[after.target])[names])
    assert torch.equal(before.degree, after.degree[names])
