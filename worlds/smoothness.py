"""Check that payoffs are a function through which players can be differentiated twice.

Learners that follow gradients trust them blindly: a payoff that rounds, compares or detaches
still pays, and teaches nothing.  So before a game begins its derivatives are compared with
differences of its values, at a few points of its window that are the same in every run.

What those points do not meet cannot be seen: kinks, as of ``abs`` or ``relu``, pass unless one
of the points lies on them, and so do jumps that no line between them crosses.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from commonweal.errors import BrokenContract

Payoffs = Callable[[Tensor], Tensor]

PROBES = 3
"""Joint actions at which derivatives are compared, and lines along which jumps are sought."""

NUDGE = 1e-6
"""Step of a finite difference, as a share of the window."""

TOLERANCE = 1e-3
"""Largest difference between two slopes, as a share of them."""

NOISE = 1e-7
"""What rounding may make of a difference over such a step, as a share of the numbers."""

JUMP = 1e-5
"""Smallest jump along a line, as a share of how far the payoffs move on it."""

HALVINGS = 30
"""How often a piece of a line is halved towards a jump; a slope would have faded by then."""

ROOM = 2048
"""Numbers in a joint action times pieces of a line, which bounds the time for large games."""


class Fault(Exception):
    """What is wrong with payoffs, without whose they are."""


def check_payoffs(
    payoffs: Payoffs,
    shape: tuple[int, int],
    window: tuple[float, float],
    label: str,
    device: torch.device | str = "cpu",
) -> None:
    """Raise `BrokenContract` unless ``payoffs`` is what `WorldSpec.payoffs` promises.

    Args:
        payoffs: rewards [..., N] of joint actions [..., N, size].
        shape: N and size.
        window: least and greatest value of each number.
        label: whose payoffs they are, for the message.
        device: where the game lives.
    """
    rng, (low, high) = torch.Generator().manual_seed(0), window

    def drawn(*axes: int) -> Tensor:
        return torch.rand(*axes, generator=rng, dtype=torch.float64).to(device)

    points = low + (high - low) * drawn(PROBES, *shape)
    # Random weights and directions, so that the faults of several players do not cancel.
    weights, direction = drawn(PROBES, shape[0]) + 0.5, drawn(PROBES, *shape) - 0.5
    margin, side = 0.15 * drawn(2, PROBES, *shape), drawn(PROBES, *shape) < 0.5
    near, far = low + (high - low) * margin[0], high - (high - low) * margin[1]
    try:
        _check_values(payoffs, points)
        _check_slopes(payoffs, points, weights, direction, high - low)
        _check_lines(payoffs, weights, torch.where(side, near, far), torch.where(side, far, near))
    except Fault as fault:
        raise BrokenContract(f"{label}: payoffs {fault}") from fault


# ---- values ---------------------------------------------------------------------------------


def _check_values(payoffs: Payoffs, points: Tensor) -> None:
    """Shapes, types, finite numbers, and leading axes that are left alone."""
    _called(payoffs, points.float())
    rewards = _called(payoffs, points)
    if rewards.dtype != points.dtype:
        raise Fault(f"turn {points.dtype} into {rewards.dtype}; they must keep the type")
    if not torch.isfinite(rewards).all():
        raise Fault("are not finite everywhere in the window")
    if not torch.allclose(_called(payoffs, points), rewards):
        raise Fault("of one joint action differ from call to call")
    for alone in (points[0], points[None, :1]):
        if not torch.allclose(_called(payoffs, alone).flatten(), rewards[0]):
            raise Fault("of one joint action depend on others that are given with it")


def _called(payoffs: Payoffs, actions: Tensor) -> Tensor:
    """The payoffs, of the right shape."""
    needed, asked = list(actions.shape[:-1]), f"of joint actions {list(actions.shape)}"
    try:
        rewards = payoffs(actions)
    except Exception as error:
        raise Fault(f"{asked} in {actions.dtype} fail: {_reason(error)}") from error
    if not isinstance(rewards, Tensor):
        raise Fault(f"{asked} are a {type(rewards).__name__}; a tensor {needed} is needed")
    if list(rewards.shape) != needed:
        raise Fault(f"{asked} have the shape {list(rewards.shape)}; {needed} is needed")
    return rewards


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


# ---- derivatives ----------------------------------------------------------------------------


def _check_slopes(
    payoffs: Payoffs, points: Tensor, weights: Tensor, direction: Tensor, span: float
) -> None:
    """First and second derivatives along a direction against differences of what they change."""
    points, step = points.requires_grad_(), NUDGE * span
    slope = _slope(payoffs, points, weights, twice=True)
    curvature = _curvature(slope, points, direction)
    points, slope = points.detach(), slope.detach()
    ahead, behind = points + step * direction, points - step * direction
    size, value = slope.flatten(1).norm(dim=1), _weighted(payoffs, points, weights).abs()

    said = (slope * direction).sum((1, 2))
    seen = _weighted(payoffs, ahead, weights) - _weighted(payoffs, behind, weights)
    seen = seen / (2 * step)
    off = (said - seen).abs() - TOLERANCE * (said.abs() + seen.abs() + size)
    # The last term is what is lost in taking a small difference of large numbers.
    if (off > NOISE * value / span).any():
        worst = off.argmax()
        raise Fault(
            f"change by {seen[worst]:.4g} along a line where their gradient says "
            f"{said[worst]:.4g}; it must pass through all that is done to the actions"
        )

    turned = _slope(payoffs, ahead, weights) - _slope(payoffs, behind, weights)
    turned = turned / (2 * step)
    off = (curvature - turned).flatten(1).norm(dim=1)
    off = off - TOLERANCE * (curvature.flatten(1).norm(dim=1) + turned.flatten(1).norm(dim=1))
    if (off > NOISE * size / span).any():
        raise Fault("cannot be differentiated twice: their gradient changes, but has no gradient")


def _weighted(payoffs: Payoffs, points: Tensor, weights: Tensor) -> Tensor:
    return (weights * _called(payoffs, points)).sum(-1)


def _slope(payoffs: Payoffs, points: Tensor, weights: Tensor, twice: bool = False) -> Tensor:
    """Gradient of the weighted sum of the payoffs at each point, [..., N, size]."""
    with torch.enable_grad():
        total = _weighted(payoffs, points.requires_grad_(), weights).sum()
        if not total.requires_grad:
            raise Fault("let no gradient through to the actions")
        try:
            (slope,) = torch.autograd.grad(total, points, create_graph=twice, allow_unused=True)
        except RuntimeError as error:
            raise Fault(f"cannot be differentiated: {_reason(error)}") from error
    if slope is None:
        raise Fault("let no gradient through to the actions")
    if not torch.isfinite(slope).all():
        raise Fault("have a gradient that is not finite everywhere in the window")
    return slope


def _curvature(slope: Tensor, points: Tensor, direction: Tensor) -> Tensor:
    """Change of the gradient along the direction, [P, N, size]; 0 where nothing is left of it."""
    if not slope.requires_grad:
        return torch.zeros_like(slope)  # linear
    try:
        (found,) = torch.autograd.grad(slope, points, direction, allow_unused=True)
    except RuntimeError as error:
        raise Fault(f"cannot be differentiated twice: {_reason(error)}") from error
    return torch.zeros_like(slope) if found is None else found


# ---- lines ----------------------------------------------------------------------------------


def _check_lines(payoffs: Payoffs, weights: Tensor, start: Tensor, end: Tensor) -> None:
    """Along lines through the window: finite values and slopes, and no jumps.

    Rounding and comparing have no slope anywhere, so derivatives alone do not give them away.
    Each piece of a line is halved towards its larger change, until only jumps are left.
    """
    pieces, weights = max(2, min(64, ROOM // start[0].numel())), weights[:, None]

    def at(place: Tensor) -> Tensor:
        return start[:, None] + place[..., None, None] * (end - start)[:, None]

    def paid(place: Tensor) -> Tensor:
        return _weighted(payoffs, at(place), weights)

    grid = torch.linspace(0, 1, pieces + 1, dtype=start.dtype, device=start.device)
    grid = grid.expand(len(start), -1)
    values = paid(grid)
    if not torch.isfinite(values).all():
        raise Fault("are not finite everywhere in the window")
    _slope(payoffs, at(grid), weights)
    left, right, below, above = grid[:, :-1], grid[:, 1:], values[:, :-1], values[:, 1:]
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        between = paid(middle)
        first = (between - below).abs() > (above - between).abs()
        left, below = torch.where(first, left, middle), torch.where(first, below, between)
        right, above = torch.where(first, middle, right), torch.where(first, between, above)
    jump = (above - below).abs().amax(1)
    least = JUMP * (values.amax(1) - values.amin(1)) + NOISE * values.abs().amax(1)
    if (jump > least).any():
        raise Fault(
            f"jump by {jump.max():.4g} within the window, which no gradient shows; "
            "round, floor, sign, argmax and comparisons do so"
        )
