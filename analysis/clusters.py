"""Do clusters of cooperators grow, and do reputations follow them?

Question: at T = 1.33 and S = -0.33, how do actions and reputations of LR2 agents lie on
the lattice at 1k, 5k, 10k, 20k and 50k environment steps?

Expected answer: cooperators, at first scattered and fewer than half, gather in patches
with straight fronts; the map of reputations comes to look like the map of actions.  As
numbers: the share of C-C links, the largest cluster and the autocorrelation of actions
grow, and a cooperator's neighbours cooperate more often than agents at large.

Source: Ren et al. 2025, Fig. 4.
"""

from collections.abc import Callable, Mapping

import numpy as np

from commonweal.analysis import figures, measures, series
from commonweal.analysis.study import Size, Study, main

TEMPTATION = 1.33
STEPS = (1_000, 5_000, 10_000, 20_000, 50_000)
# Every snapshot must be reached, so a settled run goes on.
SIZES = {
    "quick": Size(side=12, steps=50_000, seeds=3, early_stop=False, grid={"step": STEPS}),
    "standard": Size(side=20, steps=100_000, seeds=8, early_stop=False, grid={"step": STEPS}),
    "paper": Size(side=20, steps=200_000, seeds=20, early_stop=False, grid={"step": STEPS}),
}


def follows(shot: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean reputation of cooperators minus that of defectors in each lane. Returns [L]."""
    good = shot["action"] == measures.COOPERATE
    means = [
        (series.known_mean(values[own]), series.known_mean(values[~own]))
        for values, own in zip(shot["reputation"], good, strict=True)
    ]
    return np.subtract(*np.transpose(means))


def largest(shot: Mapping[str, np.ndarray], links: np.ndarray) -> np.ndarray:
    """Share of all agents in the largest cluster of cooperators, by lane. Returns [L]."""
    sizes = [measures.cluster_sizes(row, links) for row in shot["action"]]
    return np.array([s.max(initial=0) for s in sizes]) / shot["action"].shape[1]


MEASURES: dict[str, Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]] = {
    "cooperation": lambda shot, links: measures.cooperation(shot["action"]),
    "C-C links": lambda shot, links: measures.cc_link_share(shot["action"], links),
    "clustering": lambda shot, links: measures.clustering(shot["action"], links),
    "largest cluster": largest,
    "autocorrelation": lambda shot, links: measures.morans_i(shot["action"], links),
    "reputation gap": lambda shot, links: follows(shot),
}

SHARES = ("cooperation", "C-C links", "largest cluster")
"""those that lie in [0, 1]; the others lie in [-1, 1]"""


def study(frame: Study) -> None:
    """Run the seeds; draw maps and measures, tabulate and judge."""
    wanted = frame.size.grid["step"]
    cells = frame.run("lr2", {"world.temptation": (TEMPTATION,)}, snapshots=wanted)
    (recordings,) = cells.values()
    # A snapshot is taken at the first round that reaches its step.
    steps = [min(s for s in recordings[0].snapshots if s >= want) for want in wanted]
    links = measures.edges(recordings[0].graph)
    found = {
        name: np.array(
            [[series.known_mean(f(r.snapshots[s], links)) for s in steps] for r in recordings]
        )
        for name, f in MEASURES.items()
    }
    maps = figures.snapshot_maps(recordings[0], steps=steps)
    frame.draw(maps, "clusters_maps")
    frame.draw(draw(recordings, steps, links, found))
    frame.table(
        [
            {"step": step} | {name: _interval(name, values[:, i]) for name, values in found.items()}
            for i, step in enumerate(steps)
        ]
    )
    for name in ("C-C links", "largest cluster", "autocorrelation"):
        growth = found[name][:, -1] - found[name][:, 0]
        frame.claim(
            f"{name}: grows from t = {steps[0]:,} to {steps[-1]:,}", series.interval(growth)
        )
    frame.claim("cooperators sit together at the end", series.interval(found["clustering"][:, -1]))
    frame.claim(
        "reputations follow actions at the end", series.interval(found["reputation gap"][:, -1])
    )


def _interval(name: str, values: np.ndarray) -> series.Estimate:
    return series.interval(values, bounds=(0, 1) if name in SHARES else (-1, 1))


def draw(recordings: list, steps: list[int], links: np.ndarray, found: Mapping[str, np.ndarray]):
    """Measures over snapshots, and the distribution of cluster sizes at each."""
    figure, axes = figures.panels(1, 2, size=(3.4, 2.5))
    for colour, name in zip(
        figures.PALETTE, ("C-C links", "largest cluster", "autocorrelation"), strict=False
    ):
        figures.curve(
            axes[0, 0], steps, _interval(name, found[name]), label=name, colour=colour, marker="o"
        )
    figures.steps_axis(axes[0, 0])
    axes[0, 0].set_ylabel("measure")
    figures.title(axes[0, 0], "(a) clustering of cooperators")
    figures.legend(axes[0, 0])
    for colour, step in zip(figures.PALETTE, steps, strict=False):
        lanes = [row for recording in recordings for row in recording.snapshots[step]["action"]]
        sizes = np.concatenate([measures.cluster_sizes(row, links) for row in lanes])
        if sizes.size:
            axes[0, 1].step(
                *measures.cluster_size_distribution(sizes),
                where="pre",
                color=colour,
                label=f"t = {step:,}",
            )
    axes[0, 1].set(
        xscale="log",
        yscale="log",
        xlabel="size s of a cluster",
        ylabel="share of clusters of size s or more",
    )
    figures.title(
        axes[0, 1], f"(b) cluster sizes, {len(recordings)} run{'s' * (len(recordings) > 1)} pooled"
    )
    figures.legend(axes[0, 1])
    return figure


if __name__ == "__main__":
    main("clusters", __doc__, SIZES, study)
