"""Public goods: payoffs on graphs by hand, the published game, and who matters to whom."""

import networkx as nx
import numpy as np
import pytest
import torch

from commonweal.networks import NETWORKS
from commonweal.networks.colouring import far_apart
from commonweal.networks.neighbourhoods import neighbourhoods
from tests.games import game, played, rewards, slopes, tried

HUB = nx.star_graph(4)
HUB.add_edge(1, 2)
HUB.add_node(5)


def goods(graph=2, **settings):
    return game("public_goods", graph, **settings)


@pytest.mark.parametrize(
    ("contributions", "expected"),
    [
        ((0, 0), (1, 1)),
        ((1, 1), (1.5, 1.5)),
        ((1, 0), (0.75, 1.75)),
        ((0.3, 0.7), (1.45, 1.05)),
    ],
)
def test_two_players_by_hand(contributions, expected):
    """r_i = 1 - a_i / 4 + 3 a_j / 4 (Li et al. 2024)."""
    assert rewards(goods(), contributions) == pytest.approx(expected)


def test_a_star_by_hand():
    # The hub gives a quarter to each of four pools, a leaf half to its own and half to the hub's.
    # The hub's pool holds 1/4 + 1/2 and pays each of four 1.5 * 0.75 / 4 = 0.28125.  The first
    # leaf's holds 1/4 + 1/2 and pays both 0.5625, those of the others 1/4 and 0.1875.
    found = rewards(goods(nx.star_graph(3)), (1, 1, 0, 0))
    first, other = 0.28125 + 0.5625, 1 + 0.28125 + 0.1875
    assert found == pytest.approx([0.28125 + 0.5625 + 2 * 0.1875, first, other, other])
    assert sum(found) == pytest.approx(4 - 2 + 1.5 * 2)


def test_whoever_has_no_neighbours_multiplies_what_it_gives_itself():
    assert rewards(goods(HUB), (0, 0, 0, 0, 0, 1))[5] == pytest.approx(1.5)
    assert rewards(goods(nx.empty_graph(1), multiplier=3), (0.5,)) == pytest.approx([2.0])


@pytest.mark.parametrize("players", [2, 3, 7])
def test_where_all_are_linked_there_is_one_pool(players):
    world = goods(players, budget=2.0, multiplier=1.75)
    given = torch.rand(players, generator=torch.Generator().manual_seed(0)).double() * 2
    expected = 2 - given + 1.75 / players * given.sum()
    assert rewards(world, given.tolist()) == pytest.approx(expected.tolist())


@pytest.mark.parametrize("graph", [2, 5, HUB, nx.cycle_graph(6)])
def test_what_a_contribution_adds_to_all_is_the_multiplier_less_its_cost(graph):
    world = goods(graph, multiplier=1.7)
    marginal = slopes(world, [0.25] * world.neighbourhoods.agents).sum(0)
    torch.testing.assert_close(marginal, torch.full_like(marginal, 0.7))


def test_alone_it_does_not_pay_to_contribute():
    torch.testing.assert_close(
        slopes(goods(), (0.3, 0.7)),
        torch.tensor([[-0.25, 0.75], [0.75, -0.25]], dtype=torch.float64),
    )


def test_payoffs_take_any_leading_axes():
    world = goods(HUB)
    given = torch.rand(3, 2, 6, 1)
    each = [[world.payoffs(joint) for joint in row] for row in given]
    torch.testing.assert_close(world.payoffs(given), torch.stack([torch.stack(r) for r in each]))


def test_both_stop_when_the_first_leaves():
    rounds = ([0.5, 0.75], [0.25, 1.25], [0.5, 0.5])
    assert played(goods(), *rounds) == [[0.5, 0.75], [0.25, 1.0], [0.25, 1.0]]


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [("first_exit", 2.5 + (1 - 0.5**3) / 3), ("projection", 2.5 + (1 - 0.5**2) / 2)],
)
def test_a_steady_climb_ends_where_integrals_say(boundary, expected):
    # From uniform starts both contributions grow by 0.5 in 100 steps, until they are stopped.
    world = goods(boundary=boundary, lanes=4000)
    actions = torch.rand(4000, 2, 1, generator=torch.Generator().manual_seed(0))
    state, outcome = world.transition(world.state, actions)
    for _ in range(100):
        state, outcome = world.transition(state, outcome.played + 0.005)
    assert outcome.rewards.sum(1).mean().item() == pytest.approx(expected, abs=0.008)


def test_cooperation_is_the_share_of_the_budgets():
    world = goods(budget=4.0)
    ((state, outcome),) = tried(world, [1.0, 2.0])
    above, below = world.indicators(state, outcome)["cooperation"]
    assert (above / below).tolist() == [0.375]


def test_the_published_table_names_what_is_measured():
    world = goods()
    ((state, outcome),) = tried(world, [0.5, 0.5])
    measured = world.indicators(state, outcome)
    for row in world.published.values():
        assert row.keys() < measured.keys()
    assert world.published["aga"]["welfare"] == (2.903, 0.023)
    assert world.published["svo"]["reward_2"] == (1.060, 0.051)


# ---- who matters to whom --------------------------------------------------------------------

GRAPHS = {
    "hub": HUB,
    "ring": nx.cycle_graph(11),
    "tree": nx.balanced_tree(3, 3),
    "lattice": NETWORKS["square_lattice"](49, np.random.default_rng(0)),
    "random": nx.gnm_random_graph(40, 70, seed=1),
    "complete": nx.complete_graph(5),
    "nobody": nx.empty_graph(4),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_two_of_a_group_are_at_least_three_links_apart(graph):
    groups = far_apart(neighbourhoods(graph))
    lengths = dict(nx.all_pairs_shortest_path_length(graph, cutoff=2))
    for one, near in lengths.items():
        assert not any(groups[one] == groups[other] for other in near if other != one)


def test_groups_are_few():
    assert far_apart(neighbourhoods(nx.empty_graph(9))) == (0,) * 9
    assert far_apart(neighbourhoods(nx.cycle_graph(9))) == (0, 1, 2) * 3
    assert far_apart(neighbourhoods(nx.star_graph(3))) == (0, 1, 2, 3)
    lattice = NETWORKS["square_lattice"](2500, np.random.default_rng(0))
    assert max(far_apart(neighbourhoods(lattice))) < 13


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_gradients_by_group_are_those_of_each_alone(graph):
    world = goods(graph)
    groups = torch.tensor(world.spec.groups)
    actions = torch.rand(3, len(graph), 1, dtype=torch.float64).requires_grad_()
    paid = world.payoffs(actions)
    together = torch.zeros_like(paid)
    for group in groups.unique():
        members = groups == group
        (slope,) = torch.autograd.grad(paid[:, members].sum(), actions, retain_graph=True)
        together[:, members] = slope[:, members, 0]
    alone = torch.stack(
        [
            torch.autograd.grad(paid[:, node].sum(), actions, retain_graph=True)[0][:, node, 0]
            for node in range(len(graph))
        ],
        -1,
    )
    torch.testing.assert_close(together, alone)


def test_a_graph_that_is_redrawn_has_no_groups():
    rng = np.random.default_rng(0)
    world = goods(NETWORKS["well_mixed"](12, rng))
    assert world.spec.groups == ()
