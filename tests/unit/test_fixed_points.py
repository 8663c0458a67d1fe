"""Fixed points: of games worked out by hand, and of the toy game of Li et al. 2024."""

import pytest
import torch

from commonweal.analysis import fields
from commonweal.analysis.fixed_points import fixed_points, stability
from tests.games import game

BOTH = pytest.mark.parametrize("field", [fields.individual, fields.collective])


def pay(first, second):
    """Payoffs of two players with one number each, from their losses as functions of x and y."""

    def payoffs(actions):
        x, y = actions[..., 0, 0], actions[..., 1, 0]
        return -torch.stack((first(x, y), second(x, y)), -1)

    return payoffs


def tilted(own, one, other):
    """Own gradients are linear around (1, -2) with the Jacobian [[own, one], [other, own]]."""
    return pay(
        lambda x, y: own * (x - 1) ** 2 / 2 + one * (x - 1) * (y + 2),
        lambda x, y: own * (y + 2) ** 2 / 2 + other * (x - 1) * (y + 2),
    )


def places(found):
    return [tuple(point.place.flatten().tolist()) for point in found]


# ---- fields ---------------------------------------------------------------------------------


def test_fields_and_their_jacobians_by_hand():
    # l1 = x^2 y and l2 = x y^3: xi = (2xy, 3xy^2); xi_c = (2xy + y^3, x^2 + 3xy^2).
    payoffs = pay(lambda x, y: x**2 * y, lambda x, y: x * y**3)
    points = torch.tensor([[[1.0], [2.0]], [[-1.0], [1.0]]])
    own, slopes = fields.jacobian(fields.individual, payoffs, points)
    assert own.tolist() == [[4, 12], [-2, -3]]
    assert slopes.tolist() == [[[4, 2], [12, 12]], [[2, -2], [3, -6]]]
    together, slopes = fields.jacobian(fields.collective, payoffs, points)
    assert together.tolist() == [[12, 13], [-1, -2]]
    assert slopes.tolist() == [[[4, 14], [14, 12]], [[2, 1], [1, -6]]]
    assert own.dtype == slopes.dtype == torch.float64


def test_players_may_have_several_numbers():
    def payoffs(actions):
        return -((actions - 0.25) ** 2 * torch.tensor([1.0, 3.0])).sum(-1)

    points = torch.zeros(1, 3, 2)
    values, slopes = fields.jacobian(fields.individual, payoffs, points)
    assert values.tolist() == [[-0.5, -1.5] * 3]
    assert slopes[0].diagonal().tolist() == [2, 6] * 3
    (found,) = fixed_points(fields.individual, payoffs, (-1, 1), 3, 2, starts=16)
    assert found.place.tolist() == [[pytest.approx(0.25)] * 2] * 3


def test_starts_fill_the_window_evenly():
    points = fields.spread(-2.0, 6.0, 2, 1, 1024)
    assert points.shape == (1024, 2, 1)
    counts = torch.histogramdd(points.squeeze(-1).float(), [4, 4], range=[-2, 6, -2, 6]).hist
    assert (counts == 64).all()


def test_a_grid_meets_its_borders_and_its_middle():
    points = fields.grid(-2.0, 2.0, 81).squeeze(-1)
    assert points.shape == (6561, 2)
    assert points[0].tolist() == [-2, -2] and points[-1].tolist() == [2, 2]
    assert (points == 0).all(1).sum() == 1


# ---- fixed points ---------------------------------------------------------------------------


def test_a_quadratic_game_by_hand():
    payoffs = tilted(2.0, 1.0, -1.0)
    (found,) = fixed_points(fields.individual, payoffs, (-3, 3), 2)
    assert places([found]) == [pytest.approx((1, -2))]
    assert found.rewards.tolist() == pytest.approx([0, 0])
    assert found.eigenvalues.real.tolist() == pytest.approx([2, 2])
    assert sorted(found.eigenvalues.imag.tolist()) == pytest.approx([-1, 1])
    (found,) = fixed_points(fields.collective, payoffs, (-3, 3), 2)
    assert places([found]) == [pytest.approx((1, -2))]
    assert found.eigenvalues.tolist() == pytest.approx([2, 2])


def test_only_the_box_counts_its_border_included():
    payoffs = tilted(2.0, 1.0, -1.0)
    assert len(fixed_points(fields.individual, payoffs, (-2, 2), 2)) == 1
    assert fixed_points(fields.individual, payoffs, (-1.9, 2), 2) == []


@BOTH
def test_a_linear_game_has_none(field):
    payoffs = pay(lambda x, y: x - 2 * y, lambda x, y: 3 * y - x / 2)
    assert fixed_points(field, payoffs, (-1, 1), 2) == []
    assert fixed_points(field, game("public_goods").payoffs, (0, 1), 2) == []


@BOTH
def test_a_game_whose_gradients_never_vanish_has_none(field):
    payoffs = pay(lambda x, y: torch.exp(x + y), lambda x, y: torch.exp(x - y))
    assert fixed_points(field, payoffs, (-1, 1), 2) == []


def test_a_flat_optimum_is_one_point_and_called_degenerate():
    payoffs = pay(lambda x, y: x**4 + y**2, lambda x, y: x**4 + y**2)
    (found,) = fixed_points(fields.collective, payoffs, (-1, 1), 2)
    assert places([found]) == [pytest.approx((0, 0), abs=1e-3)]
    assert found.stability == "degenerate"
    assert not found.attracting


def test_where_the_sum_is_constant_every_point_is_fixed_and_degenerate():
    payoffs = pay(lambda x, y: -x * y, lambda x, y: x * y)
    found = fixed_points(fields.collective, payoffs, (-1, 1), 2)
    assert len(found) > 100
    assert {point.stability for point in found} == {"degenerate"}
    (own,) = fixed_points(fields.individual, payoffs, (-1, 1), 2)
    assert places([own]) == [pytest.approx((0, 0), abs=1e-9)]
    # Learners circle around it: the symmetric part is zero, and so are the real parts.
    assert own.stability == "stable" and not own.attracting


@pytest.mark.parametrize(
    ("slopes", "called"),
    [
        ([[2.0, 1.0], [-1.0, 2.0]], "stable"),
        ([[1.0, 1.0], [1.0, 3.0]], "stable"),
        ([[0.0, 1.0], [-1.0, 0.0]], "stable"),
        ([[-2.0, 1.0], [-1.0, -2.0]], "unstable"),
        # Symmetric part [[.2, 1], [1, .2]] with 1.2 and -.8, eigenvalues .2 +- i sqrt(3).
        ([[0.2, 3.0], [-1.0, 0.2]], "attracting"),
        ([[-0.2, 3.0], [-1.0, -0.2]], "repelling"),
        ([[1.0, 0.0], [0.0, -1.0]], "saddle"),
        ([[1.0, 2.0], [2.0, 1.0]], "saddle"),
    ],
)
def test_what_a_jacobian_makes_of_a_point(slopes, called):
    assert stability(torch.tensor(slopes, dtype=torch.float64)) == called


def test_stable_points_by_definition_need_not_be_told_from_attracting_ones_by_eigenvalues():
    (point,) = fixed_points(fields.individual, tilted(0.2, 3.0, -1.0), (-3, 3), 2)
    assert point.stability == "attracting" and point.attracting


# ---- the toy game ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def toy():
    """All fixed points of both fields within 10 % of the plotted window."""
    payoffs = game("toy_game").payoffs
    return {
        field.__name__: fixed_points(field, payoffs, (-3.3, 3.3), 2)
        for field in (fields.individual, fields.collective)
    }


def near(found, place):
    (point,) = [p for p in found if (p.place.flatten() - torch.tensor(place)).norm() < 2e-4]
    return point


def test_the_peaks_of_the_collective(toy):
    peaks = [point for point in toy["collective"] if point.attracting]
    assert [point.stability for point in peaks] == ["stable", "stable"]
    best, other = peaks
    assert best is near(toy["collective"], (2.3862, 0.8585))
    assert other is near(toy["collective"], (-0.7971, -0.6820))
    assert best.rewards.tolist() == pytest.approx([0.349, 2.756], abs=1e-3)
    assert other.rewards.tolist() == pytest.approx([0.846, 0.624], abs=1e-3)
    assert (best.eigenvalues.imag == 0).all()


def test_the_origin_is_a_saddle_of_both_fields(toy):
    for found in toy.values():
        point = near(found, (0.0, 0.0))
        assert point.stability == "saddle"
        assert point.rewards.sum().item() == pytest.approx(1)
        low, high = point.eigenvalues.real.tolist()
        assert low < 0 < high


@pytest.mark.parametrize(
    ("place", "rewards", "called"),
    [
        ((1.3898, 0.7382), (1.0, 1.565), "stable"),
        ((-0.5181, 1.5388), (1.0, -0.277), "stable"),
        ((-3.14159, 0.0), (0.0, -1.0), "attracting"),
        ((0.2369, -2.2925), (-1.0, 2.152), "attracting"),
    ],
)
def test_where_those_end_who_climb_alone(toy, place, rewards, called):
    point = near(toy["individual"], place)
    assert point.rewards.tolist() == pytest.approx(rewards, abs=1e-3)
    assert point.attracting
    assert point.stability == called


def test_the_search_is_complete_and_sorted(toy):
    payoffs = game("toy_game").payoffs
    assert [len(found) for found in toy.values()] == [20, 6]
    more = fixed_points(fields.individual, payoffs, (-3.3, 3.3), 2, starts=4096)
    assert places(more) == [pytest.approx(place, abs=1e-8) for place in places(toy["individual"])]
    for found in toy.values():
        together = [point.rewards.sum().item() for point in found]
        assert together == sorted(together, reverse=True)
        points = torch.stack([point.place for point in found])
        own = fields.individual if found is toy["individual"] else fields.collective
        assert fields.jacobian(own, payoffs, points)[0].abs().max() < 1e-9
