"""Figures of how much methods earn and how evenly they share it.

For `fairness`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis import resource_measures as measures
from commonweal.analysis.resource_runs import WORLDS, Course

MARKS = "osD^v"
STYLES = ("-", "--", ":")
LETTER, LINE = 0.03, 0.045
"""room of a letter and of a line of labels, in shares of a panel"""
Courses = Mapping[tuple[str, str], Course]


def wide(worlds: Sequence[str]) -> float:
    """Inches of a panel; the footnote needs some width even below one."""
    return max(3.2, 6.0 / len(worlds))


def look(kinds: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Colour, marker and line of each kind."""
    inks = figures.PALETTE[:-1]
    turns = [divmod(i, len(inks)) for i in range(len(kinds))]
    return {
        kind: (inks[i], MARKS[turn % len(MARKS)], STYLES[turn % len(STYLES)])
        for kind, (turn, i) in zip(kinds, turns, strict=True)
    }


def scatter(found: Courses, worlds: Sequence[str], methods: Mapping[str, str]) -> figures.Figure:
    """Collective return against std/mean: replicates small, means with their intervals large."""
    figure, axes = figures.panels(1, len(worlds), size=(wide(worlds), 2.8))
    looks = look(list(methods))
    for panel, world in zip(axes[0], worlds, strict=True):
        for kind, (ink, mark, _) in looks.items():
            course = found[world, kind]
            cross(panel, course.per_episode, course.collective, ink, mark, methods[kind])
        figures.title(panel, WORLDS[world])
        panel.set(xlabel="std/mean of an episode", ylabel="collective return")
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)
    beside(axes[0, -1])
    return figure


def cross(
    axes: figures.Axes, x: np.ndarray, y: np.ndarray, ink: str, mark: str, label: str
) -> None:
    """Replicates x, y [R] as small points, their mean as a large one with both intervals."""
    axes.plot(x, y, mark, ms=2, mfc="none", mec=ink, mew=0.4, alpha=0.7)
    across, along = series.interval(x), series.interval(y)
    reach = [np.nan_to_num([[e.mean - e.low], [e.high - e.mean]]) for e in (across, along)]
    axes.errorbar(
        across.mean,
        along.mean,
        xerr=reach[0],
        yerr=reach[1],
        fmt=mark,
        ms=5,
        color=ink,
        lw=0.7,
        label=label,
    )


def plane(found: Courses, worlds: Sequence[str], methods: Mapping[str, str]) -> figures.Figure:
    """What all get against how evenly, coloured by what the worst off gets; means of replicates."""
    figure, axes = figures.panels(1, len(worlds), size=(wide(worlds), 2.8))
    for panel, world in zip(axes[0], worlds, strict=True):
        courses = [found[world, kind] for kind in methods]
        even = [np.nanmean(measures.evenness(c.per_episode, c.by_agent.shape[1])) for c in courses]
        sums = [c.collective.mean() for c in courses]
        drawn = panel.scatter(
            even, sums, c=[c.worst.mean() for c in courses], cmap=figures.MAGNITUDE, s=16
        )
        panel.margins(x=0.12, y=0.12)
        label(panel, np.column_stack((even, sums)), list(methods.values()))
        figures.colour_bar(panel, drawn, "egoism: return of the worst off")
        figures.title(panel, WORLDS[world])
        panel.set(xlabel="egalitarianism: evenness", ylabel="utilitarianism: collective return")
    return figure


def label(axes: figures.Axes, points: np.ndarray, names: Sequence[str]) -> None:
    """Names beside points [n, 2], each as near as it covers nothing, with a line to its point."""
    low, high = (np.array(bounds) for bounds in zip(axes.get_xlim(), axes.get_ylim(), strict=True))
    places = (points - low) / (high - low)
    taken = [(x - 0.015, x + 0.015, y) for x, y in places.tolist()]
    for i in np.argsort(-places[:, 1], kind="stable"):
        left, y = places[i, 0] + 0.02, places[i, 1]
        right = left + LETTER * len(names[i])
        near = [b for b in taken if left < b[1] and b[0] < right]
        shifts = sorted(LINE / 4 * np.arange(-80, 81), key=abs)
        spots = [y + shift for shift in shifts if 0.02 < y + shift < 1]
        y = next((spot for spot in spots if all(abs(spot - b[2]) >= LINE for b in near)), y)
        taken.append((left, right, y))
        where = {"xy": places[i], "xytext": (left, y), "textcoords": "axes fraction"}
        line = {"arrowstyle": "-", "lw": 0.3, "color": "0.5", "shrinkA": 0, "shrinkB": 2}
        axes.annotate(
            names[i], **where, xycoords="axes fraction", arrowprops=line, fontsize=5, va="center"
        )


def curves(found: Courses, worlds: Sequence[str], methods: Mapping[str, str]) -> figures.Figure:
    """Collective return and std/mean while agents learn; means of replicates."""
    figure, axes = figures.panels(2, len(worlds), size=(wide(worlds), 2.2))
    looks = look(list(methods))
    for column, world in enumerate(worlds):
        for kind, (ink, _, style) in looks.items():
            course = found[world, kind]
            shown = course.returns.sum(-1).mean(1), series.interval(course.ratio.T).mean
            for panel, values in zip(axes[:, column], shown, strict=True):
                panel.plot(
                    course.episodes,
                    smooth(values),
                    color=ink,
                    ls=style,
                    lw=0.9,
                    label=methods[kind],
                )
        figures.title(axes[0, column], WORLDS[world])
        axes[0, column].set_ylabel("collective return")
        axes[1, column].set(ylabel="std/mean of an episode", xlabel="episodes")
    beside(axes[0, -1])
    return figure


def smooth(values: np.ndarray, width: int = 5) -> np.ndarray:
    """Means over so many neighbouring rows, fewer at both ends, [T] -> [T]; NaN rows do not count."""
    known = ~np.isnan(values)
    window = np.ones(min(width, len(values)))
    count = np.convolve(known, window, "same")
    total = np.convolve(np.where(known, values, 0.0), window, "same")
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def beside(axes: figures.Axes) -> None:
    """A legend to the right of the last panel."""
    figures.legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=6)
