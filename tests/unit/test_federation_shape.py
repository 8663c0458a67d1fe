"""Shapes of federations: what is played, what each shape is, what is made of the runs."""

import csv

import numpy as np
import pytest

from commonweal.analysis import federation_shape
from commonweal.analysis.federation_shape import GRADIENTS, SHAPES, WAYS, WORLD, Way
from commonweal.analysis.report import Report
from commonweal.analysis.resource_runs import Length, play
from tests.courses import course, written

TINY = Length(episodes={WORLD: 10}, replicates=2, hidden=(4,))


def test_each_way_is_a_charter_and_an_exchange():
    names = [way.name for way in WAYS]
    assert len(set(names)) == len(names) == 12 and {*SHAPES} < {*names}
    made = Way("halves", "gradients_in_turn").plan(TINY)
    settings = made.population[0].settings
    assert settings["charter"]["shape"] == "halves" and settings["charter"]["members"] == "everyone"
    assert settings["exchange"]["what"] == "gradients_in_turn"
    assert settings["move"]["start"] == "shared"
    assert (made.world["kind"], made.network["kind"]) == ("matthew_effect", "small_world")
    assert Way("ring").plan(TINY).population[0].settings["exchange"]["what"] == GRADIENTS


def test_the_shapes_that_are_drawn():
    graph, met = federation_shape.drawn(Way("complete").plan(TINY))
    links = {
        shape: {tuple(sorted(e)) for e in federation.edges} for shape, federation in met.items()
    }
    assert len(links["complete"]) == 45 and not links["none"]
    assert len(links["halves"]) == 20 and len(links["ring"]) == 20
    assert links["graph"] == {tuple(sorted(e)) for e in graph.edges}
    assert 0 < len(links["overlapping"]) < 45 and 0 < len(links["communities"]) < 45


def test_who_listens_to_nobody_learns_alone():
    """Parameters that all average leave no gap; those of nobody do."""
    alone, together = (
        play(way.plan(Length(episodes={WORLD: 20}, replicates=1, hidden=(4,))))
        for way in (Way("none"), Way("complete", "parameters"))
    )
    assert 0 < together.gap[-1, 0] < alone.gap[-1, 0] / 2


def runs():
    """Whoever listens earns 2 more than who learns alone, shares more evenly and stays closer."""
    by_agent = np.array([[3.0, 1.0], [3.1, 0.9], [3.0, 1.1]])
    found = {way.name: course(by_agent + 1, ratio=0.5, gap=1.0) for way in WAYS}
    return found | {"none": course(by_agent, ratio=0.8, gap=np.e)}


def test_the_study_leaves_tables_figures_and_verdicts(tmp_path, monkeypatch):
    fake = runs()
    monkeypatch.setattr(
        federation_shape,
        "play_all",
        lambda plans, *_: dict(zip(plans, fake.values(), strict=True)),
    )
    assert [way.name for way in WAYS] == list(fake)
    federation_shape.study(Report(out=tmp_path, note="by hand"), TINY, ["matthew_effect"])
    stems = ("federation_shape", "federation_shape_charters")
    figures = {f"{stem}.{end}" for stem in stems for end in ("png", "svg")}
    assert written(tmp_path) == figures | {"federation_shape.csv", "claims.csv"}
    with open(tmp_path / "claims.csv", newline="") as file:
        found = {row["claim"]: row for row in csv.DictReader(file)}
    text = "who listens earns more than who learns alone, complete against none"
    assert found[text]["verdict"] == "shown" and found[text]["seen"].startswith("2.000")
    text = "who listens shares more evenly than who learns alone, complete, parameters"
    assert found[text]["seen"].startswith("0.300")
    text = "who listens stays more alike than who learns alone (log of ratio), ring"
    assert found[text]["seen"].startswith("1.000")
    text = "published (Fig. 3d): fixed federations earn more than dynamic ones"
    assert found[f"{text}, halves against overlapping"]["verdict"] == "not shown"
    with open(tmp_path / "federation_shape.csv", newline="") as file:
        rows = {row["listening"]: row for row in csv.DictReader(file)}
    assert float(rows["none"]["consensus gap"]) == pytest.approx(np.e, rel=1e-2)
    assert float(rows["ring, in turn"]["collective"]) == pytest.approx(6.03, abs=0.01)


@pytest.mark.slow
def test_a_tiny_study(tmp_path):
    words = ["--episodes", "10", "--replicates", "2", "--out", str(tmp_path)]
    federation_shape.main(words)
    assert "federation_shape.csv" in written(tmp_path)
    assert len(list((tmp_path / "runs").iterdir())) == 12
