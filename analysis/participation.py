"""Does it pay to take part in a federation, or to be one of those who would get more anyway?

Question: agents that share with common models, half of them, are said to earn more than the others,
who opt out.  Is that so if members are drawn at random, if nobody moves before others in every round,
and beside the same agents in the same runs without a federation?

Expected answer: no.  Published members are the lowest nodes, and the rules favour low nodes: they move
first, and get what two want; in the plant their recipes differ as well.  So agents that walk to the
nearest resource and learn nothing show the same advantage.  All agents, members or not, are pulled to
the common models, so that opting out changes only what these are made of.

Agents act in the order of their nodes, and in other runs in an order drawn for each round; ``lowest`` is
played in the former alone, ``harder`` and ``members pulled`` in the latter.

============== ===================================================================================
no federation  strengths lambda_u and lambda_e are 0: what is learned is that of independent PPO, and
               the split into members and others is a label without effect
half           half of the agents, drawn once for each replicate, take part; the same as above
lowest         the lowest half of the nodes and one more take part, as in the public code
harder         as half, with pulls three times as long
members pulled as half, but only members are pulled to the common models
all            everybody takes part: D&F
LMF            everybody takes part and there are no common models: gradients are averaged
nearest        everybody walks to the nearest resource; nobody learns
============== ===================================================================================

Pulls are to learning rates as in the published runs: where agents learn three times as fast, they are
pulled three times as far.

``quick`` takes about a minute on one core, ``standard`` about an hour, ``paper`` days.

Source: Dong et al. 2025, Figs. 2 and 3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from commonweal.analysis import resource_measures as measures
from commonweal.analysis import series
from commonweal.analysis.participation_figures import places, worth
from commonweal.analysis.report import Report
from commonweal.analysis.resource_runs import (
    PAPER,
    WORLDS,
    Course,
    Length,
    everywhere,
    experiment,
    play_all,
)
from commonweal.analysis.resource_studies import command, ends, verdict
from commonweal.simulation.experiment import Experiment

INDEX, RANDOM = ORDERS = ("index", "random")
UNPULLED = {"exchange.utilitarian": 0.0, "exchange.egalitarian": 0.0}


@dataclass(frozen=True)
class Condition:
    """Who takes part, and what it means."""

    kind: str
    charter: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    pull: float = 1.0
    """length of pulls, in those of the runs; 0 = there are none"""
    orders: Sequence[str] = ORDERS

    def plan(self, world: str, order: str, length: Length) -> Experiment:
        """Its experiment."""
        given: dict[str, object] = {"world.activation": order} | dict(self.settings)
        if self.pull:
            given["exchange.rate"] = self.pull * length.pull
        if self.charter:
            given["charter.members"] = self.charter
        return experiment(world, self.kind, length, given)


ALONE, HALF, HARDER, LOWEST, MEMBERS = "no federation", "half", "harder", "lowest", "members pulled"
ALL, MIXED, NEAREST = "all", "LMF", "nearest"
CONDITIONS = {
    ALONE: Condition("fpf", "half", UNPULLED),
    HALF: Condition("fpf", "half"),
    HARDER: Condition("fpf", "half", pull=3, orders=[RANDOM]),
    LOWEST: Condition("fpf", "lowest", orders=[INDEX]),
    MEMBERS: Condition("fpf", "half", {"exchange.pulled": "members"}, orders=[RANDOM]),
    ALL: Condition("dnf"),
    MIXED: Condition("lmf", pull=0),
    NEAREST: Condition("nearest", pull=0),
}
BUDGETS = {
    "quick": Length(episodes=everywhere(60), replicates=3, hidden=(16,)),
    "standard": Length(episodes=everywhere(500), replicates=8),
    "paper": PAPER,
}
Courses = Mapping[tuple[str, str, str], Course]
"""world, order, condition -> run"""


def study(report: Report, length: Length, worlds: Sequence[str], workers: int = 1) -> None:
    """Play all conditions; tabulate, draw and judge."""
    cells = [(w, o, c) for w in worlds for c, about in CONDITIONS.items() for o in about.orders]
    plans = {"-".join(cell): CONDITIONS[cell[2]].plan(*cell[:2], length) for cell in cells}
    plans = {name.replace(" ", "_"): plan for name, plan in plans.items()}
    kept = play_all(plans, report.out / "runs", workers)
    found = dict(zip(cells, kept.values(), strict=True))
    report.table("participation", [named(cell) | ends(run) for cell, run in found.items()])
    report.table("by_agent", [row for cell in found for row in by_agent(cell, found)])
    report.table("members_and_outsiders", splits(found, worlds))
    report.draw(places(found, worlds), "participation_places")
    by_cell = {(w, o): gains(found, w, o) for w in worlds for o in ORDERS}
    report.draw(worth(by_cell, worlds), "participation")
    for world in worlds:
        judge(report, found, world)
    report.conclude()


# ---- members and others -----------------------------------------------------------------------


def drawn(found: Courses, world: str, order: str) -> np.ndarray:
    """The random half, [R, N]: the same in all conditions that draw one."""
    return found[world, order, HALF].members


def gains(found: Courses, world: str, order: str) -> dict[str, np.ndarray]:
    """What members earn more than others in an episode, in one way of splitting agents, each [R].

    Of half and lowest, and of the same splits where there is no federation; with the same seeds, so
    that ``effect`` is the difference replicate by replicate.
    """
    half = drawn(found, world, order)
    lowest = measures.lowest(half.shape[1])
    split = {
        "half, federation": (HALF, half),
        "half, no federation": (ALONE, half),
        "half, harder": (HARDER, half),
        "half, members pulled": (MEMBERS, half),
        "lowest, federation": (LOWEST, lowest),
        "lowest, no federation": (ALONE, lowest),
        "lowest, nearest": (NEAREST, lowest),
    }
    return {
        name: measures.advantage(
            (runs := found[world, order, of].by_agent), np.broadcast_to(who, runs.shape)
        )
        for name, (of, who) in split.items()
        if order in CONDITIONS[of].orders
    }


def effects(gain: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a federation adds to the advantage of its members, replicate by replicate, each [R]."""
    return {
        f"{name}: effect": values - gain[f"{name.split(',')[0]}, no federation"]
        for name, values in gain.items()
        if name.endswith((", federation", ", harder", ", members pulled"))
    }


def splits(found: Courses, worlds: Sequence[str]) -> list[dict]:
    """A row for each way of splitting agents, and for what a federation adds to it."""
    rows = []
    for world in worlds:
        for order in ORDERS:
            gain = gains(found, world, order)
            for name, values in (gain | effects(gain)).items():
                seen = series.interval(values)
                row = {"world": world, "order": order, "members and others": name}
                row |= {"difference": float(seen.mean), "low": float(seen.low)}
                rows.append(row | {"high": float(seen.high), "replicates": seen.runs})
    return rows


def by_agent(cell: tuple[str, str, str], found: Courses) -> list[dict]:
    """A row for each agent: what it earns in an episode at the end."""
    seen = series.interval(found[cell].by_agent)
    return [
        named(cell)
        | {"agent": i, "return": float(seen.mean[i])}
        | {"low": float(seen.low[i]), "high": float(seen.high[i])}
        for i in range(len(seen.mean))
    ]


def named(cell: tuple[str, str, str]) -> dict[str, object]:
    """The first columns of a row."""
    return dict(zip(("world", "order", "condition"), cell, strict=True))


def slope(by_agent: np.ndarray) -> np.ndarray:
    """How much an agent earns less than the one before it, [R, N] -> [R], by least squares."""
    centred = np.arange(by_agent.shape[1]) - (by_agent.shape[1] - 1) / 2
    return -(by_agent * centred).sum(1) / (centred**2).sum()


def judge(report: Report, found: Courses, world: str) -> None:
    """Claims about one world."""
    title = WORLDS[world]

    def claim(text: str, values: series.Estimate) -> None:
        verdict(report, f"{title}: {text}", values)

    def sums(order: str, name: str) -> np.ndarray:
        return found[world, order, name].collective

    def more(text: str, order: str, one: str, other: str) -> None:
        claim(text, series.interval(sums(order, one) - sums(order, other)))

    by_order = {order: gains(found, world, order) for order in ORDERS}
    fixed, free = (by_order[order] for order in ORDERS)
    claim(
        "published (Fig. 3a-c): members earn more than others, the lowest nodes in the fixed order",
        series.interval(fixed["lowest, federation"]),
    )
    claim(
        "so do the same agents without a federation",
        series.interval(fixed["lowest, no federation"]),
    )
    claim("and if they learn nothing", series.interval(fixed["lowest, nearest"]))
    claim(
        "members earn more than others, half drawn, random order",
        series.interval(free["half, federation"]),
    )
    for order, gain in by_order.items():
        claim(
            f"a federation adds to the advantage of its members, half drawn, {order} order",
            series.interval(effects(gain)["half, federation: effect"]),
        )
    claim(
        "walking to the nearest, low nodes earn more in the fixed order than in a random one",
        series.difference(*(slope(found[world, o, NEAREST].by_agent) for o in ORDERS)),
    )
    for order in ORDERS:
        more(f"D&F earns more than FPF (Fig. 2), {order} order", order, ALL, HALF)
        more(f"LMF earns more than FPF (Fig. 2), {order} order", order, MIXED, HALF)
        more(f"D&F earns more than LMF (Fig. 2), {order} order", order, ALL, MIXED)
        more(f"FPF earns more than independent PPO, {order} order", order, HALF, ALONE)
    more("FPF earns more if only members are pulled, random order", RANDOM, MEMBERS, HALF)
    more(
        "independent PPO earns more than FPF that pulls harder, random order", RANDOM, ALONE, HARDER
    )
    claim(
        "pulls three times as long add to the advantage of members, random order",
        series.interval(effects(free)["half, harder: effect"]),
    )
    claim(
        "members gain more if only they are pulled, random order",
        series.interval(free["half, members pulled"] - free["half, federation"]),
    )


# ---- the command ----------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    command("participation", __doc__, BUDGETS, study, WORLDS, arguments)


if __name__ == "__main__":
    main()
