"""The tournament in pairs: payoffs by hand, what is kept, who is refused, and what selection says."""

import csv

import numpy as np
import pytest

from commonweal.analysis import dyads, tournaments
from commonweal.analysis.report import Report
from commonweal.analysis.tournaments import Length, Tournament, compete
from commonweal.errors import BadFile, BadSetting

TINY = Length(steps=2000, replicates=2, lanes=2)
"""200 steps for those who do not learn: one whole episode in each lane"""
THREE = ("always_cooperate", "always_defect", "tit_for_tat")


def test_payoffs_of_fixed_strategies_by_hand(tmp_path):
    found = compete(THREE, TINY, tmp_path)
    good, bad, tit = range(3)
    assert not found.refused and found.reward.shape == (3, 3, 2)
    mean = found.reward.mean(-1)
    assert mean[good, bad] == pytest.approx(-0.2) and mean[bad, good] == pytest.approx(1.2)
    assert mean[good, good] == pytest.approx(1) and mean[bad, bad] == 0
    # Exploited in the first of a hundred rounds only.
    assert mean[tit, bad] == pytest.approx(-0.002) and mean[bad, tit] == pytest.approx(0.012)
    assert found.cooperation[tit, bad] == pytest.approx([0.01, 0.01])
    assert found.cooperation[bad].max() == 0 and found.cooperation[good].min() == 1


def test_what_is_kept_is_not_played_again(tmp_path, monkeypatch, capsys):
    first = compete(THREE, TINY, tmp_path)
    assert len(list(tmp_path.iterdir())) == 6
    monkeypatch.setattr(tournaments, "play", lambda experiment: pytest.fail("played again"))
    again = compete(THREE, TINY, tmp_path)
    np.testing.assert_array_equal(first.reward, again.reward)
    assert "6 pairs, 6 of them kept" in capsys.readouterr().out


def test_other_settings_are_played_anew(tmp_path):
    compete(THREE[:2], TINY, tmp_path)
    compete(THREE[:2], Length(steps=4000, replicates=2, lanes=2), tmp_path)
    assert len(list(tmp_path.iterdir())) == 6


def test_a_damaged_file_is_told(tmp_path):
    compete(THREE[:2], TINY, tmp_path)
    path = next(tmp_path.glob("always_cooperate+always_defect-*"))
    path.write_text('{"always_cooperate": {"reward": [1.0]}}')
    with pytest.raises(BadFile, match="remove it to play the pair again"):
        compete(THREE[:2], TINY, tmp_path)


def test_who_is_unknown_or_refuses_is_told_and_left_out(tmp_path, capsys):
    found = compete(("nobody", "always_defect", "full_contributor", "random"), TINY, tmp_path)
    shown = capsys.readouterr().out
    assert "not played: nobody: there is no agent of this name" in shown
    assert (
        "not played: always_defect and full_contributor: agent full_contributor cannot play"
        in shown
    )
    assert found.kinds == ("always_defect", "full_contributor", "random")
    assert set(found.refused) == {
        ("nobody",),
        ("full_contributor", "full_contributor"),
        ("always_defect", "full_contributor"),
    } | {("full_contributor", "random")}
    assert np.isnan(found.reward[1]).all() and not np.isnan(found.reward[0, 2]).any()


def test_a_pair_that_breaks_off_is_told_and_not_kept(tmp_path, monkeypatch):
    def broken(experiment):
        raise BadSetting("it broke")

    monkeypatch.setattr(tournaments, "play", broken)
    found = compete(THREE[:1], TINY, tmp_path)
    assert found.refused == {("always_cooperate", "always_cooperate"): "it broke"}
    assert not list(tmp_path.iterdir())


def test_who_learns_plays_longer():
    assert tournaments.pair("lase", "random", TINY).steps == 2000
    assert tournaments.pair("random", "random", TINY).steps == 200
    assert tournaments.pair("random", "random", TINY).agents == 2


# ---- by hand ----------------------------------------------------------------------------------

PAID = np.array([[3.0, 0.0, 2.0], [5.0, 1.0, np.nan], [2.0, np.nan, 1.0]])[..., None] + [-0.1, 0.1]


def test_kinds_are_ranked_by_what_they_earn():
    found = Tournament(("a", "b", "c"), PAID, PAID, {})
    # Means 5/3, 3 and 3/2.
    assert dyads.ranking(found) == [1, 0, 2]
    empty = PAID.copy()
    empty[0] = np.nan
    assert dyads.ranking(Tournament(("a", "b", "c"), empty, empty, {})) == [1, 2]


def test_who_lacks_most_pairs_is_left_out():
    assert dyads.complete(PAID) == [0, 2]
    assert dyads.complete(PAID[:2, :2]) == [0, 1]


def test_a_defector_invades_cooperators_and_is_not_invaded():
    answers = dyads.invasions(("a", "b"), PAID[:2, :2])
    found = {(a.mutant, a.resident): (float(a.advantage.mean), a.verdict) for a in answers}
    assert found["b", "a"] == (pytest.approx(2.0), "invades")
    assert found["a", "b"] == (pytest.approx(-1.0), "repelled")


def test_what_selection_says_of_the_prisoners_dilemma():
    answers = dyads.invasions(("a", "b"), PAID[:2, :2])
    path = np.array([[0.5, 0.5], [0.0, 1.0]])
    first, second = dyads.selection(("a", "b"), PAID[:2, :2], answers, path)
    assert first == {
        "kind": "a",
        "mean reward": pytest.approx(1.5),
        "among its own": pytest.approx(3.0),
        "share after": 0.0,
        "invaded by": "b",
    }
    assert second["invaded by"] == "none" and second["share after"] == 1.0


def test_verdicts_on_lase(tmp_path):
    names = ("lase", "a2c", "always_cooperate", "always_defect")
    reward = np.zeros((4, 4, 2)) + [-0.01, 0.01]
    reward[0, 0] += 0.8
    reward[3, 2] += 1.2
    report = Report(out=tmp_path, note="")
    dyads.judge(report, names, reward, dyads.invasions(names, reward))
    verdicts = {row["claim"]: row["verdict"] for row in report.claims}
    assert verdicts == {
        "two LASE earn more than two A2C": "shown",
        "a defector gains less from LASE than from an unconditional cooperator": "shown",
        "nobody invades a society of LASE": "shown",
    }


# ---- the study --------------------------------------------------------------------------------


def test_the_study_leaves_tables_figures_and_verdicts(tmp_path, capsys):
    words = ["--kinds", "a2c", "always_defect", "nobody", "--steps", "640", "--replicates", "2"]
    dyads.main([*words, "--out", str(tmp_path)])
    found = {path.name for path in tmp_path.iterdir() if path.is_file()}
    figures = {f"{name}.{end}" for name in ("dyads", "dyads_selection") for end in ("png", "svg")}
    tables = {f"{name}.csv" for name in ("dyads", "selection", "invasions", "not_played")}
    assert found == figures | tables
    with open(tmp_path / "dyads.csv", newline="") as file:
        rows = {(row["kind"], row["against"]): row for row in csv.DictReader(file)}
    assert len(rows) == 4
    assert float(rows["always_defect", "always_defect"]["reward"]) == 0
    exploited = rows["a2c", "always_defect"]
    assert float(exploited["reward"]) == pytest.approx(-0.2 * float(exploited["cooperation"]))
    assert "nobody" in capsys.readouterr().out


@pytest.mark.slow
def test_two_workers_find_the_same(tmp_path):
    one = compete(THREE[:2], TINY, tmp_path / "one")
    two = compete(THREE[:2], TINY, tmp_path / "two", workers=2)
    np.testing.assert_array_equal(one.reward, two.reward)


def test_nobody_who_can_play_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as error:
        dyads.main(["--kinds", "nobody", "--out", str(tmp_path)])
    assert error.value.code == 2
    assert "none of these pairs can be played" in capsys.readouterr().err


def test_an_interrupt_leaves_word_and_half_a_run_is_not_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tournaments.Simulation, "run", lambda self: {"status": "stopped"})
    with pytest.raises(SystemExit) as error:
        dyads.main(["--kinds", "random", "--out", str(tmp_path)])
    assert error.value.code == 130 and "goes on" in capsys.readouterr().err
    assert not (tmp_path / "pairs").exists()


def test_budgets_name_kinds_once():
    for kinds, length in dyads.BUDGETS.values():
        assert len(set(kinds)) == len(kinds) and length.replicates >= 3
    assert len(dyads.BUDGETS["standard"][0]) == 16
