"""The iterated dilemma: rounds, views and duels worked by hand."""

import networkx as nx
import pytest
import torch

from commonweal.simulation.conformance.puppets import build
from commonweal.simulation.experiment import Experiment, Share, resolve
from commonweal.worlds.iterated_dilemma import STATES, IteratedDilemmaConfig
from tests.societies import society

R, S, T, P = 1.0, -0.2, 1.2, 0.0
PAIR = {(0, 0): (R, R), (0, 1): (S, T), (1, 0): (T, S), (1, 1): (P, P)}
VIEWS = {(0, 0): ("CC", "CC"), (0, 1): ("CD", "DC"), (1, 0): ("DC", "CD"), (1, 1): ("DD", "DD")}


def world_on(graph, **settings):
    return build("iterated_dilemma", graph, config=IteratedDilemmaConfig(**settings))


def at(world, moves):
    """State and outcome when ``moves`` are played in all lanes."""
    return world.transition(world.state, torch.tensor([moves] * world.lanes))


def features(world, state, channel):
    return world.show(state, channel).features[0].tolist()


def one_hot(name):
    return [float(name == state) for state in STATES]


# ---- a pair ----------------------------------------------------------------------------------


@pytest.mark.parametrize("moves", PAIR)
@pytest.mark.parametrize("payoff", ["sum", "mean"])
def test_a_round_of_a_pair_pays_and_looks_as_it_should(moves, payoff):
    world = world_on(nx.path_graph(2), payoff=payoff)
    state, outcome = at(world, list(moves))
    mine, theirs = PAIR[moves]
    assert outcome.rewards[0].tolist() == pytest.approx([mine, theirs])
    assert outcome.dyads[0].tolist() == pytest.approx([mine, theirs])
    assert not outcome.terminated.any()
    assert features(world, state, "state") == [one_hot(view) for view in VIEWS[moves]]
    assert features(world, state, "opening") == [[0], [0]]
    own, other = ([float(move == action) for action in (0, 1)] for move in moves)
    assert features(world, state, "own") == [own, other]
    assert features(world, state, "actions") == [other, own]
    for row, expected in zip(
        features(world, state, "payoffs"), [[mine, theirs], [theirs, mine]], strict=True
    ):
        assert row == pytest.approx(expected)


def test_before_the_first_round_nobody_has_played():
    world = world_on(nx.path_graph(2))
    state = world.initial()
    assert features(world, state, "opening") == [[1], [1]]
    assert features(world, state, "own") == [[0, 0], [0, 0]]
    assert features(world, state, "actions") == [[0, 0], [0, 0]]
    assert features(world, state, "payoffs") == [[0, 0], [0, 0]]
    assert features(world, state, "state") == [one_hot("s0")] * 2
    assert world.standing(state) is None
    layer = world.portray(state)["action"]
    assert [layer.labels[value] for value in layer.values[0]] == ["none", "none"]


def test_the_few_views_of_a_pair_are_shown_as_codes():
    world = world_on(nx.path_graph(2))
    for channel, views in {"own": 3, "actions": 3, "state": 6}.items():
        assert len(world.show(world.state, channel).codebook) == views


def test_other_games_are_settings():
    world = world_on(nx.path_graph(2), reward=3, sucker=0, temptation=5, punishment=1)
    assert [at(world, moves)[1].rewards[0].tolist() for moves in ([0, 0], [0, 1], [1, 1])] == [
        [3, 3],
        [0, 5],
        [1, 1],
    ]


# ---- graphs ----------------------------------------------------------------------------------


def test_on_a_path_the_ends_see_one_neighbour():
    world = world_on(nx.path_graph(3))
    state, outcome = at(world, [0, 1, 0])
    # The middle earns the temptation twice, which is one temptation per partner.
    assert outcome.rewards[0].tolist() == pytest.approx([S, T, S])
    missing = [0.0] * len(STATES)
    assert features(world, state, "state") == [
        one_hot("CD") + missing,
        one_hot("DC") * 2,
        one_hot("CD") + missing,
    ]
    assert features(world, state, "actions") == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]]
    assert features(world, state, "payoffs")[0] == pytest.approx([S, T, 0])
    opening = world.initial()
    assert features(world, opening, "state") == [
        one_hot("s0") + missing,
        one_hot("s0") * 2,
        one_hot("s0") + missing,
    ]
    assert features(world, opening, "actions") == [[0] * 4] * 3


def test_payoffs_can_be_sums_over_neighbours():
    world = world_on(nx.path_graph(3), payoff="sum")
    state, outcome = at(world, [0, 1, 0])
    assert outcome.rewards[0].tolist() == pytest.approx([S, 2 * T, S])
    assert state.payoff[0].tolist() == pytest.approx([S, T, S])


def test_nobody_plays_who_has_no_partner():
    graph = nx.path_graph(2)
    graph.add_node(2)
    world = world_on(graph)
    state, outcome = at(world, [1, 0, 1])
    assert outcome.rewards[0].tolist() == pytest.approx([T, S, 0])
    assert features(world, state, "state") == [one_hot("DC"), one_hot("CD"), [0] * 5]
    assert features(world, state, "actions") == [[1, 0], [0, 1], [0, 0]]
    assert features(world, world.initial(), "state")[2] == [0] * 5


def test_wide_views_are_shown_like_narrow_ones():
    world = world_on(nx.star_graph(9))  # 2 ** 10 views are not tabulated
    state, _ = at(world, [1] + [node % 2 for node in range(9)])
    assert world.show(state, "actions").codes is None
    assert features(world, state, "actions")[0] == [1, 0, 0, 1] * 4 + [1, 0]
    assert features(world, state, "actions")[1] == [0, 1] + [0, 0] * 8
    assert features(world, state, "state")[0] == (one_hot("DC") + one_hot("DD")) * 4 + one_hot("DC")
    assert features(world, world.initial(), "actions") == [[0] * 18] * 10


def test_indicators_by_hand():
    world = world_on(nx.path_graph(4))
    state, outcome = at(world, [0, 0, 1, 1])
    measured = world.indicators(state, outcome)
    found = {name: (above[0] / below[0]).item() for name, (above, below) in measured.items()}
    rewards = [R, (R + S) / 2, (T + P) / 2, P]
    assert found == pytest.approx(
        {
            "cooperation": 1 / 2,
            "reward": sum(rewards) / 4,
            "reward_C": sum(rewards[:2]) / 2,
            "reward_D": sum(rewards[2:]) / 2,
            "cc_links": 1 / 3,
            "clustering": 2 / 3 - 1 / 2,
            "state_CC": 1 / 3,
            "state_CD": 1 / 3,
            "state_DD": 1 / 3,
        }
    )


# ---- episodes and duels ------------------------------------------------------------------------


def duel(*kinds, rounds, lanes=1):
    """Moves "xy" of every round, total rewards, and the world; x is of the first kind named."""
    world = society(*kinds, agents=2, lanes=lanes, world={"kind": "iterated_dilemma"})
    first = kinds[0].kind if isinstance(kinds[0], Share) else kinds[0]
    # The population is dealt to the nodes at random.
    order = sorted(range(2), key=lambda node: world.people[node].kind != first)
    moves, total = [], torch.zeros(2, dtype=torch.float64)
    for _ in range(rounds):
        world.step()
        experience = world.society.experience
        moves.append("".join("CD"[move] for move in experience.moves[0, order]))
        total += experience.outcome.rewards[0, order]
    return moves, total.tolist(), world


def test_usually_two_who_know_each_other_play_a_hundred_rounds():
    usual = resolve(
        Experiment(world={"kind": "iterated_dilemma"}, population=[Share(kind="tit_for_tat")])
    )
    assert (usual.agents, usual.lanes, usual.replicates, usual.steps) == (2, 16, 1, 100_000)
    assert usual.network["kind"] == "complete"
    assert usual.world["horizon"] == 100


def test_an_episode_ends_with_its_clock_and_the_next_begins_afresh():
    moves, _, world = duel("tit_for_tat", "always_defect", rounds=100)
    assert world.episode_ended and not world.society.experience.outcome.terminated.any()
    assert moves == ["CD"] + ["DD"] * 99
    world.step()
    seen = world.society.experience.observation
    assert seen["opening"].features.all() and not seen["actions"].features.any()
    assert world.society.experience.moves.sum() == 1  # tit for tat has forgotten


def test_tit_for_tat_is_exploited_once():
    moves, total, _ = duel("tit_for_tat", "always_defect", rounds=100)
    assert "".join(moves).count("C") == 1
    assert total == pytest.approx([S + 99 * P, T + 99 * P])


def test_tit_for_tat_gets_on_with_itself():
    moves, total, world = duel("tit_for_tat", rounds=100)
    assert moves == ["CC"] * 100
    assert total == pytest.approx([100 * R, 100 * R])
    assert world.measured["state_CC"][0].tolist() == [2]


def test_win_stay_lose_shift_leaves_and_returns_to_a_defector():
    # The sucker's payoff and the punishment are losses (aspiration 0.5): it shifts every round.
    moves, total, _ = duel("win_stay_lose_shift", "always_defect", rounds=100)
    assert moves == ["CD", "DD"] * 50
    assert total == pytest.approx([50 * (S + P), 50 * (T + P)])


def test_win_stay_lose_shift_gets_on_with_itself():
    moves, total, _ = duel("win_stay_lose_shift", rounds=100)
    assert moves == ["CC"] * 100
    assert total == pytest.approx([100, 100])


def test_a_low_aspiration_makes_win_stay_lose_shift_a_cooperator():
    gentle = Share(kind="win_stay_lose_shift", settings={"aspiration": -0.5})
    moves, total, _ = duel(gentle, "always_defect", rounds=10)
    assert moves == ["CD"] * 10
    assert total == pytest.approx([10 * S, 10 * T])


def test_grim_never_forgives_within_an_episode():
    moves, _, _ = duel("grim", "win_stay_lose_shift", rounds=5)
    assert moves == ["CC"] * 5
    moves, _, _ = duel("grim", "always_defect", rounds=5)
    assert moves == ["CD"] + ["DD"] * 4


def test_fermi_opens_with_cooperation_where_there_are_no_marks():
    moves, _, _ = duel("fermi", "always_cooperate", rounds=3)
    assert moves == ["CC"] * 3
    moves, _, _ = duel("fermi", "always_defect", rounds=30)
    # Copies the richer defector with probability 1 / (1 + exp(-14)), and then all are equal.
    assert moves[0] == "CD" and moves[2:] == ["DD"] * 28


@pytest.mark.parametrize("kind", ["lr2", "lr2_unaligned", "ippo", "dd", "simul_ind"])
def test_learners_play_here(kind):
    _, total, world = duel(kind, rounds=45, lanes=2)
    assert torch.tensor(total).isfinite().all()
    assert all(torch.tensor(agent.probabilities).isfinite().all() for agent in world.people)
