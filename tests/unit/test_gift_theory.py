"""The theory of gifts by hand, and the study of it: what it expects, and what it leaves behind."""

import csv
import re

import numpy as np
import pytest

from commonweal.analysis import gift_theory as theory
from commonweal.analysis import social_relationship_theory as study
from commonweal.analysis.gift_tabular import learn

PRISONERS = np.array([[1.0, -0.2], [1.2, 0.0]])


def test_weights_by_hand():
    # Expected of a partner that cooperates with 1/4: after C 0.1, after D 0.3.
    assert theory.weights(PRISONERS, 0.25) == pytest.approx([0.75, 0, 0.75, 0])
    # A matching game, where a cooperator is worse for one who defects.
    matching = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert theory.weights(matching, 0.25) == pytest.approx([0.75, 0, 0, 0.25])


def test_the_paper_s_table_is_the_rule_where_cooperation_pays():
    predicted = np.linspace(0, 1, 11)
    by_rule = theory.weights(PRISONERS, predicted)
    assert by_rule.shape == (11, 4)
    assert theory.weight_table(predicted) == pytest.approx(by_rule)


def test_rewards_after_gifts_by_hand():
    # Expected: own 0.75, other 0.5.  It gives 1/2 to a cooperator and is given 1/4 for cooperating.
    held = theory.rewards_after_gifts(0.75, 0.5, 1.2, -0.2)
    assert held == pytest.approx([0.5 + 0.25, -0.2 + 0.25 * 1.2, 0.5 * 1.2, 0])


def test_gifts_are_what_rewards_lack():
    """Both together hold what both together earned, whatever they expect."""
    expected = np.random.default_rng(0).random((50, 2))
    first = theory.rewards_after_gifts(*expected.T, 1.4, -0.6)
    second = theory.rewards_after_gifts(*expected.T[::-1], 1.4, -0.6)[:, [0, 2, 1, 3]]
    assert first + second == pytest.approx(np.broadcast_to([2, 0.8, 0.8, 0], (50, 4)))


def test_drift_is_the_slope_of_what_is_held():
    own, other, expected_own, expected_other = 0.3, 0.6, 0.45, 0.8
    held = theory.rewards_after_gifts(expected_own, expected_other, 1.5, 0.3)

    def value(x):
        chances = (x * other, x * (1 - other), (1 - x) * other, (1 - x) * (1 - other))
        return np.dot(chances, held)

    slope = (value(own + 0.1) - value(own - 0.1)) / 0.2
    assert theory.drift(other, expected_own, expected_other, 1.5, 0.3) == pytest.approx(slope)


def test_diagonal_drift_is_drift_on_the_diagonal():
    x = np.linspace(0, 1, 7)
    for t, s in ((1.2, -0.2), (0.4, -0.9), (1.8, 0.5)):
        assert theory.diagonal_drift(x, t, s) == pytest.approx(theory.drift(x, x, x, t, s))
        fixed = theory.symmetric_point(t, s)
        assert theory.diagonal_drift(fixed, t, s) == pytest.approx(0)


def test_no_symmetric_point_where_the_diagonal_drift_is_constant():
    assert np.isnan(theory.symmetric_point(0.5, 0.0))


@pytest.mark.parametrize(("t", "s"), [(1.2, -0.2), (1.8, 0.5), (1.9, 0.1)])
def test_parting_is_the_eigenvalue_of_a_difference(t, s):
    x, small = theory.symmetric_point(t, s), 1e-6
    a, b = x + small, x - small
    gap = theory.drift(b, a, b, t, s) - theory.drift(a, b, a, t, s)
    assert theory.parting(t, s) == pytest.approx(gap / (2 * small), abs=1e-6)


def test_threshold_by_hand():
    # T = 0.5, S = -0.8: g(x) = -0.3 + 0.8 x.
    assert theory.threshold(0.5, -0.8) == pytest.approx(0.375)
    # Nothing to exceed: defection is no end of the first two, and cooperation none of the third.
    none = theory.threshold(np.array([0.5, 0.5, 1.2]), np.array([0.5, -0.4, -0.9]))
    assert np.isnan(none).all()


@pytest.mark.parametrize("place", [0.37, 0.38])
def test_the_threshold_decides(place):
    end = theory.simulate(0.5, -0.8, np.array([[place, place]]), 2000)
    assert end.tolist() == [[float(place > 0.375)] * 2]


def test_a_split_is_a_rest_of_both():
    # (1 - S) / (T - 1) = 10 / 9; T = 1.9, S = 0 is below (2 - T)^2 = 0.01, so both still waver.
    high, low = theory.split(1.9, 0.0)
    assert high + low == pytest.approx(10 / 9) and 1 > high > low > 0
    assert theory.drift(low, high, low, 1.9, 0.0) == pytest.approx(0)
    assert theory.drift(high, low, high, 1.9, 0.0) == pytest.approx(0)
    # With S above 0.04 one is certain.
    assert theory.split(1.8, 0.5) == pytest.approx([1, 0.2])
    assert np.isnan(theory.split(1.2, -0.2)).all() and np.isnan(theory.split(0.5, 0.5)).all()


def test_games_and_borders():
    t, s = np.array([0.5, 0.5, 1.5, 1.5, 1.0, 0.5]), np.array([0.5, -0.5, 0.5, -0.5, 0.5, 0.0])
    assert theory.game(t, s).tolist() == [0, 1, 2, 3, -1, -1]


def test_no_limit_where_the_start_decides():
    t, s = np.array([0.5, 1.0, 1.0]), np.array([-0.6, -1.0, -0.9])
    assert np.isnan(theory.limits(t, s)).all(-1).tolist() == [True, True, False]
    rest = theory.simulate(1.0, -1.0, np.array([[0.3, 0.3]]), 100)
    assert rest[0] == pytest.approx([0.3, 0.3])


def test_one_update_by_hand():
    # From 0.5 and 1, each expecting what the other does.
    end = theory.simulate(1.2, -0.2, np.array([[0.5, 1.0]]), 1)
    first = 1.0 + 0.5 - 1.2
    second = (0.5 + 0 - 0.5 * 1.2) * 0.5 + (-0.2 + 0) * 0.5
    assert end[0] == pytest.approx([0.5 + 0.1 * first, 1 + 0.1 * second])


def test_pairs_are_cut_off_and_do_not_meet_other_pairs():
    starts = np.random.default_rng(0).random((2, 3, 5, 2))
    t, s = np.array([0.5, 1.2, 1.8]), np.array([[0.5], [-0.2]])
    ends = theory.simulate(t, s, starts, 70)
    assert ends.shape == starts.shape and (ends >= 0).all() and (ends <= 1).all()
    alone = theory.simulate(1.8, -0.2, starts[1, 2, 4:], 70)
    assert alone[0].tolist() == ends[1, 2, 4].tolist()
    # The starts are left as they were, and a row of starts serves every game.
    shared = theory.simulate(t, s, starts[0, 0], 70)
    assert shared.shape == (2, 3, 5, 2) and shared[0, 0].tolist() == ends[0, 0].tolist()


def test_more_pairs_than_are_updated_at_once():
    starts = np.random.default_rng(0).random((theory.CHUNK + 3, 2))
    ends = theory.simulate(1.2, -0.2, starts, 60)
    assert ends[-2:].tolist() == theory.simulate(1.2, -0.2, starts[-2:], 60).tolist()


def test_policies_that_explore():
    assert theory.own_cooperation(5 / 6, 0.0) == pytest.approx(5 / 6)
    # Three quarters of the acts by the policy: 0.75 p + 0.125 = 0.8.
    assert theory.own_cooperation(0.8, 0.25) == pytest.approx(0.9)
    assert theory.own_cooperation(0.95, 0.5) == 1


def test_samples_come_from_their_seeds():
    first = learn("exact", 1.2, -0.2, seeds=(3, 4), updates=1000)
    again = learn("exact", 1.2, -0.2, seeds=(4,), updates=1000)
    assert first.cooperation[1].tolist() == again.cooperation[0].tolist()
    assert first.cooperation[0].tolist() != first.cooperation[1].tolist()


def test_samples_follow_the_payoffs():
    # Certain cooperators surprise nobody.
    harmony = learn("exact", 0.5, 0.5, seeds=(0,))
    assert (harmony.cooperation > 0.98).all() and (harmony.weight < 0.02).all()


# ---- the study ------------------------------------------------------------------------------


def test_the_study_leaves_tables_a_figure_and_verdicts(tmp_path, capsys):
    study.main(["--grid", "11", "--out", str(tmp_path)])
    tables = {"limits", "games", "tabular", "exploration", "claims"}
    figure = {f"social_relationship_theory.{suffix}" for suffix in ("png", "svg")}
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.csv" for n in tables} | figure
    with open(tmp_path / "claims.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    verdicts = {row["claim"]: row["verdict"] for row in rows}
    assert verdicts["harmony: full cooperation"] == "shown"
    assert verdicts["stag hunt: full cooperation"] == "not shown"
    for name in ("snowdrift", "prisoner's dilemma"):
        assert verdicts[f"{name}: above 1/2, mean of the two"] == "shown"
    assert verdicts["snowdrift: above 1/2, each of the two"] == "not shown"
    (measured,) = (verdict for claim, verdict in verdicts.items() if "0.93" in claim)
    assert measured == "not shown"
    assert all(verdict == "shown" for claim, verdict in verdicts.items() if claim[:4] == "ours")
    assert "11 x 11 games" in capsys.readouterr().out


def test_a_small_grid_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as error:
        study.main(["--grid", "2", "--out", str(tmp_path / "none")])
    assert error.value.code == 2 and not (tmp_path / "none").exists()
    assert re.search(r"--grid = 2 is not at least 5", capsys.readouterr().err)


def test_pairs_are_trained(tmp_path):
    learned = study.trained(tmp_path, 1, 1600, 2)
    assert (learned.temptation.tolist(), learned.sucker.tolist()) == ([1.0], [0.0])
    assert learned.cooperation.shape == (1, 1, 2)
    assert ((learned.cooperation > 0) & (learned.cooperation < 1)).all()


def test_trained_pairs_stand_beside_the_theory():
    ends = np.array([[[0.1, 0.2], [0.3, 0.5]], [[0.6, 0.7], [0.8, 0.9]]])
    rows = study.trained_rows(study.Trained(np.array([0.5, 1.5]), np.array([-0.7, 0.5]), ends))
    assert [row["game"] for row in rows] == [theory.GAMES[i] for i in (1, 3, 0, 2)]
    assert [row["theory"] for row in rows] == ["0 or 1", "0.615", "1.000", "0.750"]
    assert [row["trained"][:5] for row in rows] == ["0.150", "0.400", "0.650", "0.850"]


@pytest.mark.slow
def test_pairs_are_trained_in_the_middles_of_cells(tmp_path):
    learned = study.trained(tmp_path, 2, 3200, 2)
    assert learned.temptation.tolist() == [0.5, 1.5] and learned.sucker.tolist() == [-0.5, 0.5]
    assert learned.cooperation.shape == (2, 2, 2)
    assert len(list(tmp_path.rglob("series.csv"))) == 4
