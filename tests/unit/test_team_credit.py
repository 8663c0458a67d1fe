"""Advantages that agents share, by hand."""

from dataclasses import replace

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.team_credit import (
    ALF,
    GGF,
    OWN,
    SUM,
    CreditPPO,
    CreditPPOConfig,
    closing,
    combined,
    needy,
    ranked,
)
from commonweal.records import Percept
from commonweal.settings import Settings
from tests.dilemmas import cooperation
from tests.seats import noted, seat


def test_weights_halve_with_every_rank_from_the_worst_off():
    returns = torch.tensor([[3.0, -1.0, 7.0], [2.0, 2.0, 0.0]])
    # Ranks 1, 0, 2; in the second row a tie counts in the order of agents: 1, 2, 0.
    expected = torch.tensor([[0.5, 1.0, 0.25], [0.5, 0.25, 1.0]])
    torch.testing.assert_close(ranked(returns), expected)


def test_weights_fall_with_what_agents_have():
    found = needy(torch.tensor([4.0, 1.0, 0.0, -5.0]), 0.5)
    torch.testing.assert_close(found, torch.tensor([0.5, 1.0, 1e5, 1e5]), rtol=1e-4, atol=0)
    assert needy(torch.tensor(0.0), 0.9).item() == pytest.approx(1e9, rel=1e-4)


# One replicate of two agents, two rounds in one lane.
RAW = torch.tensor([[[1.0, 3.0], [5.0, -3.0]]])
EVEN = torch.tensor([[[-1.0, 1.0], [1.0, -1.0]]])
RETURNS = torch.tensor([[[4.0, 4.0], [1.0, 1.0]]])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (SUM, [0.0, 0.0]),
        # The second has less: half of the first's, and all of its own.
        (GGF, [0.5, -0.5]),
        # 4^-0.5 (1, 3) + 1^-0.5 (5, -3) = (5.5, -1.5), and standardised.
        (ALF, [1.0, -1.0]),
    ],
)
def test_a_team_weighs_its_agents(how, expected):
    found = combined(how, RAW, EVEN, RETURNS, 0.5, 2)
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_need_decides_which_way_a_team_goes():
    # The same, but the first has nothing: its 1 before 3 counts, not the other's 5 before -3.
    returns = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    torch.testing.assert_close(
        combined(ALF, RAW, EVEN, returns, 0.5, 2), torch.tensor([[-1.0, 1.0]])
    )


def test_lanes_in_which_somebody_has_nothing_drown_no_others():
    # Two rounds in two lanes, sample t * 2 + b; in the second lane all have nothing.
    raw = torch.tensor([[[1.0, 2.0, 3.0, 1.0], [0.0, 4.0, 0.0, 9.0]]])
    returns = torch.tensor([[[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0]]])
    found = combined(ALF, raw, raw, returns, 0.9, 2)
    torch.testing.assert_close(found, torch.tensor([[-1.0, -1.0, 1.0, 1.0]]))


def test_returns_count_as_they_stand_where_an_episode_closes():
    earned = torch.tensor([1.0, 3.0, 2.0, 5.0]).unsqueeze(1)
    ended = torch.tensor([False, True, False, False]).unsqueeze(1)
    assert closing(earned, ended).flatten().tolist() == [3, 3, 5, 5]


# ---- the learner -------------------------------------------------------------------------------


def mind(**settings):
    """Two agents in one lane, with a rollout of three rounds behind them."""
    config = CreditPPOConfig(rollout=9, hidden=(8,), **settings)
    made = CreditPPO(config, seat(3, slots=2, lanes=1), object)
    rng = torch.Generator().manual_seed(1)
    rewards = torch.tensor([[[1.0, 0.0]], [[1.0, 4.0]], [[2.0, 1.0]]])
    for t in range(3):
        percept = Percept(dense=torch.randn(2, 1, 3, generator=rng))
        acts = torch.randint(2, (2, 1), generator=rng)
        ended = torch.full((2, 1), t == 1)
        made.rollout = 3
        made.remember(noted(percept, acts, torch.full((2, 1), 7.0), ended, rewards=rewards[t]))
    return made


@pytest.mark.parametrize("how", [OWN, SUM, GGF, ALF])
def test_critics_foretell_utility_or_what_the_rules_paid(how):
    found = mind(credit=how).window().utility[:, :, 0].tolist()
    assert found == ([[7, 7]] * 3 if how == OWN else [[1, 0], [1, 4], [2, 1]])


def test_what_weighs_a_sample_is_the_return_of_its_own_episode():
    made = mind(credit=GGF)
    advantages = torch.tensor([[1.0, -1.0, 0.0], [0.0, 2.0, 1.0]])
    even = (advantages - advantages.mean(1, keepdim=True)) / advantages.std(
        1, correction=0, keepdim=True
    )
    # Returns 2 and 4 where the first episode closes, 2 and 1 at the end of the rollout.
    weights = torch.tensor([[1.0, 1.0, 0.5], [0.5, 0.5, 1.0]])
    team = (weights * even).sum(0)
    torch.testing.assert_close(made.credit(advantages, made.window()), team.expand(2, -1))
    assert made.earnings.so_far.flatten().tolist() == [2, 1]


@pytest.mark.parametrize("how", [OWN, SUM])
def test_who_learns_from_the_others_is_said_and_true(how):
    learned = []
    for bonus in (0.0, 5.0):
        made = mind(credit=how)
        # What the second agent's critic has to say about the middle round.
        note = made.notes[1]
        made.notes[1] = note | {"utility": note["utility"] + torch.tensor([[0.0], [bonus]])}
        made.study(0.0, Own(Settings()))
        learned.append(made.actors.parameters.clone())
    assert torch.equal(learned[0][0], learned[1][0]) is not made.mutual
    assert not torch.equal(learned[0][1], learned[1][1])


def test_replicates_share_nothing():
    config = CreditPPOConfig(credit=SUM, hidden=(8,))
    made = CreditPPO(config, seat(3, slots=4, lanes=1, replicates=2), object)
    advantages = torch.tensor([[1.0, -1.0], [1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    window = mind(credit=SUM).window()
    window = replace(window, rows={"earned": torch.zeros(4, 2)}, utility=torch.zeros(2, 4, 1))
    window = replace(window, ended=torch.zeros(2, 4, 1, dtype=torch.bool))
    found = made.credit(advantages, window)
    torch.testing.assert_close(found, torch.tensor([[2.0, -2.0]] * 2 + [[0.0, 0.0]] * 2))


@pytest.mark.parametrize("how", [OWN, SUM])
def test_average_agents_cooperate_in_a_dilemma(how):
    # With own credit it is the preference that makes them: see what `ippo` does in `test_maximin`.
    assert cooperation("average_reward", credit=how) > 0.7
