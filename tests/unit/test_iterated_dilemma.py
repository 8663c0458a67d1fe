"""The iterated dilemma: rounds, views and duels worked by hand."""

from dataclasses import dataclass

import networkx as nx
import pytest
import torch

from commonweal.settings import setting
from commonweal.simulation.conformance.lanes import symmetry_is_kept
from commonweal.simulation.conformance.puppets import build
from commonweal.simulation.conformance.tools import keep
from commonweal.simulation.conformance.worlds import WORLD_CLAUSES, is_documented
from commonweal.simulation.experiment import Experiment, Share, resolve
from commonweal.worlds import WORLDS
from commonweal.worlds.iterated_dilemma import (
    NOTHING,
    DilemmaState,
    IteratedDilemma,
    IteratedDilemmaConfig,
)
from commonweal.worlds.memory import STATES
from tests.societies import registered, society

R, S, T, P = 1.0, -0.2, 1.2, 0.0
PAIR = {(0, 0): (R, R), (0, 1): (S, T), (1, 0): (T, S), (1, 1): (P, P)}
VIEWS = {(0, 0): ("CC", "CC"), (0, 1): ("CD", "DC"), (1, 0): ("DC", "CD"), (1, 1): ("DD", "DD")}


def world_on(graph, lanes=3, **settings):
    config = IteratedDilemmaConfig(**settings)
    return build("iterated_dilemma", graph, lanes=lanes, config=config)


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
    for channel, views in {"own": 3, "actions": 3, "state": 5}.items():
        assert len(world.show(world.state, channel).codebook) == views


def test_the_game_is_told():
    spec = world_on(nx.path_graph(2)).spec
    assert (spec.view, spec.matrix, spec.lasting) == (("state",), ((R, S), (T, P)), True)
    assert not society(
        "random",
        world={"kind": "iterated_dilemma"},
        agents=6,
        network={"kind": "well_mixed", "neighbours": 3},
    ).spec.lasting


def test_other_games_are_settings():
    world = world_on(nx.path_graph(2), reward=3, sucker=0, temptation=5, punishment=1)
    assert world.spec.matrix == ((3, 0), (5, 1))
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


def by_hand(world, last):
    """The channel ``state`` of the first lane, link by link."""
    near, rows = world.neighbourhoods, []
    for node, own in enumerate(last):
        met = near.view[node][near.mask[node]].tolist()
        names = ["s0" if own == NOTHING else "CD"[own] + "CD"[last[other]] for other in met]
        missing = near.view.shape[1] - len(met)
        rows.append([bit for name in names for bit in one_hot(name)] + [0.0] * 5 * missing)
    return rows


FEW = {
    f"{d} of all": (nx.circulant_graph(16, range(1, d // 2 + 1)), 1 + 2 * 2**d) for d in (2, 4, 6)
}
FEW |= {"7 of all": (nx.complete_graph(8), 1 + 2 * 2**7)}
FEW |= {f"up to {d}": (nx.star_graph(d), d + 1 + 2 * (2 ** (d + 1) - 1)) for d in (2, 3, 6)}
MANY = {"8 of all": nx.complete_graph(9), "up to 7": nx.star_graph(7)}


@pytest.mark.parametrize(("graph", "views"), FEW.values(), ids=FEW)
def test_few_views_are_codes_that_mean_what_is_written_out(graph, views):
    world = world_on(graph, lanes=200)
    rng = torch.Generator().manual_seed(0)
    last = torch.randint(2, (200, len(graph)), generator=rng)
    last[100:] = NOTHING
    shown = world.show(DilemmaState(last, torch.zeros(last.shape)), "state")
    assert len(shown.codebook) == views
    for lane in (0, 50, 99, 100):
        assert shown.features[lane].tolist() == by_hand(world, last[lane].tolist())
    # One code for one view: who sees the same reads the same row.
    seen = shown.features.flatten(0, 1)
    for code in shown.codes.unique():
        rows = seen[shown.codes.flatten() == code]
        assert (rows == rows[0]).all()
    assert len(seen.unique(dim=0)) == len(shown.codes.unique())


@pytest.mark.parametrize("graph", MANY.values(), ids=MANY)
def test_many_views_are_written_out(graph):
    world = world_on(graph)
    last = torch.tensor([[node % 2 for node in range(len(graph))]] * 3)
    last[1] = NOTHING
    shown = world.show(DilemmaState(last, torch.zeros(last.shape)), "state")
    assert shown.codes is None
    for lane in (0, 1):
        assert shown.dense[lane].tolist() == by_hand(world, last[lane].tolist())


def test_the_table_holds_every_view_of_two_neighbours_once():
    book = world_on(nx.cycle_graph(4)).show(world_on(nx.cycle_graph(4)).state, "state").codebook
    names = [[STATES[row.index(1)] for row in rows] for rows in book.view(-1, 2, 5).tolist()]
    # The first neighbour's sign counts one, the second's two.
    cooperators = [["CC", "CC"], ["CD", "CC"], ["CC", "CD"], ["CD", "CD"]]
    defectors = [["DC", "DC"], ["DD", "DC"], ["DC", "DD"], ["DD", "DD"]]
    assert names == [["s0", "s0"], *cooperators, *defectors]


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
    assert (usual.agents, usual.lanes, usual.replicates, usual.steps) == (2, 16, 1, 1_000_000)
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


@pytest.mark.parametrize("kind", ["lr2", "lr2_unaligned", "lr2_unrewarded", "dd", "simul_ind"])
def test_learners_play_here(kind):
    _, total, world = duel(kind, rounds=45, lanes=2)
    assert torch.tensor(total).isfinite().all()
    assert all(torch.tensor(agent.probabilities).isfinite().all() for agent in world.people)


# ---- noise and the unknown ending --------------------------------------------------------------


def test_without_noise_and_ending_nothing_is_drawn():
    world = world_on(nx.path_graph(2))
    bits = world.generator.get_state()
    state, outcome = at(world, [0, 1])
    assert torch.equal(world.generator.get_state(), bits)
    assert state.last[0].tolist() == [0, 1] and outcome.played is None


def test_what_came_out_is_seen_and_paid():
    world = world_on(nx.path_graph(3), noise=1.0)  # every hand slips
    moves = torch.tensor([[0, 1, 1]] * 3)
    state, outcome = world.transition(world.state, moves)
    played = [1, 0, 0]
    assert outcome.played[0].tolist() == state.last[0].tolist() == played
    assert moves[0].tolist() == [0, 1, 1]
    assert outcome.rewards[0].tolist() == pytest.approx([T, (S + R) / 2, R])
    assert features(world, state, "own") == [[0, 1], [1, 0], [1, 0]]
    assert features(world, state, "actions") == [[1, 0, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]
    assert features(world, state, "state") == by_hand(world, played)
    measured = world.indicators(state, outcome)
    assert measured["cooperation"][0].tolist() == [2] * 3
    assert measured["state_CC"][0].tolist() == [2] * 3


def test_slips_are_as_frequent_as_they_should_be_whatever_was_meant():
    world = world_on(nx.complete_graph(50), lanes=200, noise=0.1)
    moves = torch.arange(50).remainder(2).expand(200, 50)
    slips = world.transition(world.state, moves)[1].played != moves
    # Over 5000 draws each: standard deviation 0.0042.
    assert slips[:, ::2].float().mean().item() == pytest.approx(0.1, abs=0.015)
    assert slips[:, 1::2].float().mean().item() == pytest.approx(0.1, abs=0.015)


def test_tit_for_tat_answers_what_was_played():
    rules = {"kind": "iterated_dilemma", "noise": 1.0}
    world = society("tit_for_tat", agents=2, lanes=1, world=rules)
    meant, came = [], []
    for _ in range(4):
        world.step()
        meant.append(world.society.experience.moves[0].tolist())
        came.append(world.state.last[0].tolist())
    assert meant == [[0, 0], [1, 1], [0, 0], [1, 1]]
    assert came == [[1, 1], [0, 0], [1, 1], [0, 0]]


def test_an_episode_that_is_over_is_terminated_and_not_truncated():
    rules = {"kind": "iterated_dilemma", "ending": 1.0, "horizon": 1}
    world = society("tit_for_tat", "always_defect", agents=2, world=rules)
    for _ in range(3):
        world.step()
        experience = world.society.experience
        assert experience.observation["opening"].features.all()
        assert experience.outcome.terminated.all() and not experience.truncated.any()
        assert experience.moves.sum(1).tolist() == [1, 1]  # always the opening of tit for tat


def test_an_ending_is_one_minus_the_discount():
    lanes, discount = 4000, 0.8
    rules = {"kind": "iterated_dilemma", "ending": 1 - discount, "horizon": 60}
    world = society("tit_for_tat", "always_defect", agents=2, lanes=lanes, world=rules)
    order = sorted(range(2), key=lambda node: world.people[node].kind != "tit_for_tat")
    going, total, played = torch.ones(lanes, dtype=torch.bool), torch.zeros(lanes, 2), []
    for _ in range(60):
        world.step()
        played.append(going.float().mean().item())
        outcome = world.society.experience.outcome
        total += outcome.rewards[:, order] * going[:, None]
        going &= ~outcome.terminated
    # The n-th round is played with probability discount ** (n - 1), here within three deviations.
    for n in (1, 2, 3, 6):
        chance = discount ** (n - 1)
        assert played[n - 1] == pytest.approx(chance, abs=3 * (0.25 / lanes) ** 0.5)
    assert sum(played) == pytest.approx(1 / (1 - discount), rel=0.06)
    # S or T once and P = 0 ever after, whenever the end comes.
    assert total.mean(0).tolist() == pytest.approx([S, T])


class Tournament(IteratedDilemma):
    """Noise and an unknown ending at once (Axelrod 1984)."""

    @dataclass(frozen=True, kw_only=True)
    class Config(IteratedDilemmaConfig):
        """Settings of a tournament."""

        noise: float = setting(0.2, "noise", low=0, high=1)
        ending: float = setting(0.3, "ending", low=0, high=1)


# It has no file of its own, and slips do not turn with a ring.
CLAUSES = [clause for clause in WORLD_CLAUSES if clause not in (is_documented, symmetry_is_kept)]


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_contract_of_a_world_holds_with_noise_and_ending(clause):
    with registered(WORLDS, "tournament", Tournament):
        keep("world tournament", [clause], "tournament")
