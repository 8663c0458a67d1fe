"""Figures of the study of gradient fields: ways on landscapes, what the sign does, rewards."""

from collections.abc import Mapping, Sequence

import numpy as np

from commonweal.analysis import figures
from commonweal.analysis.courses import Course
from commonweal.analysis.fields import Payoffs
from commonweal.analysis.fixed_points import FixedPoint
from commonweal.analysis.landscapes import (
    COLOURS,
    DASHED,
    INK,
    SQUARE,
    STAR,
    WIDE,
    Height,
    View,
    around,
    spots,
    surface,
    ways,
)

BEFORE = 3
"""steps before the ways part from which a close-up shows them"""


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
    _spots_key(figure, axes[0, 0])
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
    if turn and reached is not None and turn <= reached < last:
        axes.plot([reached, last], [goal, goal], "|-", color=INK, lw=0.8, ms=7, zorder=6)
        text = f"step {reached} of {last}:\n{1 - reached / last:.0%} fewer"
        axes.text(0.97, 0.36, text, transform=axes.transAxes, ha="right", fontsize=7)
    figures.legend(axes, loc="best")


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


def _spots_key(figure: figures.Figure, axes: figures.Axes) -> None:
    """What the marks on a landscape mean, below all panels."""
    marks = {
        "collective gradient zero": (STAR, 8.5, INK),
        "own gradients zero": (SQUARE, 4.5, INK),
        "open: not attracting": (SQUARE, 4.5, "white"),
    }
    handles = []
    for marker, size, face in marks.values():
        handles += axes.plot([], [], marker, ms=size, mfc=face, mec=INK, mew=0.8)
    figure.legend(
        handles,
        list(marks),
        loc="outside lower right",
        ncols=len(marks),
        fontsize=7,
        frameon=False,
        handletextpad=0.1,
        columnspacing=1.1,
    )
