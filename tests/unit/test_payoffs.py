"""Payoffs on graphs, worked by hand."""

import networkx as nx
import numpy as np
import pytest
import torch

from commonweal.networks import NETWORKS
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.worlds.payoffs import marks, pairwise

R, S, T, P = 1.0, -0.33, 1.3, 0.0
MATRIX = torch.tensor([[R, S], [T, P]])
LATTICE = neighbourhoods(NETWORKS["square_lattice"](16, np.random.default_rng(0)))


def earned(moves, near=LATTICE):
    return near.sum(pairwise(MATRIX, torch.tensor([moves]), near))[0].tolist()


@pytest.mark.parametrize(("move", "each"), [(0, 4 * R), (1, 4 * P)])
def test_when_all_do_the_same(move, each):
    assert earned([move] * 16) == [each] * 16


def test_a_lone_defector_earns_four_temptations_and_its_neighbours_three_rewards_and_a_sucker():
    # Node 5 = row 1, column 1; right 6, down 9, left 4, up 1.
    expected = {node: 4 * R for node in range(16)} | {5: 4 * T}
    expected |= {node: 3 * R + S for node in (6, 9, 4, 1)}
    found = earned([int(node == 5) for node in range(16)])
    assert found == pytest.approx([expected[node] for node in range(16)])


def test_a_lone_cooperator_earns_four_suckers():
    found = earned([int(node != 5) for node in range(16)])
    assert found[5] == pytest.approx(4 * S)
    assert found[6] == pytest.approx(T + 3 * P)


def test_lanes_play_by_themselves():
    moves = torch.tensor([[0] * 16, [1] * 16])
    assert LATTICE.sum(pairwise(MATRIX, moves, LATTICE)).tolist() == [[4 * R] * 16, [4 * P] * 16]


def test_on_a_star_the_hub_is_paid_by_everyone_and_an_isolated_agent_by_no_one():
    graph = nx.star_graph(3)
    graph.add_node(4)
    near = neighbourhoods(graph)
    assert earned([1, 0, 0, 1, 0], near) == pytest.approx([2 * T + P, S, S, P, 0])


def test_each_link_pays_its_source():
    near = neighbourhoods(nx.path_graph(3))
    links = list(zip(near.source.tolist(), near.target.tolist(), strict=True))
    paid = pairwise(MATRIX, torch.tensor([[0, 1, 0]]), near)[0].tolist()
    assert dict(zip(links, paid, strict=True)) == pytest.approx(
        {(0, 1): S, (1, 0): T, (1, 2): T, (2, 1): S}
    )


def test_more_than_two_actions():
    table = torch.arange(9.0).view(3, 3)
    near = neighbourhoods(nx.path_graph(2))
    assert pairwise(table, torch.tensor([[2, 1]]), near).tolist() == [[7.0, 5.0]]


@pytest.mark.parametrize(
    ("agents", "share", "count"), [(16, 0.5, 8), (7, 0.5, 3), (5, 0.0, 0), (5, 1.0, 5)]
)
def test_marks_count_exactly_and_differ_from_lane_to_lane(agents, share, count):
    drawn = marks(50, agents, share, torch.Generator().manual_seed(0))
    assert drawn.sum(1).tolist() == [count] * 50
    assert (len(drawn.unique(dim=0)) > 1) == (0 < count < agents)


def test_marks_fall_on_everyone_alike():
    drawn = marks(4000, 10, 0.5, torch.Generator().manual_seed(0)).float().mean(0)
    assert (drawn - 0.5).abs().max() < 0.04  # five standard errors
