"""The frame of the studies: verdicts, tables, the command line, and one tiny study."""

import csv

import numpy as np
import pytest

from commonweal.analysis import (
    ablations,
    adjusted_learners,
    clusters,
    population,
    series,
    temptation,
    trajectories,
)
from commonweal.analysis.study import Size, Study, main

TINY = {
    temptation: {"temptation": (0.4, 1.3), "sucker": (-0.33, 0.33)},
    trajectories: {"temptation": (1.30, 1.37)},
    clusters: {"step": (336, 480)},
    ablations: {"mu": (0.0, 0.2, 1.0)},
    population: {"kind": ("lr2", "dd")},
    adjusted_learners: {"strength": (1.0,), "longer": (1,)},
}


def frame(folder, name="some", **size):
    return Study(name=name, budget="tiny", size=Size(**SMALL | size), out=folder)


SMALL = {"side": 4, "steps": 640, "seeds": 2}


def cells(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("excess", "verdict"),
    [
        ([0.1, 0.2, 0.15], "supported"),
        ([-0.1, -0.2, -0.15], "contradicted"),
        ([-0.1, 0.2, 0.1], "undecided"),
        ([0.5], "undecided"),
        ([np.nan, np.nan], "undecided"),
    ],
)
def test_a_claim_needs_its_whole_interval(tmp_path, capsys, excess, verdict):
    frame(tmp_path).claim("more", series.interval(excess))
    assert capsys.readouterr().out.startswith(verdict.upper())
    (row,) = cells(tmp_path / "some_verdicts.csv")
    assert (row["claim"], row["verdict"]) == ("more", verdict)


def test_every_claim_stays_in_the_file(tmp_path):
    study = frame(tmp_path)
    study.claim("first", series.interval([1.0, 1.1]))
    study.claim("second", series.interval([1.0, 1.1]))
    assert [row["claim"] for row in cells(tmp_path / "some_verdicts.csv")] == ["first", "second"]


def test_the_table_holds_intervals_and_the_size_of_the_study(tmp_path, capsys):
    rows = [
        {"point": "a", "cooperation": series.interval([1.0, 2.0, 3.0])},
        {"point": "b", "cooperation": series.interval([0.5])},
    ]
    frame(tmp_path, early_stop=False).table(rows)
    first, second = cells(tmp_path / "some.csv")
    assert (first["cooperation"], first["cooperation_runs"]) == ("2", "3")
    assert float(first["cooperation_low"]) == pytest.approx(-0.484138, abs=1e-5)
    assert (second["cooperation_low"], second["cooperation_runs"]) == ("", "1")
    size = {"budget": "tiny", "agents": "16", "steps": "640", "seeds": "2", "early_stop": "False"}
    assert size.items() <= first.items()
    assert "0.500 (one run)" in capsys.readouterr().out


def test_the_note_states_size_and_early_stop(tmp_path):
    assert frame(tmp_path).note == "budget tiny: 16 agents, 640 steps, 2 seeds, early stop on"
    assert frame(tmp_path, seeds=1, early_stop=False).note.endswith("1 seed, early stop off")


def test_the_command_line_changes_budget_seeds_and_folder(tmp_path):
    seen = []
    sizes = {"quick": Size(**SMALL), "paper": Size(**SMALL | {"side": 9})}
    given = ["--budget", "paper", "--seeds", "7", "--out", str(tmp_path), "--workers", "1"]
    main("some", "question", sizes, seen.append, given)
    main("some", "question", sizes, seen.append, [])
    assert (seen[0].size.side, seen[0].size.seeds, seen[0].workers) == (9, 7, 1)
    assert seen[0].out == tmp_path
    assert (seen[1].size.side, seen[1].size.seeds) == (4, 2)
    assert seen[1].out.parts == ("results", "some-quick")


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--budget", "huge"], ["--workers", "-1"]])
def test_the_command_line_refuses_nonsense(wrong, capsys):
    with pytest.raises(SystemExit) as error:
        main("some", "question", {"quick": Size(**SMALL)}, print, wrong)
    assert error.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_runs_come_back_by_point_and_seed(tmp_path):
    study = frame(tmp_path, steps=320, seeds=2)
    found = study.run("dd", {"world.temptation": (0.5, 1.3)})
    assert list(found) == [(0.5,), (1.3,)]
    for (value,), recordings in found.items():
        assert [r.experiment.seed for r in recordings] == [0, 1]
        assert all(r.experiment.world["temptation"] == value for r in recordings)
    again = study.run("dd", {"world.temptation": (1.3,)})
    assert again[(1.3,)][0].folder == found[(1.3,)][0].folder


@pytest.mark.slow
@pytest.mark.parametrize("module", list(TINY), ids=lambda module: module.__name__.split(".")[-1])
def test_a_tiny_study_leaves_figures_table_and_verdicts(module, tmp_path):
    name = module.__name__.split(".")[-1]
    size = {"grid": TINY[module], "early_stop": module is not clusters}
    module.study(frame(tmp_path, name=name, **size))
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {f"{name}.{s}" for s in ("png", "svg", "csv")} | {f"{name}_verdicts.csv"} <= left


@pytest.mark.parametrize("module", list(TINY), ids=lambda module: module.__name__.split(".")[-1])
def test_every_study_has_three_budgets_of_growing_size(module):
    sizes = [module.SIZES[budget] for budget in ("quick", "standard", "paper")]
    assert [s.steps for s in sizes] == sorted(s.steps for s in sizes)
    assert "Ren et al. 2025" in module.__doc__ and "Question:" in module.__doc__
