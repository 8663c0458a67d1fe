"""The study of ways through differentiable games: what it plays, what it judges, what it leaves."""

import csv

import numpy as np
import pytest
import torch

from commonweal.analysis import gradient_claims as claims
from commonweal.analysis import gradient_fields, landscapes
from commonweal.analysis import gradient_tables as tables
from commonweal.analysis.courses import METHODS, Course, Setting, course, courses
from commonweal.analysis.fixed_points import FixedPoint

TOY = Setting(world={"kind": "toy_game"})
THREE = """
import torch
PLAYERS = 3
LOW, HIGH = -2.0, 2.0
def payoffs(a):
    x = a[..., 0]
    return torch.sin(x) + 0.3 * x.roll(1, -1) - x**2 * x.roll(2, -1) / 5
"""
LINEAR = """
def losses(a):
    return a[..., 0] * 0.25 - 0.75 * a[..., 0].flip(-1)
"""


def cells(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run(*arguments):
    gradient_fields.main([str(argument) for argument in arguments])


def line(*collective, signs=(), first=None, diverged=False):
    """A course whose second player earns nothing unless the first one's rewards are given."""
    whole = np.array(collective, float)
    one = whole if first is None else np.array(first, float)
    rewards = np.stack((one, whole - one), 1)
    actions = np.arange(len(whole), dtype=float)[:, None, None].repeat(2, 1)
    return Course(actions, rewards, np.array(signs, float), diverged)


# ---- courses ----------------------------------------------------------------------------


def test_every_method_begins_at_one_place_and_takes_its_steps():
    found = courses(Setting(world={"kind": "toy_game", "start": ()}, seed=3), 4)
    assert list(found) == list(METHODS)
    starts = [way.actions[0] for way in found.values()]
    assert all(np.array_equal(start, starts[0]) for start in starts)
    assert abs(starts[0]).max() <= 3 and starts[0].any()
    assert {way.steps for way in found.values()} == {4}
    assert len({tuple(way.actions[-1].flatten()) for way in found.values()}) > 5


def test_a_course_is_the_published_one():
    aga = course(TOY.build(METHODS["AgA"], 40), 40)
    assert aga.actions[0, :, 0] == pytest.approx((-1.4, 0.2))
    assert aga.actions[40, :, 0] == pytest.approx((-1.091, -0.605), abs=1e-3)
    assert aga.collective[40] == pytest.approx(1.426, abs=1e-3)
    assert len(aga.signs) == 40
    assert claims.first_turn(aga) == 14
    short = aga.first(10)
    assert (short.steps, len(short.signs), short.diverged) == (10, 10, False)
    assert np.array_equal(short.actions[-1], aga.actions[10])


def test_a_course_goes_beyond_the_usual_episode():
    way = course(TOY.build(METHODS["Simul-Co"], 60), 60)
    assert np.abs(np.diff(way.actions, axis=0)).max() < 0.1


@pytest.mark.parametrize("label", list(METHODS))
def test_who_runs_away_is_marked(label):
    wild = Setting(world={"kind": "toy_game"}, learning_rate=1e5)
    way = course(wild.build(METHODS[label], 30), 30)
    assert way.diverged and way.steps < 30
    assert np.isfinite(way.actions).all() and np.isfinite(way.rewards).all()
    assert way.first(way.steps).diverged is False and way.first(30).diverged


# ---- verdicts ---------------------------------------------------------------------------


def test_the_first_turn_is_counted_from_one():
    assert claims.first_turn(line(0, 1, 2, signs=(1, -1))) == 2
    assert claims.first_turn(line(0, 1, 2, signs=(0, 1))) == 1
    assert claims.first_turn(line(0, 1, 2, signs=(1, 1))) is None


def test_the_first_step_that_is_high_enough():
    assert claims.step_reaching(line(0, 2, 1, 3), 2) == 1
    assert claims.step_reaching(line(0, 2, 1, 3), 4) is None


def test_a_fall_is_measured_from_the_highest_point_before():
    assert claims.fall(np.array([0.0, 3.0, 2.0, 2.5, 1.0, 5.0])) == 2
    assert claims.fall(np.array([0.0, 1.0, 1.0])) == 0


@pytest.mark.parametrize(
    ("turn", "reached", "shown"),
    [(14, 34, True), (13, 34, False), (14, 37, False), (14, 31, False), (14, None, False)],
)
def test_the_sign_saves_about_15_percent(turn, reached, shown):
    signs = np.ones(40)
    signs[turn - 1 :] = -1
    climb = np.zeros(41)
    if reached is not None:
        climb[reached:] = 1
    pair = {"AgA": line(*climb, signs=signs), "AgA-Sign": line(*[0] * 40, 1, signs=[1] * 40)}
    assert claims.by_the_sign(pair).shown is shown


def ended(left, diverged=False):
    """Four steps away from an optimum at 0, a share of the way left."""
    way = line(1, 1, 1)
    return Course(np.array([1.0, 0.5, left])[:, None, None], way.rewards, way.signs, diverged)


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        ({}, True),
        ({"AgA": 0.3}, False),
        ({"Simul-Co": 2.0}, False),
        ({"SGA": 0.1}, False),
    ],
)
def test_only_two_may_move_to_the_optimum(left, shown):
    ways = {"Simul-Co": 0.0, "AgA": 0.1, "Simul-Ind": 2.0, "CGA": 0.9, "SGA": 0.3} | left
    found = {label: ended(share) for label, share in ways.items()}
    assert claims.to_the_optimum(found, np.zeros((1, 1))).shown is shown
    assert not claims.to_the_optimum(found, None).shown
    found["AgA"] = ended(0.0, diverged=True)
    assert not claims.to_the_optimum(found, np.zeros((1, 1))).shown


def test_ridges_and_valleys():
    high, slow = [0.0] + [0.9] * 20, list(np.linspace(0, 0.8, 21))
    found = {"AgA": line(*high), "Simul-Co": line(*slow)}
    assert claims.along_the_ridge(found).shown
    assert not claims.over_peaks_and_valleys(found).shown
    assert not claims.along_the_ridge(dict(zip(found, reversed(found.values()), strict=True))).shown
    dip = [*slow[:10], 0.1, *slow[11:]]
    assert claims.over_peaks_and_valleys({"Simul-Co": line(*dip)}).shown
    fallen = {"AgA": line(*high[:-1], 0.1), "Simul-Co": line(*slow)}
    assert not claims.along_the_ridge(fallen).shown


def test_a_corollary_holds_everywhere_or_not():
    assert claims.corollary("exact", {"here": 1.0, "there": 0.999}).shown
    assert not claims.corollary("published", {"here": 1.0, "there": 0.5}).shown
    assert not claims.corollary("published", {"linear": float("nan")}).shown
    assert not claims.corollary("published", {}).shown


# ---- tables -----------------------------------------------------------------------------


def rest(*place, stability="stable"):
    where = torch.tensor(place, dtype=torch.float64).unsqueeze(-1)
    return FixedPoint(where, torch.zeros(len(place)), torch.ones(len(place)), stability)


def test_the_optimum_is_the_stable_point_that_is_nearest():
    points = [rest(0.0, 0.1, stability="saddle"), rest(2.0, 2.0), rest(-1.0, 0.0)]
    found = tables.nearest_optimum(points, np.zeros((2, 1)))
    assert found.flatten().tolist() == [-1.0, 0.0]
    assert tables.nearest_optimum(points[:1], np.zeros((2, 1))) is None


def test_a_curve_of_points_is_one():
    curve = [rest(float(i), 0.0, stability="degenerate") for i in range(20)]
    kept = tables.isolated([*curve, one := rest(0.0, 1.0)])
    assert kept[0] is curve[0] and kept[1] is one and len(kept) == 2
    assert len(tables.isolated(curve[:3])) == 3


def test_numbers_as_text():
    assert tables.place(np.array([[-0.00001], [1.5], [2e9]])) == "(0.0000, 1.5000, 2.0e+09)"
    assert tables.number(0.5 + 0j) == "0.500"
    assert tables.number(0.5 - 2j) == "0.500-2.000i"


def test_the_view_shows_who_stays():
    points = np.array([[0.0, 0.0], [1.0, 0.5], [np.nan, 0.0], [1e30, 0.0]])
    view = landscapes.around(points, (-1.0, 1.0))
    assert view.holds(np.array([1.2, 0.0])) and not view.holds(np.array([1.5, 0.0]))


# ---- the whole --------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(tables, "ALONG", 9)
    monkeypatch.setattr(tables, "SCATTER", 50)


def test_the_toy_game_is_judged(tmp_path, capsys, quick):
    run("--settle", 50, "--out", tmp_path)
    names = {"ends", "settled", "fixed_points", "alignment", "claims"}
    figures = {
        f"{name}.{kind}"
        for name in ("gradient_fields", "sign_alignment")
        for kind in ("png", "svg")
    }
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.csv" for n in names} | figures
    verdicts = {
        row["claim"].split(":")[0]: row["verdict"] for row in cells(tmp_path / "claims.csv")
    }
    # After 50 steps nobody has arrived.
    assert verdicts["T1"] == "not shown"
    assert (verdicts["T2a"], verdicts["T2b"], verdicts["T3"]) == ("shown", "not shown", "shown")
    ends = {row["method"]: row for row in cells(tmp_path / "ends.csv")}
    assert list(ends) == list(METHODS)
    assert ends["AgA"]["negative signs"] == "18"
    assert float(ends["AgA"]["mean R_1"]) == pytest.approx(0.741, abs=1e-3)
    assert float(ends["Simul-Co"]["mean R_1"]) == pytest.approx(0.433, abs=1e-3)
    stable = [
        row["place"]
        for row in cells(tmp_path / "fixed_points.csv")
        if (row["field"], row["class"]) == ("collective", "stable")
    ]
    assert sorted(stable) == ["(-0.7971, -0.6820)", "(2.3862, 0.8585)"]
    assert "15.0% fewer" in capsys.readouterr().out


def test_a_game_from_a_file(tmp_path, capsys, quick):
    game = tmp_path / "three.py"
    game.write_text(THREE)
    run("--game", game, "--agents", 3, "--steps", 8, "--settle", 12, "--out", tmp_path / "out")
    assert not (tmp_path / "out" / "claims.csv").exists()
    points = cells(tmp_path / "out" / "fixed_points.csv")
    assert [row["class"] for row in points if row["field"] == "collective"] == [
        "stable",
        "unstable",
    ]
    assert len(cells(tmp_path / "out" / "settled.csv")) == len(METHODS)
    assert (tmp_path / "out" / "gradient_fields.png").stat().st_size > 5_000


def test_a_linear_game_has_nothing_to_align(tmp_path, capsys, quick):
    game = tmp_path / "linear.py"
    game.write_text(LINEAR)
    run("--game", game, "--steps", 3, "--settle", 3, "--start", 0.1, 0.2, "--out", tmp_path / "out")
    assert not (tmp_path / "out" / "fixed_points.csv").exists()
    assert {row["exact"] for row in cells(tmp_path / "out" / "alignment.csv")} == {"nan"}
    first = cells(tmp_path / "out" / "ends.csv")[0]
    # Own slope -1/4, three steps of 0.01.
    assert first["step 3"] == "(0.0925, 0.1925)"


def test_who_diverges_is_reported(tmp_path, capsys, quick):
    run("--learning-rate", 1e5, "--steps", 20, "--settle", 20, "--out", tmp_path)
    notes = [row["note"] for row in cells(tmp_path / "ends.csv")]
    assert all(note.startswith("diverged after step") for note in notes)
    verdicts = [row["verdict"] for row in cells(tmp_path / "claims.csv")][:4]
    assert verdicts == ["not shown"] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--game", "nowhere.py"], "nowhere.py: No such file"),
        (["--game", "toy"], "no world named 'toy'"),
        (["--game", "lattice"], "world lattice is not a differentiable game"),
        (["--start", "1"], "start has 1 numbers"),
        (["--steps", "0"], "--steps = 0"),
        (["--strength", "-1"], "strength = -1.0 lies outside"),
        (["--agents", "3"], "is for 2 players"),
    ],
)
def test_mistakes_are_one_line(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        run(*arguments, "--settle", 5, "--out", tmp_path / "out")
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("commonweal: ") and message in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_bad_file_is_one_line(tmp_path, capsys):
    game = tmp_path / "bad.py"
    game.write_text("def payoffs(a):\n    return a.sum()\n")
    with pytest.raises(SystemExit) as end:
        run("--game", game, "--out", tmp_path / "out")
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "bad.py" in said and "have the shape" in said and said.count("\n") == 1


def test_near_points_are_the_same_in_every_run():
    window, shape = (-3.0, 3.0), (2, 1)
    one, other = (tables.areas(line(1), window, [rest(1.0, 1.0)], shape) for _ in range(2))
    assert list(one) == ["window [-3, 3]", "inner window [-2, 2]", "near (1.0000, 1.0000)"]
    assert all(torch.equal(one[name], other[name]) for name in one)
