"""Population dynamics against closed forms and tables worked by hand."""

import numpy as np
import pytest

from commonweal.analysis import populations, series
from commonweal.errors import BadSetting

DILEMMA = [[3, 0], [5, 1]]  # cooperate, defect
STAG_HUNT = [[4, 0], [3, 2]]
HAWK_DOVE = [[-1, 2], [0, 1]]  # value 2, cost 4: half hawks


def test_imitate_is_the_fermi_function():
    assert populations.imitate(1.0, 1.0) == 0.5
    assert populations.imitate(0.0, np.log(3)) == pytest.approx(0.75)
    assert populations.imitate(1.0, 0.0, selection=2.0) == pytest.approx(1 / (1 + np.e**2))
    assert populations.imitate([0.0, 1e4], 0.0).tolist() == [0.5, 0.0]


def test_replicator_of_a_constant_advantage_is_logistic():
    path = populations.replicator([[1, 1], [0, 0]], [0.1, 0.9], steps=300, width=0.01)
    expected = 1 / (1 + 9 * np.exp(-3.0))
    assert path.shape == (301, 2)
    assert path[-1, 0] == pytest.approx(expected, abs=1e-9)
    assert path.sum(1) == pytest.approx(np.ones(301))


def test_replicator_settles_where_hawks_and_doves_earn_the_same():
    path = populations.replicator(HAWK_DOVE, [0.9, 0.1], steps=3_000)
    assert path[-1] == pytest.approx([0.5, 0.5], abs=1e-6)


def test_replicator_basins_of_the_stag_hunt_meet_at_two_thirds():
    # hunters earn 4x, gatherers 3x + 2(1 - x): equal at x = 2/3
    up = populations.replicator(STAG_HUNT, [0.70, 0.30], steps=3_000)[-1, 0]
    down = populations.replicator(STAG_HUNT, [0.63, 0.37], steps=3_000)[-1, 0]
    assert up == pytest.approx(1, abs=1e-3) and down == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("fitness", ["linear", "exponential"])
def test_neutral_mutants_fix_by_chance(fitness):
    chance = populations.moran(DILEMMA, 20, selection=0.0, mutants=3, fitness=fitness)
    assert chance == pytest.approx(3 / 20)


def test_constant_fitness_has_the_closed_form_of_moran():
    # fitness 2 against 1: (1 - 1/2) / (1 - 1/2**10)
    assert populations.moran([[2, 2], [1, 1]], 10) == pytest.approx(0.5 / (1 - 2**-10))


def test_frequency_dependence_for_three_agents_by_hand():
    # i = 1: mutant meets two residents, F = 1; residents meet one of each, G = 1.5
    # i = 2: mutant F = (2 + 1)/2 = 1.5; the resident meets two mutants, G = 1
    # 1 / (1 + 3/2 + 3/2 * 2/3) = 2/7
    assert populations.moran([[2, 1], [1, 2]], 3) == pytest.approx(2 / 7)


def test_moran_stays_finite_for_strong_selection():
    certain = populations.moran([[9, 9], [0, 0]], 1_000, selection=5, fitness="exponential")
    never = populations.moran([[0, 0], [9, 9]], 1_000, selection=5, fitness="exponential")
    assert certain == pytest.approx(1.0) and never == 0.0


def test_moran_refuses_negative_fitness_and_unknown_rules():
    with pytest.raises(BadSetting, match="linear fitness"):
        populations.moran([[-9, -9], [1, 1]], 10)
    with pytest.raises(BadSetting, match="'cubic'"):
        populations.moran(DILEMMA, 10, fitness="cubic")


def test_invasion_tables_of_three_games():
    assert populations.invasion(DILEMMA).tolist() == [[False, False], [True, False]]
    assert populations.invasion(STAG_HUNT).tolist() == [[False, False], [False, False]]
    assert populations.invasion(HAWK_DOVE).tolist() == [[False, True], [True, False]]


def test_invasion_by_the_second_condition():
    # a mutant that earns as much among residents, and more against itself than they do
    assert populations.invasion([[3, 2], [2, 2]]).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(
    ("advantages", "verdict"),
    [
        ([1.0, 1.1, 0.9], "invades"),
        ([-1.0, -1.1, -0.9], "repelled"),
        ([-1.0, 1.1, 0.9], "undecided"),
        ([1.0], "undecided"),
    ],
)
def test_a_verdict_needs_an_interval_off_zero(advantages, verdict):
    found = populations.Invasion("dd", "lr2", series.interval(advantages))
    assert found.verdict == verdict
