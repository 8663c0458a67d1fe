"""Which kind of learner does better in a mixed society, and which could invade which?

Question: when kinds live on one lattice (T = 1.30, S = -0.33), (a) how much does each
cooperate and (b) earn over time; (c) does a rare mutant kind earn more than the residents
among whom it learns; (d) where would selection on these payoffs lead the shares?

Expected answer: open, for the paper compares pure societies only.  LR2 residents see
reputations, so a rare D-D that they call bad may find nobody to exploit; a rare LR2 among
D-D has neither cooperating neighbours nor assessors.  Kinds are placed at random and do
not change during a run, so their assortment stays near one.

Payoffs are those of the game, never reshaped ones.  A mutant's advantage is its mean
payoff minus the residents' in the same run, with an interval over seeds.

Source: invasion as in Maynard Smith 1982; the mixed society is no figure of Ren et al. 2025.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np

from commonweal.analysis import figures, measures, populations, series
from commonweal.analysis.study import Size, Study, main
from commonweal.simulation.experiment import Share

NAMES = {"lr2": "LR2", "dd": "D-D", "lr2_unrewarded": "IPPO"}
RARE = 0.05
"""share of the mutants"""

SIZES = {
    "quick": Size(side=8, steps=30_000, seeds=3, grid={"kind": ("lr2", "dd")}),
    "standard": Size(
        side=10, steps=40_000, seeds=6, grid={"kind": ("lr2", "dd", "lr2_unrewarded")}
    ),
    "paper": Size(side=20, steps=200_000, seeds=20, grid={"kind": ("lr2", "dd", "lr2_unrewarded")}),
}


def study(frame: Study) -> None:
    """Run the mixture, every pure society and every rare mutant; draw, tabulate and judge."""
    kinds = frame.size.grid["kind"]
    rare = max(1, round(RARE * frame.size.side**2))
    (mixed,) = frame.run([Share(kind=kind) for kind in kinds]).values()
    paid, invasions = {}, []
    for kind in kinds:
        (alone,) = frame.run(kind).values()
        paid[kind, kind] = series.final(alone, "reward")
    for mutant, resident in permutations(kinds, 2):
        shares = [Share(kind=mutant, count=rare), Share(kind=resident)]
        (runs,) = frame.run(shares).values()
        paid[mutant, resident] = series.final(runs, f"reward/{mutant}")
        advantage = paid[mutant, resident] - series.final(runs, f"reward/{resident}")
        invasions.append(populations.Invasion(mutant, resident, series.interval(advantage)))
    payoffs = np.array([[series.known_mean(paid[i, j]) for j in kinds] for i in kinds])
    frame.draw(draw(mixed, kinds, invasions, payoffs))
    frame.table(rows(mixed, kinds, paid, invasions))
    for case in invasions:
        mutant, resident = NAMES[case.mutant], NAMES[case.resident]
        frame.claim(f"rare {mutant} earns more than resident {resident}", case.advantage)


def rows(
    mixed: Sequence,
    kinds: Sequence[str],
    paid: Mapping[tuple[str, str], np.ndarray],
    invasions: Sequence[populations.Invasion],
) -> list[dict]:
    """The table: each kind in the mixture, alone, and rare among each other kind."""
    links = measures.edges(mixed[0].graph)
    # Kinds do not change in a run, so any snapshot says where they stand.
    places = [next(iter(run.snapshots.values()))["kind"][0] for run in mixed]
    codes = {name: code for code, name in enumerate(mixed[0].layers["kind"]["labels"])}
    alike = series.interval([measures.assortment(place, links) for place in places])
    unknown = series.interval([np.nan])

    def line(case: str, payoff: np.ndarray, **more: object) -> dict:
        blank = {"advantage": unknown, "verdict": "", "share": unknown, "assortment": unknown}
        return {"case": case, "payoff": series.interval(payoff)} | blank | more

    lines = [
        line(
            f"{NAMES[kind]} in the mixture",
            series.final(mixed, f"reward/{kind}"),
            share=series.interval([np.mean(place == codes[kind]) for place in places]),
            assortment=alike,
        )
        for kind in kinds
    ]
    lines += [line(f"{NAMES[kind]} alone", paid[kind, kind]) for kind in kinds]
    lines += [
        line(
            f"rare {NAMES[case.mutant]} in {NAMES[case.resident]}",
            paid[case.mutant, case.resident],
            advantage=case.advantage,
            verdict=case.verdict,
        )
        for case in invasions
    ]
    return lines


def draw(
    mixed: Sequence,
    kinds: Sequence[str],
    invasions: Sequence[populations.Invasion],
    payoffs: np.ndarray,
):
    """Cooperation and payoffs in the mixture, advantages of mutants, shares under selection."""
    figure, axes = figures.panels(2, 2)
    # Blue and orange mean cooperators and defectors in all figures, so kinds take others.
    colours = dict(zip(kinds, figures.PALETTE[2:], strict=False))
    for panel, indicator, bounds in (
        (axes[0, 0], "cooperation", (0, 1)),
        (axes[0, 1], "reward", (-np.inf, np.inf)),
    ):
        for kind in kinds:
            steps, values = series.align(mixed, f"{indicator}/{kind}", hold=True)
            estimate = series.interval(values, bounds=bounds)
            figures.curve(panel, steps, estimate, label=NAMES[kind], colour=colours[kind])
        figures.steps_axis(panel)
        figures.legend(panel)
    axes[0, 0].set(ylabel="share cooperating", ylim=(-0.02, 1.02))
    axes[0, 1].set_ylabel("payoff per round")
    figures.bars(
        axes[1, 0],
        [f"{NAMES[case.mutant]} in\n{NAMES[case.resident]}" for case in invasions],
        [case.advantage for case in invasions],
        colours=[colours[case.mutant] for case in invasions],
    )
    axes[1, 0].axhline(0, color=figures.BLACK, lw=0.6)
    axes[1, 0].set_ylabel("payoff above residents'")
    path = populations.replicator(payoffs, np.ones(len(kinds)), steps=1_000)
    for kind, shares in zip(kinds, path.T, strict=True):
        time = np.arange(len(shares)) * 0.01
        axes[1, 1].plot(time, shares, color=colours[kind], label=NAMES[kind])
    axes[1, 1].set(
        ylabel="share", xlabel="time of selection, from equal shares", ylim=(-0.02, 1.02)
    )
    figures.legend(axes[1, 1])
    headings = (
        "(a) mixture: cooperation",
        "(b) mixture: payoff",
        "(c) rare mutants",
        "(d) replicator",
    )
    for panel, heading in zip(axes.flat, headings, strict=True):
        figures.title(panel, heading)
    return figure


if __name__ == "__main__":
    main("population", __doc__, SIZES, study)
