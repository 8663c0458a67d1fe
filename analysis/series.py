"""Several runs as one result: read, align, and give an interval over seeds.

A run is one replicate of one recording.  Axes: n runs, T rows of the series.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from commonweal.errors import BadSetting

RESAMPLES = 2_000


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval; the bounds are NaN where fewer than two runs count."""

    mean: np.ndarray
    """[...] float64"""
    low: np.ndarray
    """[...] float64"""
    high: np.ndarray
    """[...] float64"""
    count: np.ndarray
    """[...] int64, runs that have a value"""

    @property
    def runs(self) -> int:
        """The largest number of runs behind any entry."""
        return int(np.max(self.count, initial=0))

    def __str__(self) -> str:
        """A number as in a table; a single run says so instead of an interval."""
        if self.runs == 0:
            return "-"
        if self.runs == 1:
            return f"{float(self.mean):.3f} (one run)"
        bounds = f"[{float(self.low):.3f}, {float(self.high):.3f}]"
        return f"{float(self.mean):.3f} {bounds} (n = {self.runs})"


def interval(
    samples: ArrayLike,
    *,
    level: float = 0.95,
    method: str = "student",
    bounds: tuple[float, float] = (-np.inf, np.inf),
    seed: int = 0,
) -> Estimate:
    """Mean and interval over the first axis: [n, ...] -> Estimate of [...].

    NaN marks a run without a value; it leaves the count.  One value gives a mean and an
    interval of NaN: a single run says nothing about the spread.

    Args:
        samples: one row per run.
        level: probability that the interval covers the mean.
        method: "student" (Student 1908) or "bootstrap", the expanded percentile interval
            (Hesterberg 2015), which never leaves the range of the samples and so suits
            few runs of a bounded quantity.  Equal samples give it no width.
        bounds: range of the quantity; the interval is cut there.
        seed: of the resampling.
    """
    samples = np.asarray(samples, float)
    present = ~np.isnan(samples)
    count = present.sum(0)
    filled = np.where(present, samples, 0.0)
    some, several = np.maximum(count, 1), np.maximum(count - 1, 1)
    mean = np.where(count > 0, filled.sum(0) / some, np.nan)
    deviation = np.where(present, samples - mean, 0.0)
    if method == "student":
        error = np.sqrt((deviation**2).sum(0) / several / some)
        reach = stats.t.ppf((1 + level) / 2, several) * error
        low, high = mean - reach, mean + reach
    elif method == "bootstrap":
        low, high = _expanded_percentile(samples, level, np.random.default_rng(seed))
    else:
        raise BadSetting(f"interval: method = {method!r} is not one of 'student', 'bootstrap'")
    low = np.where(count > 1, np.clip(low, *bounds), np.nan)
    high = np.where(count > 1, np.clip(high, *bounds), np.nan)
    return Estimate(mean=mean[()], low=low[()], high=high[()], count=count)


def difference(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Difference of the means of two independent groups of runs: [n], [m] -> Estimate.

    Welch 1947: the groups may spread unlike.  NaN bounds unless both have two runs.
    """
    groups = [np.asarray(g, float)[~np.isnan(g)] for g in (first, second)]
    mean = known_mean(groups[0]) - known_mean(groups[1])
    count = np.array(min(g.size for g in groups))
    if count < 2:
        return Estimate(mean=mean, low=np.nan, high=np.nan, count=count)
    parts = [g.var(ddof=1) / g.size for g in groups]
    error = np.sqrt(sum(parts))
    weights = sum(part**2 / (g.size - 1) for part, g in zip(parts, groups, strict=True))
    freedom = error**4 / weights if weights > 0 else np.inf
    reach = stats.t.ppf((1 + level) / 2, freedom) * error
    return Estimate(mean=mean, low=mean - reach, high=mean + reach, count=count)


def known_mean(values: ArrayLike) -> float:
    """Mean of the values that are not NaN; NaN if there is none."""
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def _expanded_percentile(
    samples: np.ndarray, level: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap bounds widened for few samples: [n, ...] -> low [...], high [...].

    Plain percentiles are too narrow by sqrt((n-1)/n) and by normal instead of Student
    quantiles; Hesterberg 2015 moves the percentiles outwards by both.
    """
    columns = samples.reshape(len(samples), -1)
    low, high = np.full((2, columns.shape[1]), np.nan)
    for index, column in enumerate(columns.T):
        values = column[~np.isnan(column)]
        if (n := values.size) < 2:
            continue
        means = values[rng.integers(n, size=(RESAMPLES, n))].mean(1)
        student = stats.t.ppf((1 - level) / 2, n - 1)
        tail = stats.norm.cdf(np.sqrt(n / (n - 1)) * student)
        low[index], high[index] = np.quantile(means, [tail, 1 - tail])
    return low.reshape(samples.shape[1:]), high.reshape(samples.shape[1:])


def read(folders: Iterable[str | Path]) -> list:
    """Open several run folders. Returns a Recording for each."""
    from commonweal.simulation.recorder import Recording

    return [Recording.open(folder) for folder in folders]


def runs(recordings: Iterable, indicator: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Steps [T] and values [T] of one indicator, for each replicate of each recording.

    A run that ends within an episode has a last row of fewer rounds, mostly early ones in
    which initial reputations still count; it is left out.
    """
    found = []
    for recording in recordings:
        series = recording.series
        for replicate in np.unique(series["replicate"]):
            rows = series["replicate"] == replicate
            steps, values = series["step"][rows], series[indicator][rows]
            gaps = np.diff(steps)
            whole = len(gaps) < 2 or gaps[-1] >= gaps[-2]
            kept = slice(None if whole else -1)
            found.append((steps[kept], values[kept]))
    return found


def align(
    recordings: Iterable, indicator: str, *, hold: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Put runs on the rows of the longest (the finest of these): steps [T], values [n, T].

    Between two rows of a run its value is interpolated; before its first row it is NaN.
    After its last row it is NaN, or, with ``hold``, what it was there: right for a run
    that stopped because it had converged, wrong for one that was cut short.
    """
    found = runs(recordings, indicator)
    steps = max((step for step, _ in found), key=lambda step: (step[-1], len(step)))
    rows = [
        np.interp(steps, step, value, left=np.nan, right=value[-1] if hold else np.nan)
        for step, value in found
    ]
    return steps, np.stack(rows)


def final(recordings: Iterable, indicator: str, *, rows: int = 10) -> np.ndarray:
    """Mean of the last rows of each run, NaN rows left out. Returns [n].

    Ten rows are ten episodes at the default record interval: the end value of Ren et
    al. 2025's code.
    """
    return np.array([known_mean(value[-rows:]) for _, value in runs(recordings, indicator)])


def at(recordings: Iterable, indicator: str, step: int) -> np.ndarray:
    """Value of each run at the last row not after a step, its end if it stopped. [n]."""
    found = runs(recordings, indicator)
    rows = [np.searchsorted(steps, step, side="right") - 1 for steps, _ in found]
    return np.array(
        [values[row] if row >= 0 else np.nan for (_, values), row in zip(found, rows, strict=True)]
    )
