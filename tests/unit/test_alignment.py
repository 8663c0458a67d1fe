"""Angles of the adjusted gradient to the collective curvature: by hand, and as others define them."""

import math

import pytest
import torch

from commonweal.agents.gradients.altruistic import Altruistic, AltruisticConfig
from commonweal.analysis import alignment, fields
from tests.points import angles_kept, smooth


def bowl(actions):
    """Rewards of two players whose sum is ``-x^2 / 2 - 3 y^2 / 2``; the first wants x to grow."""
    x, y = actions[..., 0, 0], actions[..., 1, 0]
    return torch.stack((2 * x, -2 * x - x**2 / 2 - 3 * y**2 / 2), -1)


def linear(actions):
    x, y = actions[..., 0, 0], actions[..., 1, 0]
    return torch.stack((y - x / 2, x - y / 2), -1)


def point(x, y):
    return torch.tensor([[[x], [y]]], dtype=torch.float64)


def test_angles_by_hand():
    # At (1, 1): xi_c = (1, 3), H_c = diag(1, 3), c = (1, 9), xi = (-2, 3), and with strength 1
    # and sign + g = (1, 3) + (-2, 3) + (1, 9) = (0, 15).
    found = alignment.angles(bowl, point(1.0, 1.0), "off", strength=1.0)
    assert found.collective.item() == pytest.approx(28 / math.sqrt(10 * 82))
    assert found.adjusted.item() == pytest.approx(9 / math.sqrt(82))
    assert found.kept.item() and found.share == 1


def test_the_published_sign_loses_where_the_exact_one_does_not():
    # At (-.5, .1): u = xi_c = (-.5, .3), c = (-.5, .9), xi = (-2, .3), v = xi + c = (-2.5, 1.2).
    # <u, c> = .52 and <v, c> = 2.33 are positive, and so is the published sign; but
    # <v, c> |u|^2 - <u, c> <u, v> = 2.33 * .34 - .52 * 1.61 = -.045, and the exact sign is not.
    paper, exact = (alignment.angles(bowl, point(-0.5, 0.1), r) for r in ("paper", "exact"))
    assert paper.collective.item() == pytest.approx(0.52 / math.sqrt(0.34 * 1.06))
    assert paper.adjusted.item() < paper.collective.item() < exact.adjusted.item()
    assert (paper.share, exact.share) == (0, 1)


@pytest.mark.parametrize("rule", ["paper", "exact", "off"])
@pytest.mark.parametrize("strength", [1e-4, 0.7])
def test_they_are_as_the_paper_tests_define_them(rule, strength):
    losses, _ = smooth(3, 2, seed=4)
    actions = torch.randn(200, 3, 2, generator=torch.Generator().manual_seed(1)).double()

    def payoffs(joint):
        return -losses(joint)

    found = alignment.angles(payoffs, actions, rule, strength)
    of = fields.at(payoffs, actions)
    direction, _ = Altruistic(AltruisticConfig(strength=strength, sign_rule=rule)).direction(of)
    kept, loss = angles_kept(of, direction)
    assert torch.equal(found.kept, kept)
    torch.testing.assert_close(found.collective**2 - found.adjusted**2, loss)
    assert found.share == pytest.approx(kept.double().mean().item())


def test_where_there_is_no_curvature_there_are_no_angles():
    found = alignment.angles(linear, point(0.3, -0.2), "paper")
    assert not found.defined.any() and not found.kept.any()
    assert math.isnan(found.share)
    # The collective gradient of the bowl is zero in the middle.
    mixed = alignment.angles(bowl, torch.cat((point(0.0, 0.0), point(1.0, 1.0))), "off")
    assert mixed.defined.tolist() == [False, True]
    assert mixed.share == 1


def test_points_around_one():
    middle = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    cloud = alignment.around(middle, 0.05, 20_000, torch.Generator().manual_seed(0))
    assert cloud.shape == (20_000, 2, 1)
    torch.testing.assert_close(cloud.mean(0), middle, atol=2e-3, rtol=0)
    torch.testing.assert_close(cloud.std(0), torch.full_like(middle, 0.05), atol=2e-3, rtol=0)
