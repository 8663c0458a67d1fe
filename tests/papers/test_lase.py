"""Kong et al. 2024 in the iterated prisoner's dilemma: what learners do, at a small budget.

Steps of the acting learner are five times the usual, so that less of them shows where they lead.
"""

import pytest

from commonweal.analysis.tournaments import Length, meeting, play
from commonweal.simulation.experiment import with_value

LENGTH = Length(steps=400_000, replicates=3)


def ends(who, *measures):
    """Means of indicators over the end of a meeting, by replicate."""
    experiment = meeting(who, LENGTH)
    for kind in who:
        if kind != "always_defect":
            experiment = with_value(experiment, f"{kind}.move.learning_rate", 0.005)
    course = play(experiment)
    return [course.end(course.name(name, next(iter(who)))) for name in measures]


@pytest.mark.slow
def test_two_who_give_cooperate_where_two_who_do_not_defect():
    cooperation, accuracy = ends({"lase": 2}, "cooperation", "accuracy")
    assert (cooperation > 0.6).all()
    assert accuracy.mean() > 0.6
    (alone,) = ends({"a2c": 2}, "cooperation")
    assert (alone < 0.1).all()


@pytest.mark.slow
def test_who_gives_is_not_exploited():
    cooperation, weight = ends({"lase": 1, "always_defect": 1}, "cooperation", "gift_weight")
    # Exploration alone is 0.025.
    assert (cooperation < 0.05).all()
    assert weight.mean() < 0.05


@pytest.mark.slow
def test_with_exact_beliefs_learners_go_where_the_theory_says():
    cooperation, weight = ends({"lase_exact": 2}, "cooperation", "gift_weight")
    assert cooperation.mean() == pytest.approx(5 / 6, abs=0.1)
    assert weight.mean() == pytest.approx(5 / 36, abs=0.07)


@pytest.mark.slow
def test_without_expectations_two_cooperate_fully_and_give_half():
    cooperation, weight = ends({"lase_uniform": 2}, "cooperation", "gift_weight")
    # All but exploration.
    assert (cooperation > 0.9).all()
    assert weight.mean() == pytest.approx(0.49, abs=0.04)
