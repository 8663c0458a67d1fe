"""Who listens to whom: each shape by hand, over whoever takes part."""

import networkx as nx
import pytest
import torch

from commonweal.networks import consensus
from commonweal.networks.federations import Roll
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.networks.shapes import SHAPES, ShapeConfig

ALL = torch.ones(4, 10, dtype=torch.bool)


def roll(members=10, replicates=4, graph=None, nodes=None, seed=0):
    near = neighbourhoods(graph or nx.cycle_graph(max(members, 3)))
    nodes = torch.arange(members) if nodes is None else torch.tensor(nodes)
    return Roll(nodes, replicates, near, torch.Generator().manual_seed(seed))


def shape(name, among=None, **settings):
    return SHAPES[name](ShapeConfig(shape=name, **settings), among or roll())


def some(*members, replicates=4, size=10):
    mask = torch.zeros(replicates, size, dtype=torch.bool)
    mask[:, list(members)] = True
    return mask


def linked(weights):
    """Pairs (listener, source) of different agents in one replicate."""
    return {(i, j) for i, j in weights.nonzero().tolist() if i != j}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 10])
def test_rows_and_columns_sum_to_one_whoever_takes_part(name, count):
    built = shape(name)
    order = torch.rand(4, 10, generator=torch.Generator().manual_seed(count)).argsort(-1)
    members = order < count
    weights = built.weigh(members)
    assert weights.shape == (4, 10, 10) and weights.dtype == torch.float32
    consensus.check_doubly_stochastic(weights, tolerance=1e-6)
    out, own = ~members, torch.eye(10).expand(4, -1, -1)
    assert torch.equal(weights[out], own[out])
    assert torch.equal(weights.mT[out], own[out])


@pytest.mark.parametrize("name", ["overlapping", "birkhoff", "halves", "communities"])
def test_what_is_drawn_differs_between_replicates(name):
    weights = shape(
        name, roll(12, 6, nx.complete_graph(12) if name != "communities" else RINGS)
    ).weigh(torch.ones(6, 12, dtype=torch.bool))
    assert any(not torch.equal(weights[0], other) for other in weights[1:])


RINGS = nx.cycle_graph(12)
"""A ring falls into communities in several ways."""


def test_complete_and_none():
    torch.testing.assert_close(
        shape("complete").weigh(some(1, 4, 6, 8))[0, 4, [1, 4, 6, 8]], torch.full((4,), 0.25)
    )
    assert torch.equal(shape("none").weigh(ALL), torch.eye(10).expand(4, -1, -1))


def test_halves_are_two_cliques_for_good():
    built = shape("halves", roll(9))
    everyone = torch.ones(4, 9, dtype=torch.bool)
    weights = built.weigh(everyone)
    values = sorted(weights[0].unique().tolist())
    assert values == pytest.approx([0, 1 / 5, 1 / 4])
    sizes = sorted({len(row.nonzero()) for row in weights[0]})
    assert sizes == [4, 5]
    halves = [{frozenset(row.nonzero().flatten().tolist()) for row in table} for table in weights]
    assert all(len(parts) == 2 for parts in halves)
    assert len(set(map(frozenset, halves))) > 1
    assert torch.equal(built.weigh(everyone), weights)


def test_the_ring_closes_around_those_who_stay_out():
    weights = shape("ring", reach=1, weight=0.2).weigh(some(0, 3, 5, 9))[0]
    torch.testing.assert_close(weights[3, [0, 3, 5]], torch.tensor([0.1, 0.8, 0.1]))
    torch.testing.assert_close(weights[9, [5, 9, 0]], torch.tensor([0.1, 0.8, 0.1]))


def test_the_ring_by_default_is_that_of_the_published_code():
    torch.testing.assert_close(shape("ring").weigh(ALL)[2], consensus.circulant(10).float())


def test_along_the_graph_of_the_world():
    graph = nx.path_graph(8)
    among = roll(graph=graph, nodes=[2, 3, 4, 6, 7])
    members = torch.ones(4, 5, dtype=torch.bool)
    # 2 - 3 - 4 and 6 - 7: the one between has two neighbours, all others one.
    expected = torch.tensor(
        [
            [2 / 3, 1 / 3, 0, 0, 0],
            [1 / 3, 1 / 3, 1 / 3, 0, 0],
            [0, 1 / 3, 2 / 3, 0, 0],
            [0, 0, 0, 1 / 2, 1 / 2],
            [0, 0, 0, 1 / 2, 1 / 2],
        ]
    )
    built = shape("graph", among)
    torch.testing.assert_close(built.weigh(members)[3], expected)
    members[:, 1] = False  # without 3, 2 and 4 have nobody
    expected[:3] = torch.eye(5)[:3]
    torch.testing.assert_close(built.weigh(members)[3], expected)


def test_communities_are_those_of_the_graph():
    cliques = nx.disjoint_union(nx.complete_graph(4), nx.complete_graph(3))
    cliques.add_edge(0, 6)
    weights = shape("communities", roll(7, graph=cliques)).weigh(torch.ones(4, 7, dtype=torch.bool))
    expected = torch.block_diag(torch.full((4, 4), 1 / 4), torch.full((3, 3), 1 / 3))
    torch.testing.assert_close(weights, expected.expand(4, -1, -1))


def test_communities_of_agents_that_know_nobody():
    among = roll(3, graph=nx.empty_graph(5), nodes=[0, 2, 4])
    weights = shape("communities", among).weigh(torch.ones(4, 3, dtype=torch.bool))
    assert torch.equal(weights, torch.eye(3).expand(4, -1, -1))


def test_one_group_each_parts_all_members_into_groups_of_that_size():
    built = shape("overlapping", roll(12), groups=1, group_size=3)
    everyone = torch.ones(4, 12, dtype=torch.bool)
    for weights in built.weigh(everyone):
        torch.testing.assert_close(weights.unique(), torch.tensor([0, 1 / 3]))
        groups = {frozenset(row.nonzero().flatten().tolist()) for row in weights}
        assert sorted(map(len, groups)) == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("members", "size", "sizes"),
    [(10, 3, [3, 3, 4]), (10, 4, [5, 5]), (5, 2, [2, 3]), (4, 3, [4]), (7, 9, [7]), (2, 9, [2])],
)
def test_groups_are_as_equal_as_they_divide(members, size, sizes):
    mask = some(*range(members))
    for weights in shape("overlapping", groups=1, group_size=size).weigh(mask):
        inside = weights[:members, :members]
        groups = {frozenset(row.nonzero().flatten().tolist()) for row in inside}
        assert sorted(map(len, groups)) == sizes


def test_several_groups_overlap_and_change():
    built = shape("overlapping", roll(12), groups=2, group_size=3)
    everyone = torch.ones(4, 12, dtype=torch.bool)
    first, second = built.weigh(everyone)[0], built.weigh(everyone)[0]
    degrees = (first > 0).sum(-1) - 1
    assert degrees.max() <= 4 and degrees.min() >= 2  # two others in each of two groups
    assert any(degree > 2 for degree in degrees)
    assert linked(first) != linked(second)


def test_overlapping_groups_treat_all_places_alike():
    built = shape("overlapping", roll(6, 3000), groups=1, group_size=2)
    weights = built.weigh(torch.ones(3000, 6, dtype=torch.bool))
    heard = (weights > 0).float().mean(0)
    # Everybody shares its group with each of five others equally often; standard error 0.0073.
    assert (heard[~torch.eye(6, dtype=torch.bool)] - 0.2).abs().max() < 0.03


def test_birkhoff_is_directed_and_changes():
    built = shape("birkhoff", roll(10, 1), weight=0.4, reach=1)
    everyone = torch.ones(1, 10, dtype=torch.bool)
    first, second = built.weigh(everyone)[0], built.weigh(everyone)[0]
    assert (first.diagonal() > 0.59).all()
    torch.testing.assert_close(first[first > 0].unique()[0], torch.tensor(0.4))
    assert any((j, i) not in linked(first) for i, j in linked(first))
    assert linked(first) != linked(second)


def test_birkhoff_draws_all_permutations_of_the_members_alike():
    built = shape("birkhoff", roll(4, 6000), weight=0.5, reach=1)
    mask = torch.tensor([True, True, False, True]).repeat(6000, 1)
    heard = (built.weigh(mask) > 0.25).float().mean(0)
    others = heard[~torch.eye(4, dtype=torch.bool)].view(4, 3)
    # Each of three members is named by each equally often; standard error 0.006.
    assert (others[[0, 1, 3]][others[[0, 1, 3]] > 0] - 1 / 3).abs().max() < 0.025
    assert (others[2] == 0).all()


@pytest.mark.parametrize("name", ["complete", "halves", "ring", "graph", "communities", "none"])
def test_steady_shapes_are_worked_out_once_for_the_same_members(name):
    built = shape(name)
    first = built.weigh(some(1, 2, 5))
    assert built.weigh(some(1, 2, 5)) is first
    other = built.weigh(some(1, 2, 6))
    assert other is not first
    if name in ("complete", "ring"):
        assert not torch.equal(other, first)
    assert torch.equal(built.weigh(some(1, 2, 5)), first)


def test_labels_of_a_checkpoint_replace_those_drawn():
    one, other = shape("halves"), shape("halves", roll(seed=5))
    assert not torch.equal(one.weigh(ALL), other.weigh(ALL))
    other.load(one.state())
    assert torch.equal(one.weigh(ALL), other.weigh(ALL))


def test_two_halves_never_connect_and_overlapping_groups_soon_do():
    halves, overlapping = shape("halves"), shape("overlapping")
    with pytest.raises(consensus.BadSetting, match="leave 2 parts of 10 agents unconnected"):
        consensus.check_connected([halves.weigh(ALL)[0] for _ in range(50)])
    # Two groups of three for each of ten agents are one federation in a few meetings at most.
    assert consensus.check_connected([overlapping.weigh(ALL)[0] for _ in range(50)]) <= 4
