"""Stacked perceptrons: what is written out by hand equals what is differentiated."""

import pytest
import torch

from commonweal.agents.learners.multilayer import ROWS, Perceptrons, gradient, infer, run
from commonweal.agents.learners.objective import Hyper

WIDTHS = {"first": (3, 7, 5, 2), "second": (3, 4, 1)}


def networks(slots=6, **options):
    made = Perceptrons(WIDTHS, slots, torch.Generator().manual_seed(0), **options)
    made.parameters = made.parameters.double()
    return made


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.double, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("rows", [1, 9, ROWS // 2, 3 * ROWS])
def test_the_gradient_is_that_of_automatic_differentiation(rows):
    made, x, wanted = networks(), drawn(6, rows, 3), drawn(6, rows, 2)

    def loss(outputs, slots):
        return (outputs - wanted[slots]).square().sum(-1).mean(1)

    leaf = made.parameters.clone().requires_grad_()
    loss(run(made.layers(leaf, "first"), x), slice(None)).sum().backward()
    torch.testing.assert_close(gradient(made, "first", x, loss), leaf.grad)


def test_outputs_without_a_gradient_are_the_same_in_pieces():
    made, x = networks(), drawn(6, 2 * ROWS + 3, 3)
    layers = made.layers(made.parameters, "first")
    torch.testing.assert_close(infer(layers, x), run(layers, x))


def test_a_row_of_zeros_leaves_every_bit_of_its_slot():
    one, other = (Perceptrons(WIDTHS, 3, torch.Generator().manual_seed(0)) for _ in range(2))
    slope, hyper = torch.ones_like(one.parameters), Hyper()
    for networks_ in (one, other):
        networks_.step(slope.clone(), hyper)
    slope[1] = 0
    one.step_some(slope.clone(), hyper)
    other.step(slope.clone(), hyper)
    before = Perceptrons(WIDTHS, 3, torch.Generator().manual_seed(0))
    before.step(torch.ones_like(slope), hyper)
    for name in ("first", "second", "steps"):
        assert torch.equal(getattr(one.adam, name)[1], getattr(before.adam, name)[1])
        assert torch.equal(getattr(one.adam, name)[::2], getattr(other.adam, name)[::2])
    assert torch.equal(one.parameters[1], before.parameters[1])
    assert torch.equal(one.parameters[::2], other.parameters[::2])
    assert not torch.equal(other.parameters[1], before.parameters[1])


def test_uniform_starts_stay_within_their_bounds():
    made = networks(200, start="glorot")
    weights, biases = (made.layers(made.parameters, "first")[0][:, part] for part in (slice(3), 3))
    for values, bound in ((weights, (6 / 10) ** 0.5), (biases, (3 / 7) ** 0.5)):
        assert values.abs().max() <= bound and values.abs().max() > 0.98 * bound
        assert abs(values.mean()) < 0.05 * bound
