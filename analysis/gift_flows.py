"""Who gives what to whom: the gifts of LASE agents in pairs, among fixed strategies, on a lattice.

Question: (a) do two LASE agents come to cooperate, and what do they expect of and give each other on
the way; (b) do they give less than LASE without perspective taking, and than LASE that knows its
co-player's policy; do they withdraw from a defector; (c) whom does one LASE agent support among an
unconditional cooperator, one that acts at random and a defector; (d) who is supported on a lattice?

Expected answer: two LASE agents cooperate nine times out of ten, LASE gives less than LASE w/o, and
cooperator > random > defector (Kong et al. 2024, Figs. 4 and 8, gift weights).  But a gift rewards
what was better than expected: who foresees a deterministic cooperator exactly gives it nothing, and
gives one that cooperates with probability q the weight q (1 - q) / (N - 1).  So with exact beliefs
random comes first, with uniform ones the cooperator does, and LASE stands in between, according to
how well it foresees: weights are to be read beside the accuracy of beliefs.  In the symmetric limit
of exact beliefs both cooperate with probability 5/6 at these payoffs and give 5/36.

All this asks a critic what an act would have been worth that was not done.  Of a co-player that
never does otherwise it has seen no such act, and may as well thank a defector for the good that
others do.  So (c) is played twice: as it is, and where every hand slips in one move of twenty, as
in (d).

Agents explore to the end, in one round of twenty.  Values are means over the last tenth of a run,
with Student's interval over replicates; graphs of gifts are means over the last episode.

``quick`` takes about five minutes on one core, ``standard`` a quarter of an hour; ``paper`` has the
10,000 episodes and five seeds of the paper and takes half an hour.

Source: Kong et al. 2024; the iterated dilemma stands for Cleanup in (c) and (d).
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from commonweal.analysis import gift_figures, gift_networks, series
from commonweal.analysis.report import Report
from commonweal.analysis.series import Estimate
from commonweal.analysis.tournaments import Course, Length, meeting, play
from commonweal.errors import CommonwealError

GIVERS = ("lase", "lase_uniform", "lase_exact")
STRANGERS = ("always_cooperate", "random", "always_defect")
BUDGETS = {
    "quick": (Length(steps=200_000, replicates=5), 16),
    "standard": (Length(steps=500_000, replicates=5), 36),
    "paper": (Length(steps=1_000_000, replicates=5), 64),
}
"""length of a run, and agents on the lattice"""
PARTS = {"lase": 0.5, "always_cooperate": 0.25, "always_defect": 0.25}
"""who lives on the lattice"""
SLIP = 0.05
"""chance that a move comes out as the other one"""
SHORTER = 4
"""by which a run on the lattice is shorter: a round there costs as much more"""
IN_PAIRS = ("cooperation", "reward", "gift_weight", "predicted", "accuracy", "cross_entropy")
SHARES = {"cooperation", "gift_weight", "predicted", "accuracy", "reciprocity"}
"""measures that lie in [0, 1]"""
ABOUT = ("gift_weight_to", "predicted_to", "accuracy_to")


def study(report: Report, length: Length, agents: int) -> None:
    """Play everything; tabulate, draw and judge."""
    pairs(report, length)
    strangers(report, length, "strangers", 0.0)
    strangers(report, length, "strangers_who_slip", SLIP)
    lattice(report, length, agents)
    report.conclude()


# ---- (a), (b): pairs ------------------------------------------------------------------------


def pairs(report: Report, length: Length) -> None:
    """Two of each kind of giver, and LASE with a defector."""
    twos = {kind: played({kind: 2}, length) for kind in GIVERS}
    exploited = played({"lase": 1, "always_defect": 1}, length)
    rows = [
        row(f"two {kind}", name, course.end(name))
        for kind, course in twos.items()
        for name in (*IN_PAIRS, "reciprocity")
    ]
    own = {name: exploited.end(f"{name}/lase") for name in IN_PAIRS}
    rows += [row("lase with always_defect", name, values) for name, values in own.items()]
    report.table("pairs", rows)
    report.draw(gift_figures.pairs(twos, exploited), "pairs")
    ends = {
        name: {kind: course.end(name) for kind, course in twos.items()}
        for name in ("cooperation", "gift_weight")
    }
    cooperation, weight = ends.values()
    judge(report, "two LASE agents mostly cooperate", series.interval(cooperation["lase"] - 0.5))
    judge(
        report,
        "two LASE agents cooperate in 0.93 of rounds or more",
        series.interval(cooperation["lase"] - 0.93),
    )
    for text, more, less in (
        ("LASE gives less than LASE w/o", "lase_uniform", "lase"),
        ("who knows the other's policy gives less than LASE", "lase", "lase_exact"),
    ):
        judge(report, text, series.difference(weight[more], weight[less]))
    judge(
        report,
        "LASE cooperates with a defector in less than a tenth of rounds",
        series.interval(0.1 - own["cooperation"]),
    )
    judge(
        report,
        "LASE gives a defector less than a hundredth",
        series.interval(0.01 - own["gift_weight"]),
    )


# ---- (c): one among three strangers -----------------------------------------------------------


def strangers(report: Report, length: Length, name: str, noise: float) -> None:
    """One giver among a cooperator, a random agent and a defector, all four linked."""
    population = dict.fromkeys(STRANGERS, 1)
    four = {kind: played({kind: 1} | population, length, noise=noise) for kind in GIVERS}
    report.table(
        name,
        [
            row(f"{kind} to {other}", measure.removesuffix("_to"), course.end(f"{measure}/{other}"))
            for kind, course in four.items()
            for other in STRANGERS
            for measure in ABOUT
        ],
    )
    report.draw(gift_figures.strangers(four, STRANGERS), name)
    where = "where hands slip, " if noise else ""
    for kind, text in (("lase", "LASE"), ("lase_uniform", "LASE w/o"), ("lase_exact", "an oracle")):
        good, dice, bad = (four[kind].end(f"gift_weight_to/{other}") for other in STRANGERS)
        for first, second, gap in (
            ("a cooperator", "a random agent", good - dice),
            ("a random agent", "a defector", dice - bad),
        ):
            # All three weights of a replicate are one agent's: pairs.
            judge(report, f"{where}{text} gives {first} more than {second}", series.interval(gap))


# ---- (d): many ------------------------------------------------------------------------------


def lattice(report: Report, length: Length, agents: int) -> None:
    """LASE agents, cooperators and defectors on a square lattice."""
    counts = {kind: round(part * agents) for kind, part in PARTS.items()}
    short = replace(length, steps=length.steps // SHORTER)
    course = played(counts, short, "square_lattice", SLIP)
    found = support(course)
    rows = [
        row(kind, name, values) for name, kinds in found.items() for kind, values in kinds.items()
    ]
    mutual = reciprocity(course)
    rows.append(row("lase", "reciprocity", mutual))
    report.table("lattice", rows)
    report.draw(gift_figures.lattice(course, found["in-strength"]), "lattice")
    favoured = found["support"]
    judge(
        report,
        "where hands slip, on a lattice LASE agents support cooperators more than defectors",
        series.interval(favoured["always_cooperate"] - favoured["always_defect"]),
    )
    judge(
        report,
        "where hands slip, on a lattice LASE agents support each other more than cooperators",
        series.interval(favoured["lase"] - favoured["always_cooperate"]),
    )


def support(course: Course) -> dict[str, dict[str, np.ndarray]]:
    """What each kind is given, measure -> kind -> [R].

    ``in-strength`` sums over the neighbours of an agent, which may be givers or not; ``support`` is
    relative to what a giver gives along any link, so that it asks how the giver chooses.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    each = {
        "in-strength": [
            gift_networks.mean_by_kind(gift_networks.in_strength(book), course.kinds)
            for book in course.gifts
        ],
        "support": [gift_networks.support(book, course.kinds, ("lase",)) for book in course.gifts],
    }
    for name, replicates in each.items():
        found[name] = {
            kind: np.array([values.get(kind, np.nan) for values in replicates]) for kind in PARTS
        }
    return found


def reciprocity(course: Course) -> np.ndarray:
    """Share of the gifts among LASE agents that is returned in the long run, [R]."""
    own = [node for node, kind in enumerate(course.kinds) if kind == "lase"]
    return np.array([gift_networks.reciprocity(book, own) for book in course.gifts])


# ---- shared ---------------------------------------------------------------------------------


def played(
    who: Mapping[str, int], length: Length, network: str = "complete", noise: float = 0.0
) -> Course:
    """Play a meeting, and say so."""
    names = " + ".join(f"{count} {kind}" for kind, count in who.items())
    print(f"gift_flows: {names}, {length.note}", flush=True)
    return play(meeting(who, length, network, noise=noise))


def row(case: str, name: str, values: np.ndarray) -> dict[str, object]:
    """One measured quantity with its interval over replicates."""
    bounds = (0, 1) if name in SHARES else (-np.inf, np.inf)
    found = series.interval(values, bounds=bounds)
    numbers = {"mean": found.mean, "low": found.low, "high": found.high}
    line = {"case": case, "measure": name.replace("_", " ")}
    return line | {n: float(x) for n, x in numbers.items()} | {"replicates": found.runs}


def judge(report: Report, text: str, excess: Estimate) -> None:
    """Judge a claim by the quantity that it says is positive, whose whole interval must be."""
    word = "contradicted" if excess.high < 0 else "undecided"
    if shown := bool(excess.low > 0):
        word = "supported"
    report.claim(text, shown, f"{word} by {excess}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    parser = argparse.ArgumentParser(
        prog="python -m commonweal.analysis.gift_flows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--budget", choices=list(BUDGETS), default="quick", help="size of the study"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, help="folder of its outputs (results/gift_flows-BUDGET)"
    )
    given = parser.parse_args(arguments)
    length, agents = BUDGETS[given.budget]
    length = replace(length, seed=given.seed)
    note = f"budget {given.budget}: {length.note}; on the lattice 1/{SHORTER} of the steps"
    report = Report(out=given.out or Path("results") / f"gift_flows-{given.budget}", note=note)
    try:
        study(report, length, agents)
    except CommonwealError as error:
        print(f"commonweal: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
