"""The table of published claims: LR2 and its baselines at three temptations.

Question: at S = -0.33 and T = 1.30, 1.33 and 1.37, how much do LR2, LR2 without alignment,
IPPO and D-D cooperate at the end of a run, and what reputation do cooperators and defectors
have then?

Expected answer: D-D and IPPO collapse at every T; LR2 keeps most of its cooperation, the less
the higher T is; cooperators end with a far higher reputation than defectors.

Source: Ren et al. 2025, Figs. 2, 3 and 5; its curves could not be read off, so the claims are
orderings.
"""

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.study import Size, Study, main

GRID = {"temptation": (1.30, 1.33, 1.37)}
SIZES = {
    "quick": Size(side=8, steps=20_000, seeds=3, grid=GRID),
    "standard": Size(side=10, steps=100_000, seeds=5, grid=GRID),
    "paper": Size(side=10, steps=200_000, seeds=10, grid=GRID),
}
METHODS = {"lr2": "LR2", "lr2_unaligned": "no alignment", "lr2_unrewarded": "IPPO", "dd": "D-D"}
INDICATORS = ("cooperation", "reputation_C", "reputation_D")


def study(frame: Study) -> None:
    """Run the four methods; tabulate, draw and judge."""
    ends, rows = {}, []
    for kind, method in METHODS.items():
        cells = frame.run(kind, {"world.temptation": frame.size.grid["temptation"]})
        for (t,), recordings in cells.items():
            row = {"method": method, "T": t}
            for name in INDICATORS:
                if kind == "dd" and name != "cooperation":
                    continue
                values = series.final(recordings, name)
                ends[method, t, name] = values
                row[name] = series.interval(values, bounds=(0, 1))
            rows.append(row)
    frame.table(rows)
    frame.draw(draw(ends, frame.size.grid["temptation"]))
    for t in frame.size.grid["temptation"]:
        own = ends["LR2", t, "cooperation"]
        for other in ("no alignment", "IPPO", "D-D"):
            gap = series.difference(own, ends[other, t, "cooperation"])
            frame.claim(f"LR2 cooperates more than {other} at T = {t:.2f}", gap)
    gaps = [
        ends["LR2", t, "reputation_C"] - ends["LR2", t, "reputation_D"]
        for t in frame.size.grid["temptation"]
    ]
    frame.claim(
        "cooperators end with a higher reputation than defectors",
        series.interval(np.concatenate(gaps)),
    )


def draw(ends: dict, temptations: tuple):
    """Cooperation at the end, one panel per temptation."""
    figure, axes = figures.panels(1, len(temptations), size=(2.4, 2.3))
    for panel, t in zip(axes[0], temptations, strict=True):
        values = [ends[method, t, "cooperation"] for method in METHODS.values()]
        figures.bars(
            panel,
            list(METHODS.values()),
            [series.interval(v, bounds=(0, 1)) for v in values],
            points=values,
            colours=list(figures.PALETTE[: len(values)]),
        )
        panel.set_ylim(0, 1.05)
        panel.set_ylabel("share cooperating at the end")
        figures.title(panel, f"T = {t:.2f}")
    return figure


if __name__ == "__main__":
    main("reproduction", __doc__, SIZES, study)
