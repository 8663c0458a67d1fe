"""Measures of gift graphs by hand; whether oracles give as they must; and what the study leaves."""

import csv

import networkx as nx
import numpy as np
import pytest

from commonweal.analysis import gift_flows, gift_networks
from commonweal.analysis.report import Report
from commonweal.analysis.series import interval
from commonweal.analysis.tournaments import Course, Length, meeting, play

KINDS = ("lase", "lase", "good", "bad")
GIFTS = nx.DiGraph()
GIFTS.add_nodes_from(range(4))
GIFTS.add_weighted_edges_from(
    [(0, 1, 0.3), (1, 0, 0.1), (0, 2, 0.5), (2, 0, 0.0), (1, 3, 0.0), (3, 1, 0.0), (1, 2, 0.1)]
)
TINY = Length(steps=400, replicates=2, lanes=4)


def test_what_an_agent_is_given_by_all():
    assert gift_networks.in_strength(GIFTS).tolist() == pytest.approx([0.1, 0.3, 0.6, 0.0])


def test_means_by_kind():
    means = gift_networks.mean_by_kind(gift_networks.in_strength(GIFTS), KINDS)
    assert means == pytest.approx({"lase": 0.2, "good": 0.6, "bad": 0.0})


def test_support_is_relative_to_an_even_gift():
    # Links of the givers carry 0.3, 0.1, 0.5, 0.0 and 0.1: 0.2 on average.
    found = gift_networks.support(GIFTS, KINDS, ("lase",))
    assert found == pytest.approx({"lase": 1.0, "good": 1.5, "bad": 0.0})


def test_support_without_gifts_is_unknown():
    found = gift_networks.support(GIFTS, KINDS, ("good", "bad"))
    assert set(found) == {"lase"} and np.isnan(found["lase"])


def test_reciprocity_among_some():
    # Of 0.4 given between 0 and 1, the smaller 0.1 is returned both ways.
    assert gift_networks.reciprocity(GIFTS, (0, 1)) == pytest.approx(0.5)
    assert np.isnan(gift_networks.reciprocity(GIFTS, (1,)))


def test_the_mean_of_graphs():
    other = nx.DiGraph(GIFTS)
    other[0][1]["weight"] = 0.5
    mean = gift_networks.mean_graph([GIFTS, other])
    assert mean[0][1]["weight"] == pytest.approx(0.4)
    assert mean[1][0]["weight"] == pytest.approx(0.1)
    assert GIFTS[0][1]["weight"] == 0.3


def test_the_end_of_a_course_is_its_last_tenth_by_replicate():
    steps, replicate = np.repeat(np.arange(1, 21) * 100, 2), np.tile([0, 1], 20)
    values = np.where(steps > 1800, 1.0 + replicate, 0.0)
    course = Course(
        {"step": steps, "replicate": replicate, "given": values}, nx.path_graph(2), ("a", "b"), ()
    )
    assert course.end("given").tolist() == [1.0, 2.0]
    assert course.name("given", "a") == "given/a"


def test_exploration_takes_a_fifth_of_a_run():
    length = Length(steps=1_000_000, replicates=5)
    plan = meeting({"lase": 1, "random": 1}, length)
    assert plan.population[0].settings["move"]["explore_episodes"] == 2000
    assert (plan.replicates, plan.lanes, plan.world["horizon"]) == (5, 16, 100)
    short = meeting({"lase": 2}, Length(steps=50_000, replicates=1))
    assert short.population[0].settings["move"]["explore_episodes"] == 100


def test_who_foresees_everything_gives_for_chance_alone():
    """Theory: q (1 - q) / (N - 1) for one that cooperates with probability q."""
    who = dict.fromkeys(("lase_exact", *gift_flows.STRANGERS), 1)
    course = play(meeting(who, Length(steps=3200, replicates=2)))
    for kind, expected in (("always_cooperate", 0), ("random", 1 / 12), ("always_defect", 0)):
        assert course.end(f"gift_weight_to/{kind}") == pytest.approx(expected, abs=0.02)
    # The graph of the last episode says the same, link by link.
    book = course.gifts[1]
    own = course.kinds.index("lase_exact")
    weights = {course.kinds[j]: w for _, j, w in book.out_edges(own, data="weight")}
    assert weights["random"] == pytest.approx(1 / 12, abs=0.02)
    assert weights["always_cooperate"] == weights["always_defect"] == 0
    assert gift_flows.support(course)["support"]["always_defect"].shape == (2,)


@pytest.mark.parametrize(
    ("excess", "word", "verdict"),
    [([0.1, 0.2], "undecided", "not shown"), ([0.1, 0.11], "supported", "shown")]
    + [([-0.1, -0.11], "contradicted", "not shown"), ([0.5], "undecided", "not shown")],
)
def test_a_claim_needs_its_whole_interval(tmp_path, excess, word, verdict):
    report = Report(out=tmp_path, note="")
    gift_flows.judge(report, "more", interval(excess))
    (claim,) = report.claims
    assert claim["verdict"] == verdict and claim["seen"].startswith(word)


@pytest.mark.slow
def test_the_study_leaves_tables_figures_and_verdicts(tmp_path, capsys):
    gift_flows.study(Report(out=tmp_path, note="tiny"), TINY, 16)
    found = {path.name for path in tmp_path.iterdir()}
    parts = ("pairs", "strangers", "strangers_who_slip", "lattice")
    assert found == {f"{p}.{s}" for p in parts for s in ("csv", "png", "svg")} | {"claims.csv"}
    with open(tmp_path / "strangers.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 27 and {row["replicates"] for row in rows} == {"2"}
    exact = [row for row in rows if row["case"] == "lase_exact to always_cooperate"]
    assert {row["measure"]: float(row["mean"]) for row in exact} == {
        "gift weight": 0.0,
        "predicted": 1.0,
        "accuracy": 1.0,
    }
    assert "LASE gives less than LASE w/o" in capsys.readouterr().out


def test_budgets_grow():
    sizes = [gift_flows.BUDGETS[name] for name in ("quick", "standard", "paper")]
    assert [s[0].steps for s in sizes] == sorted(s[0].steps for s in sizes)
    assert all(length.replicates >= 5 for length, _ in sizes)
