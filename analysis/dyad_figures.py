"""Pictures of a tournament in pairs: who earns what, who invades whom, where selection leads."""

from collections.abc import Sequence

import numpy as np

from commonweal.analysis import figures
from commonweal.analysis.populations import Invasion

NAMED = 8
"""kinds whose course under selection is named; the others are grey"""


def matrices(names: Sequence[str], reward: np.ndarray, cooperation: np.ndarray) -> figures.Figure:
    """What each kind earns against each, and how much it cooperates then; from [K, K, R] twice."""
    figure, axes = figures.panels(1, 2, size=_size(names))
    plans = (
        ("(a) reward per round of the row", "reward", reward.mean(-1), (-0.2, 1.2)),
        ("(b) cooperation of the row", "share cooperating", cooperation.mean(-1), (0.0, 1.0)),
    )
    for panel, (heading, text, values, (low, high)) in zip(axes[0], plans, strict=True):
        drawn = square(panel, names, values, low=low, high=high, numbers=True)
        figures.title(panel, heading)
        figures.colour_bar(panel, drawn, text)
    return figure


def dynamics(
    names: Sequence[str], answers: Sequence[Invasion], path: np.ndarray, step: float
) -> figures.Figure:
    """What mutants gain among residents, and the shares ``path`` [T, K] at every ``step`` of time."""
    figure, axes = figures.panels(1, 2, size=_size(names))
    gains = np.full((len(names), len(names)), np.nan)
    for answer in answers:
        gains[names.index(answer.mutant), names.index(answer.resident)] = answer.advantage.mean
    # Twice the range leaves all colours pale enough for black numbers.
    most = 2 * max(np.nanmax(np.abs(gains), initial=0), 0.1)
    drawn = square(axes[0, 0], names, gains, low=-most, high=most, colour_map="PuOr_r")
    for answer in answers:
        row, column = names.index(answer.mutant), names.index(answer.resident)
        sure = answer.verdict != "undecided"
        axes[0, 0].text(
            column,
            row,
            f"{gains[row, column]:+.2f}" if sure else f"({gains[row, column]:+.2f})",
            ha="center",
            va="center",
            fontsize=6 if sure else 5,
            color=figures.BLACK if sure else "0.4",
        )
    figures.title(axes[0, 0], "(a) gain of a rare row; (undecided)")
    figures.colour_bar(axes[0, 0], drawn, "reward above the residents'")
    _course(axes[0, 1], names, path, step)
    figures.title(axes[0, 1], "(b) selection, from equal shares")
    return figure


def square(axes: figures.Axes, names: Sequence[str], values: np.ndarray, **options: object):
    """A heat map of kinds by kinds [K, K], the first row on top; returns its mesh."""
    places = np.arange(len(names))
    drawn = figures.plane(axes, places, places, values, **options)
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(places, labels, rotation=90)
    axes.set_yticks(places, labels)
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set(xlabel="met kind", aspect="equal")
    return drawn


def _course(axes: figures.Axes, names: Sequence[str], path: np.ndarray, step: float) -> None:
    largest = np.argsort(path.max(0), kind="stable")[::-1][:NAMED].tolist()
    time = step * np.arange(1, len(path))
    for i in range(len(names)):
        if i not in largest:
            axes.plot(time, path[1:, i], color="0.8", linewidth=0.7, zorder=1)
    for colour, i in zip(figures.PALETTE, largest, strict=False):
        axes.plot(time, path[1:, i], color=colour, label=names[i].replace("_", " "))
    axes.set(xscale="log", ylim=(-0.02, 1.02), ylabel="share", xlabel="time of selection")
    figures.legend(axes)


def _size(names: Sequence[str]) -> tuple[float, float]:
    """Inches of a panel in which numbers fit into the cells of a heat map."""
    width = 0.36 * max(len(names), 5)
    return width + 1.7, width + 1.2
