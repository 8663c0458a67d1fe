"""Kong et al. 2024, gifts in matrix games: what is printed, and what is derived.

The paper reads its claims off a simulated surface, T in [0, 2] and S in [-1, 1] with reward 1 and
punishment 0.  The closed forms, thresholds and bounds here are derived in `analysis.gift_theory`; the
simulation is the paper's, and each is tested against the other.
"""

import numpy as np
import pytest

from commonweal.analysis import gift_theory as theory
from commonweal.analysis.gift_tabular import learn
from commonweal.analysis.social_relationship_theory import surface

PRISONERS = np.array([[1.0, -0.2], [1.2, 0.0]])
FIXED = 5 / 6

ENDS = [
    (0.5, 0.5, 1, 1),
    (0.5, -0.3, 1, 1),
    (1.2, -0.2, 0.8333, 0.8333),
    (1.5, -0.5, 0.6667, 0.6667),
    (1.2, 0.2, 0.8750, 0.8750),
    (1.8, 0.5, 1, 0.2),
    (1.2, 0.8, 1, 0.8),
    (2.0, 1.0, 1, 0),
]


@pytest.mark.parametrize(("t", "s", "high", "low"), ENDS)
def test_ends_of_examples(t, s, high, low):
    starts = np.random.default_rng(0).random((64, 2))
    ends = -np.sort(-theory.simulate(t, s, starts, 20_000), -1)
    assert abs(ends - (high, low)).max() < 1e-4
    assert theory.limits(t, s) == pytest.approx([high, low], abs=1e-4)


# ---- the surface ----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[21, pytest.param(101, marks=pytest.mark.slow)])
def found(request):
    """Coarse with few starts; in the grid of the paper with 64."""
    return surface(request.param, 64 if request.param == 101 else 16)


def share(found, here):
    """Starts in the games ``here`` that end in full cooperation."""
    return found.full[here].mean()


def test_harmony_is_full_cooperation(found):
    assert share(found, theory.game(*found.plane) == 0) == 1


def test_stag_hunts_have_two_ends_below_the_diagonal(found):
    t, s = found.plane
    hunt = theory.game(t, s) == 1
    poor = hunt & (s + t < 0)
    assert share(found, hunt & ~poor) == 1
    assert share(found, poor) == pytest.approx(0.77, abs=0.03)
    nothing = (found.ends < 1e-3).all(-1)
    # There is no third end.
    assert (found.full | nothing)[poor].all() and nothing[poor].any()
    highest = theory.threshold(t, s)[poor].max()
    assert highest == pytest.approx(0.5)
    willing = (found.starts.sum(-1) >= 1) & (poor & (s > -1))[..., None]
    assert willing.sum() > 100 and found.full[willing].all()


def test_snowdrifts_and_prisoners_dilemmas_end_where_the_closed_forms_say(found):
    t, s = found.plane
    parting = theory.parting(t, s)
    closed = theory.limits(t, s)[:, :, None]
    gap = abs(found.ends - closed).max((-1, -2))
    apart = found.ends[..., 0] - found.ends[..., 1]
    for code in (2, 3):
        here = theory.game(t, s) == code
        stable, unstable = here & (parting < -0.03), here & (parting > 0.03)
        assert gap[stable].max() < 1e-11 and gap[unstable].max() < 1e-11
        fixed = theory.symmetric_point(t, s)[..., None, None]
        assert abs(found.ends - fixed)[stable].max() < 1e-11
        assert apart[unstable].min() > 0.019
    certain = (theory.game(t, s) == 2) & (s >= (2 - t) ** 2) & (parting > 0.03)
    assert found.ends[certain][..., 0].min() == pytest.approx(1)
    means = found.ends.mean((-1, -2))
    assert means[certain] == pytest.approx((3 - t[certain]) / 2)


def test_more_than_half_holds_of_the_mean_but_not_of_each(found):
    t, s = found.plane
    code = theory.game(t, s)
    inside = (s > -1) & (t > 1)
    both, each = found.ends.mean(-1).min(-1), found.ends[..., 1].min(-1)
    # On the edge T = 2 the mean of a snowdrift is 1/2 exactly.
    assert (both[inside & (t < 2)] > 0.5).all()
    assert both[(code == 2) & (t == 2)] == pytest.approx(0.5)
    clear = inside & (abs(theory.parting(t, s)) > 0.03)
    lower = theory.limits(t, s)[..., 1]
    assert each[clear] == pytest.approx(lower[clear], abs=1e-9)


def test_shares_of_the_paper_s_grid():
    t, s = np.meshgrid(np.linspace(0, 2, 101).round(10), np.linspace(-1, 1, 101).round(10))
    code, parts = theory.game(t, s), theory.parting(t, s) > 0.03
    lower = theory.limits(t, s)[..., 1]
    drifts, prisoners = code == 2, (code == 3) & (s > -1)
    assert (drifts.sum(), (drifts & parts).sum()) == (2500, 1716)
    assert (prisoners.sum(), (prisoners & parts).sum()) == (2450, 84)
    assert (lower[drifts] > 0.5).mean() == pytest.approx(0.51, abs=0.005)
    assert (lower[prisoners] > 0.5).mean() == pytest.approx(0.96, abs=0.005)
    fixed = theory.symmetric_point(t, s)
    assert ((fixed > 0.5 + 1e-12) == (s > -1))[t > 1].all()


# ---- one prisoner's dilemma -----------------------------------------------------------------


def test_the_measured_cooperation_is_not_the_theory_s():
    assert theory.symmetric_point(1.2, -0.2) == pytest.approx(FIXED)
    chances = np.array([0.05, 0.1, 0.2, 0.22])
    own = theory.own_cooperation(FIXED, chances)
    assert own == pytest.approx([0.851, 0.870, 0.917, 0.927], abs=5e-4)


def test_fixed_predictions_tip_at_five_sixths():
    assert theory.critical_prediction(1.2) == pytest.approx(FIXED)
    other = np.linspace(0, 1, 5)[:, None]
    predicted = np.array([0.0, 0.5, 0.83, 0.84, 1.0])
    drift = theory.drift_at_fixed_prediction(other, predicted, 1.2, -0.2)
    assert (np.sign(drift) == [1, 1, 1, -1, -1]).all()
    assert drift == pytest.approx(theory.drift(other, predicted, predicted, 1.2, -0.2))


def test_a_partner_that_never_gives_is_not_served():
    q = np.linspace(0, 1, 101)
    drift = theory.drift_against_the_selfish(q, 1.2, -0.2)
    assert (drift < 0).all()
    # The giver keeps its rest of T or R and is given nothing.
    kept = 1 - theory.weight_table(q)
    held = kept * np.array([1.0, -0.2, 1.2, 0.0])
    assert drift == pytest.approx(
        (held[:, 0] - held[:, 2]) * q + (held[:, 1] - held[:, 3]) * (1 - q)
    )


# ---- facts about the weights ----------------------------------------------------------------

GAMES = np.random.default_rng(1).normal(size=(500, 2, 2))
PREDICTED = np.random.default_rng(2).random(500)


def test_weights_are_shares():
    weights = theory.weights(GAMES, PREDICTED)
    assert weights.shape == (500, 4) and (weights >= 0).all() and (weights <= 1).all()


def test_all_is_given_exactly_for_the_best_act_where_the_worst_was_certain():
    assert theory.weights(PRISONERS, 0.0).tolist() == [1, 0, 1, 0]
    assert (theory.weights(GAMES, np.full(500, 0.01)) < 1).all()


def test_weights_know_no_scale():
    scaled = 7.0 * GAMES - 3.0
    assert theory.weights(scaled, PREDICTED) == pytest.approx(theory.weights(GAMES, PREDICTED))
    turned = theory.weights(-GAMES, PREDICTED)
    assert not np.allclose(turned, theory.weights(GAMES, PREDICTED))


def test_nothing_is_given_where_nothing_depends_on_the_other():
    flat = np.array([[1.0, 1.0], [1.2, 0.0]])
    assert theory.weights(flat, 0.5) == pytest.approx([0, 0, 0.5, 0])


def test_exact_predictions_give_surprise_alone_and_at_most_a_quarter():
    q = np.linspace(0, 1, 101)
    played = np.stack((q, 1 - q), -1)
    mean = (played * theory.weights(PRISONERS, q)[:, :2]).sum(-1)
    assert mean == pytest.approx(q * (1 - q))
    assert theory.expected_weight(q, q) == pytest.approx(mean)
    assert mean.max() == pytest.approx(theory.largest_expected_weight())
    assert mean[[0, -1]].tolist() == [0, 0]
    # In any game, whichever act is the better one.
    played = np.stack((PREDICTED, 1 - PREDICTED), -1)[:, None]
    mean = (played * theory.weights(GAMES, PREDICTED).reshape(500, 2, 2)).sum(-1)
    assert mean.max() <= theory.largest_expected_weight()
    assert theory.largest_expected_weight(4) == pytest.approx(1 / 12)


def test_uniform_predictions_give_half_for_ever():
    assert theory.weights(PRISONERS, 0.5).tolist() == pytest.approx([0.5, 0, 0.5, 0])
    assert theory.expected_weight(1.0, 0.5) == 0.5


# ---- samples --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["exact", "observed"])
def test_learners_from_samples_end_at_five_sixths(model):
    found = learn(model, 1.2, -0.2)
    assert found.cooperation.shape == (5, 2)
    assert abs(found.cooperation - FIXED).max() < 0.02
    assert abs(found.weight - FIXED * (1 - FIXED)).max() < 0.01


def test_learners_that_expect_nothing_cooperate_fully():
    found = learn("uniform", 1.2, -0.2)
    assert found.cooperation.min() > 0.98
    assert found.weight.mean() == pytest.approx(0.499, abs=0.002)
