"""Memory-1 strategies: vectors, openings and duels by hand, and what zero-determinant ones hold."""

import networkx as nx
import numpy as np
import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.memory_one import MemoryOneConfig, ZeroDeterminantConfig
from commonweal.errors import BadSetting
from commonweal.simulation.experiment import Share
from commonweal.worlds.lattice import LatticeState
from commonweal.worlds.memory import STATES
from tests.societies import society

KONG = {"reward": 1.0, "sucker": -0.2, "temptation": 1.2, "punishment": 0.0}
AXELROD = {"reward": 3.0, "sucker": 0.0, "temptation": 5.0, "punishment": 1.0}


def policy(kind, **settings):
    """First probability and vector of a kind."""
    first, vector = AGENTS[kind].policy(AGENTS[kind].Config(**settings))
    return [first, *vector]


# ---- vectors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("memory_one", {}, [1, 1, 0, 0, 1]),
        ("memory_one", {"policy": (0.1, 0.2, 0.3, 0.4), "opening": 0.5}, [0.5, 0.1, 0.2, 0.3, 0.4]),
        ("suspicious_tit_for_tat", {}, [0, 1, 0, 1, 0]),
        # min(1 - 0.2 / 1.2, 1 / 1.2) = 5 / 6
        ("generous_tit_for_tat", {}, [1, 1, 5 / 6, 1, 5 / 6]),
        ("generous_tit_for_tat", {"generosity": 0.3}, [1, 1, 0.3, 1, 0.3]),
        ("joss", {}, [1, 0.9, 0, 0.9, 0]),
        ("firm_but_fair", {}, [1, 1, 0, 1, 2 / 3]),
        ("alternator", {}, [1, 0, 0, 1, 1]),
        # The example of Press and Dyson 2012: chi = 3, phi half of the largest.
        ("extortioner", AXELROD, [1, 11 / 13, 1 / 2, 7 / 26, 0]),
        # Extort-2 and ZD-GTFT-2 of Stewart and Plotkin 2012.
        ("extortioner", AXELROD | {"factor": 2.0}, [1, 8 / 9, 1 / 2, 1 / 3, 0]),
        ("complier", AXELROD | {"factor": 2.0, "share": 1.0}, [1, 1, 1 / 8, 1, 1 / 4]),
        # By hand: d = (-2, -3.8, 1.8, 0) / 7.6.
        ("extortioner", {}, [1, 1 - 2 / 7.6, 1 / 2, 1.8 / 7.6, 0]),
        # A factor of one at full size is tit for tat.
        ("extortioner", {"factor": 1.0, "share": 1.0}, [1, 1, 0, 1, 0]),
        ("complier", {"factor": 1.0, "share": 1.0}, [1, 1, 0, 1, 0]),
    ],
)
def test_vectors(kind, settings, expected):
    assert policy(kind, **settings) == pytest.approx(expected)


def test_the_usual_generosity_is_the_most_that_pays():
    r, s, t, p = KONG.values()
    most = min(1 - (t - r) / (r - s), (r - p) / (t - p))
    assert policy("generous_tit_for_tat")[2] == pytest.approx(most)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"policy": (1, 0, 0)}, r"^MemoryOneConfig\.policy = \(1, 0, 0\) must have 4 entries$"),
        ({"policy": (1, 0, 0, 1.5)}, r"^MemoryOneConfig\.policy = 1\.5 lies outside \[0, 1\]$"),
        ({"policy": (1, 0, -0.1, 1)}, r"^MemoryOneConfig\.policy = -0\.1 lies outside \[0, 1\]$"),
        ({"opening": 2}, r"^MemoryOneConfig\.opening = 2\.0 lies outside \[0, 1\]$"),
    ],
)
def test_what_is_no_vector_of_four_probabilities_is_refused(settings, message):
    with pytest.raises(BadSetting, match=message):
        MemoryOneConfig(**settings)


@pytest.mark.parametrize("wrong", [{"reward": 1.2}, {"punishment": 1.0}, {"sucker": 0.0}])
def test_zero_determinant_strategies_are_for_prisoners(wrong):
    with pytest.raises(
        BadSetting, match="temptation > reward > punishment > sucker is needed, not"
    ):
        ZeroDeterminantConfig(**wrong)


# ---- what zero-determinant strategies hold ------------------------------------------------------


def chain(mine, theirs):
    """Chances [4, 4] from state to state, CC to DD, seen from the first of two vectors."""
    p, q = np.array(mine), np.array(theirs)[[0, 2, 1, 3]]
    return np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], 1)


def long_run(mine, theirs, payoffs):
    """Mean payoffs of both in the long run, from the only stationary distribution."""
    steps = chain(mine, theirs)
    equations = np.vstack([steps.T - np.eye(4), np.ones(4)])
    share = np.linalg.lstsq(equations, np.array([0, 0, 0, 0, 1.0]), rcond=None)[0]
    assert share == pytest.approx(share @ steps, abs=1e-12) and share.min() > -1e-12
    r, s, t, p = payoffs.values()
    return share @ [r, s, t, p], share @ [r, t, s, p]


@pytest.mark.parametrize("payoffs", [KONG, AXELROD], ids=["Kong", "Axelrod"])
@pytest.mark.parametrize(("factor", "share"), [(3.0, 0.5), (1.5, 1.0), (20.0, 0.1)])
@pytest.mark.parametrize(
    ("kind", "anchor"), [("extortioner", "punishment"), ("complier", "reward")]
)
def test_both_payoffs_are_tied_whatever_the_other_does(kind, anchor, factor, share, payoffs):
    _, *vector = policy(kind, factor=factor, share=share, **payoffs)
    assert min(vector) >= 0 and max(vector) <= 1
    rng, apart = np.random.default_rng(0), []
    for _ in range(20):
        own, other = long_run(vector, rng.uniform(0.02, 0.98, 4), payoffs)
        level = payoffs[anchor]
        assert own - level == pytest.approx(factor * (other - level), abs=1e-9)
        apart.append(own - other)
    # The extortioner never has less than the other, the complier never more.
    assert min(apart) > 0 if kind == "extortioner" else max(apart) < 0


def test_played_out_the_extortioner_gains_three_times_as_much():
    other = Share(kind="memory_one", count=1, settings={"policy": [0.9, 0.5, 0.7, 0.4]})
    rules = {"kind": "iterated_dilemma", "horizon": 1000}
    shares = [Share(kind="extortioner", count=1), other]
    world = society(*shares, agents=2, lanes=400, world=rules)
    first = [agent.kind for agent in world.people].index("extortioner")
    total = torch.zeros(2)
    for turn in range(250):
        world.step()
        if turn >= 50:
            total += world.society.experience.outcome.rewards.mean(0) / 200
    own, theirs = total[first].item(), total[1 - first].item()
    exact = long_run(policy("extortioner")[1:], (0.9, 0.5, 0.7, 0.4), KONG)
    # 80,000 rounds: a standard deviation is some 0.003 even if only every second one is new.
    assert (own, theirs) == pytest.approx(exact, abs=0.01)
    assert own == pytest.approx(3 * theirs, abs=0.03) and theirs > 0.15


# ---- duels -------------------------------------------------------------------------------------


def moves(*shares, rounds, **rules):
    """What each share plays in the first lane of a pair, as a text each."""
    world = society(*shares, agents=2, world={"kind": "iterated_dilemma"} | rules)
    played = []
    for _ in range(rounds):
        world.step()
        played.append(["CD"[move] for move in world.society.experience.moves[0]])
    texts = ["".join(column) for column in zip(*played, strict=True)]
    found = {agent.kind: text for agent, text in zip(world.people, texts, strict=True)}
    return tuple(found[share if isinstance(share, str) else share.kind] for share in shares)


@pytest.mark.parametrize(
    ("kind", "other", "expected"),
    [
        ("memory_one", "always_defect", ("CDCDCD", "DDDDDD")),
        ("memory_one", "alternator", ("CCDDCC", "CDCDCD")),
        ("suspicious_tit_for_tat", "tit_for_tat", ("DCDCDC", "CDCDCD")),
        ("suspicious_tit_for_tat", "always_cooperate", ("DCCCCC", "CCCCCC")),
        ("suspicious_tit_for_tat", "grim", ("DCDDDD", "CDDDDD")),
        ("alternator", "always_defect", ("CDCDCD", "DDDDDD")),
        ("alternator", "tit_for_tat", ("CDCDCD", "CCDCDC")),
        ("firm_but_fair", "always_cooperate", ("CCCCCC", "CCCCCC")),
        # It lets itself be exploited by nobody, and takes a defection of its own for nothing.
        ("firm_but_fair", "suspicious_tit_for_tat", ("CDCDCD", "DCDCDC")),
        ("generous_tit_for_tat", "always_cooperate", ("CCCCCC", "CCCCCC")),
        ("complier", "always_cooperate", ("CCCCCC", "CCCCCC")),
    ],
)
def test_duels(kind, other, expected):
    assert moves(kind, other, rounds=6) == expected


def test_a_new_episode_begins_with_the_opening():
    assert moves("suspicious_tit_for_tat", "always_cooperate", rounds=8, horizon=3)[0] == "DCCDCCDC"


def test_one_strategy_by_vector_and_by_payoff_is_the_same():
    for other in ("always_defect", "always_cooperate", "alternator"):
        by_vector = moves("memory_one", other, rounds=12)[0]
        assert moves("win_stay_lose_shift", other, rounds=12)[0] == by_vector


def chances(kind, seen, **settings):
    """Probability of C for rows that see these states of links, "" for nobody."""
    table = {name: [float(name == state) for state in STATES] for name in (*STATES, "")}
    rows = torch.tensor([[bit for name in row for bit in table[name]] for row in seen])
    opening = torch.tensor([[float("s0" in row)] for row in seen])
    features = {"state": rows[None], "opening": opening[None]}
    config = AGENTS[kind].Config(**settings)
    plan, memory = AGENTS[kind].plan(config, features, torch.zeros(1, len(seen)), 2)
    assert torch.allclose(plan.sum(-1), torch.ones(1, len(seen))) and not memory.any()
    return plan[0, :, 0].tolist()


def test_the_probability_of_one_link_is_that_of_the_vector():
    seen = [["s0"], ["CC"], ["CD"], ["DC"], ["DD"]]
    vector = {"policy": (0.1, 0.2, 0.3, 0.4), "opening": 0.5}
    assert chances("memory_one", seen, **vector) == pytest.approx([0.5, 0.1, 0.2, 0.3, 0.4])


def test_several_links_ask_for_their_mean():
    seen = [["CC", "CD"], ["CD", ""], ["DC", "DD"], ["DD", "DD"], ["s0", "s0"], ["s0", ""]]
    vector = {"policy": (0.8, 0.2, 0.6, 0.1), "opening": 0.7}
    expected = [0.5, 0.2, 0.35, 0.1, 0.7, 0.7]
    assert chances("memory_one", seen, **vector) == pytest.approx(expected)
    assert chances("suspicious_tit_for_tat", [["DC", "DC", "DD"]]) == pytest.approx([2 / 3])


def test_who_sees_nobody_does_as_in_the_first_round():
    assert chances("memory_one", [["", ""]], opening=0.3) == pytest.approx([0.3])
    assert chances("suspicious_tit_for_tat", [["", ""]]) == [0]


def test_on_the_lattice_the_opening_is_not_an_answer_to_the_marks():
    for kind, move in {"suspicious_tit_for_tat": 1, "alternator": 0}.items():
        world = society(kind, graph=nx.cycle_graph(4))
        assert world.state.last.sum() == 4  # two marked defectors in each of two lanes
        world.step()
        assert (world.society.experience.moves == move).all()


def test_on_a_graph_an_agent_says_the_mean():
    world = society("generous_tit_for_tat", graph=nx.star_graph(3), lanes=1)
    state = LatticeState(
        torch.tensor([[0, 1, 1, 0]]), torch.zeros(1, 4), torch.zeros(1, dtype=torch.bool)
    )
    world.observation = world.observations(state)
    hub = world.people[0].probabilities[0]
    assert hub == pytest.approx((5 / 6 + 5 / 6 + 1) / 3)
    assert [agent.probabilities[0] for agent in world.people[1:]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("kind", "exact"),
    # From each start the stationary share of C against a defector is that after DD and CD:
    # x = x * p_CD + (1 - x) * p_DD.
    [("generous_tit_for_tat", 5 / 6), ("firm_but_fair", 2 / 5), ("extortioner", 0)],
)
def test_how_often_a_defector_is_forgiven(kind, exact):
    share = Share(kind=kind, count=1)
    rules = {"kind": "iterated_dilemma", "horizon": 1000}
    world = society(share, "always_defect", agents=2, lanes=500, world=rules)
    forgiven = 0.0
    for turn in range(60):
        world.step()
        if turn >= 20:
            forgiven += world.measured["cooperation"][0].mean().item() / 40
    assert forgiven == pytest.approx(exact, abs=0.015)
