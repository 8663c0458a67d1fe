"""Collective return against evenness: who is compared, what is read from runs, verdicts."""

import csv

import numpy as np
import pytest

from commonweal.agents import AGENTS
from commonweal.analysis import fairness, fairness_figures, figures
from commonweal.analysis.fairness import BELOW, METHODS, POSTER, VARIANTS
from commonweal.analysis.report import Report
from commonweal.analysis.resource_runs import Length, everywhere
from tests.courses import course, written

TINY = Length(episodes=everywhere(10), replicates=2, hidden=(4,))
JOB, PLANT = "job_scheduling", "manufacturing_plant"


def test_all_methods_are_kinds_and_named_once():
    assert set(METHODS) - set(VARIANTS) <= set(AGENTS.names())
    assert len(set(METHODS.values())) == len(METHODS)
    assert set(POSTER) | set(BELOW) <= set(METHODS)


@pytest.mark.parametrize("kind", METHODS)
def test_every_method_can_be_built(kind):
    for world in fairness.WORLDS:
        made = fairness.plan(world, kind, TINY)
        assert made.population[0].kind == ("fpf" if kind in VARIANTS else kind)
        assert made.steps == 2000


def test_pulls_are_to_learning_rates_as_published():
    def exchange(kind):
        return fairness.plan(JOB, kind, TINY).population[0].settings["exchange"]

    for kind in ("fpf", "dnf", "fpf_utilitarian"):
        assert exchange(kind)["rate"] == pytest.approx(0.003)
    assert exchange("fpf_gentle")["rate"] == 0.001
    assert exchange("fpf_utilitarian")["egalitarian"] == 0 < exchange("fpf")["egalitarian"]


# ---- by hand ----------------------------------------------------------------------------------

NOISE = np.array([[-0.1], [0.0], [0.1]])


def runs(worlds):
    """FPF earns 10 more and shares more evenly than all others."""
    found = {}
    for world in worlds:
        for kind in METHODS:
            best = kind == "fpf"
            by_agent = np.array([[20.0 + 10 * best, 10.0]] * 3) + NOISE
            found[world, kind] = course(by_agent, ratio=0.2 if best else 0.5)
    return found


def test_beside_the_poster_by_hand():
    row = fairness.beside("ippo", runs([JOB]))
    assert row["use %"] == pytest.approx(15) and row["published use %"] == 96
    # Two agents: a sample spreads sqrt(2) times as much.
    assert row["sample std/mean"] == pytest.approx(0.5 * np.sqrt(2))
    assert row["method"] == "IPPO"


def test_about_as_even_needs_the_whole_interval(tmp_path):
    report = Report(out=tmp_path, note="")
    uneven = {"fpf": np.array([1.0, 1.01, 0.99]), "lmf": np.array([1.02, 1.0, 1.01])}
    fairness.alike(report, "here", "fpf", "lmf", uneven)
    fairness.alike(report, "there", "fpf", "lmf", uneven | {"lmf": uneven["lmf"] + 0.1})
    verdicts = [row["verdict"] for row in report.claims]
    assert verdicts == ["shown", "not shown"]


def test_smoothing_by_hand():
    values = np.array([1.0, np.nan, 3.0, 5.0])
    assert fairness_figures.smooth(values, 3) == pytest.approx([1.0, 2.0, 4.0, 4.0])
    assert np.isnan(fairness_figures.smooth(np.full(3, np.nan), 3)).all()


def test_methods_look_unlike():
    looks = fairness_figures.look(list(METHODS))
    assert len({(ink, mark) for ink, mark, _ in looks.values()}) == len(METHODS)
    assert len({(ink, style) for ink, _, style in looks.values()}) == len(METHODS)


def test_the_study_leaves_tables_figures_and_verdicts(tmp_path, monkeypatch):
    worlds = (JOB, PLANT)
    fake = runs(worlds)
    monkeypatch.setattr(
        fairness, "play_all", lambda plans, *_: dict(zip(plans, fake.values(), strict=True))
    )
    fairness.study(Report(out=tmp_path, note="by hand"), TINY, worlds)
    stems = ("fairness", "fairness_plane", "fairness_curves")
    figures = {f"{stem}.{end}" for stem in stems for end in ("png", "svg")}
    tables = {"fairness.csv", "fairness_poster.csv", "claims.csv"}
    assert written(tmp_path) == figures | tables
    with open(tmp_path / "claims.csv", newline="") as file:
        found = {row["claim"]: row for row in csv.DictReader(file)}
    text = "job scheduling: published (Fig. 1): nobody earns more than IPPO"
    assert found[text]["verdict"] == "not shown"
    assert found[text]["seen"] == "FPF 40.0, IPPO 30.0"
    text = "job scheduling: published (Fig. 1): FPF earns more than MAPPO"
    assert found[text]["verdict"] == "shown" and found[text]["seen"].startswith("10.000")
    text = "job scheduling: published (Fig. 5): AVG shares more evenly than FPF"
    assert found[text]["seen"].startswith("contradicted, -0.300")
    text = "manufacturing plant: published (Fig. 5): FPF and LMF differ by less than a tenth in std/mean"
    assert found[text]["verdict"] == "not shown"
    assert not any("AVG shares more" in claim for claim in found if claim.startswith("manuf"))
    with open(tmp_path / "fairness.csv", newline="") as file:
        rows = {(row["world"], row["kind"]): row for row in csv.DictReader(file)}
    assert len(rows) == 2 * len(METHODS)
    assert float(rows[PLANT, "fpf"]["evenness"]) == pytest.approx(0.8)


def test_labels_of_the_same_point_cover_nothing():
    _, axes = figures.panels()
    panel = axes[0, 0]
    panel.set(xlim=(0, 1), ylim=(0, 1))
    fairness_figures.label(panel, np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.5]]), ["a", "b", "c"])
    heights = {text.get_text(): text.xyann[1] for text in panel.texts}
    assert abs(heights["a"] - heights["b"]) >= fairness_figures.LINE - 1e-9
    for height in (heights["a"], heights["c"]):
        assert 0.02 < height < 1


@pytest.mark.slow
def test_a_tiny_study(tmp_path):
    words = ["--worlds", JOB, "--episodes", "10", "--replicates", "2", "--out", str(tmp_path)]
    fairness.main(words)
    assert "fairness_poster.csv" in written(tmp_path)
    assert len(list((tmp_path / "runs").iterdir())) == len(METHODS)
