"""Where a gradient field of a game vanishes, and whether learners are drawn there.

Newton's method from many starts at once finds the fixed points within a box; what a learner that
descends the field does near one is read from the Jacobian there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.analysis.fields import Field, Payoffs, at, jacobian, spread

STARTS = 1024
STEPS = 60
FAR = 10.0
"""box widths from the box at which a search is given up"""
ZERO = 1e-11
"""length of a field that counts as none, as a share of its typical length"""
FLAT = 1e-5
"""least singular value of an invertible Jacobian, as a share of its typical size"""
APART = 1e-5
"""box widths between two fixed points"""
APART_FLAT = 0.02
"""the same where the Jacobian is singular: Newton's method is slow there, and points may fill
a whole curve"""


@dataclass(frozen=True)
class FixedPoint:
    """A joint action at which a field vanishes."""

    place: Tensor
    """[N, size] float64"""
    rewards: Tensor
    """[N] float64"""
    eigenvalues: Tensor
    """[d] complex128 of the Jacobian of the field, by real part"""
    stability: str
    """as `stability` calls it, or ``degenerate`` where the Jacobian is singular"""

    @property
    def attracting(self) -> bool:
        """Whether all who start near enough and take small enough steps end here."""
        rounding = FLAT * self.eigenvalues.abs().max()
        return bool((self.eigenvalues.real > rounding).all())


def fixed_points(
    field: Field,
    payoffs: Payoffs,
    window: tuple[float, float],
    players: int,
    size: int = 1,
    starts: int = STARTS,
) -> list[FixedPoint]:
    """Fixed points of a field in the box ``window`` ** d, those that pay most together first.

    Any multi-start search can miss some, all the more in games of many numbers.
    """
    low, high = window
    points = spread(low, high, players, size, starts)
    values, slopes = jacobian(field, payoffs, points)
    zero = ZERO * values.norm(dim=1).median()
    steepness = torch.linalg.matrix_norm(slopes, ord=2).median()
    points = _settled(field, payoffs, points, (low, high), zero)
    slopes = jacobian(field, payoffs, points)[1]
    flat = torch.linalg.svdvals(slopes)[:, -1] <= FLAT * steepness
    found = []
    for is_flat, gap in ((False, APART), (True, APART_FLAT)):
        group = points[flat == is_flat]
        for index in _distinct(group.flatten(1), gap * (high - low)):
            found.append(_describe(field, payoffs, group[index], is_flat))
    return sorted(found, key=_order)


def _settled(
    field: Field, payoffs: Payoffs, points: Tensor, window: tuple[float, float], zero: Tensor
) -> Tensor:
    """Where Newton's method leads from ``points`` [G, N, size], if that is in the window."""
    (low, high), found = window, points[:0]
    for _ in range(STEPS):
        values, slopes = jacobian(field, payoffs, points)
        done = values.norm(dim=1) <= zero
        found = torch.cat((found, points[done]))
        step, singular = torch.linalg.solve_ex(slopes[~done], values[~done])
        step = torch.where((singular == 0).unsqueeze(1), step, 0.0)
        points = points[~done] - step.view_as(points[~done])
        beyond = torch.maximum(low - points, points - high).flatten(1).amax(1)
        points = points[beyond < FAR * (high - low)]
        if not len(points):
            break
    slack = APART * (high - low)
    return found[((found > low - slack) & (found < high + slack)).flatten(1).all(1)]


def stability(slopes: Tensor) -> str:
    """What an invertible Jacobian [d, d] makes of a fixed point for those who descend.

    ========== ====================================================================
    stable     its symmetric part is positive semidefinite
    unstable   its symmetric part is negative definite
    attracting not the former, but all eigenvalues have positive real parts
    repelling  not the former, but all have negative ones
    saddle     anything else
    ========== ====================================================================

    The first two are the definitions of Balduzzi et al. 2018 and of Li et al. 2024, which do not
    depend on how fast each player learns; the others are those of dynamical systems.
    """
    rounding = FLAT * torch.linalg.matrix_norm(slopes, ord=2)
    curvature = torch.linalg.eigvalsh((slopes + slopes.T) / 2)
    growth = torch.linalg.eigvals(slopes).real
    if curvature.min() >= -rounding:
        return "stable"
    if curvature.max() < -rounding:
        return "unstable"
    if growth.min() > rounding:
        return "attracting"
    return "repelling" if growth.max() < -rounding else "saddle"


def _describe(field: Field, payoffs: Payoffs, point: Tensor, flat: bool) -> FixedPoint:
    slopes = jacobian(field, payoffs, point.unsqueeze(0))[1][0]
    eigenvalues = torch.linalg.eigvals(slopes)
    eigenvalues = eigenvalues[torch.argsort(eigenvalues.real)]
    rewards = -at(payoffs, point.unsqueeze(0)).losses[0].detach()
    return FixedPoint(point, rewards, eigenvalues, "degenerate" if flat else stability(slopes))


def _distinct(points: Tensor, gap: float) -> list[int]:
    """Indices of points [G, d] of which no two are within ``gap`` of one another."""
    left, chosen = torch.arange(len(points)), []
    while len(left):
        chosen.append(int(left[0]))
        left = left[(points[left] - points[left[0]]).norm(dim=1) > gap]
    return chosen


def _order(found: FixedPoint) -> tuple:
    """Most collective reward first; equal ones, up to rounding, by place."""
    place = [round(number, 6) for number in found.place.flatten().tolist()]
    return -round(found.rewards.sum().item(), 6), place
