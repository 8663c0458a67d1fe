"""Ways through a game of two players with one number each, drawn on what it pays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from commonweal.analysis import figures
from commonweal.analysis.courses import Course
from commonweal.analysis.fixed_points import FixedPoint

Height = Callable[[torch.Tensor], torch.Tensor]
"""What joint actions [..., 2, 1] pay, [...]."""

COLOURS = {
    "Simul-Ind": figures.BLACK,
    "CGA": figures.GREEN,
    "SGA": figures.PURPLE,
    "SVO": figures.SKY,
    "SL": "#7A5C3E",
    "Simul-Co": figures.BLUE,
    "AgA": figures.ORANGE,
    "AgA-Sign": figures.GOLD,
}
WIDE = {"Simul-Ind": 2.2, "AgA-Sign": 2.6}
DASHED = {"SGA": (0, (2.2, 1.6))}
"""methods that go the same way in part: the wide ones are seen below the others"""
LOW, HIGH = (0.985, 0.988, 0.992), (0.56, 0.64, 0.73)
"""colours of the lowest and highest places: paper and slate"""
LEVELS = 14
FINE = 161
"""places along each axis where the surface is worked out"""
EVERY = 10
"""steps between two marks"""
INK, STAR, SQUARE = "0.15", "*", "s"
"""fixed points of the collective field are stars, of own gradients squares"""


@dataclass(frozen=True)
class View:
    """The square part of the plane that is shown."""

    left: float
    bottom: float
    side: float

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Limits of both axes."""
        return {
            "xlim": (self.left, self.left + self.side),
            "ylim": (self.bottom, self.bottom + self.side),
        }

    def holds(self, place: np.ndarray) -> bool:
        """Whether a joint action of two numbers is within."""
        offset = place - (self.left, self.bottom)
        return bool(((offset >= 0) & (offset <= self.side)).all())


def around(points: np.ndarray, window: tuple[float, float], room: float = 0.1) -> View:
    """The view of points [G, 2] with some room, but not far beyond the window.

    Who runs away is lost sight of.
    """
    low, high = window
    margin = (high - low) / 10
    points = points[np.isfinite(points).all(1)].clip(low - margin, high + margin)
    lowest, highest = points.min(0), points.max(0)
    side = max((highest - lowest).max(), (high - low) / 100) * (1 + 2 * room)
    left, bottom = (lowest + highest - side) / 2
    return View(float(left), float(bottom), float(side))


def surface(axes: figures.Axes, payoff: Height, view: View) -> None:
    """Draw a payoff as a quiet landscape, high places dark."""
    steps = view.side * torch.linspace(0, 1, FINE, dtype=torch.float64)
    one, two = torch.meshgrid(view.left + steps, view.bottom + steps, indexing="xy")
    heights = payoff(torch.stack((one, two), -1).unsqueeze(-1)).detach().numpy()
    lowest, highest = float(heights.min()), float(heights.max())
    if not highest > lowest:
        highest = lowest + 1.0
    levels = np.linspace(lowest, highest, LEVELS + 1)
    x, y = one[0].numpy(), two[:, 0].numpy()
    axes.contourf(x, y, heights, levels=levels, colors=np.linspace(LOW, HIGH, LEVELS))
    axes.contour(
        x, y, heights, levels=levels[1:-1], colors="white", linewidths=0.4, linestyles="solid"
    )
    axes.set(aspect="equal", xlabel="action of player 1", **view.limits)


def ways(axes: figures.Axes, courses: Mapping[str, Course], steps: int) -> None:
    """Draw courses: thick with a mark every ten steps at first, then thin to their ends."""
    for label in sorted(courses, key=lambda label: label not in WIDE):
        course = courses[label]
        points, colour = course.actions[:, :, 0], COLOURS[label]
        width, dashes = WIDE.get(label, 1.3), DASHED.get(label, "-")
        first, rest = points[: steps + 1], points[steps:]
        axes.plot(*rest.T, color=colour, lw=0.7, ls=dashes, alpha=0.8, zorder=3)
        # Drawn in white below all, so that ways stand out where they cross.
        axes.plot(*first.T, color="white", lw=width + 1.4, solid_capstyle="round", zorder=4)
        axes.plot(*first.T, color=colour, lw=width, ls=dashes, label=label, zorder=5)
        marks = first[EVERY::EVERY]
        axes.plot(*marks.T, "o", ms=2.2 + width, mfc=colour, mec="white", mew=0.5, zorder=6)


def spots(axes: figures.Axes, points: Sequence[FixedPoint], marker: str, view: View) -> None:
    """Mark fixed points, full where players are drawn there."""
    for point in points:
        place = point.place.flatten().numpy()
        if view.holds(place):
            face = INK if point.attracting else "white"
            size = 8.5 if marker == STAR else 4.5
            axes.plot(*place, marker, ms=size, mfc=face, mec=INK, mew=0.7, zorder=7)
