"""Ways through a two-player game drawn on what it pays, and rewards of any game over time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from commonweal.analysis import figures
from commonweal.analysis.courses import Course
from commonweal.analysis.fields import Payoffs
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
BEFORE = 3
"""steps before the ways part from which a close-up shows them"""
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


def fields_figure(
    payoffs: Payoffs,
    courses: Mapping[str, Course],
    steps: int,
    points: Mapping[str, Sequence[FixedPoint]],
    window: tuple[float, float],
    optimum: np.ndarray | None = None,
) -> figures.Figure:
    """All ways in the whole window, and their first steps close up on every reward.

    Args:
        payoffs: of two players with one number each.
        courses: of all methods to their ends.
        steps: how many belong to the close-up.
        points: fixed points of the fields ``own`` and ``collective``.
        window: of the game.
        optimum: the one that the close-up is to show, [2, 1].
    """
    near = [course.actions[: steps + 1, :, 0] for course in courses.values()]
    near = np.concatenate(near if optimum is None else [*near, optimum.T])
    whole, close = around(np.array([window] * 2).T, window, 0.1), around(near, window)
    parts: dict[str, tuple[Height, View]] = {
        "sum of rewards": (lambda a: payoffs(a).sum(-1), whole),
        "sum of rewards, close up": (lambda a: payoffs(a).sum(-1), close),
        "reward of player 1": (lambda a: payoffs(a)[..., 0], close),
        "reward of player 2": (lambda a: payoffs(a)[..., 1], close),
    }
    figure, axes = figures.panels(2, 2, size=(3.0, 3.05))
    start = next(iter(courses.values())).actions[0, :, 0]
    for panel, letter, (head, (part, view)) in zip(axes.flat, "abcd", parts.items(), strict=True):
        surface(panel, part, view)
        ways(panel, courses, steps)
        spots(panel, points["own"], SQUARE, view)
        spots(panel, points["collective"], STAR, view)
        panel.plot(*start, "o", ms=4.5, mfc="white", mec=INK, mew=1.0, zorder=8)
        figures.title(panel, f"({letter}) {head}")
    box = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]) * close.side
    axes[0, 0].plot(*(box + (close.left, close.bottom)).T, color=INK, lw=0.7, zorder=9)
    for panel in axes[:, 0]:
        panel.set_ylabel("action of player 2")
    for panel in axes[0]:
        panel.set_xlabel("")
    _spots_key(axes[0, 0])
    _key(figure, axes[0, 1])
    return figure


def sign_figure(
    payoffs: Payoffs | None,
    courses: Mapping[str, Course],
    turn: int | None,
    reached: int | None,
    window: tuple[float, float],
) -> figures.Figure:
    """AgA beside AgA-Sign: both ways if they lie in a plane, the sum of rewards, the signs.

    Args:
        payoffs: of two players with one number each, else None.
        courses: of all methods.
        turn: number of the update in which the signs first differ.
        reached: step at which AgA has what AgA-Sign has in the end.
        window: of the game.
    """
    pair = {label: courses[label] for label in ("AgA-Sign", "AgA")}
    figure, axes = figures.panels(1, 3 if payoffs else 2, size=(2.9, 2.5))
    panels = list(axes[0])
    if payoffs:
        _close_up(panels[0], payoffs, pair, turn, window)
    for panel, head, letter in zip(
        panels[-2:],
        ("sum of rewards", "sign of AgA's adjustment"),
        "bc" if payoffs else "ab",
        strict=True,
    ):
        figures.title(panel, f"({letter}) {head}")
        panel.set_xlabel("step")
    _climb(panels[-2], pair, turn, reached)
    _signs(panels[-1], courses["AgA"].signs, turn)
    return figure


def _close_up(
    axes: figures.Axes,
    payoffs: Payoffs,
    pair: Mapping[str, Course],
    turn: int | None,
    window: tuple[float, float],
) -> None:
    """Both ways from shortly before they part."""
    before = max((turn or 1) - BEFORE, 0)
    near = np.concatenate([course.actions[before:, :, 0] for course in pair.values()])
    surface(axes, lambda a: payoffs(a).sum(-1), around(near, window))
    ways(axes, pair, max(course.steps for course in pair.values()))
    if turn and turn <= pair["AgA"].steps:
        here = pair["AgA"].actions[turn - 1, :, 0]
        axes.plot(*here, "o", ms=9, mfc="none", mec=INK, mew=0.9, zorder=8)
        axes.annotate(
            f"update {turn}", here, (7, 4), textcoords="offset points", fontsize=7, zorder=9
        )
    axes.locator_params(nbins=5)
    axes.set_ylabel("action of player 2")
    figures.title(axes, "(a) both ways close up")


def _climb(
    axes: figures.Axes, pair: Mapping[str, Course], turn: int | None, reached: int | None
) -> None:
    """Sum of rewards from shortly before the ways part, and what AgA saves."""
    before = max((turn or 1) - BEFORE, 0)
    for label, course in pair.items():
        steps = np.arange(before, course.steps + 1)
        width = WIDE.get(label, 1.3)
        axes.plot(steps, course.collective[before:], color=COLOURS[label], lw=width, label=label)
    goal, last = pair["AgA-Sign"].collective[-1], pair["AgA-Sign"].steps
    if reached is not None and reached < last:
        axes.plot([reached, last], [goal, goal], "|-", color=INK, lw=0.8, ms=7, zorder=6)
        axes.annotate(
            f"step {reached} of {last}:\n{1 - reached / last:.0%} fewer",
            (last, goal), (0, -38), textcoords="offset points", ha="right", va="top", fontsize=7,
        )  # fmt: skip
    figures.legend(axes, loc="upper left")


def _signs(axes: figures.Axes, signs: np.ndarray, turn: int | None) -> None:
    """The sign of each update, counted from 1."""
    updates = np.arange(1, len(signs) + 1)
    hues = [COLOURS["AgA"] if sign < 0 else "0.7" for sign in signs]
    axes.bar(updates, signs, width=0.8, color=hues)
    axes.axhline(0, color=INK, lw=0.6)
    axes.set(ylim=(-1.4, 1.4), yticks=(-1, 0, 1))
    axes.set_yticklabels(("\u22121", "0", "+1"))
    if turn:
        axes.annotate(
            f"update {turn}", (turn, -1), (0, -9), textcoords="offset points", ha="center", fontsize=7
        )  # fmt: skip


def curves_figure(courses: Mapping[str, Course]) -> figures.Figure:
    """Rewards over steps, for games that are no plane: their sum, and the smallest one."""
    figure, axes = figures.panels(1, 2, size=(3.2, 2.5))
    parts = {"(a) sum of rewards": np.sum, "(b) smallest reward": np.min}
    for panel, (head, part) in zip(axes[0], parts.items(), strict=True):
        kept = [part(c.rewards, axis=1) for c in courses.values() if not c.diverged]
        for label, course in courses.items():
            height = part(course.rewards, axis=1)
            style = DASHED.get(label, "-")
            panel.plot(height, color=COLOURS[label], ls=style, label=label)
        if kept:
            low, high = np.min(kept), np.max(kept)
            room = 0.05 * (high - low) or 1.0
            panel.set_ylim(low - room, high + room)
        figures.title(panel, head)
        panel.set_xlabel("step")
    _key(figure, axes[0, 0])
    return figure


def _key(figure: figures.Figure, axes: figures.Axes) -> None:
    """One legend of the methods for all panels, above them."""
    drawn = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    labels = [label for label in COLOURS if label in drawn]
    figure.legend(
        [drawn[label] for label in labels],
        labels,
        loc="outside upper left",
        ncols=len(labels),
        fontsize=7,
        frameon=False,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.1,
    )


def _spots_key(axes: figures.Axes) -> None:
    """What the marks of fixed points mean, within the panel."""
    marks = {
        "collective gradient zero": (STAR, INK),
        "own gradients zero": (SQUARE, INK),
        "open: not attracting": (SQUARE, "white"),
    }
    handles = []
    for marker, face in marks.values():
        size = 8.5 if marker == STAR else 4.5
        handles += axes.plot([], [], marker, ms=size, mfc=face, mec=INK, mew=0.7)
    figures.legend(
        axes,
        handles=handles,
        labels=list(marks),
        loc="best",
        fontsize=6,
        handletextpad=0.2,
        frameon=True,
        framealpha=0.7,
        edgecolor="none",
    )
