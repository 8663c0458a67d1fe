"""Which parts of LR2 does cooperation need?

Question: at T = 1.33 and S = -0.33, how much cooperation remains (a) when the weight mu
of alignment between assessors varies from 0 (none) to 1 (strict consensus), and (b) when
the reputation reward is taken away (IPPO) or the whole of reputation is (D-D)?

Expected answer: LR2 > IPPO, which collapses like D-D; some 0 < mu < 1 does better than
mu = 0 and than mu = 1.  The differences between values of mu are about as large as the
spread between seeds, so few seeds leave them undecided.

Source: Ren et al. 2025, Fig. 5.
"""

from collections.abc import Mapping

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.study import Size, Study, main

TEMPTATION = 1.33
ALL = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SIZES = {
    "quick": Size(side=8, steps=50_000, seeds=3, grid={"mu": (0.0, 0.2, 1.0)}),
    "standard": Size(side=10, steps=50_000, seeds=6, grid={"mu": ALL}),
    "paper": Size(side=10, steps=200_000, seeds=20, grid={"mu": ALL}),
}
OWN = 0.2
"""mu of LR2 as published"""

BASELINES = {"lr2_unrewarded": "IPPO", "dd": "D-D"}


def study(frame: Study) -> None:
    """Run the sweep of mu and the baselines; draw, tabulate and judge."""
    weights = frame.size.grid["mu"]
    at = {"world.temptation": (TEMPTATION,)}
    found = {
        f"mu = {mu}": recordings
        for (_, mu), recordings in frame.run("lr2", at | {"lr2.assess.alignment": weights}).items()
    }
    for kind, label in BASELINES.items():
        (found[label],) = frame.run(kind, at).values()
    ends = {label: series.final(recordings, "cooperation") for label, recordings in found.items()}
    frame.draw(draw(found, ends))
    frame.table([{"point": label, "cooperation": _share(end)} for label, end in ends.items()])
    own = ends[f"mu = {OWN}"]
    frame.claim("LR2 cooperates more than IPPO", series.difference(own, ends["IPPO"]))
    frame.claim("LR2 cooperates more than D-D", series.difference(own, ends["D-D"]))
    # Runs with one seed share graph, networks at birth and draws, whatever mu is: pairs.
    between = np.mean([ends[f"mu = {mu}"] for mu in weights if 0 < mu < 1], axis=0)
    for text, mu in (("no alignment", "0.0"), ("strict consensus", "1.0")):
        gap = series.interval(between - ends[f"mu = {mu}"])
        frame.claim(f"0 < mu < 1 does better than {text}, seed by seed", gap)


def _share(values: np.ndarray) -> series.Estimate:
    return series.interval(values, bounds=(0, 1))


def draw(found: Mapping[str, list], ends: Mapping[str, np.ndarray]):
    """Cooperation over time for mu and for the baselines, and the end values."""
    figure, axes = figures.panels(1, 3, size=(2.7, 2.3))
    own = f"mu = {OWN}"
    sweep = [label for label in found if label.startswith("mu")]
    shades = dict(zip(sweep, figures.PALETTE, strict=False))
    others = {own: "LR2", "mu = 0.0": "no alignment"} | {b: b for b in BASELINES.values()}
    colours = shades | dict(zip(BASELINES.values(), (figures.BLACK, "0.5"), strict=True))
    for panel, names in ((axes[0, 0], dict(zip(sweep, sweep, strict=True))), (axes[0, 1], others)):
        for label, text in names.items():
            steps, values = series.align(found[label], "cooperation", hold=True)
            figures.curve(panel, steps, _share(values), label=text, colour=colours[label])
        figures.steps_axis(panel)
        panel.set_ylim(-0.02, 1.02)
        panel.set_ylabel("share cooperating")
        figures.legend(panel, fontsize=6)
    labels = [label.removeprefix("mu = ") for label in found]
    figures.bars(
        axes[0, 2],
        labels,
        [_share(end) for end in ends.values()],
        points=list(ends.values()),
        colours=[colours[label] for label in found],
    )
    axes[0, 2].set_xlabel("mu, baselines")
    axes[0, 2].set_ylabel("share cooperating at the end")
    for panel, text in zip(axes[0], ("(a) alignment", "(b) parts", "(c) end"), strict=True):
        figures.title(panel, text)
    return figure


if __name__ == "__main__":
    main("ablations", __doc__, SIZES, study)
