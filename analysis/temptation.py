"""Where in the plane of dilemmas does learned reputation keep cooperation up?

Question: over temptation T and sucker's payoff S, how much do LR2 agents cooperate, and
how much do D-D agents, which see their neighbours' last actions and learn from the
environment reward alone?

Expected answer: LR2 lies above D-D, most of all in the prisoner's dilemma (T > 1, S < 0).
Without reshaping, half cooperators are lost for T > 1 + S (S < 0); with settled
reputations the rewards are those of temptation beta T, beta = 0.6, so the border moves to
beta T = 1 + S.

Source: Ren et al. 2025, Fig. 2.
"""

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.study import Size, Study, main

METHODS = {"lr2": "LR2", "dd": "D-D"}
RESHAPING = 0.6
COARSE = {"temptation": (0.6, 0.9, 1.2, 1.5), "sucker": (-0.6, -0.2, 0.2)}
MEDIUM = {"temptation": (0.0, 0.4, 0.8, 1.2, 1.6, 2.0), "sucker": (-1.0, -0.6, -0.2, 0.2, 0.6, 1.0)}
FINE = {
    "temptation": tuple(round(0.1 * i, 1) for i in range(21)),
    "sucker": tuple(round(0.1 * i - 1, 1) for i in range(21)),
}
SIZES = {
    "quick": Size(side=6, steps=30_000, seeds=2, grid=COARSE),
    "standard": Size(side=10, steps=50_000, seeds=3, grid=MEDIUM),
    "paper": Size(side=10, steps=200_000, seeds=10, grid=FINE),
}


def study(frame: Study) -> None:
    """Run both methods over the plane; draw, tabulate and judge."""
    temptations, suckers = frame.size.grid["temptation"], frame.size.grid["sucker"]
    sweep = {"world.sucker": suckers, "world.temptation": temptations}
    found = {method: frame.run(method, sweep) for method in METHODS}
    ends = {
        (method, *cell): series.final(recordings, "cooperation")
        for method, cells in found.items()
        for cell, recordings in cells.items()
    }
    shape = (len(METHODS), len(suckers), len(temptations), frame.size.seeds)
    values = np.array(list(ends.values())).reshape(shape)
    frame.draw(draw(values, temptations, suckers))
    frame.table(
        [
            {"method": METHODS[method], "T": t, "S": s, "cooperation": _share(end)}
            for (method, s, t), end in ends.items()
        ]
    )
    dilemma = np.array(suckers)[:, None] < 0
    dilemma = dilemma & (np.array(temptations) > 1)
    lr2, dd = (method[dilemma].mean(0) for method in values)
    frame.claim(
        "LR2 cooperates more than D-D in the prisoner's dilemma", series.difference(lr2, dd)
    )
    frame.claim(
        "D-D leaves less than 5 % cooperation in the prisoner's dilemma", series.interval(0.05 - dd)
    )
    frame.claim(
        "LR2 cooperates more than D-D over the whole plane", series.difference(*values.mean((1, 2)))
    )


def _share(values: np.ndarray) -> series.Estimate:
    return series.interval(values, bounds=(0, 1))


def draw(values: np.ndarray, temptations: tuple, suckers: tuple):
    """Both planes and their difference, from values [2, S, T, seeds]."""
    figure, axes = figures.panels(1, 3, size=(2.4, 2.3), sharex=True, sharey=True)
    means = values.mean(-1)
    for panel, plane in zip(axes[0], means, strict=False):
        drawn = figures.plane(panel, temptations, suckers, plane)
    figures.colour_bar(axes[0, :2], drawn, "share cooperating")
    drawn = figures.plane(
        axes[0, 2], temptations, suckers, means[0] - means[1], low=-1, colour_map="PuOr_r"
    )
    figures.colour_bar(axes[0, 2], drawn, "LR2 minus D-D")
    # Left of the dashed border, half cooperators among the neighbours are enough.
    for panel, factor in zip(axes[0], (RESHAPING, 1.0), strict=False):
        border = np.array([0, 1 / factor])
        panel.plot(border, factor * border - 1, "w--", lw=1.0)
    headings = ("(a) LR2", "(b) D-D", "(c) difference")
    for panel, heading in zip(axes[0], headings, strict=True):
        figures.title(panel, heading)
        panel.axhline(0, color="0.6", lw=0.5)
        panel.axvline(1, color="0.6", lw=0.5)
        panel.set_xlabel("temptation T")
    axes[0, 0].set_ylabel("sucker's payoff S")
    return figure


if __name__ == "__main__":
    main("temptation", __doc__, SIZES, study)
