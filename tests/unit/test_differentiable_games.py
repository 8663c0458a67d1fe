"""Differentiable games: windows and their borders, what is shown and measured, by hand."""

import networkx as nx
import pytest
import torch

from commonweal.errors import BadSetting
from commonweal.lanes import choose
from commonweal.simulation.conformance.puppets import Puppets
from commonweal.worlds.differentiable import GameState
from commonweal.worlds.payoffs import equality
from tests.games import Squares, game, paying, played, tried

# ---- the border -----------------------------------------------------------------------------

STEPS = ([0.9, 0.2], [1.0, 0.0], [1.25, 0.5], [0.5, 0.5], [-3.0, 0.5])


def test_without_a_border_everything_is_played():
    assert played(game(boundary="none"), *STEPS) == [pytest.approx(step) for step in STEPS]


def test_projection_cuts_each_action_back_and_goes_on():
    expected = [pytest.approx([0.9, 0.2]), [1.0, 0.0], [1.0, 0.5], [0.5, 0.5], [0.0, 0.5]]
    assert played(game(boundary="projection"), *STEPS) == expected


def test_the_first_exit_stops_both_where_they_are_cut_back_to():
    world = game(boundary="first_exit")
    # The border itself is inside; the third joint action leaves, by the first player alone.
    stopped = [1.0, 0.5]
    expected = [pytest.approx([0.9, 0.2]), [1.0, 0.0], stopped, stopped, stopped]
    assert played(world, *STEPS) == expected
    assert [state.over.item() for state, _ in tried(world, *STEPS)] == [False] * 2 + [True] * 3


@pytest.mark.parametrize("boundary", ["none", "projection"])
def test_elsewhere_nobody_is_stopped(boundary):
    assert not any(state.over.any() for state, _ in tried(game(boundary=boundary), *STEPS))


def test_below_the_window_is_outside_too():
    assert played(game(boundary="first_exit"), [-0.5, 0.25], [0.75, 0.75]) == [[0, 0.25]] * 2


def test_a_start_outside_is_an_exit():
    assert played(game(boundary="first_exit"), [2.0, 0.5], [0.25, 0.25]) == [[1, 0.5]] * 2


def test_a_border_that_binary_numbers_miss_is_inside():
    world = game("public_goods", budget=0.1)
    (state, outcome), *_ = tried(world, [0.1, 0.0])
    assert not state.over.any()
    assert outcome.played.flatten().tolist() == [torch.tensor(0.1).item(), 0]


def test_lanes_leave_by_themselves():
    world = game(boundary="first_exit", lanes=2)
    moves = torch.tensor([[[0.5], [1.5]], [[0.5], [0.75]]])
    state, outcome = world.transition(world.state, moves)
    assert state.over.tolist() == [True, False]
    assert outcome.played.flatten(1).tolist() == [[0.5, 1.0], [0.5, 0.75]]
    state, outcome = world.transition(state, moves - 0.25)
    assert outcome.played.flatten(1).tolist() == [[0.5, 1.0], [0.25, 0.5]]


def test_what_is_played_is_what_pays():
    for boundary, paid in (("none", 4.25), ("projection", 1.25), ("first_exit", 1.25)):
        (_, outcome), *_ = tried(game(boundary=boundary), [2.0, 0.5])
        assert outcome.rewards.tolist() == [[paid, paid]]


# ---- episodes -------------------------------------------------------------------------------


def test_a_lane_moves_again_in_its_next_episode():
    world = game(boundary="first_exit", horizon=3, lanes=2)
    world.populate(Puppets(world, 0))
    fixed = torch.tensor([[[2.0], [0.5]], [[0.25], [0.5]]])
    world.society.decide = lambda seen: fixed
    overs, ends = [], []
    for _ in range(4):
        world.step()
        overs.append(world.state.over.tolist())
        ends.append(world.episode_ended)
        fixed = fixed - 0.0625
    # The first lane leaves with its first action, in the second episode only by a new start.
    assert ends == [False, False, True, False]
    assert overs == [[True, False]] * 4
    assert world.state.last[0].flatten().tolist() == [1.0, 0.3125]
    assert not world.society.experience.outcome.terminated.any()


def test_a_restarted_lane_forgets_that_it_was_over():
    world = game(boundary="first_exit", lanes=2)
    (state, _), *_ = tried(world, [2.0, 0.5])
    fresh = choose(torch.tensor([True, False]), world.initial(), state)
    assert fresh.over.tolist() == [False, True]
    assert fresh.opening.tolist() == [True, False]


def test_play_may_begin_in_the_middle_or_where_it_is_told():
    assert game(lanes=3).state.last.tolist() == [[[0.5], [0.5]]] * 3
    world = game(start=(0.0, 0.25), lanes=3)
    assert world.state.last.tolist() == [[[0.0], [0.25]]] * 3
    assert world.spec.start == (0.0, 0.25)
    assert world.state.last.dtype == torch.float32


# ---- seeing ---------------------------------------------------------------------------------


def shown(world, channel, last):
    state = GameState(torch.tensor([last]), torch.tensor([False]), torch.tensor([world.tick == 0]))
    return world.show(state, channel).features[0].tolist()


def test_a_path_and_somebody_alone():
    graph = nx.path_graph(3)
    graph.add_node(3)
    world = game(graph=graph)
    last = [[1.0], [2.0], [4.0], [8.0]]
    assert shown(world, "opening", last) == [[1]] * 4
    assert shown(world, "own", last) == last
    assert shown(world, "actions", last) == [[2, 0], [1, 4], [2, 0], [0, 0]]
    assert shown(world, "mean", last) == [[2], [2.5], [2], [0]]


def test_actions_of_several_numbers():
    world = game(type("Wide", (Squares,), {"size": 2}), nx.path_graph(3))
    assert world.spec.channels == {"opening": 1, "own": 2, "actions": 4, "mean": 2}
    last = [[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]
    assert shown(world, "own", last) == last
    assert shown(world, "actions", last) == [[2, 20, 0, 0], [1, 10, 4, 40], [2, 20, 0, 0]]
    assert shown(world, "mean", last) == [[2, 20], [2.5, 25], [2, 20]]


def test_the_mean_is_of_all_neighbours_however_few_are_in_view():
    graph = nx.star_graph(40)
    world = game(graph=graph)
    assert world.spec.channels["actions"] == 16
    last = [[float(node)] for node in range(41)]
    assert shown(world, "mean", last)[0] == [pytest.approx(20.5)]


def test_after_a_round_it_is_no_longer_the_opening():
    world = game()
    (state, _), *_ = tried(world, [0.5, 0.25])
    assert world.state.opening.all()
    assert not state.opening.any()
    assert state.last.flatten().tolist() == [0.5, 0.25]


# ---- measuring ------------------------------------------------------------------------------


def ratios(world, *rounds):
    state, outcome = tried(world, *rounds)[-1]
    measured = world.indicators(state, outcome)
    return {name: (above / below)[0].item() for name, (above, below) in measured.items()}


SPLIT = paying(lambda actions: actions[..., 0] * 4)


def test_indicators_by_hand():
    found = ratios(game(SPLIT, boundary="first_exit"), [0.25, 0.75])
    assert found == {
        "reward": 2,
        "welfare": 4,
        "equality": 0.75,
        "action": 0.5,
        "moving": 1,
        "reward_1": 1,
        "reward_2": 3,
        "action_1": 0.25,
        "action_2": 0.75,
    }


def test_lanes_that_left_are_not_moving():
    world = game(SPLIT, boundary="first_exit", lanes=2)
    moves = torch.tensor([[[2.0], [0.5]], [[0.5], [0.5]]])
    above, below = world.indicators(*world.transition(world.state, moves))["moving"]
    assert (above.tolist(), below.tolist()) == ([0, 1], [1, 1])


def test_several_numbers_are_named_by_player_and_place():
    found = ratios(game(type("Wide", (Squares,), {"size": 2})), [0.0, 0.25, 0.5, 1.0])
    assert [found[f"action_{name}"] for name in ("1_1", "1_2", "2_1", "2_2")] == [0, 0.25, 0.5, 1]
    assert found["action"] == 0.4375
    assert "action_1" not in found


def test_many_players_are_not_measured_one_by_one():
    assert "reward_8" in ratios(game(graph=8), [0.5] * 8)
    assert ratios(game(graph=9), [0.5] * 9).keys() == {
        "reward",
        "welfare",
        "equality",
        "action",
        "moving",
    }


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([1, 3], 1 - 2 / (2 * 4)),
        ([5, 5, 5], 1),
        ([0, 0, 8, 0], 0.25),
        ([3, 1, 2], 1 - 8 / 36),
        ([-1, 3], 1 - 4 / (2 * 2)),
    ],
)
def test_equality_by_hand(rewards, expected):
    above, below = equality(torch.tensor([rewards, rewards], dtype=torch.float32))
    assert above.tolist() == pytest.approx([expected] * 2)
    assert below.tolist() == [1, 1]


def test_equality_is_not_defined_where_nothing_is_earned():
    rewards = torch.tensor([[1.0, -1.0], [0.0, 0.0], [-2.0, -2.0], [2.0, 2.0]])
    above, below = equality(rewards)
    assert (above.tolist(), below.tolist()) == ([0, 0, 0, 1], [0, 0, 0, 1])


def test_equality_is_one_minus_the_gini_index():
    rewards = torch.rand(5, 31, generator=torch.Generator().manual_seed(0))
    gaps = (rewards[:, :, None] - rewards[:, None]).abs().sum((1, 2))
    expected = 1 - gaps / (2 * 31 * rewards.sum(1))
    torch.testing.assert_close(equality(rewards)[0], expected)


# ---- drawing --------------------------------------------------------------------------------


def test_pictures_span_the_window_and_what_lies_beyond():
    world = game(SPLIT, boundary="none")
    (inside, _), (outside, _) = tried(world, [0.25, 0.75], [-1.0, 3.0])
    action, reward = world.portray(inside)["action"], world.portray(inside)["reward"]
    assert (action.low, action.high, action.values.tolist()) == (0, 1, [[0.25, 0.75]])
    assert (reward.low, reward.high, reward.values.tolist()) == (1, 3, [[1, 3]])
    assert (world.portray(outside)["action"].low, world.portray(outside)["action"].high) == (-1, 3)


def test_equal_rewards_span_an_interval_too():
    layer = game().portray(game().state)["reward"]
    assert layer.low == 0.5 < layer.high


def test_several_numbers_are_drawn_as_their_mean():
    world = game(type("Wide", (Squares,), {"size": 2}))
    (state, _), *_ = tried(world, [0.0, 0.5, 0.5, 1.0])
    assert world.portray(state)["action"].values.tolist() == [[0.25, 0.75]]


# ---- refusing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"start": (0.5,)}, "start has 1 numbers, but 2 players with 1 each need 2"),
        ({"start": (0.5, 1.5)}, r"start, number 2 = 1.5 lies outside \[0.0, 1.0\]"),
        ({"start": (-0.1, 1.0)}, r"start, number 1 = -0.1 lies outside \[0.0, 1.0\]"),
        ({"kind": "toy_game", "graph": 3}, "is for 2 players, but the graph has 3 nodes"),
        ({"kind": "toy_game", "low": 3.0}, r"low = 3.0 does not lie below high = 3.0"),
        ({"boundary": "wall"}, "boundary = 'wall' is not one of"),
        ({"horizon": 0}, "horizon = 0 lies outside"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(arguments, says):
    with pytest.raises(BadSetting, match=says) as caught:
        game(**arguments)
    assert "\n" not in str(caught.value)


def test_messages_name_the_world():
    with pytest.raises(BadSetting, match="^world toy_game: "):
        game("toy_game", start=(5.0, 0.0))
