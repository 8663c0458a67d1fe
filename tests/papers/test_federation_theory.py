"""Theorems of Dong et al. 2025 on quadratics, with the numbers that closed forms give."""

import numpy as np
import pytest

from commonweal.analysis import federation_theory as theory
from commonweal.analysis import quadratic_federations as quadratics

ALPHA = 0.05


@pytest.fixture(scope="module")
def wanted():
    return quadratics.centres(1)


def federate(wanted, schedule, marks):
    learn = quadratics.rested(wanted)
    return quadratics.federate(wanted, schedule, learn, ALPHA, max(marks), marks)


def test_with_everybody_twice_the_rounds_halve_the_mean(wanted):
    course = federate(wanted, quadratics.everyone(1), [2500, 5000, 10_000])
    ratios = course.running[:-1] / course.running[1:]
    assert ratios == pytest.approx(np.full((2, 1), 2.0), abs=1e-6)
    assert course.identity < 1e-10
    kept, allowed = theory.conditions(10, 10, 0.1, 1.0, 1.5 * ALPHA)
    assert kept < 1 and allowed < 1


def test_the_same_few_leave_a_floor(wanted):
    course = federate(wanted, quadratics.the_same(1), [5000])
    assert course.now[-1] == pytest.approx(4.96666e-3, rel=1e-6)
    members = np.arange(10) < 6
    floor = theory.fixed_floor(wanted.numpy()[0], members, 0.1, 1.0)
    assert course.now[-1] == pytest.approx(floor, rel=1e-10)


def test_few_drawn_anew_leave_a_floor_of_the_order_of_the_pace():
    # One problem many times, for the mean over draws of members.
    wanted = quadratics.centres(1).expand(100, -1, -1)
    course = federate(wanted, quadratics.drawn_anew(100), [8000])
    spread = theory.diversity(wanted.numpy()[0])
    floor = theory.random_floor(spread, 10, 6, 0.1, 1.0, 1.5 * ALPHA)
    assert course.late.mean() == pytest.approx(floor, rel=0.05)
    # A single run may measure 1.1e-5.
    assert floor == pytest.approx(8.05e-6, rel=1e-3)


@pytest.mark.slow
def test_the_consensus_gap_falls_as_the_square_of_the_step_size():
    decays = np.array([0.6, 0.75, 0.9])
    marks = [2000 * 2**k for k in range(6)] + [100_000, 200_000]
    found = quadratics.mix(quadratics.centres(2), decays, (1, 5, 20), marks)
    # Beside [1.18e-7, 3.2e-9, 7.6e-11] for other draws of what agents want.
    assert found.gap[-1, :, 0].mean(-1) == pytest.approx([1.0e-7, 2.5e-9, 6.5e-11], rel=0.5)
    slopes = theory.slope(marks, np.moveaxis(found.gap, 0, -1))
    assert slopes[:, 0].mean(-1) == pytest.approx([-1.23, -1.48, -1.82], abs=0.05)
    assert (slopes < -decays[:, None, None]).all()
    scaled = found.gap * np.array(marks)[:, None, None, None] ** decays[:, None, None]
    assert (np.diff(scaled, axis=0) < 0).all()
    assert found.closed[-1] / found.gap[-1] == pytest.approx(np.ones((3, 3, 2)), abs=0.05)
