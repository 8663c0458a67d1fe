"""Running normalisation: moments are those of all that was seen so far."""

import numpy as np
import pytest
import torch

from commonweal.agents.learners.inputs import Inputs
from commonweal.simulation.conformance.tools import saved

SLOTS, FEATURES = 3, 4


def made(how):
    return Inputs(how, SLOTS, FEATURES, torch.device("cpu"))


def batches(seed=0):
    """Three batches of unequal size, features of unlike scale and slots that see other things."""
    rng = torch.Generator().manual_seed(seed)
    scale = torch.tensor([1.0, 100.0, 0.01, 3.0])
    shift = torch.tensor([0.0, 5000.0, 1.0, -2.0])
    for rows in (2, 5, 1):
        drawn = torch.randn(SLOTS, rows, FEATURES, generator=rng)
        yield drawn * scale + shift + torch.arange(SLOTS).view(-1, 1, 1)


@pytest.mark.parametrize("how", ["feature", "scalar"])
def test_moments_are_those_of_all_seen_so_far(how):
    inputs, seen = made(how), []
    for x in batches():
        inputs.observe(x)
        seen.append(x.double().numpy())
        past, axes = np.concatenate(seen, 1), (1,) if how == "feature" else (1, 2)
        mean, spread = past.mean(axes, keepdims=True), past.std(axes, keepdims=True)
        new = 2.0 * x.double().numpy() - 1.0
        expected = np.clip((new - mean) / spread, -10, 10)
        found = inputs.normalised(torch.from_numpy(new).float())
        # What is left of 5000 in single precision.
        np.testing.assert_allclose(found, expected, atol=2e-2 if how == "feature" else 1e-3)
        np.testing.assert_allclose(inputs.mean[..., :1], mean[..., :1], rtol=1e-12)
        variance = (inputs.square / inputs.count).numpy()
        np.testing.assert_allclose(variance, np.broadcast_to(spread**2, variance.shape), rtol=1e-9)


def test_features_keep_apart_and_the_scalar_averages_over_components():
    x = torch.tensor([[[0.0, 10.0], [2.0, 30.0]]])
    feature = Inputs("feature", 1, 2, torch.device("cpu"))
    scalar = Inputs("scalar", 1, 2, torch.device("cpu"))
    for inputs in (feature, scalar):
        inputs.observe(x)
    assert feature.normalised(x).flatten().tolist() == [-1, -1, 1, 1]
    # The mean of 0, 10, 2, 30 is 10.5, the mean of their squared deviations 140.75.
    expected = (x.flatten() - 10.5) / 140.75**0.5
    torch.testing.assert_close(scalar.normalised(x).flatten(), expected)
    assert scalar.count.item() == 4 and feature.count.item() == 2


@pytest.mark.parametrize("how", ["feature", "scalar"])
def test_far_off_inputs_are_cut(how):
    inputs = made(how)
    assert inputs.normalised(torch.full((SLOTS, 1, FEATURES), -55.0)).unique().tolist() == [-10]
    for x in batches():
        inputs.observe(x)
    assert inputs.normalised(torch.full((SLOTS, 1, FEATURES), 1e6)).unique().tolist() == [10]


def test_what_never_changes_is_only_shifted():
    inputs = made("feature")
    inputs.observe(torch.full((SLOTS, 3, FEATURES), 7.0))
    assert inputs.normalised(torch.full((SLOTS, 1, FEATURES), 9.0)).unique().tolist() == [2]


def test_inputs_may_be_left_alone():
    inputs, x = made("none"), torch.full((SLOTS, 2, FEATURES), 1e6)
    inputs.observe(x)
    assert inputs.normalised(x) is x and not inputs.count.any()


def test_some_slots_are_normalised_by_their_own_past():
    inputs = made("feature")
    for x in batches():
        inputs.observe(x)
    whole = inputs.normalised(x)
    for slot in range(SLOTS):
        own = slice(slot, slot + 1)
        assert torch.equal(inputs.normalised(x[own], own), whole[own])


@pytest.mark.parametrize("how", ["feature", "scalar"])
def test_moments_survive_a_checkpoint(how):
    inputs, fresh = made(how), made(how)
    for x in batches():
        inputs.observe(x)
    fresh.load(saved(inputs.state()))
    for x in batches(1):
        assert torch.equal(inputs.normalised(x), fresh.normalised(x))
        inputs.observe(x)
        fresh.observe(x)
    assert torch.equal(inputs.square, fresh.square)
