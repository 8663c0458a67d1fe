"""Gifts between two learners of a matrix game, in equations.

Two agents each cooperate with one probability.  Each gives the other the share of its own payoff by
which the other's act beat what was expected of it, and climbs the payoff that it then holds.  The
game is that of one round, [[reward, sucker], [temptation, punishment]] with the own action first;
everything but `weights` has reward = 1 and punishment = 0, as in the paper's plane of games.
Joint actions stand in the order CC, CD, DC, DD, the giver's own action first.

Source: Kong et al. 2024, analysis in matrix games, for the weights, the payoffs after gifts and the
update.  There the ends are read off a simulation and none is proved; every closed form of an end, of
a border or of a bound here is derived here.

Axes: ``...`` any shape that broadcasts: games, starts, seeds.
"""

import numpy as np

Numbers = np.ndarray | float

GAMES = ("harmony", "stag hunt", "snowdrift", "prisoner's dilemma")
FLAT = 1e-8
"""spread of payoffs below which the acts of the other are not told apart"""
STEP = 0.1
"""learning rate 0.001 over 1 - discount 0.99 (Kong et al. 2024, simulation)"""
STILL = 1e-15
"""change per step below which a pair has arrived; rounding makes smaller ones"""
CHUNK = 8192
"""pairs that are updated at once, few enough for the processor's cache"""


# ---- one step -------------------------------------------------------------------------------


def weights(matrix: np.ndarray, predicted: Numbers) -> np.ndarray:
    """Gift weights [..., 4] of a player with payoffs ``matrix`` [..., 2, 2].

    ``predicted`` [...] is the probability with which it expects the other to cooperate.  The weight
    is ``max(0, (q_a - sum_k p_k q_k) / (max q - min q))`` with the own payoffs q_k had the other done
    k, and 0 where both are alike.
    Source: Kong et al. 2024, social relationship, for two players and two actions; the case of
    equal payoffs is ours.
    """
    good, bad = matrix[..., 0], matrix[..., 1]
    predicted = np.asarray(predicted)[..., None]
    expected = predicted * good + (1 - predicted) * bad
    spread = abs(good - bad)
    surprise = np.stack((good - expected, bad - expected), -1)
    weight = np.maximum(surprise / np.maximum(spread, FLAT)[..., None], 0)
    return np.where(spread[..., None] < FLAT, 0.0, weight).reshape(*weight.shape[:-2], 4)


def weight_table(predicted: Numbers) -> np.ndarray:
    """Gift weights [..., 4] where the other's cooperation always pays, R > S and T > P.

    Source: Kong et al. 2024, matrix games, table of weights.
    """
    surprise = np.asarray(1.0 - predicted)
    nothing = np.zeros_like(surprise)
    return np.stack((surprise, nothing, surprise, nothing), -1)


def rewards_after_gifts(
    predicted_own: Numbers, predicted_other: Numbers, temptation: Numbers, sucker: Numbers
) -> np.ndarray:
    """What a player holds after both have given, [..., 4].

    It keeps what it does not give for the other's act, and is given a share of the other's payoff
    for its own.  ``predicted_own`` is what the other expects of it.
    Source: Kong et al. 2024, matrix games, rewards after gifting.
    """
    own, other, t, s = np.broadcast_arrays(predicted_own, predicted_other, temptation, sucker)
    return np.stack((other + 1 - own, s + (1 - own) * t, other * t, np.zeros_like(t * 1.0)), -1)


def drift(
    other: Numbers,
    predicted_own: Numbers,
    predicted_other: Numbers,
    temptation: Numbers,
    sucker: Numbers,
) -> np.ndarray:
    """Slope [...] of a player's payoff in its own probability of cooperating.

    The other cooperates with probability ``other``; predictions count as constants.
    Source: Kong et al. 2024, matrix games, update rule without its step size.
    """
    with_cooperator = predicted_other + 1 - predicted_own - predicted_other * temptation
    with_defector = sucker + (1 - predicted_own) * temptation
    return with_cooperator * other + with_defector * (1 - other)


def simulate(
    temptation: Numbers,
    sucker: Numbers,
    starts: np.ndarray,
    steps: int,
    step: float = STEP,
) -> np.ndarray:
    """Where pairs that predict each other exactly are after ``steps`` updates, [..., M, 2].

    A pair that no longer moves is left alone from then on.
    Source: Kong et al. 2024, matrix games, update rule; that both probabilities are cut off at 0
    and 1 after each step is ours.

    Args:
        temptation: [...] of each game.
        sucker: [...] of each game.
        starts: [M, 2] of every game, or [..., M, 2].
        steps: updates.
        step: step size, the learning rate over one minus the discount.
    """
    t, s = np.broadcast_arrays(*(np.asarray(x, float)[..., None] for x in (temptation, sucker)))
    shape = np.broadcast_shapes(t.shape, starts.shape[:-1])
    found = np.broadcast_to(starts, (*shape, 2)).reshape(-1, 2).T.copy()
    games = [np.broadcast_to(x, shape).ravel() for x in (t, s)]
    for first in range(0, found.shape[1], CHUNK):
        part = slice(first, first + CHUNK)
        _advance(found[:, part], *(game[part] for game in games), steps, step)
    return found.T.reshape(*shape, 2)


def _advance(pairs: np.ndarray, t: np.ndarray, s: np.ndarray, steps: int, step: float) -> None:
    """Update ``pairs`` [2, n] in place."""
    moving, now = np.arange(pairs.shape[1]), pairs.copy()
    for done in range(1, steps + 1):
        # Each row's other player is the other row.
        new = drift(now[::-1], now, now[::-1], t, s)
        new *= step
        new += now
        np.clip(new, 0, 1, out=new)
        # Looking at every step would cost more than it saves.
        if done % 50 == 0 or done == steps:
            pairs[:, moving] = new
            going = (abs(new - now) > STILL).any(0)
            moving, new, t, s = moving[going], new[:, going], t[going], s[going]
            if not moving.size:
                return
        now = new


# ---- where it ends --------------------------------------------------------------------------


def game(temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """Place in `GAMES` [...] of each game; -1 on the borders T = 1 and S = 0.

    Source: Kong et al. 2024, matrix games.
    """
    t, s = np.broadcast_arrays(temptation, sucker)
    code = 2 * (t > 1) + (s < 0)
    return np.where((t == 1) | (s == 0), -1, code)


def diagonal_drift(both: Numbers, temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """Drift [...] where both cooperate with the same, exactly predicted probability: linear in it.

    ``g(x) = (S + T) + x (1 - S - 2 T)``.  Derived here from the update rule.
    """
    return sucker + temptation + both * (1 - sucker - 2 * temptation)


def symmetric_point(temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """Zero x* [...] of the diagonal drift, ``(S + T) / (2 T + S - 1)``; where 2 T + S = 1 there is none.

    For T > 1 it lies in (0, 1], draws along the diagonal, and is above 1/2 exactly if S > -1.
    In a stag hunt with S + T < 0 it repels: see `threshold`.  Derived here.
    """
    t, s = np.broadcast_arrays(temptation, sucker)
    slope = 2 * t + s - 1
    none = abs(slope) < FLAT
    return np.where(none, np.nan, (s + t) / np.where(none, 1.0, slope))


def parting(temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """Eigenvalue [...] of a difference between the two at the symmetric point.

    ``lambda = 2 x* (T - 1) + S - 1``: above 0 equals part, below 0 they become alike.  Derived here.
    """
    t, s = np.broadcast_arrays(temptation, sucker)
    return 2 * symmetric_point(t, s) * (t - 1) + s - 1


def threshold(temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """What both must exceed on the diagonal to reach full cooperation [...], NaN where nothing.

    In a stag hunt with S + T < 0 it is ``x_u = -(S + T) / (1 - S - 2 T)``, at most 1/2 as S >= -1;
    there mutual defection is an end as well.  Derived here.
    """
    t, s = np.broadcast_arrays(temptation, sucker)
    return np.where((t < 1) & (s + t < 0), symmetric_point(t, s), np.nan)


def split(temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """Where two end that part (T > 1, lambda > 0): the higher, then the lower, [..., 2]; else NaN.

    Both drifts vanish off the diagonal only if the two add up to ``m = (1 - S) / (T - 1)``, and
    then differ by ``d^2 = (2 T + S - 1) (2 x* - m) / (T - 1)``, which is positive exactly where
    lambda is.  From S = (2 - T)^2 on that would be more than certainty for one of them; it cooperates
    always and the other with 2 - T.  Derived here.
    """
    t, s = np.broadcast_arrays(temptation, sucker)
    apart = (t > 1) & (parting(t, s) > 0)
    excess = np.where(apart, t - 1, 1.0)
    both = (1 - s) / excess
    gap = (2 * t + s - 1) * (2 * symmetric_point(t, s) - both) / excess
    gap = np.sqrt(np.where(apart, gap, 0.0))
    certain = (s >= (2 - t) ** 2)[..., None]
    inner, corner = (
        np.stack((both + gap, both - gap), -1) / 2,
        np.stack((np.ones_like(t), 2 - t), -1),
    )
    return np.where(apart[..., None], np.where(certain, corner, inner), np.nan)


def limits(temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """Where a pair ends from almost any start, the higher first, [..., 2] in T > 0, -1 <= S <= 1.

    NaN where the start decides: in a stag hunt with S + T < 0, and at T = 1, S = -1, where every pair
    of equals rests.  Derived here.
    """
    t, s = np.broadcast_arrays(temptation, sucker)
    undecided = (s + t < 0) | ((t == 1) & (s == -1))
    alike = np.where(t > 1, symmetric_point(t, s), np.where(undecided, np.nan, 1.0))
    parted = split(t, s)
    return np.where(np.isnan(parted), alike[..., None], parted)


# ---- other predictions, other partners ------------------------------------------------------


def drift_at_fixed_prediction(
    other: Numbers, predicted: Numbers, temptation: Numbers, sucker: Numbers
) -> np.ndarray:
    """Drift [...] where both are expected to cooperate with ``predicted``, whatever they do.

    ``(1 - h T) other + (S + T - h T) (1 - other)``.  Derived here from the update rule.
    """
    expected = predicted * temptation
    return (1 - expected) * other + (sucker + temptation - expected) * (1 - other)


def critical_prediction(temptation: Numbers) -> np.ndarray:
    """Fixed prediction 1 / T [...] below which all cooperate, and above which all defect.

    Only where cooperating costs the same whatever the other does, S + T = 1.  Derived here.
    """
    return 1 / temptation


def own_cooperation(limit: Numbers, exploration: Numbers) -> np.ndarray:
    """Cooperation [...] of the policy itself, where what settles at ``limit`` is the mixture played.

    With probability ``exploration`` e an act is a fair coin's: ``(limit - e / 2) / (1 - e)``, at
    most 1 and at least 0.  Derived here.
    """
    return np.clip((limit - exploration / 2) / (1 - exploration), 0, 1)


def drift_against_the_selfish(other: Numbers, temptation: Numbers, sucker: Numbers) -> np.ndarray:
    """Drift [...] of a giver against one that never gives and cooperates, as expected, with ``other``.

    ``other^2 (1 - T) + (1 - other) S``: below 0 in every prisoner's dilemma, so that it defects and
    is not exploited.  Derived here.
    """
    return other**2 * (1 - temptation) + (1 - other) * sucker


def expected_weight(cooperation: Numbers, predicted: Numbers) -> np.ndarray:
    """Mean gift weight [...] to one that cooperates with a probability and is expected to with another.

    ``q (1 - h)``.  Exact predictions give q (1 - q): a certain cooperator receives nothing.
    Derived here from the table of weights.
    """
    return cooperation * (1 - predicted)


def largest_expected_weight(players: int = 2) -> float:
    """What a giver with exact predictions gives each other player on average, at most.

    ``1 / (4 (N - 1))``: a quantity within a range of one strays above its mean by at most 1/4 on
    average.  Derived here.
    """
    return 1 / (4 * (players - 1))
