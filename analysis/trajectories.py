"""How do cooperation, reputations and rewards unfold while LR2 agents learn?

Question: at temptations 1.30, 1.33 and 1.37 with S = -0.33, what are over time (a) the
share of cooperators, (b) the mean reputation of cooperators and of defectors, (c) the
mean reward of cooperators and (d) that of defectors, both as the learners see it?

Expected answer: cooperation falls first and then recovers, the less the higher T is.
Verdicts separate early: cooperators end with the higher reputation, and, because they sit
together, with the higher reward.

Source: Ren et al. 2025, Fig. 3.
"""

from collections.abc import Mapping

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.study import Size, Study, main

GRID = {"temptation": (1.30, 1.33, 1.37)}
SIZES = {
    "quick": Size(side=8, steps=50_000, seeds=3, grid={"temptation": (1.30, 1.37)}),
    "standard": Size(side=10, steps=100_000, seeds=6, grid=GRID),
    "paper": Size(side=10, steps=200_000, seeds=20, grid=GRID),
}
ENDS = {"C": "cooperators", "D": "defectors"}


def study(frame: Study) -> None:
    """Run the temptations; draw the four panels, tabulate the ends and judge."""
    cells = frame.run("lr2", {"world.temptation": frame.size.grid["temptation"]})
    found = {f"T = {t:.2f}": recordings for (t,), recordings in cells.items()}
    frame.draw(draw(found))
    rows = []
    for label, recordings in found.items():
        row = {"point": label}
        for name in ("cooperation", "reputation_C", "reputation_D", "utility_C", "utility_D"):
            bounds = (-np.inf, np.inf) if name.startswith("utility") else (0, 1)
            row[name] = series.interval(series.final(recordings, name), bounds=bounds)
        rows.append(row)
    frame.table(rows)
    first, *_, last = found
    low, high = (series.final(found[label], "cooperation") for label in (first, last))
    frame.claim(f"cooperation at {first} exceeds that at {last}", series.difference(low, high))
    for text, indicator in (("a higher reputation", "reputation"), ("a higher reward", "utility")):
        gap = [gaps(recordings, indicator) for recordings in found.values()]
        frame.claim(
            f"cooperators end with {text} than defectors", series.interval(np.concatenate(gap))
        )


def gaps(recordings: list, indicator: str) -> np.ndarray:
    """Cooperators' end value minus defectors' in each run [n], NaN where one is extinct."""
    return series.final(recordings, f"{indicator}_C") - series.final(recordings, f"{indicator}_D")


def draw(found: Mapping[str, list]):
    """The four panels; a run that has settled keeps its last value."""
    figure, axes = figures.panels(2, 2)
    plans = (
        (axes[0, 0], "(a) cooperation", ("cooperation",)),
        (axes[0, 1], "(b) reputation", ("reputation_C", "reputation_D")),
        (axes[1, 0], "(c) reward of cooperators", ("utility_C",)),
        (axes[1, 1], "(d) reward of defectors", ("utility_D",)),
    )
    for panel, heading, names in plans:
        bounds = (-np.inf, np.inf) if names[0].startswith("utility") else (0, 1)
        for colour, (label, recordings) in zip(figures.PALETTE, found.items(), strict=False):
            for name in names:
                steps, values = series.align(recordings, name, hold=True)
                estimate = series.interval(values, bounds=bounds)
                text = f"{label}, {ENDS[name[-1]]}" if len(names) > 1 else label
                style = "--" if name.endswith("_D") and len(names) > 1 else "-"
                figures.curve(panel, steps, estimate, label=text, colour=colour, style=style)
        figures.title(panel, heading)
        figures.steps_axis(panel)
        if bounds == (0, 1):
            panel.set_ylim(-0.02, 1.02)
        figures.legend(panel, fontsize=6)
    axes[0, 0].set_ylabel("share of agents")
    axes[0, 1].set_ylabel("mean reputation")
    axes[1, 0].set_ylabel("mean reward per round")
    axes[1, 1].set_ylabel("mean reward per round")
    return figure


if __name__ == "__main__":
    main("trajectories", __doc__, SIZES, study)
