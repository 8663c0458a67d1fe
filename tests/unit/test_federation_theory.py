"""Federations on quadratics by hand, and the study of how fast they converge."""

import csv
import math

import numpy as np
import pytest
import torch

from commonweal.analysis import convergence, convergence_courses
from commonweal.analysis import federation_theory as theory
from commonweal.analysis import quadratic_federations as quadratics
from commonweal.analysis.convergence_courses import Length

# Two agents in one dimension want -1 and 3; L = 1, lambda = 3, omega = 5.
PAIR = np.array([[-1.0], [3.0]])
OMEGA = np.array([5.0])


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# ---- a common model ---------------------------------------------------------------------------


def test_rested_agents_by_hand():
    assert theory.inner_solution(PAIR, OMEGA, 1.0, 3.0).ravel().tolist() == [3.5, 4.5]
    assert theory.stiffness(1.0, 3.0) == 0.75
    assert theory.envelope_gradient(PAIR, OMEGA, 1.0, 3.0).tolist() == [-3]
    # (1.5^2 + 0.5^2) / 2, and the same as (6^2 + 2^2) / 2 / 16.
    assert theory.discrepancy(PAIR, OMEGA, 1.0, 3.0) == 1.25
    assert theory.diversity(PAIR) == 4


def test_the_gradient_of_the_federation_is_that_of_eq_12():
    centres, omega = drawn(3, 7, 2), drawn(3, 2, seed=1)
    rested = theory.inner_solution(centres, omega, 0.4, 2.0)
    by_hand = -2.0 * (omega[:, None] - rested).mean(1)
    assert theory.envelope_gradient(centres, omega, 0.4, 2.0) == pytest.approx(by_hand)


def test_discrepancy_is_gradient_and_rest():
    centres, omega = drawn(3, 7, 2), drawn(3, 2, seed=1)
    gradient = theory.square(theory.envelope_gradient(centres, omega, 0.4, 2.0))
    rest = (0.4 / 2.4) ** 2 * theory.diversity(centres)
    assert theory.discrepancy(centres, omega, 0.4, 2.0) == pytest.approx(gradient / 4 + rest)


def test_running_means_by_hand():
    # k = 0.75 and a pace of 2 / 3 halve the way: 4, 2, 1, or, from a gap of 1 on, 5, 3, 2.
    values = (np.array([4.0]), np.array([0.0]), np.array([0.0]), 1.0, 3.0, 2 / 3)
    assert theory.contraction(1.0, 3.0, 2 / 3) == pytest.approx(0.5)
    assert theory.running_mean(*values, 3) == pytest.approx(0.75**2 * (16 + 4 + 1) / 3)
    values = (np.array([4.0]), np.array([-1.0]), np.array([0.0]), 1.0, 3.0, 2 / 3)
    assert theory.running_mean(*values, 3) == pytest.approx(0.75**2 * (25 + 9 + 4) / 3)


def test_floors_by_hand():
    # Members want -1, all want 1 on average.
    only_first = np.array([True, False])
    assert theory.fixed_floor(PAIR, only_first, 1.0, 3.0) == 0.75**2 * 4
    # One of two, drawn: its centre is 2 off, squared 4; s = 0.5 leaves a third of it.
    assert theory.sampling_factor(2, 1) == 1
    floor = theory.random_floor(theory.diversity(PAIR), 2, 1, 1.0, 3.0, 2 / 3)
    assert floor == pytest.approx(0.75**2 * 4 / 3)
    assert theory.sampling_factor(10, 6) == pytest.approx(2 / 27)
    assert theory.sampling_factor(10, 10) == 0


def test_the_sampling_factor_is_that_of_all_draws():
    from itertools import combinations

    centres = drawn(5, 3)
    means = [centres[list(chosen)].mean(0) for chosen in combinations(range(5), 2)]
    spread = theory.square(means - centres.mean(0)).mean()
    assert spread == pytest.approx(theory.sampling_factor(5, 2) * theory.diversity(centres))


def test_running_mean_with_drawn_members_by_hand():
    # F starts 4 below its top: 16 in the first round; then a quarter of it and the noise, s^2 * 4.
    start = np.array([5.0])
    found = theory.random_running_mean(start, PAIR, 1, 1.0, 3.0, 2 / 3, np.array([1, 2]))
    assert found == pytest.approx(0.75**2 * np.array([16, (16 + 4 + 1) / 2]))


def test_conditions_by_hand():
    # lambda = 4, L = 1: 8 / 16; noise 1 * 8 / 8 with one of two agents.
    assert theory.conditions(2, 1, 1.0, 4.0, 0.01) == pytest.approx((math.sqrt(0.5), 3 * 0.05 * 2))
    assert theory.discrepancy_bound(4.0, 1.0, 4.0) == 2


# ---- no common model --------------------------------------------------------------------------


def test_gaps_by_hand():
    assert theory.gap(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 3.0]])) == pytest.approx(9 + 4)
    assert theory.largest_step(10, 1.0) == pytest.approx(1 / 30)


def test_what_divides_agents_settles_by_hand():
    # Two agents, gradients 1 and -1: mixing halves what divides them, so twice the step is left.
    weights = np.array([[0.75, 0.25], [0.25, 0.75]])
    settled = theory.settled(weights, np.array([[3.0], [1.0]]), 0.1, 1)
    assert settled.ravel() == pytest.approx([0.2, -0.2])
    # One more step of eq. 13 leaves it as it is.
    assert weights @ settled + 0.1 * np.array([[1.0], [-1.0]]) == pytest.approx(settled)
    # Exchanging in every third step: two steps alone, then one with the exchange.
    rare = theory.settled(weights, np.array([[3.0], [1.0]]), 0.1, 3)
    alone = np.array([[0.1], [-0.1]])
    assert weights @ rare + 3 * alone == pytest.approx(rare)


def test_what_the_bound_forgets():
    # eps = 0.5, two agents: 1 - eps_bar = 1 - (1 - 0.25)^(1/2).
    assert theory.forgetting(0.5, 2, 2) == pytest.approx(1 - math.sqrt(0.75))
    # (0.025)^9 / 9, which one minus its complement would round away.
    assert theory.forgetting(0.025, 10, 1) == pytest.approx(0.025**9 / 9)


def test_slopes():
    x = np.array([10.0, 100.0, 1000.0])
    assert theory.slope(x, np.stack((x**-2, 7 * x**0.5))) == pytest.approx([-2, 0.5])


# ---- what is run ------------------------------------------------------------------------------


def test_a_round_is_the_one_of_the_closed_form():
    wanted = quadratics.centres(2)
    course = quadratics.federate(
        wanted, quadratics.everyone(2), quadratics.rested(wanted), 0.2, 1, [1]
    )
    centre = wanted.numpy().mean(1)
    left = theory.contraction(quadratics.CURVATURE, quadratics.STRENGTH, 0.3)
    assert course.end == pytest.approx(centre + left * (quadratics.START - centre))
    assert course.identity < 1e-12


def test_schedules():
    assert quadratics.everyone(2)().all()
    fixed = quadratics.the_same(2)
    assert fixed().sum(1).tolist() == [6, 6] and torch.equal(fixed(), fixed())
    anew = quadratics.drawn_anew(2, seed=3)
    first, second = anew(), anew()
    assert first.sum(1).tolist() == second.sum(1).tolist() == [6, 6]
    assert not torch.equal(first, second) and not torch.equal(first[0], first[1])
    assert torch.equal(first, quadratics.drawn_anew(2, seed=3)())


def test_agents_that_stop_early_are_near_the_end():
    wanted, omega = quadratics.centres(2), torch.ones(2, quadratics.SIZE, dtype=torch.float64)
    found = quadratics.until(wanted, 0.5, 1e-4)(torch.zeros_like(wanted), omega)
    gap = theory.square((found - quadratics.rested(wanted)(found, omega)).numpy()).max()
    # Within nu / (L + lambda)^2, and not by chance at the end itself.
    assert 1e-5 < gap <= 1e-4 / 1.1**2


def test_one_step_and_one_pull_by_hand():
    wanted = torch.full((1, 1, 1), 11.0)
    found = quadratics.once(wanted, 0.5)(torch.ones(1, 1, 1), torch.zeros(1, 1))
    # 1 + 0.5 * 0.1 * 10, then half of the way to 0.
    assert found.item() == pytest.approx(0.75)


def test_clipped_gradients():
    way = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    assert quadratics.clipped(way).flatten().tolist() == pytest.approx([0.6, 0.8, 0.3, 0.4])


def test_mixtures_keep_decays_and_pauses_apart():
    wanted = quadratics.centres(2)
    every = quadratics.mix(wanted, (0.6, 0.9), (1, 2), (200, 400))
    assert every.gap.shape == every.closed.shape == (2, 2, 2, 2)
    # Larger steps and rarer exchanges divide more.
    assert (every.closed[:, 0] > every.closed[:, 1]).all()
    assert (every.closed[:, :, 1] > 3 * every.closed[:, :, 0]).all()
    often = every.closed[-1, :, 0] / every.gap[-1, :, 0]
    assert often == pytest.approx(np.ones((2, 2)), abs=0.1)


# ---- the study --------------------------------------------------------------------------------


def test_the_study_leaves_tables_a_figure_and_verdicts(tmp_path, monkeypatch, capsys):
    tiny = Length(rounds=1200, problems=4, steps=3000, draws=2)
    monkeypatch.setitem(convergence_courses.BUDGETS, "quick", tiny)
    convergence.main(["--out", str(tmp_path)])
    tables = {"common_model", "inner_loops", "mixing", "claims"}
    figure = {f"convergence.{suffix}" for suffix in ("png", "svg")}
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.csv" for n in tables} | figure
    with open(tmp_path / "claims.csv", newline="") as file:
        verdicts = {row["claim"]: row["verdict"] for row in csv.DictReader(file)}
    for claim in ("all take part: twice the rounds, half the mean", "slope <= -beta (theorem 2)"):
        assert verdicts[claim] == "shown"
    (useless,) = (verdict for claim, verdict in verdicts.items() if "eps_bar" in claim)
    assert useless == "not shown"
    assert "1,200 rounds of 4 problems" in capsys.readouterr().out
