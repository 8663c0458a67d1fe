"""Figures of who earns what in a federation, and what it has to do with taking part.

For `participation`.  Axes: R replicates, N agents.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.resource_runs import WORLDS, Course

HUES = {"no federation": figures.BLACK, "lowest": figures.BLUE, "half": figures.ORANGE}
HUES |= {"nearest": figures.GREEN}
TITLES = {"index": "fixed order", "random": "random order"}


def places(found: Mapping[tuple[str, str, str], Course], worlds: Sequence[str]) -> figures.Figure:
    """Return by node: a row for each order of activation, a column for each world."""
    figure, axes = figures.panels(len(TITLES), len(worlds), size=(max(2.5, 5.0 / len(worlds)), 2.1))
    for row, (order, title) in zip(axes, TITLES.items(), strict=True):
        for panel, world in zip(row, worlds, strict=True):
            shown = [name for name in HUES if (world, order, name) in found]
            for shift, name in zip(np.linspace(-0.2, 0.2, len(shown)), shown, strict=True):
                by_node(panel, found[world, order, name].by_agent, name, shift)
            figures.title(panel, f"{WORLDS[world]}, {title}")
            panel.set(xlabel="node", ylabel="return of an episode")
            panel.set_ylim(bottom=0)
    figures.legend(axes[0, 0])
    return figure


def by_node(axes: figures.Axes, returns: np.ndarray, name: str, shift: float) -> None:
    """Means over replicates of [R, N], with intervals."""
    seen = series.interval(returns)
    reach = np.nan_to_num([seen.mean - seen.low, seen.high - seen.mean])
    axes.errorbar(
        np.arange(returns.shape[1]) + shift,
        seen.mean,
        yerr=reach,
        fmt="o",
        ms=2.5,
        lw=0.8,
        color=HUES[name],
        label=f"{name} ({figures.runs_note(seen)})",
    )
    axes.set_xticks(range(returns.shape[1]))


def worth(
    gains: Mapping[tuple[str, str], Mapping[str, np.ndarray]], worlds: Sequence[str]
) -> figures.Figure:
    """What members earn more than others, by how agents are split, with and without a federation.

    ``gains``: world, order -> way of splitting -> [R].
    """
    figure, axes = figures.panels(len(TITLES), len(worlds), size=(max(2.9, 5.0 / len(worlds)), 1.9))
    for row, (order, title) in zip(axes, TITLES.items(), strict=True):
        for panel, world in zip(row, worlds, strict=True):
            forest(panel, gains[world, order])
            figures.title(panel, f"{WORLDS[world]}, {title}")
            panel.set_xlabel("return of members minus others")
    for panel in axes[:, 1:].flat:
        panel.set_yticklabels([])
    return figure


def forest(axes: figures.Axes, gain: Mapping[str, np.ndarray]) -> None:
    """A line for each way of splitting: every replicate, their mean and its interval."""
    names = list(gain)[::-1]
    for y, name in enumerate(names):
        seen = series.interval(gain[name])
        ink = HUES["lowest" if name.startswith("lowest") else "half"]
        ink = figures.BLACK if name.endswith("no federation") else ink
        ink = HUES["nearest"] if name.endswith("nearest") else ink
        axes.plot(gain[name], np.full(len(gain[name]), y), "o", ms=2, mfc="white", mec=ink, mew=0.5)
        axes.plot([seen.low, seen.high], [y, y], color=ink, lw=1.2)
        axes.plot(seen.mean, y, "D", color=ink, ms=4)
    axes.axvline(0, color="0.6", lw=0.6, zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
