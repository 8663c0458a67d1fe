"""Alignment of runs and intervals over seeds, against values worked by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from commonweal.analysis import series
from commonweal.errors import BadSetting


def recording(*rows):
    """A recording with one indicator from (step, replicate, value) rows."""
    step, replicate, value = np.array(rows, float).T
    return SimpleNamespace(series={"step": step, "replicate": replicate, "x": value})


def test_student_interval_of_three_values():
    found = series.interval([1.0, 2.0, 3.0])
    half = 4.302653 / np.sqrt(3)  # Student quantile of two degrees of freedom, deviation 1
    assert found.mean == 2.0 and found.count == 3
    assert found.low == pytest.approx(2 - half, abs=1e-5)
    assert found.high == pytest.approx(2 + half, abs=1e-5)


@pytest.mark.parametrize("method", ["student", "bootstrap"])
def test_one_run_has_no_interval(method):
    found = series.interval([[0.3, 0.4]], method=method)
    assert found.mean.tolist() == [0.3, 0.4]
    assert np.isnan(found.low).all() and np.isnan(found.high).all()
    assert "one run" in str(series.interval([0.3], method=method))


@pytest.mark.parametrize("method", ["student", "bootstrap"])
def test_runs_without_a_value_leave_the_count(method):
    nan = np.nan
    found = series.interval([[1.0, 1.0, nan], [nan, 2.0, nan], [nan, 3.0, nan]], method=method)
    assert found.count.tolist() == [1, 3, 0] and found.runs == 3
    assert found.mean[:2].tolist() == [1.0, 2.0] and np.isnan(found.mean[2])
    assert np.isnan(found.low).tolist() == [True, False, True]


def test_bounds_cut_the_interval():
    found = series.interval([0.9, 1.0], bounds=(0, 1))
    assert found.high == 1.0
    assert found.low == pytest.approx(0.95 - 12.7062 * 0.05, abs=1e-4)


def test_bootstrap_of_two_runs_is_their_range():
    found = series.interval([0.2, 0.6], method="bootstrap")
    assert (found.low, found.high) == (0.2, 0.6)


def test_bootstrap_covers_small_bounded_samples():
    # a plain percentile bootstrap of five covers about 0.83 here
    rng = np.random.default_rng(3)
    found = series.interval(rng.random((5, 400)), method="bootstrap")
    covered = ((found.low <= 0.5) & (found.high >= 0.5)).mean()
    assert covered > 0.9
    assert found.low.min() >= 0 and found.high.max() <= 1


def test_unknown_method_is_named():
    with pytest.raises(BadSetting, match="'normal'"):
        series.interval([1, 2], method="normal")


def test_difference_is_welchs():
    # means 2 and 5, variances 1 and 4 over 3 and 2 runs: error sqrt(1/3 + 2),
    # (7/3)**2 / ((1/3)**2 / 2 + 2**2 / 1) = 1.342466 degrees of freedom
    found = series.difference([1.0, 2.0, 3.0], [5.0 - 2**0.5, np.nan, 5.0 + 2**0.5])
    reach = stats.t.ppf(0.975, 1.342466) * (7 / 3) ** 0.5
    assert found.mean == pytest.approx(-3.0)
    assert found.low == pytest.approx(-3.0 - reach, rel=1e-5)
    assert found.high == pytest.approx(-3.0 + reach, rel=1e-5)
    assert found.count == 2
    same = series.difference([1.0, 1.0], [0.0, 0.0])
    assert (same.low, same.high) == (1.0, 1.0)
    assert np.isnan(series.difference([1.0], [0.0, 1.0]).low)


def test_runs_are_replicates_of_recordings():
    first = recording((10, 0, 0.1), (10, 1, 0.5), (20, 0, 0.2), (20, 1, 0.6))
    second = recording((10, 0, 0.9), (20, 0, 0.8))
    steps, values = series.align([first, second], "x")
    assert steps.tolist() == [10, 20]
    assert values.tolist() == [[0.1, 0.2], [0.5, 0.6], [0.9, 0.8]]


def test_a_last_row_of_part_of_an_episode_is_left_out():
    run = recording((10, 0, 1.0), (20, 0, 1.0), (30, 0, 1.0), (33, 0, 9.0))
    steps, values = series.align([run], "x")
    assert steps.tolist() == [10, 20, 30] and values.max() == 1.0
    assert series.final([run], "x").tolist() == [1.0]


def test_a_run_that_stopped_is_held_only_on_request():
    long = recording((10, 0, 0.1), (20, 0, 0.2), (30, 0, 0.3))
    short = recording((10, 0, 0.0), (20, 0, 0.05))
    _, cut = series.align([short, long], "x")
    _, held = series.align([short, long], "x", hold=True)
    assert np.isnan(cut[0, 2]) and held[0].tolist() == [0.0, 0.05, 0.05]


def test_other_intervals_are_interpolated_and_gaps_stay_gaps():
    coarse = recording((20, 0, 0.2), (40, 0, 0.4))
    fine = recording((10, 0, 1.0), (20, 0, np.nan), (30, 0, 3.0), (40, 0, 4.0))
    steps, values = series.align([coarse, fine], "x")
    assert steps.tolist() == [10, 20, 30, 40]
    assert values[0] == pytest.approx([np.nan, 0.2, 0.3, 0.4], nan_ok=True)
    assert values[1] == pytest.approx([1.0, np.nan, 3.0, 4.0], nan_ok=True)


def test_final_and_at():
    run = recording(*((10 * i, 0, i) for i in range(1, 21)))
    gone = recording((10, 0, 5.0), (20, 0, np.nan))
    assert series.final([run, gone], "x", rows=10).tolist() == [15.5, 5.0]
    assert series.at([run], "x", 60).tolist() == [6.0]
    assert series.at([run], "x", 55).tolist() == [5.0]
    assert series.at([run], "x", 999).tolist() == [20.0]
    assert np.isnan(series.at([run], "x", 5)).all()
    assert np.isnan(series.final([recording((10, 0, np.nan))], "x")).all()
