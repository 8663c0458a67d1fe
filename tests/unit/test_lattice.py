"""The lattice: what is shown, measured and restarted, by hand."""

import networkx as nx
import pytest
import torch

from commonweal.simulation.conformance.puppets import build
from commonweal.worlds.lattice import LatticeState
from commonweal.worlds.memory import STATES
from tests.societies import society


def at(world, moves):
    """State and outcome when ``moves`` are played in all lanes."""
    return world.transition(world.state, torch.tensor([moves] * world.lanes))


def path(**settings):
    return society("random", graph=nx.path_graph(3), world=settings)


def features(world, state, channel):
    return world.show(state, channel).features[0].tolist()


def test_a_path_shows_last_actions_and_payoffs():
    world = path()
    state, outcome = at(world, [0, 1, 0])
    assert outcome.rewards[0].tolist() == pytest.approx([-0.33, 2.6, -0.33])
    assert features(world, state, "opening") == [[0], [0], [0]]
    assert features(world, state, "own") == [[1, 0], [0, 1], [1, 0]]
    # The ends have one neighbour: the second place is empty, all zeros.
    assert features(world, state, "actions") == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]]
    payoffs = [[-0.33, 1.3, 0], [1.3, -0.33, -0.33], [-0.33, 1.3, 0]]
    for row, expected in zip(features(world, state, "payoffs"), payoffs, strict=True):
        assert row == pytest.approx(expected)


def test_on_the_square_lattice_neighbours_stand_right_down_left_up():
    world = society("random", agents=16)
    state, _ = at(world, [int(node in (6, 4)) for node in range(16)])
    # Node 5: right 6 and left 4 defected, down 9 and up 1 cooperated.
    assert features(world, state, "actions")[5] == [0, 1, 1, 0, 0, 1, 1, 0]


def test_wide_views_are_shown_like_narrow_ones():
    graph = nx.star_graph(12)  # 2 ** 13 views are not tabulated
    world = society("random", graph=graph, sight=12)
    state, _ = at(world, [0] + [node % 2 for node in range(12)])
    assert world.show(state, "actions").codes is None
    assert features(world, state, "actions")[0] == [1, 0, 0, 1] * 6
    assert features(world, state, "actions")[1] == [1, 0] + [0, 0] * 11


def test_the_opening_shows_the_marks_and_what_they_would_have_earned():
    world = path()
    opening = world.initial()
    assert opening.opening.all()
    assert (opening.last.sum(1) == 1).all()  # half of three, rounded down
    _, outcome = world.transition(opening, opening.last)
    mean = outcome.rewards / torch.tensor([1, 2, 1])
    torch.testing.assert_close(opening.payoff, mean)


def named(world, state):
    """States of the links in view of each node in the first lane; "" where nobody stands."""
    rows = world.show(state, "state").features[0].unflatten(-1, (-1, len(STATES))).tolist()
    return [[STATES[link.index(1)] if 1 in link else "" for link in row] for row in rows]


def test_states_of_links_are_shown_own_action_first():
    world = build("lattice", nx.path_graph(3))
    state, _ = at(world, [0, 1, 1])
    assert named(world, state) == [["CD", ""], ["DC", "DD"], ["DD", ""]]


def test_the_marks_are_the_states_of_links_in_the_opening():
    world = build("lattice", nx.path_graph(3))
    opening = world.initial()
    assert opening.opening.all()
    own = ["CD"[mark] for mark in opening.last[0]]
    assert sorted(own) == ["C", "C", "D"]
    middle = [own[1] + own[0], own[1] + own[2]]
    assert named(world, opening) == [[own[0] + own[1], ""], middle, [own[2] + own[1], ""]]


@pytest.mark.parametrize(
    ("graph", "views"),
    [
        (nx.cycle_graph(5), 2 * 2**2),
        (nx.complete_graph(9), 2 * 2**8),
        (nx.complete_graph(10), None),
        (nx.star_graph(7), 2 * (2**8 - 1)),
        (nx.star_graph(8), None),
    ],
)
def test_few_views_are_codes_that_mean_what_is_written_out(graph, views):
    world = build("lattice", graph)
    last = torch.tensor([[(node + lane) % 3 % 2 for node in graph] for lane in range(3)])
    shown = world.show(LatticeState(last, torch.zeros(last.shape), torch.ones(3) == 1), "state")
    assert (views is None) == (shown.codes is None)
    assert views is None or len(shown.codebook) == views
    near = world.neighbourhoods
    for lane, node in ((lane, node) for lane in range(3) for node in graph):
        links = shown.features[lane, node].view(-1, 5)
        for place, link in enumerate(links.tolist()):
            if near.mask[node, place]:
                pair = "CD"[last[lane, node]] + "CD"[last[lane, near.view[node, place]]]
                assert link == [float(pair == state) for state in STATES]
            else:
                assert link == [0] * 5


def test_the_game_is_told():
    spec = path().spec
    assert (spec.view, spec.lasting) == (("state",), True)
    assert spec.matrix == ((1, -0.33), (1.3, 0))
    mixed = society("random", agents=6, network={"kind": "well_mixed", "neighbours": 3})
    assert not mixed.spec.lasting


def test_mean_payoffs_divide_by_the_number_of_neighbours():
    world = path(payoff="mean")
    _, outcome = at(world, [0, 1, 0])
    assert outcome.rewards[0].tolist() == pytest.approx([-0.33, 1.3, -0.33])
    assert outcome.dyads[0].tolist() == pytest.approx([-0.33, 1.3, 1.3, -0.33])


def ratio(world, moves, name):
    state, outcome = at(world, moves)
    above, below = world.indicators(state, outcome)[name]
    return (above[0] / below[0]).item()


def test_indicators_by_hand():
    world = society("random", agents=16)
    moves = [int(node >= 8) for node in range(16)]  # two full rows of cooperators
    # Each cooperator has three cooperating neighbours and one that defects.
    assert ratio(world, moves, "cooperation") == 0.5
    assert ratio(world, moves, "reward_C") == pytest.approx(3 - 0.33)
    assert ratio(world, moves, "reward_D") == pytest.approx(1.3)
    assert ratio(world, moves, "reward") == pytest.approx((2.67 + 1.3) / 2)
    assert ratio(world, moves, "cc_links") == pytest.approx(3 / 8)
    assert ratio(world, moves, "clustering") == pytest.approx(3 / 4 - 1 / 2)


def test_nothing_is_measured_of_those_who_are_not_there():
    world = society("random", agents=16)
    state, outcome = at(world, [1] * 16)
    measured = world.indicators(state, outcome)
    assert measured["reward_C"][1].tolist() == [0, 0]
    assert measured["clustering"][1].tolist() == [0, 0]
    assert measured["cooperation"][0].tolist() == [0, 0]


def test_an_episode_lasts_its_horizon():
    world = society("tit_for_tat", agents=16, world={"horizon": 3})
    openings, ends = [], []
    for _ in range(6):
        world.step()
        seen = world.society.experience.observation
        openings.append(bool(seen["opening"].features.all()))
        ends.append(world.episode_ended)
    assert openings == [True, False, False] * 2
    assert ends == [False, False, True] * 2
    assert (world.tick, world.steps_taken) == (6, 12)


def test_the_last_actions_can_be_drawn():
    world = path()
    state, _ = at(world, [0, 1, 0])
    layer = world.portray(state)["action"]
    assert layer.values[0].tolist() == [0, 1, 0]
    assert layer.labels == ("C", "D")


def test_marks_suggest_a_standing():
    world = path()
    last = torch.tensor([[0, 1, 1], [1, 1, 0]])
    state = LatticeState(last, torch.zeros(2, 3), torch.ones(2, dtype=torch.bool))
    assert world.standing(state).tolist() == [[1, 0, 0], [0, 0, 1]]
