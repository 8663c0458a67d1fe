"""Gradient rules: gradients and Hessian products by hand, and against dense Hessians."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from commonweal.agents.gradients.altruistic import (
    Altruistic,
    AltruisticConfig,
    altruistic,
    exact_sign,
    published_sign,
)
from commonweal.agents.gradients.base import Game, Own, pulled_back, simultaneous
from commonweal.agents.gradients.collective import Collective, collective_gradient
from commonweal.agents.gradients.consensus import Consensus, ConsensusConfig, consensus
from commonweal.agents.gradients.curvature import inner, product, transposed_product
from commonweal.agents.gradients.symplectic import (
    Symplectic,
    SymplecticConfig,
    alignment,
    rotation,
    symplectic,
)
from commonweal.errors import BadSetting
from commonweal.settings import Settings
from tests.points import game, pair, smooth

RULES = {
    "own": Own(Settings()),
    "collective": Collective(Settings()),
    "consensus": Consensus(ConsensusConfig(strength=0.3)),
    "symplectic": Symplectic(SymplecticConfig(strength=0.3)),
    "unaligned": Symplectic(SymplecticConfig(strength=0.3, align=False)),
    "altruistic": Altruistic(AltruisticConfig(strength=0.3)),
    "exact": Altruistic(AltruisticConfig(strength=0.3, sign_rule="exact")),
    "off": Altruistic(AltruisticConfig(strength=0.3, sign_rule="off")),
}
rules = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)

QUADRATIC = pair(lambda x, y: x**2 + 3 * x * y, lambda x, y: 2 * y**2 - x * y)
CUBIC = pair(lambda x, y: x**2 * y, lambda x, y: y**3 + x * y)
# Two players: p_i = 1 - a_i + 1.5 (a_1 + a_2) / 2.
PUBLIC_GOODS = pair(
    lambda x, y: -(1 - 0.25 * x + 0.75 * y), lambda x, y: -(1 - 0.25 * y + 0.75 * x)
)


def vector(*numbers):
    """One copy of a game, one number per player."""
    return torch.tensor(numbers, dtype=torch.float64).view(1, -1, 1)


def field(of):
    return simultaneous(of.losses, of.parameters, of.groups, graph=True)


# Quadratic at (1, 2).  xi = (2x + 3y, 4y - x) = (8, 7), H = [[2, 3], [-1, 4]].
#   H^T xi = (16 - 7, 24 + 28) = (9, 52); H xi = (16 + 21, -8 + 28) = (37, 20).
#   l_c = x^2 + 2xy + 2y^2: xi_c = (6, 10), H_c = [[2, 2], [2, 4]], H_c xi_c = (32, 52).
# Cubic at (1, -1).  xi = (2xy, 3y^2 + x) = (-2, 4), H = [[2y, 2x], [1, 6y]] = [[-2, 2], [1, -6]].
#   H^T xi = (4 + 4, -4 - 24) = (8, -28); H xi = (4 + 8, -2 - 24) = (12, -26).
#   l_c = x^2 y + y^3 + xy: xi_c = (2xy + y, x^2 + 3y^2 + x) = (-3, 5),
#   H_c = [[2y, 2x + 1], [2x + 1, 6y]] = [[-2, 3], [3, -6]], H_c xi_c = (6 + 15, -9 - 30) = (21, -39).
WORKED = [
    pytest.param((QUADRATIC, (1, 2)), (8, 7), (9, 52), (37, 20), (6, 10), (32, 52), id="quadratic"),
    pytest.param((CUBIC, (1, -1)), (-2, 4), (8, -28), (12, -26), (-3, 5), (21, -39), id="cubic"),
]


@pytest.mark.parametrize(
    ("what", "own", "transposed", "forward", "collective", "curvature"), WORKED
)
def test_derivatives_by_hand(what, own, transposed, forward, collective, curvature):
    losses, point = what
    of = game(losses, vector(*point))
    xi = field(of)
    assert torch.equal(xi, vector(*own))
    assert torch.equal(transposed_product(xi, xi.detach(), of.parameters), vector(*transposed))
    assert torch.equal(product(xi, xi.detach(), of.parameters), vector(*forward))
    xi_c = collective_gradient(of.collective, of.parameters, graph=True)
    assert torch.equal(xi_c, vector(*collective))
    assert torch.equal(transposed_product(xi_c, xi_c.detach(), of.parameters), vector(*curvature))


def test_weights_times_jacobian_by_hand():
    x = torch.tensor([[[2.0], [5.0]]], requires_grad=True)
    # d(x^2) = 2x, weighted by 3 and 1: (12, 10); what does not depend on x has a gradient of 0.
    weights = torch.tensor([[[3.0], [1.0]]])
    assert pulled_back(x**2, weights, x).flatten().tolist() == [12, 10]
    for other in (torch.ones(1, 2, 1), torch.ones(1, 2, 1, requires_grad=True) * 2):
        assert pulled_back(other, weights, x).flatten().tolist() == [0, 0]


def test_inner_products_are_taken_copy_by_copy():
    first = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 0.0]]])
    second = torch.tensor([[[5.0, 6.0], [7.0, 8.0]], [[9.0, 1.0], [1.0, 1.0]]])
    # 5 + 12 + 21 + 32 = 70, and 9.
    assert inner(first, second).tolist() == [70, 9]


def test_updates_by_hand():
    # xi + 0.5 H^T xi = (8 + 4.5, 7 + 26).
    assert torch.equal(consensus(vector(8, 7), vector(9, 52), 0.5), vector(12.5, 33))
    # A = [[0, 2], [-2, 0]], A^T xi = (-14, 16); xi + 0.5 A^T xi = (1, 15), xi - 0.5 A^T xi = (15, -1).
    turned = rotation(vector(9, 52), vector(37, 20))
    assert torch.equal(turned, vector(-14, 16))
    weights = torch.tensor([0.5, -0.5], dtype=torch.float64)
    both = symplectic(vector(8, 7), turned, weights)
    assert torch.equal(both, torch.cat((vector(1, 15), vector(15, -1))))
    # v = xi + H_c xi_c = (40, 59); xi_c + 0.5 v = (26, 39.5), xi_c - 0.5 v = (-14, -19.5).
    both = altruistic(vector(6, 10), vector(8, 7), vector(32, 52), weights)
    assert torch.equal(both, torch.cat((vector(26, 39.5), vector(-14, -19.5))))


def test_alignment_by_hand():
    # Quadratic: <xi, H^T xi> = 72 + 364 = 436, <A^T xi, H^T xi> = -126 + 832 = 706: +.
    assert alignment(vector(8, 7), vector(-14, 16), vector(9, 52)).item() == 1
    # Cubic: A^T xi = (-2, -1); -16 - 112 = -128 and -16 + 28 = 12: -1536 / 2 + 0.1 < 0.
    assert alignment(vector(-2, 4), vector(-2, -1), vector(8, -28)).item() == -1
    # -0.15 / 2 + 0.1 > 0: divided by the number of parameters, and 0.1 is in favour of +.
    assert alignment(vector(1, 0), vector(-0.15, 0), vector(1, 0)).item() == 1
    assert alignment(vector(1, 0), vector(-0.25, 0), vector(1, 0)).item() == -1


def test_published_sign_by_hand():
    # 712 (620 + 3728) > 0.
    assert published_sign(vector(6, 10), vector(8, 7), vector(32, 52)).item() == 1
    # -258 (-198 + 1962) < 0, although -258 * -198 + 1962 > 0.
    assert published_sign(vector(-3, 5), vector(-2, 4), vector(21, -39)).item() == -1
    # (1 * 1)(-3 + 1) < 0.
    assert published_sign(vector(1, 0), vector(-3, 0), vector(1, 0)).item() == -1
    # 1e-24 * 2e-24 is 0 in float32, and positive all the same.
    small = torch.full((1, 1, 1), 1e-12)
    assert published_sign(small, small, small).item() == 1


def test_exact_sign_by_hand():
    # v = (40, 59): <v, c> |u|^2 - <u, c><u, v> = 4348 * 136 - 712 * 830 = 368 > 0, <u, c> > 0.
    assert exact_sign(vector(6, 10), vector(8, 7), vector(32, 52)).item() == 1
    # v = (19, -35): 1764 * 34 - 258 * 232 = 120 > 0, <u, c> = -258 < 0.
    assert exact_sign(vector(-3, 5), vector(-2, 4), vector(21, -39)).item() == -1
    # u = (1, 0), v = (4, -1), c = (1, 1): <v, c> = 3 > 0, but 3 - 1 * 4 < 0.
    assert exact_sign(vector(1, 0), vector(3, -2), vector(1, 1)).item() == -1
    assert published_sign(vector(1, 0), vector(3, -2), vector(1, 1)).item() == 1


def test_rules_by_hand():
    of = game(CUBIC, vector(1, -1))
    directions = {name: rule.direction(of)[0] for name, rule in RULES.items()}
    expected = {
        "own": (-2, 4),
        "collective": (-3, 5),
        "consensus": (-2 + 0.3 * 8, 4 - 0.3 * 28),
        "symplectic": (-2 + 0.3 * 2, 4 + 0.3 * 1),
        "unaligned": (-2 - 0.3 * 2, 4 - 0.3 * 1),
        "altruistic": (-3 - 0.3 * 19, 5 + 0.3 * 35),
        "exact": (-3 - 0.3 * 19, 5 + 0.3 * 35),
        "off": (-3 + 0.3 * 19, 5 - 0.3 * 35),
    }
    for name, numbers in expected.items():
        torch.testing.assert_close(directions[name], vector(*numbers))


def test_readings_by_hand():
    of = game(CUBIC, vector(1, -1))
    _, readings = RULES["altruistic"].direction(of)
    assert {name: value.item() for name, value in readings.items()} == {
        "sign": -1,
        "collective_curvature": -258,
        "own_curvature": -198,
        "curvature_square": 1962,
    }
    assert RULES["symplectic"].direction(of)[1]["sign"].item() == -1
    assert RULES["unaligned"].direction(of)[1]["sign"].item() == 1
    assert RULES["off"].direction(of)[1]["sign"].item() == 1


@rules
def test_readings_are_those_promised(rule):
    losses, point = smooth(3, 2, seed=1)
    direction, readings = rule.direction(game(losses, point))
    assert tuple(readings) == rule.measures
    assert direction.shape == point.shape
    assert not direction.requires_grad
    for value in readings.values():
        assert value.shape == (len(point),)
        assert value.dtype == point.dtype
        assert not value.requires_grad


def test_only_own_gradients_are_separate():
    assert Own.separate
    assert not any(kind.separate for kind in (Collective, Consensus, Symplectic, Altruistic))


# ---- against dense Hessians ----------------------------------------------------------


def dense(losses, point):
    """Own and collective gradient and their Jacobians, each loss differentiated on its own."""
    players, size = point.shape
    flat = point.flatten()
    rows = torch.arange(players).repeat_interleave(size)

    def loss(player):
        return lambda w: losses(w.view(1, players, size))[0, player]

    slopes = [torch.autograd.functional.jacobian(loss(i), flat) for i in range(players)]
    bends = [torch.autograd.functional.hessian(loss(i), flat) for i in range(players)]
    place = torch.arange(players * size)
    own = torch.stack(slopes)[rows, place]
    return own, torch.stack(bends)[rows, place], sum(slopes), sum(bends)


@pytest.mark.parametrize(("players", "size"), [(1, 2), (2, 1), (2, 2), (3, 1), (3, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_products_are_those_of_dense_hessians(players, size, seed):
    losses, points = smooth(players, size, seed)
    of = game(losses, points)
    weights = torch.randn(
        points.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    xi = field(of)
    xi_c = collective_gradient(of.collective, of.parameters, graph=True)
    found = {
        "xi": xi,
        "H^T v": transposed_product(xi, weights, of.parameters),
        "H v": product(xi, weights, of.parameters),
        "xi_c": xi_c,
        "H_c^T xi_c": transposed_product(xi_c, xi_c.detach(), of.parameters),
    }
    for copy, point in enumerate(points):
        own, hessian, whole, bend = dense(losses, point)
        v = weights[copy].flatten()
        expected = {
            "xi": own,
            "H^T v": hessian.T @ v,
            "H v": hessian @ v,
            "xi_c": whole,
            "H_c^T xi_c": bend @ whole,
        }
        for name, value in expected.items():
            torch.testing.assert_close(found[name][copy].flatten(), value, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("players", "size"), [(2, 1), (3, 2)])
def test_directions_are_those_of_dense_hessians(players, size):
    losses, points = smooth(players, size, seed=5)
    found = {name: rule.direction(game(losses, points)) for name, rule in RULES.items()}
    for copy, point in enumerate(points):
        xi, hessian, xi_c, bend = dense(losses, point)
        pull, curvature = hessian.T @ xi, bend @ xi_c
        turned = (hessian - hessian.T).T @ xi / 2
        aligned = torch.sign((xi @ pull) * (turned @ pull) / len(xi) + 0.1)
        sign = torch.sign((xi_c @ curvature) * (xi @ curvature + curvature @ curvature))
        expected = {
            "own": xi,
            "collective": xi_c,
            "consensus": xi + 0.3 * pull,
            "symplectic": xi + 0.3 * aligned * turned,
            "unaligned": xi + 0.3 * turned,
            "altruistic": xi_c + 0.3 * sign * (xi + curvature),
            "off": xi_c + 0.3 * (xi + curvature),
        }
        for name, value in expected.items():
            direction = found[name][0][copy].flatten()
            torch.testing.assert_close(direction, value, rtol=0, atol=1e-10)


# ---- copies, groups, learners among others -------------------------------------------


@rules
def test_copies_do_not_know_of_each_other(rule):
    losses, points = smooth(3, 2, seed=2)
    together, readings = rule.direction(game(losses, points))
    for copy, point in enumerate(points):
        alone, read = rule.direction(game(losses, point.unsqueeze(0)))
        torch.testing.assert_close(together[copy], alone[0], rtol=1e-12, atol=1e-12)
        for name, value in read.items():
            torch.testing.assert_close(readings[name][copy], value[0], rtol=1e-12, atol=1e-12)


@rules
def test_a_broken_copy_spoils_no_other(rule):
    losses, points = smooth(2, 1, seed=2)
    expected, _ = rule.direction(game(losses, points))
    points[1] = torch.nan
    found, _ = rule.direction(game(losses, points))
    assert found[1].isnan().all()
    keep = torch.tensor([0, 2, 3])
    torch.testing.assert_close(found[keep], expected[keep], rtol=1e-12, atol=1e-12)


def two_pairs(point):
    """Players 0 and 2 meet, and 1 and 3; so 0 and 1 may share a pass, and 2 and 3."""
    x = point[..., 0]
    mates = x[:, [2, 3, 0, 1]]
    return torch.sin(x * mates) + x**3 + torch.tensor([1.0, 2.0, 3.0, 4.0]) * mates**2 * x


@rules
def test_groups_save_passes_and_change_nothing(rule):
    point = torch.randn(3, 4, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    apart, readings = rule.direction(game(two_pairs, point))
    for groups in ([0, 0, 1, 1], [7, 7, 2, 2]):
        shared, read = rule.direction(game(two_pairs, point, groups=groups))
        assert torch.equal(shared, apart)
        assert all(torch.equal(read[name], readings[name]) for name in rule.measures)


@rules
def test_separable_games_need_one_pass(rule):
    def losses(point):
        return (torch.sin(point) + point**3).sum(-1)

    point = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    apart, _ = rule.direction(game(losses, point))
    together, _ = rule.direction(game(losses, point, groups=[0, 0, 0, 0]))
    torch.testing.assert_close(together, apart, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("groups", "passes"), [([0] * 4, 1), ([0, 0, 1, 1], 2), (range(4), 4)])
def test_a_group_is_one_pass(groups, passes, monkeypatch):
    calls, grad = [], torch.autograd.grad

    def counted(*arguments, **options):
        calls.append(1)
        return grad(*arguments, **options)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    RULES["own"].direction(game(two_pairs, torch.ones(3, 4, 1), groups=list(groups)))
    assert len(calls) == passes


def test_own_gradients_leave_the_blocks_of_others_alone():
    losses, point = smooth(3, 2, seed=4)
    before, _ = RULES["own"].direction(game(losses, point))

    def changed(at):  # player 1 wants something else, which depends on everybody
        return losses(at) + torch.tensor([0.0, 1.0, 0.0]) * at.prod(-1).prod(-1, keepdim=True)

    after, _ = RULES["own"].direction(game(changed, point))
    assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
    assert (after[:, 1] != before[:, 1]).all()


def test_learners_among_others_move_in_the_game_that_these_leave():
    losses, points = smooth(3, 2, seed=6)
    fixed = points[:, 2:]

    def learners(point):
        return losses(torch.cat((point, fixed), 1))[:, :2]

    def everybody(point):
        return losses(torch.cat((point, fixed), 1)).sum(1)

    of = game(learners, points[:, :2], everybody)
    found = {name: rule.direction(of)[0].flatten(1) for name, rule in RULES.items()}
    for copy, point in enumerate(points):
        xi, hessian, xi_c, bend = dense(losses, point)
        # Rows and columns of the two learners, two parameters each.
        xi, hessian, xi_c, bend = xi[:4], hessian[:4, :4], xi_c[:4], bend[:4, :4]
        expected = {
            "own": xi,
            "collective": xi_c,
            "consensus": xi + 0.3 * hessian.T @ xi,
            "unaligned": xi + 0.15 * (hessian.T - hessian) @ xi,
            "off": xi_c + 0.3 * (xi + bend @ xi_c),
        }
        for name, value in expected.items():
            torch.testing.assert_close(found[name][copy], value, rtol=0, atol=1e-10)


# ---- edges ---------------------------------------------------------------------------


def test_without_strength_nothing_is_adjusted():
    losses, point = smooth(3, 2, seed=7)
    of = game(losses, point)
    own, collective = (RULES[name].direction(of)[0] for name in ("own", "collective"))
    for adjusted in (
        Consensus(ConsensusConfig(strength=0)),
        Symplectic(SymplecticConfig(strength=0)),
    ):
        assert torch.equal(adjusted.direction(of)[0], own)
    for sign_rule in ("paper", "exact", "off"):
        rule = Altruistic(AltruisticConfig(strength=0, sign_rule=sign_rule))
        assert torch.equal(rule.direction(of)[0], collective)


def test_one_player_is_its_own_community():
    losses, point = smooth(1, 3, seed=8)
    of = game(losses, point)
    own, collective = (RULES[name].direction(of)[0] for name in ("own", "collective"))
    torch.testing.assert_close(own, collective, rtol=1e-12, atol=1e-12)
    # Nothing rotates where the Hessian is symmetric.
    torch.testing.assert_close(RULES["unaligned"].direction(of)[0], own, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_linear_games_have_no_curvature_at_all(dtype):
    point = torch.rand(50, 2, 1, generator=torch.Generator().manual_seed(0)).to(dtype)
    of = game(PUBLIC_GOODS, point)
    own, _ = RULES["own"].direction(of)
    collective, _ = RULES["collective"].direction(of)
    assert (own == 0.25).all()
    assert (collective == -0.5).all()
    for name in ("consensus", "symplectic", "unaligned"):
        assert torch.equal(RULES[name].direction(of)[0], own)
    assert (RULES["symplectic"].direction(of)[1]["sign"] == 1).all()
    for sign_rule in ("paper", "exact"):
        for zero_sign in (-1, 0, 1):
            config = AltruisticConfig(strength=100, sign_rule=sign_rule, zero_sign=zero_sign)
            direction, readings = Altruistic(config).direction(of)
            assert (direction == -0.5 + 25 * zero_sign).all()
            assert (readings.pop("sign") == zero_sign).all()
            assert all((value == 0).all() for value in readings.values())
        assert direction.dtype == dtype


def test_the_sign_of_silence_is_for_silence_only():
    for sign_rule, sign in (("paper", -1), ("exact", -1), ("off", 1)):
        for zero_sign in (-1, 0, 1):
            config = AltruisticConfig(sign_rule=sign_rule, zero_sign=zero_sign)
            _, readings = Altruistic(config).direction(game(CUBIC, vector(1, -1)))
            assert readings["sign"].item() == sign


def test_silence_is_a_matter_of_each_copy():
    # At (0, 0) all gradients of the cubic game are 0, at (1, -1) they are not.
    point = torch.cat((vector(0, 0), vector(1, -1)))
    _, readings = Altruistic(AltruisticConfig(zero_sign=1)).direction(game(CUBIC, point))
    assert readings["sign"].tolist() == [1, -1]


@rules
def test_losses_that_depend_on_nobody_move_nobody(rule):
    point = torch.ones(2, 3, 1, requires_grad=True)
    free = Game(torch.zeros(2, 3), torch.zeros(2), point, torch.arange(3))
    direction, _ = rule.direction(free)
    assert torch.equal(direction, torch.zeros(2, 3, 1))


@rules
def test_the_game_can_be_differentiated_further(rule):
    losses, point = smooth(2, 2, seed=9)
    of = game(losses, point)
    first, _ = rule.direction(of)
    second, _ = rule.direction(of)
    assert torch.equal(first, second)
    assert of.parameters.grad is None
    of.losses.sum().backward()
    assert of.parameters.grad is not None


class Watched(TorchDispatchMode):
    """Names of the operations that hand numbers from the device to Python."""

    def __init__(self):
        super().__init__()
        self.read = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            self.read.append(func)
        return func(*args, **(kwargs or {}))


@rules
def test_no_number_is_read_from_the_device(rule):
    losses, point = smooth(3, 1, seed=9)
    of = game(losses, point)
    with Watched() as watched:
        rule.direction(of)
    assert not watched.read
    with Watched() as watched:
        of.collective[0].item()
    assert watched.read


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (AltruisticConfig, {"strength": -1}),
        (AltruisticConfig, {"sign_rule": "papr"}),
        (AltruisticConfig, {"zero_sign": 2}),
        (AltruisticConfig, {"zero_sign": 0.5}),
        (ConsensusConfig, {"strength": -1}),
        (SymplecticConfig, {"strength": -1}),
    ],
)
def test_settings_out_of_bounds_are_refused(kind, values):
    with pytest.raises(BadSetting):
        kind(**values)
