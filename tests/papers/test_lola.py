"""Foerster et al. 2018, LOLA: two of them come to reciprocate, two naive learners to defect.

With the payoffs, starts, step sizes and discount of the authors' code, and with the payoffs of Kong
et al. 2024, in which defecting gains less, so that naive learners do not always end in defection.
"""

import pytest
import torch

from commonweal.memory_one import mean_over, visits
from commonweal.simulation.experiment import Share
from tests.societies import society

FOERSTER = {"reward": -1.0, "sucker": -3.0, "temptation": 0.0, "punishment": -2.0}
KONG = {"reward": 1.0, "sucker": -0.2, "temptation": 1.2, "punishment": 0.0}
RUNS = 40


def policies(kind, payoffs, steps, *, lanes=1, partner=None, seed=0, **settings):
    """Probabilities to cooperate [RUNS, M, 5] of the members after so many steps of learning."""
    shares = [Share(kind=kind, count=1 if partner else 0, settings={"move": settings})]
    village = society(
        *shares,
        *([partner] if partner else []),
        world={"kind": "iterated_dilemma"} | payoffs,
        agents=2,
        network={"kind": "pairs"},
        replicates=RUNS,
        lanes=lanes,
        steps=10**7,
        seed=seed,
    )
    mind = village.society.cohorts[0].minds["move"]
    for _ in range(steps * mind.rollout):
        village.step()
    village.close()
    return mind.logits.view(RUNS, -1, 5).sigmoid()


def cooperation(found):
    """Discounted share of cooperation in each run, [RUNS]."""
    cc, cd, dc, _ = (0.04 * visits(found[:, 0], found[:, 1], 0.96)).unbind(-1)
    return cc + (cd + dc) / 2


@pytest.mark.parametrize("payoffs", [FOERSTER, KONG], ids=["Foerster", "Kong"])
def test_two_lola_cooperate_by_reciprocity(payoffs):
    """What is known of the partner is all that exact LOLA needs, so steps follow each other at once."""
    found = policies("lola", payoffs, 100, rollout=1)
    level = cooperation(found)
    assert level.mean() > 0.9
    assert (level > 0.9).float().mean() >= 0.8
    _, cc, cd, dc, dd = found[level > 0.9].mean((0, 1))
    # Friendly while the other is, not otherwise, and ready to make up.
    assert cc > 0.95
    assert cd < 0.5
    assert dc > 0.8
    assert dd < 0.4


def test_two_naive_learners_defect():
    level = cooperation(policies("lola", FOERSTER, 100, rollout=1, correction=0.0))
    assert (level < 0.05).float().mean() >= 0.95


def test_two_naive_learners_mostly_defect_where_defecting_gains_little():
    naive = cooperation(policies("lola", KONG, 100, rollout=1, correction=0.0))
    assert naive.mean() < 0.5
    assert ((naive < 0.1) | (naive > 0.9)).float().mean() > 0.8
    assert cooperation(policies("lola", KONG, 100, rollout=1)).mean() > naive.mean() + 0.4


def test_it_learns_to_cooperate_with_tit_for_tat():
    """Of which it knows only what it saw."""
    (found,) = policies("lola", FOERSTER, 25, lanes=4, partner="tit_for_tat", rollout=20).unbind(1)
    partner = torch.tensor([1.0, 1, 0, 1, 0]).expand_as(found)
    earned = mean_over(found, partner, ((-1, -3), (0, -2)), 100)
    assert earned[:, 0].mean() > -1.1


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"opponent": "modelled"}], ids=["known", "modelled"])
def test_two_that_learn_from_40_episodes_a_step_cooperate(settings):
    found = policies("lola_sampled", FOERSTER, 100, lanes=40, **settings)
    level = cooperation(found)
    assert level.mean() > 0.75


@pytest.mark.slow
def test_two_that_model_each_other_cooperate():
    """From 16 episodes a step."""
    level = cooperation(policies("lola", FOERSTER, 100, lanes=16, opponent="modelled"))
    assert level.mean() > 0.85


@pytest.mark.slow
def test_two_naive_samplers_defect():
    level = cooperation(policies("lola_sampled", FOERSTER, 100, lanes=40, correction=0.0))
    assert level.mean() < 0.15
