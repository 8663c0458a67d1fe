"""Figures of federations: who listens to whom, and where members and outsiders are in their world."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import networkx as nx
import numpy as np

from commonweal.analysis import figures
from commonweal.analysis.sketches import MEMBERSHIP, Inks, Sort
from commonweal.records import Mark, Sketch
from commonweal.simulation import files

MARKERS = {"disc": "o", "square": "s", "diamond": "D"}
CORNERS = {
    "disc": np.linspace(0, 2 * np.pi, 48, endpoint=False),
    "square": np.pi * np.array([0.25, 0.75, 1.25, 1.75]),
    "diamond": np.pi * np.array([0, 0.5, 1, 1.5]),
}
"""Angles of the corners of the shapes; a disc has many."""
ROOMY = 0.045
"""Least diameter of a disc that holds its number, in widths of the picture."""


def federation_network(axes: figures.Axes, federation: nx.DiGraph, graph: nx.Graph) -> None:
    """Draw whom everybody listened to in the last meeting: arrows as wide as their weights.

    ``federation`` is that of `Federation.graph`; ``graph`` says where agents stand, also those
    who belong to no federation.
    """
    member, outsider, stranger = MEMBERSHIP
    names = [
        (member if federation.nodes[node]["member"] else outsider)
        if node in federation
        else stranger
        for node in range(graph.number_of_nodes())
    ]
    if nx.density(graph) == 1:
        graph = graph.copy()
        nx.set_node_attributes(graph, nx.circular_layout(graph), "pos")
    labels, palette = tuple(MEMBERSHIP), tuple(MEMBERSHIP.values())
    values = [labels.index(name) for name in names]
    figures.gift_network(axes, federation, graph, values, labels=labels, palette=palette)
    found = [Sort(n, "disc", ink, names.count(n)) for n, ink in MEMBERSHIP.items() if n in names]
    key(axes, found)


def run_networks(folder: Path) -> list[Path]:
    """Draw the last meeting of every federation of a run, in FOLDER/figures. Returns all paths."""
    graph, written = files.read_graph(folder / "graph.graphml"), []
    for path in sorted(folder.glob("federation-*.graphml")):
        figure, axes = figures.panels()
        federation_network(axes[0, 0], files.read_graph(path), graph)
        written += figures.save(figure, folder / "figures" / path.stem)
    return written


def draw_sketch(
    axes: figures.Axes,
    sketch: Sketch,
    groups: Sequence[str] = (),
    palette: Mapping[str, str] | None = None,
) -> None:
    """Draw a world with places of its own, and the number of every agent.

    ``groups`` [N] and ``palette`` as for `Inks`: what agents are coloured by.
    """
    inks, found = Inks(palette).paint(sketch, groups)
    if sketch.cells:
        grid = {"colors": "0.85", "linewidths": 0.5, "zorder": 0}
        axes.vlines(np.arange(1, sketch.width), 0, sketch.height, **grid)
        axes.hlines(np.arange(1, sketch.height), 0, sketch.width, **grid)
    for mark, ink in zip(sketch.marks, inks, strict=True):
        edge = "0.2" if mark.agent >= 0 else "none"
        axes.fill(*outline(mark).T, facecolor=ink, edgecolor=edge, linewidth=0.5, clip_on=False)
    for mark in sketch.marks:
        if mark.agent >= 0:
            inside = mark.size >= ROOMY * max(sketch.width, sketch.height)
            x = mark.x if inside else mark.x + mark.size
            look = {"ha": "center" if inside else "left", "va": "center_baseline"}
            axes.text(x, mark.y, str(mark.agent), fontsize=6, **look)
    axes.spines[:].set_visible(True)
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(0, sketch.width), ylim=(sketch.height, 0))
    key(axes, found)


def outline(mark: Mark) -> np.ndarray:
    """Corners of a mark, [C, 2]."""
    reach = mark.size / 2 * (np.sqrt(2) if mark.shape == "square" else 1)
    angles = CORNERS[mark.shape]
    return np.array([mark.x, mark.y]) + reach * np.stack([np.cos(angles), np.sin(angles)], 1)


def key(axes: figures.Axes, sorts: Sequence[Sort]) -> None:
    """Say below a picture what its colours mean."""
    handles = []
    for sort in sorts:
        look = {"color": sort.ink, "marker": MARKERS[sort.shape], "label": sort.name}
        handles += axes.plot([], [], linestyle="", markersize=4, **look)
    figures.legend(
        axes,
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        ncols=min(3, len(handles)),
        columnspacing=0.8,
        handletextpad=0.0,
    )
