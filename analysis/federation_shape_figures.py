"""Figures of what the shape of a federation does.

For `federation_shape`.
"""

from collections.abc import Mapping

import networkx as nx
import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.federation_figures import federation_network
from commonweal.analysis.resource_runs import Course

LINES = ("-", "--", ":")
"""of gradients, parameters, and gradients in turn"""


def outcomes(found: Mapping[str, Course]) -> figures.Figure:
    """Collective return and std/mean at the end, and both with the consensus gap over time."""
    figure, axes = figures.panels(2, 2, size=(4.0, 2.9))
    names, inks = list(found), [ink(name) for name in found]
    ends = {
        "(a) collective return at the end": [course.collective for course in found.values()],
        "(b) std/mean of an episode at the end": [c.per_episode for c in found.values()],
    }
    for panel, (title, values) in zip(axes[0], ends.items(), strict=True):
        estimates = [series.interval(each) for each in values]
        figures.bars(panel, names, estimates, points=values, colours=inks)
        panel.set_xticks(range(len(names)), names, rotation=90)
        figures.title(panel, title)
    for name, course in found.items():
        style = {"color": ink(name), "ls": line(name), "lw": 1.0}
        axes[1, 0].plot(course.episodes, course.returns.sum(-1).mean(1), **style, label=name)
        axes[1, 1].plot(course.episodes, course.gap.mean(1), **style)
    for panel, title in zip(axes[1], ("(c) collective return", "(d) consensus gap"), strict=True):
        panel.set_xlabel("episodes")
        figures.title(panel, title)
    axes[1, 1].set_yscale("log")
    figures.legend(axes[1, 0], ncols=2, fontsize=5)
    return figure


def ink(name: str) -> str:
    """Colour of a shape, whatever is exchanged."""
    shapes = ("none", "complete", "halves", "overlapping", "ring", "graph", "communities")
    inks = (figures.BLACK, *figures.PALETTE)
    return inks[shapes.index(name.split(",")[0])]


def line(name: str) -> str:
    """Style of what is exchanged."""
    return LINES[1 if name.endswith("parameters") else 2 if name.endswith("turn") else 0]


def charters(graph: nx.Graph, met: Mapping[str, nx.DiGraph]) -> figures.Figure:
    """Who listens to whom in each shape, at one meeting; arrows as wide as the weights."""
    rows = int(np.ceil(len(met) / 4))
    figure, axes = figures.panels(rows, 4, size=(1.9, 1.9))
    for panel in axes.flat[len(met) :]:
        panel.set_axis_off()
    for panel, (shape, federation) in zip(axes.flat, met.items(), strict=False):
        federation_network(panel, federation, graph)
        figures.title(panel, shape)
    return figure
