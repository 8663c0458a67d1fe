"""Whom should members of a federation listen to?  Shapes compared in the Matthew effect.

Question: agents that learn for themselves also learn from those they listen to, without any common
model.  What do they earn together, how evenly is it spread, and how alike do they become, if all
listen to all, nobody to anybody, within fixed halves, within groups drawn anew at each meeting, along
a ring, along a graph of who meets whom, or within its communities?

Expected answer: the source has fixed federations ahead of those that change.  Averages of gradients
leave agents' networks to drift apart, averages of parameters bring them together; with either, all
agents learn from what all have seen.  How even returns become is open: who is large finds more,
whatever was learned.

========== =====================================================================================
gradients  members step along the average of the gradients of those they listen to
parameters members average their parameters, then add what each has learned
in turn    members step along each gradient they receive, one after another, as in the public code,
           whose dynamic federation is a ring that never changes
========== =====================================================================================

The graph is a small world (Watts and Strogatz 1998), which has no part in the rules.  All take part, and
all start from the same network; the consensus gap is the largest squared distance of anybody's
parameters from their mean.

``quick`` takes about a minute on one core, ``standard`` about a quarter of an hour, ``paper`` days.

Source: Dong et al. 2025, Fig. 3d, Algorithm 2 and theorem 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import torch

from commonweal.analysis import series
from commonweal.analysis.federation_shape_figures import charters, outcomes
from commonweal.analysis.report import Report
from commonweal.analysis.resource_runs import PAPER, Course, Length, experiment, play_all
from commonweal.analysis.resource_studies import command, ends, verdict
from commonweal.networks.charters import Voluntary, VoluntaryConfig
from commonweal.networks.federations import Federation, Roll
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment

WORLD = "matthew_effect"
NETWORK = {"kind": "small_world", "neighbours": 4, "rewiring": 0.1}
SHAPES = ("complete", "none", "halves", "overlapping", "ring", "graph", "communities")
GRADIENTS, PARAMETERS, IN_TURN = "gradients", "parameters", "gradients_in_turn"


@dataclass(frozen=True)
class Way:
    """Who listens to whom, and to what."""

    shape: str
    what: str = GRADIENTS

    @property
    def name(self) -> str:
        """What it is called in tables and figures."""
        return self.shape if self.what == GRADIENTS else f"{self.shape}, {WORDS[self.what]}"

    def plan(self, length: Length) -> Experiment:
        """Its experiment."""
        given = {"charter.shape": self.shape, "exchange.what": self.what}
        return experiment(WORLD, "lmf", length, given, network=NETWORK)


WORDS = {PARAMETERS: "parameters", IN_TURN: "in turn"}
WAYS = tuple(Way(shape) for shape in SHAPES)
WAYS += tuple(Way(shape, PARAMETERS) for shape in ("complete", "ring"))
WAYS += tuple(Way(shape, IN_TURN) for shape in ("complete", "halves", "ring"))
BUDGETS = {
    "quick": Length(episodes={WORLD: 60}, replicates=3, hidden=(16,)),
    "standard": Length(episodes={WORLD: 800}, replicates=8),
    "paper": PAPER,
}


def study(report: Report, length: Length, worlds: Sequence[str], workers: int = 1) -> None:
    """Play all ways; tabulate, draw and judge."""
    plans = {way.name.replace(", ", "-"): way.plan(length) for way in WAYS}
    kept = play_all(plans, report.out / "runs", workers)
    found = {way.name: kept[name] for way, name in zip(WAYS, plans, strict=True)}
    report.table("federation_shape", [row(name, course) for name, course in found.items()])
    report.draw(outcomes(found), "federation_shape")
    report.draw(charters(*drawn(plans["complete"])), "federation_shape_charters")
    judge(report, found)
    report.conclude()


def row(name: str, course: Course) -> dict[str, object]:
    """What a way came to."""
    gap = series.interval(final_gap(course))
    columns = {"consensus gap": gap.mean, "gap low": gap.low, "gap high": gap.high}
    return {"listening": name} | ends(course) | {k: f"{float(v):.3g}" for k, v in columns.items()}


def final_gap(course: Course) -> np.ndarray:
    """Consensus gap over the last part of the run, [R]."""
    return course.gap[course.closing].mean(0)


def drawn(plan: Experiment) -> tuple[nx.Graph, Mapping[str, nx.DiGraph]]:
    """The graph, and for each shape who listens to whom at the first meeting of a replicate."""
    world = assemble(plan)
    graph = world.graph
    world.close()
    near = neighbourhoods(graph)
    met = {}
    for shape in SHAPES:
        generator = torch.Generator().manual_seed(plan.seed)
        roll = Roll(torch.arange(plan.agents), 1, near, generator)
        federation = Federation(Voluntary(VoluntaryConfig(shape=shape), roll), roll)
        federation.meet(torch.zeros(1, plan.agents), "move", "gradients")
        met[shape] = federation.graph()
    return graph, met


def judge(report: Report, found: Mapping[str, Course]) -> None:
    """What the source says, and what listening does at all."""

    def more(text: str, one: str, other: str) -> None:
        gap = found[one].collective - found[other].collective
        verdict(report, f"{text}, {one} against {other}", series.interval(gap))

    fixed = "published (Fig. 3d): fixed federations earn more than dynamic ones"
    more(fixed, "halves", "overlapping")
    more(f"{fixed} (the two of the public code)", "halves, in turn", "ring, in turn")
    for name in found:
        if name != "none":
            more("who listens earns more than who learns alone", name, "none")
    for name in ("complete", "complete, parameters"):
        uneven = found["none"].per_episode - found[name].per_episode
        text = f"who listens shares more evenly than who learns alone, {name}"
        verdict(report, text, series.interval(uneven))
    for name in found:
        if name != "none":
            ratio = np.log(final_gap(found["none"]) / final_gap(found[name]))
            text = f"who listens stays more alike than who learns alone (log of ratio), {name}"
            verdict(report, text, series.interval(ratio))


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    command("federation_shape", __doc__, BUDGETS, study, [WORLD], arguments)


if __name__ == "__main__":
    main()
