"""How evenly returns are spread, and what taking part is worth, as pure functions.

Axes: N agents, R replicates, T episodes, ``...`` any leading axes.  What is undefined is NaN, never
zero: where nobody earns anything nothing is spread.
"""

import warnings

import numpy as np
from numpy.typing import ArrayLike


def std_over_mean(returns: ArrayLike) -> np.ndarray:
    """Standard deviation of a population over its mean, [..., N] -> [...].

    0 if all have the same and ``sqrt(N - 1)`` if one has all; NaN where the mean is not above 0.
    Source: Dong et al. 2025.
    """
    returns = np.asarray(returns, float)
    mean = returns.mean(-1)
    some = mean > 0
    return np.where(some, returns.std(-1) / np.where(some, mean, 1.0), np.nan)


def most_uneven(agents: int) -> float:
    """The largest `std_over_mean` of so many agents whose returns are not negative."""
    return float(np.sqrt(agents - 1))


def as_sample(ratio: ArrayLike, agents: int) -> np.ndarray:
    """`std_over_mean` with the deviation of a sample in place of that of a population.

    Source: Jiang and Lu 2019, who report it.
    """
    return np.asarray(ratio, float) * np.sqrt(agents / (agents - 1))


def evenness(ratio: ArrayLike, agents: int) -> np.ndarray:
    """1 if all have the same, 0 if one has all: `std_over_mean` turned over and scaled."""
    return 1 - np.asarray(ratio, float) / most_uneven(agents)


def over_period(returns: ArrayLike) -> np.ndarray:
    """`std_over_mean` of what each agent earned on average, [T, ..., N] -> [...].

    Where the winner changes from one episode to the next it is below the mean of episodes.
    """
    return std_over_mean(np.asarray(returns, float).mean(0))


def mean_of_known(values: ArrayLike) -> np.ndarray:
    """Mean over the first axis of what is not NaN, [T, ...] -> [...]; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(np.asarray(values, float), axis=0)


def advantage(returns: ArrayLike, members: ArrayLike) -> np.ndarray:
    """Mean return of members minus that of all others, [..., N] twice -> [...].

    NaN where nobody or everybody is a member.
    """
    returns, members = np.asarray(returns, float), np.asarray(members, bool)
    inside, outside = members.sum(-1), (~members).sum(-1)
    both = (inside > 0) & (outside > 0)
    first = (returns * members).sum(-1) / np.maximum(inside, 1)
    second = (returns * ~members).sum(-1) / np.maximum(outside, 1)
    return np.where(both, first - second, np.nan)


def lowest(agents: int) -> np.ndarray:
    """The first half of the agents and one more, [N] bool: who takes part in the public code.

    Source: Dong et al. 2025, code.
    """
    return np.arange(agents) <= agents // 2
