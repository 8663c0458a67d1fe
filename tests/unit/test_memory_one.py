"""Exact payoffs of memory-1 policies: chains worked by hand, known duels, and games played out."""

import pytest
import torch

from commonweal.memory_one import (
    OTHER_SIDE,
    exact_values,
    joint,
    mean_over,
    mean_payoffs,
    opening,
    transitions,
    visits,
)

R, S, T, P = 3.0, 0.0, 5.0, 1.0
AXELROD = ((R, S), (T, P))
LOLA = ((-1.0, -3.0), (0.0, -2.0))
POLICIES = {
    "AllC": [1, 1, 1, 1, 1],
    "AllD": [0, 0, 0, 0, 0],
    "TFT": [1, 1, 0, 1, 0],
    "STFT": [0, 1, 0, 1, 0],
    "WSLS": [1, 1, 0, 0, 1],
    "random": [0.5, 0.5, 0.5, 0.5, 0.5],
}
"""s0, CC, CD, DC, DD"""


def policy(name):
    return torch.tensor(POLICIES[name], dtype=torch.float64)


def some(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, 5, generator=rng, dtype=torch.float64)


# ---- the chain -------------------------------------------------------------------------------


def test_two_cooperators_by_hand():
    assert joint(torch.tensor(0.25), torch.tensor(0.5)).tolist() == [0.125, 0.125, 0.375, 0.375]


def test_the_chain_by_hand():
    """Each number tells a player and a state: rows are products, CD of one being DC of the other."""
    p = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5], dtype=torch.float64)
    q = torch.tensor([0.4, 0.3, 0.2, 0.1, 0.05], dtype=torch.float64)
    rows = [
        [0.8 * 0.3, 0.8 * 0.7, 0.2 * 0.3, 0.2 * 0.7],
        [0.7 * 0.1, 0.7 * 0.9, 0.3 * 0.1, 0.3 * 0.9],  # CD: the second sees DC
        [0.6 * 0.2, 0.6 * 0.8, 0.4 * 0.2, 0.4 * 0.8],  # DC: the second sees CD
        [0.5 * 0.05, 0.5 * 0.95, 0.5 * 0.05, 0.5 * 0.95],
    ]
    expected = torch.tensor(rows, dtype=torch.float64)
    torch.testing.assert_close(transitions(p, q), expected)
    first = torch.tensor([0.9 * 0.4, 0.9 * 0.6, 0.1 * 0.4, 0.1 * 0.6], dtype=torch.float64)
    torch.testing.assert_close(opening(p, q), first)


def test_the_other_side_is_the_swap_of_cd_and_dc():
    states = ("s0", "CC", "CD", "DC", "DD")
    seen = ["s0" if state == "s0" else state[::-1] for state in states]
    assert [states[place] for place in OTHER_SIDE] == seen


def test_rounds_are_discounted_from_the_first_on():
    found = visits(some(3), some(3, seed=1), 0.9)
    torch.testing.assert_close(found.sum(-1), torch.full((3,), 10.0, dtype=torch.float64))
    torch.testing.assert_close(
        visits(some(3), some(3, seed=1), 0.0), opening(some(3), some(3, seed=1))
    )


# ---- duels that can be worked out --------------------------------------------------------------

G = 0.9
DUELS = {
    ("AllC", "AllC"): (R, R),
    ("AllC", "AllD"): (S, T),
    ("AllD", "AllD"): (P, P),
    ("TFT", "TFT"): (R, R),
    ("TFT", "AllD"): ((1 - G) * S + G * P, (1 - G) * T + G * P),
    # CD, DC, CD, ...: the one who opens with C is betrayed in rounds 0, 2, 4, ...
    ("TFT", "STFT"): ((S + G * T) / (1 + G), (T + G * S) / (1 + G)),
    # CD, DD, CD, ...: WSLS tries again after every mutual defection.
    ("WSLS", "AllD"): ((S + G * P) / (1 + G), (T + G * P) / (1 + G)),
    # CD, DC, DD, CD, ...: WSLS stays with what won, and the other pays back.
    ("WSLS", "STFT"): (
        (S + G * T + G**2 * P) / (1 + G + G**2),
        (T + G * S + G**2 * P) / (1 + G + G**2),
    ),
    ("random", "random"): ((R + S + T + P) / 4,) * 2,
    ("random", "AllC"): ((R + T) / 2, (R + S) / 2),
    ("random", "AllD"): ((S + P) / 2, (T + P) / 2),
}


@pytest.mark.parametrize(("first", "second"), DUELS)
def test_known_duels(first, second):
    found = mean_payoffs(policy(first), policy(second), AXELROD, G)
    assert found.tolist() == pytest.approx(DUELS[first, second])
    values = exact_values(policy(first), policy(second), AXELROD, G)
    torch.testing.assert_close(values, found / (1 - G))


def test_a_bad_start_costs_tit_for_tat_half_of_the_game_and_pavlov_two_rounds():
    """After CD: CD, DC, CD ... between two TFT, CD, DD, CC, CC ... between two WSLS."""
    for name, rounds in (("TFT", [S, T, S, T, S, T]), ("WSLS", [S, P, R, R, R, R])):
        p, q = policy(name), policy(name)
        q[0] = 0
        found = mean_over(p, q, AXELROD, 6)
        assert found[0].item() == pytest.approx(sum(rounds) / 6)


FINITE = {
    ("TFT", "AllD"): ((S + 9 * P) / 10, (T + 9 * P) / 10),
    ("TFT", "STFT"): ((S + T) / 2, (S + T) / 2),
    ("WSLS", "AllD"): ((S + P) / 2, (T + P) / 2),
    ("random", "AllD"): ((S + P) / 2, (T + P) / 2),
}


@pytest.mark.parametrize(("first", "second"), FINITE)
def test_episodes_of_ten_rounds(first, second):
    found = mean_over(policy(first), policy(second), AXELROD, 10)
    assert found.tolist() == pytest.approx(FINITE[first, second])


def test_an_episode_of_one_round_is_the_opening():
    p, q = some(), some(seed=1)
    found = mean_over(p, q, AXELROD, 1)
    torch.testing.assert_close(found, mean_payoffs(p, q, AXELROD, 0.0))


def test_long_episodes_and_little_discount_tell_the_same():
    p, q = some(50), some(50, seed=1)
    long, patient = mean_over(p, q, AXELROD, 2000), mean_payoffs(p, q, AXELROD, 1 - 1e-6)
    assert (long - patient).abs().max() < 0.05


# ---- symmetry, shapes, derivatives --------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [lambda p, q: exact_values(p, q, LOLA, 0.96), lambda p, q: mean_over(p, q, LOLA, 7)]
)
def test_players_can_be_swapped(value):
    p, q = some(20), some(20, seed=1)
    torch.testing.assert_close(value(p, q), value(q, p).flip(-1))


def test_leading_axes_are_broadcast():
    p, q = some(4, 1), some(3, seed=1)
    together = exact_values(p, q, LOLA, 0.96)
    assert together.shape == (4, 3, 2)
    torch.testing.assert_close(together[2, 1], exact_values(p[2, 0], q[1], LOLA, 0.96))
    assert transitions(p, q).shape == (4, 3, 4, 4)
    assert mean_over(p, q, torch.tensor(LOLA), 5).shape == (4, 3, 2)
    assert exact_values(p.float(), q.float(), LOLA, 0.96).dtype == torch.float32


def test_derivatives_are_exact_twice():
    logits = torch.logit(some(2), eps=1e-3).requires_grad_(), torch.logit(some(2, seed=1), eps=1e-3)

    def value(a, b):
        return exact_values(a.sigmoid(), b.sigmoid(), LOLA, 0.9)

    logits = logits[0], logits[1].requires_grad_()
    assert torch.autograd.gradcheck(value, logits)
    assert torch.autograd.gradgradcheck(value, logits)


# ---- games that are played ----------------------------------------------------------------------


def test_games_played_out_agree():
    """40,000 games of twelve rounds between two policies drawn at random, with fixed chance."""
    rng, games, rounds = torch.Generator().manual_seed(0), 40_000, 12
    p, q = some(seed=3), some(seed=4)
    payoffs = torch.tensor(LOLA, dtype=torch.float64)
    mine = theirs = torch.zeros(games, dtype=torch.int64)
    earned = torch.zeros(rounds, 2, dtype=torch.float64)
    for t in range(rounds):
        spin = torch.rand(2, games, generator=rng, dtype=torch.float64)
        a, b = (spin[0] >= p[mine]).long(), (spin[1] >= q[theirs]).long()
        earned[t] = torch.stack([payoffs[a, b].mean(), payoffs[b, a].mean()])
        mine, theirs = 1 + 2 * a + b, 1 + 2 * b + a
    exact = mean_over(p, q, LOLA, rounds)
    # Standard errors are below 0.005 a round.
    assert (earned.mean(0) - exact).abs().max() < 0.01
    weights = 0.5 ** torch.arange(rounds, dtype=torch.float64)
    discounted = (weights[:, None] * earned).sum(0)
    assert (discounted - exact_values(p, q, LOLA, 0.5)).abs().max() < 0.02
