"""The study of the public goods game: what it expects, what it counts, what it leaves behind."""

import csv

import numpy as np
import pytest

from commonweal.analysis.contributions import METHODS, Runs, expected, inside, play
from commonweal.analysis.public_goods import main
from commonweal.analysis.report import Report
from commonweal.worlds import WORLDS


@pytest.mark.parametrize(
    ("slope", "boundary", "welfare"),
    [
        # One step of 1 along the slope; from uniform starts, by integrals.
        (-0.25, "first_exit", 2.5 - (1 - 0.75**3) / 3),
        (0.5, "projection", 2.5 + (1 - 0.5**2) / 2),
        (0.5, "none", 3.0),
        (0.0, "first_exit", 2.5),
    ],
)
def test_expected_welfare_by_hand(slope, boundary, welfare):
    assert expected(slope, boundary) == pytest.approx(welfare)


def test_a_course_from_a_given_start():
    start = np.array([[0.2, 0.9], [0.5, 0.5]], dtype=np.float32)
    runs = play("simul_co", 2, start=start)
    # Both gain 0.005 in a step: the second player of the first run leaves in its 21st or so.
    assert runs.start.tolist() == start.tolist()
    assert runs.steps.tolist() == pytest.approx([20, 100], abs=1)
    assert runs.end[0] == pytest.approx([0.3, 1.0], abs=0.006)
    assert runs.end[1] == pytest.approx([1.0, 1.0], abs=1e-3)
    welfare = 2 + 0.5 * runs.end.sum(1)
    assert runs.values["welfare"] == pytest.approx(welfare, abs=1e-5)


def test_published_cells_are_counted_against_batches_of_fifty():
    rng = np.random.default_rng(0)
    values = {"welfare": rng.normal(2.0, 1.0, 20_000)}
    nothing = np.zeros((0, 2))
    runs = Runs(nothing, nothing, values, np.zeros(0))
    # The mean of 50 has a deviation of 0.14, and the half-width is 0.277 +- 0.03.
    assert inside(runs, {"welfare": (2.1, 0.28)}) == {"welfare": (True, True)}
    assert inside(runs, {"welfare": (2.4, 0.28)}) == {"welfare": (False, True)}
    assert inside(runs, {"welfare": (2.1, 0.40)}) == {"welfare": (True, False)}


@pytest.mark.slow
def test_the_study_leaves_tables_a_figure_and_verdicts(tmp_path, capsys):
    main(["--runs", "10", "--many", "100", "--out", str(tmp_path)])
    found = {path.name for path in tmp_path.iterdir()}
    tables = {"public_goods", "bands", "signs", "bounds", "claims"}
    tables |= {"contribution_and_equality_of_twenty"}
    assert found == {f"{name}.csv" for name in tables} | {"public_goods.png", "public_goods.svg"}
    with open(tmp_path / "claims.csv", newline="") as file:
        claims = list(csv.DictReader(file))
    verdicts = {row["claim"].partition(" (")[0]: row["verdict"] for row in claims}
    assert verdicts["Simul-Ind, CGA and SGA end at different values"] == "not shown"
    assert (
        verdicts["AgA's advantage comes from its curvature and its choice of sign"] == "not shown"
    )
    assert verdicts["AgA has the highest welfare, SVO the lowest"] == "shown"
    text = capsys.readouterr().out
    assert "published" in text and "1.443 +- 0.042" in text


@pytest.mark.parametrize("words", [["--runs", "1"], ["--many", "60"]])
def test_too_few_runs_are_refused(words, tmp_path, capsys):
    with pytest.raises(SystemExit) as error:
        main([*words, "--out", str(tmp_path / "none")])
    assert error.value.code == 2 and not (tmp_path / "none").exists()
    assert "at least" in capsys.readouterr().err


def test_a_report_writes_what_it_prints(tmp_path, capsys):
    report = Report(out=tmp_path, note="small")
    report.table("some_rows", [{"a": 1.23456, "b": "x"}, {"a": 2.0}])
    report.claim("it holds", True, "0.5")
    report.claim("it does not", False, "0.1")
    report.conclude()
    assert "1.235" in capsys.readouterr().out
    assert (tmp_path / "some_rows.csv").read_text() == "a,b\n1.23456,x\n2.0,\n"
    assert (tmp_path / "claims.csv").read_text().splitlines()[1:] == [
        "it holds,shown,0.5",
        "it does not,not shown,0.1",
    ]


def test_every_published_method_is_played():
    assert set(METHODS.values()) == set(WORLDS["public_goods"].published)
