"""Fixed strategies: the moves they are expected to make against named opponents."""

from dataclasses import dataclass

import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.scripted import Fermi, FermiConfig, TitForTat, WinStayLoseShift
from commonweal.settings import Settings, setting
from commonweal.simulation.experiment import Share
from tests.societies import registered, society


@dataclass(frozen=True, kw_only=True)
class ReplayConfig(Settings):
    """What to play."""

    moves: str = setting("C", "moves, over and over")


class Replay(Agent):
    """Plays a text: a user's kind by hand, on plain values."""

    Config = ReplayConfig

    @staticmethod
    def decide(config, percept, memory):
        turn = memory["turn"] = memory.get("turn", -1) + 1
        return "CD".index(config.moves[turn % len(config.moves)])


@pytest.fixture(autouse=True)
def replay():
    with registered(AGENTS, "replay", Replay):
        yield


def texts(world, rounds):
    """The moves of everyone in lane 0, as a text each."""
    played = []
    for _ in range(rounds):
        world.step()
        played.append(world.society.experience.moves[0].tolist())
    return ["".join("CD"[move] for move in column) for column in zip(*played, strict=True)]


def duel(kind, opponent, rounds=6, horizon=20, **settings):
    """Moves of a kind and of its opponent, in fixed pairs."""
    if set(opponent) <= set("CD"):
        other = Share(kind="replay", count=1, settings={"moves": opponent})
    else:
        other = Share(kind=opponent, count=1)
    pair = Share(kind=kind, count=1, settings=settings), other
    world = society(*pair, network={"kind": "pairs"}, world={"horizon": horizon})
    found = dict(zip((agent.cohort for agent in world.people), texts(world, rounds), strict=True))
    return tuple(found[cohort] for cohort in world.society.cohorts)


@pytest.mark.parametrize(
    ("kind", "opponent", "own", "other"),
    [
        ("always_cooperate", "CDDC", "CCCCCC", "CDDCCD"),
        ("always_defect", "CDDC", "DDDDDD", "CDDCCD"),
        ("tit_for_tat", "always_defect", "CDDDDD", "DDDDDD"),
        ("tit_for_tat", "always_cooperate", "CCCCCC", "CCCCCC"),
        ("tit_for_tat", "CDDCCD", "CCDDCC", "CDDCCD"),
        ("tit_for_tat", "tit_for_tat", "CCCCCC", "CCCCCC"),
        ("tit_for_tat", "grim", "CCCCCC", "CCCCCC"),
        ("tit_for_tat", "DCCCCC", "CDCCCC", "DCCCCC"),
        ("grim", "CCDCCC", "CCCDDD", "CCDCCC"),
        ("grim", "always_cooperate", "CCCCCC", "CCCCCC"),
        ("grim", "DCCCCC", "CDDDDD", "DCCCCC"),
        ("win_stay_lose_shift", "always_cooperate", "CCCCCC", "CCCCCC"),
        # It gets S, shifts; gets 0, shifts; and so on.
        ("win_stay_lose_shift", "always_defect", "CDCDCD", "DDDDDD"),
        # R stay, S shift, T stay, P shift, S shift.
        ("win_stay_lose_shift", "CDCDDC", "CCDDCD", "CDCDDC"),
    ],
)
def test_duels(kind, opponent, own, other):
    assert duel(kind, opponent) == (own, other)


def test_pavlov_mends_a_quarrel_that_tit_for_tat_keeps_up():
    # Both after one slip of the other: an opponent that answers like the kind itself.
    assert duel("win_stay_lose_shift", "win_stay_lose_shift") == ("CCCCCC", "CCCCCC")


def test_with_low_aspirations_defection_among_defectors_is_a_win():
    assert duel("win_stay_lose_shift", "always_defect", aspiration=0.0)[0] == "CDDDDD"
    assert duel("win_stay_lose_shift", "always_cooperate", aspiration=1.2)[0] == "CDDDDD"


@pytest.mark.parametrize(
    ("kind", "opponent", "own"),
    [
        ("tit_for_tat", "DDDD", "CDDDCDDDCD"),
        ("grim", "DCCC", "CDDDCDDDCD"),
        ("grim", "CCCD", "CCCCCCCCCC"),
        ("win_stay_lose_shift", "DDDD", "CDCDCDCDCD"),
    ],
)
def test_a_new_episode_begins_anew(kind, opponent, own):
    assert duel(kind, opponent, rounds=10, horizon=4)[0] == own


def test_grim_forgets_only_in_the_lane_that_ended():
    world = society("grim", "always_defect", network={"kind": "pairs"}, agents=2)
    world.clock[1] = world.horizon - 3
    grim = next(agent.node for agent in world.people if agent.kind == "grim")
    moves = []
    for _ in range(5):
        world.step()
        moves.append(world.society.experience.moves[:, grim].tolist())
    assert moves == [[0, 0], [1, 1], [1, 1], [1, 0], [1, 1]]


def test_one_defector_among_those_who_follow_the_majority():
    world = society(Share(kind="always_defect", count=1), "tit_for_tat", agents=16)
    assert sorted(texts(world, 5)) == ["CCCCC"] * 15 + ["DDDDD"]


def test_grim_spreads_from_one_defector_over_the_torus():
    # Of 16 cells 4 lie one step away, 6 two, 4 three and 1 four.
    world = society(Share(kind="always_defect", count=1), "grim", agents=16)
    played = texts(world, 6)
    defectors = [sum(text[t] == "D" for text in played) for t in range(6)]
    assert defectors == [1, 5, 11, 15, 16, 16]


def test_tit_for_tat_meets_a_tie_with_cooperation():
    seen = {"opening": torch.zeros(1, 3, 1)}
    # Neighbours C and D; C, D and D; D and an empty place.
    seen["actions"] = torch.tensor([[[1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 1], [0, 1, 0, 0, 0, 0]]])
    defects = TitForTat.plan(None, seen, torch.zeros(1, 3), 2)[0][0, :, 1]
    assert defects.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("own", "payoff", "expected"),
    [("C", 0.5, "C"), ("C", 0.49, "D"), ("D", 0.5, "D"), ("D", 0.49, "C")],
)
def test_win_stay_lose_shift_by_the_book(own, payoff, expected):
    seen = {
        "opening": torch.zeros(1, 1, 1),
        "own": torch.tensor([[[float(own == "C"), float(own == "D")]]]),
        "payoffs": torch.tensor([[[payoff, 9.0]]]),
    }
    config = WinStayLoseShift.Config()
    chances = WinStayLoseShift.plan(config, seen, torch.zeros(1, 1), 2)[0][0, 0]
    assert "CD"[int(chances.argmax())] == expected


def fermi(own, neighbours, opening=0.0, noise=1.0):
    """Chance to defect, for own (move, payoff) and those of two places."""
    pairs = [neighbour or ("", 0.0) for neighbour in neighbours]
    seen = {
        "opening": torch.tensor([[[opening]]]),
        "own": torch.tensor([[[float(own[0] == "C"), float(own[0] == "D")]]]),
        "actions": torch.tensor([[[float(m == a) for m, _ in pairs for a in "CD"]]]),
        "payoffs": torch.tensor([[[own[1], *(payoff for _, payoff in pairs)]]]),
    }
    return Fermi.plan(FermiConfig(noise=noise), seen, torch.zeros(1, 1), 2)[0][0, 0, 1].item()


@pytest.mark.parametrize(
    ("own", "neighbours", "chance"),
    [
        # 1 / (1 + exp(payoff_i - payoff_j)): e^1 = 2.71828, e^-1 = 0.36788.
        (("C", 1.0), [("D", 2.0), ("D", 2.0)], 1 / 1.36788),
        (("C", 1.0), [("D", 2.0), ("C", 9.0)], 1 / 1.36788 / 2),
        (("C", 1.0), [("D", 2.0), None], 1 / 1.36788),
        (("D", 1.0), [("C", 1.0), None], 0.5),
        (("D", 2.0), [("C", 1.0), ("D", 0.0)], 1 - 1 / 3.71828 / 2),
        (("D", 0.0), [None, None], 1.0),
        (("C", 0.0), [None, None], 0.0),
    ],
)
def test_fermi_by_hand(own, neighbours, chance):
    assert fermi(own, neighbours) == pytest.approx(chance, abs=1e-5)


def test_little_noise_follows_the_better_and_much_noise_a_coin():
    better, worse = [("D", 1.5), None], [("D", 0.5), None]
    assert fermi(("C", 1.0), better, noise=1e-3) == pytest.approx(1)
    assert fermi(("C", 1.0), worse, noise=1e-3) == pytest.approx(0)
    assert fermi(("C", 1.0), worse, noise=1e6) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("mark", "CD")
def test_fermi_begins_with_its_mark(mark):
    other = "CD".replace(mark, "")
    assert fermi((mark, 0.0), [(other, 9.0), None], opening=1.0) == float(mark == "D")


def test_random_plays_both_moves_alike():
    world = society("random", agents=100, lanes=16)
    for _ in range(5):
        world.step()
    share = world.measured["cooperation"][0].sum() / 1600
    assert abs(share - 0.5) < 0.06  # five standard errors
    assert world.people[0].probabilities == [0.5, 0.5]
