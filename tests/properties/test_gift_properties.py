"""Laws of social relationships and gifts that hold for all inputs (Kong et al. 2024)."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from commonweal.agents.learners.relations import relationships
from commonweal.networks.gifts import GiftConfig, GiftLedger, settled
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.records import Experience, Outcome
from commonweal.simulation.conformance.tools import small_graphs

settings.register_profile("gifts", deadline=None, max_examples=40)
settings.load_profile("gifts")

seeds = st.integers(0, 2**31 - 1)
counts = st.integers(1, 5)
actions = st.integers(2, 4)


def drawn(seed, rows, neighbours, actions):
    """Values, expectations and acts of ``rows`` agents."""
    rng = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, neighbours, actions, generator=rng, dtype=torch.float64)
    inferred = torch.rand(rows, neighbours, actions, generator=rng, dtype=torch.float64)
    taken = torch.randint(actions, (rows, neighbours), generator=rng)
    partners = torch.full((rows, neighbours), float(neighbours), dtype=torch.float64)
    return values, inferred / inferred.sum(-1, keepdim=True), taken, partners


@given(seeds, counts, actions)
def test_weights_lie_within_their_bound_and_something_is_always_kept(seed, neighbours, actions):
    values, inferred, taken, partners = drawn(seed, 16, neighbours, actions)
    weights = relationships(values, inferred, taken, partners)
    assert weights.min() >= 0
    assert weights.max() <= 1 / neighbours + 1e-12
    assert weights.sum(-1).max() <= 1 + 1e-12


@given(seeds, counts, actions, st.floats(0.01, 100), st.floats(-50, 50))
def test_only_the_order_and_spacing_of_values_matter(seed, neighbours, actions, slope, shift):
    values, inferred, taken, partners = drawn(seed, 16, neighbours, actions)
    one = relationships(values, inferred, taken, partners)
    other = relationships(slope * values + shift, inferred, taken, partners)
    torch.testing.assert_close(one, other, atol=1e-8, rtol=1e-8)


@given(seeds, counts, actions)
def test_co_players_are_weighed_in_any_order(seed, neighbours, actions):
    values, inferred, taken, partners = drawn(seed, 16, neighbours, actions)
    order = torch.randperm(neighbours, generator=torch.Generator().manual_seed(seed))
    weights = relationships(values, inferred, taken, partners)
    turned = relationships(values[:, order], inferred[:, order], taken[:, order], partners)
    assert torch.equal(weights[:, order], turned)


@given(seeds, counts, actions)
def test_who_is_surely_foreseen_gets_nothing(seed, neighbours, actions):
    values, _, taken, partners = drawn(seed, 16, neighbours, actions)
    sure = torch.nn.functional.one_hot(taken, actions).double()
    assert relationships(values, sure, taken, partners).abs().max() < 1e-12


@given(seeds, counts)
def test_without_expectations_the_better_of_two_acts_earns_half_of_the_bound(seed, neighbours):
    values, _, _, partners = drawn(seed, 16, neighbours, 2)
    even = torch.full_like(values, 0.5)
    weights = relationships(values, even, values.argmax(-1), partners)
    torch.testing.assert_close(weights, torch.full_like(weights, 0.5 / neighbours))
    assert relationships(values, even, values.argmin(-1), partners).max() == 0


@given(seeds, counts, actions)
def test_with_exact_expectations_at_most_a_quarter_of_the_bound_is_given(seed, neighbours, actions):
    values, inferred, taken, partners = drawn(seed, 16, neighbours, actions)
    expected = torch.zeros_like(values[..., 0])
    for act in range(actions):
        weights = relationships(values, inferred, torch.full_like(taken, act), partners)
        expected += inferred[..., act] * weights
    assert expected.max() <= 0.25 / neighbours + 1e-12


@given(seeds, counts, actions, st.integers(0, 3))
def test_values_without_a_spread_give_nothing(seed, neighbours, actions, exponent):
    values, inferred, taken, partners = drawn(seed, 4, neighbours, actions)
    values = torch.full_like(values, 10.0**exponent) + 1e-10 * values
    assert relationships(values, inferred, taken, partners).abs().max() == 0


@given(seeds, counts, actions, st.floats(-1e4, 1e4))
def test_a_long_future_drowns_nothing(seed, neighbours, actions, future):
    """In single precision, where values share what is still to come, and chances that come out of a
    softmax do not quite sum to one.
    """
    values, logits, _, partners = (x.float() for x in drawn(seed, 256, neighbours, actions))
    values = values + future
    sure = torch.nn.functional.one_hot(values.argmin(-1), actions)
    inferred = (logits + 12 * sure).softmax(-1)
    weights = relationships(values, inferred, values.argmax(-1), partners)
    assert weights.min() >= 0
    assert weights.sum(-1).max() <= 1 + 1e-6


@given(seeds, st.sampled_from(list(small_graphs())), st.booleans())
def test_gifts_move_rewards_and_make_none(seed, label, positive_only):
    near = neighbourhoods(small_graphs()[label])
    rng = torch.Generator().manual_seed(seed)
    active = torch.rand(near.agents, generator=rng) < 0.7
    assume(bool(active.any()))
    config = GiftConfig(gift_positive_only=positive_only)
    book = GiftLedger(config, near, 3, {"give": active}, rng)
    width = near.view.shape[1]
    acts = torch.rand(3, near.agents, width, generator=rng) / width
    rewards = 10 * torch.randn(3, near.agents, generator=rng)
    never = torch.zeros(3, dtype=torch.bool)
    moves = torch.zeros(3, near.agents, dtype=torch.int64)
    moved = book.record(
        {"give": acts}, Experience({}, moves, Outcome(rewards, never), {}, never, 0.0)
    )
    assert moved.sum(-1).abs().max() < 1e-4  # 1e-6 of rewards up to some tens
    base = rewards.clamp(min=0) if positive_only else rewards
    kept = 1 - near.sum(book.acts)
    assert kept.min() >= -1e-6
    # r^tot = sum over all j, oneself among them, of w_ji r_j.
    arriving = near.sum((book.acts * base[:, near.source])[:, near.reverse])
    torch.testing.assert_close(rewards + moved, rewards - (1 - kept) * base + arriving)
    assert (near.sum(book.acts)[:, ~active] == 0).all()


def test_the_identity_to_a_millionth():
    near = neighbourhoods(small_graphs()["a lattice of 4 x 4"])
    gifts = torch.rand(64, len(near.source), generator=torch.Generator().manual_seed(0))
    assert settled(gifts.double(), near).sum(-1).abs().max().item() == pytest.approx(0, abs=1e-6)
