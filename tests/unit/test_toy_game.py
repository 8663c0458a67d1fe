"""The toy game of Li et al. 2024: rewards, derivatives and special points by hand."""

import math

import pytest
import torch

from tests.games import game, played, rewards, slopes

TOY = game("toy_game")


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ((0, 0), (0, 1)),
        ((1, 0), (0, math.cos(1))),
        ((math.pi / 2 - 1, 1), (1, math.cos(math.pi / 2 - 4) + math.pi / 2 - 1)),
        ((3, -1), (math.sin(-2), math.cos(4) + 3)),
    ],
)
def test_rewards_by_hand(actions, expected):
    assert rewards(TOY, actions) == pytest.approx(expected)


def by_hand(one, two):
    """Derivatives of both rewards by both actions, worked out on paper."""
    ridge, wave = math.cos(one * two + two**2), math.sin(1 + one - (1 + two) ** 2)
    return [
        [two * ridge, (one + 2 * two) * ridge],
        [-wave + two**2, 2 * (1 + two) * wave + 2 * one * two],
    ]


@pytest.mark.parametrize("actions", [(0.0, 0.0), (-1.4, 0.2), (2.5, -1.5), (0.3, 2.9)])
def test_derivatives_by_hand(actions):
    expected = torch.tensor(by_hand(*actions), dtype=torch.float64)
    torch.testing.assert_close(slopes(TOY, actions), expected)


@pytest.mark.parametrize(
    ("peak", "each"),
    [
        ((-0.7971, -0.6820), (0.846, 0.624)),
        ((2.3862, 0.8585), (0.349, 2.756)),
        ((0, 0), (0, 1)),
    ],
)
def test_where_the_sum_of_rewards_is_level(peak, each):
    assert slopes(TOY, peak).sum(0).abs().max() < 1e-3
    assert rewards(TOY, peak) == pytest.approx(each, abs=1e-3)


@pytest.mark.parametrize(
    ("rest", "each"),
    [
        ((1.3898, 0.7382), (1.000, 1.565)),
        ((-0.5181, 1.5388), (1.000, -0.277)),
        ((-math.pi, 0), (0, -1)),
        ((0.2369, -2.2925), (-1.000, 2.152)),
        ((0, 0), (0, 1)),
    ],
)
def test_where_each_players_own_reward_is_level(rest, each):
    assert slopes(TOY, rest).diagonal().abs().max() < 1e-3
    assert rewards(TOY, rest) == pytest.approx(each, abs=1e-3)


def test_it_opens_where_the_paper_s_findings_show_and_has_no_border():
    assert TOY.spec.start == (-1.4, 0.2)
    assert TOY.state.last.flatten().tolist() == pytest.approx([-1.4, 0.2])
    assert (TOY.spec.actions.low, TOY.spec.actions.high, TOY.horizon) == (-3, 3, 41)
    assert played(TOY, [5.0, -4.0]) == [[5.0, -4.0]]
