"""Arrows: where the links of a weighted directed graph are drawn, and how wide; for any pen.

Each direction of a pair has its own side of the line between the two, as on a road, so that both
can be seen; an arrow is as wide as its weight says, and its head is always there to be seen.
"""

from dataclasses import dataclass

import networkx as nx
import numpy as np
from scipy.spatial import cKDTree

FAINT = 0.01
"""weights below this are not drawn"""
LINKS = 4_000
"""most links of a graph whose arrows can still be told apart"""


@dataclass(frozen=True)
class Sizes:
    """Measures of a picture, in the units of its places."""

    radius: float
    """of a node"""
    width: float
    """of an arrow of weight 1"""


def fits(graph: nx.Graph) -> bool:
    """Whether arrows over the links of a graph can be told apart, and last longer than a round."""
    return 0 < graph.number_of_edges() <= LINKS and not graph.graph.get("redrawn")


def sizes(places: np.ndarray) -> Sizes:
    """Nodes and arrows that leave each other room at ``places`` [N, 2]."""
    extent = np.ptp(places, axis=0).max() or 1.0
    gap = extent
    if len(places) > 1:
        gap = float(np.median(cKDTree(places).query(places, 2)[0][:, 1]))
    size = float(np.clip(0.25 * gap, 0.004 * extent, 0.024 * extent))
    return Sizes(radius=size, width=size)


def opacity(weights: np.ndarray) -> np.ndarray:
    """How strongly arrows are inked, in [0, 1]: faint ones are pale, yet can be seen."""
    return 0.35 + 0.65 * np.sqrt(np.clip(weights, 0, 1))


def outlines(tails: np.ndarray, heads: np.ndarray, weights: np.ndarray, of: Sizes) -> np.ndarray:
    """Corners of the arrows from ``tails`` to ``heads`` [E, 2], as polygons [E, 7, 2].

    Arrows reach from rim to rim of nodes that are further apart than both radii, and beyond
    weight 1 they grow no wider.
    """
    way = heads - tails
    length = np.hypot(*way.T)
    along = way / length[:, None]
    aside = np.stack([-along[:, 1], along[:, 0]], 1)
    half = of.width * np.clip(weights, 0, 1) / 2
    barb = half + 0.25 * of.width
    # Just beside the middle, which is left to the link itself.
    lane = barb + 0.05 * of.width
    rim = np.sqrt(np.maximum(of.radius**2 - lane**2, 0)) + 0.1 * of.radius
    start = np.minimum(rim, 0.45 * length)
    tip = length - start
    neck = np.maximum(tip - 2 * barb, start)
    corners = (
        (start, -half),
        (neck, -half),
        (neck, -barb),
        (tip, np.zeros_like(tip)),
        (neck, barb),
        (neck, half),
        (start, half),
    )
    points = [
        tails + along * forward[:, None] + aside * (lane + sideways)[:, None]
        for forward, sideways in corners
    ]
    return np.stack(points, 1)


def drawn(ends: np.ndarray, weights: np.ndarray, span: float) -> np.ndarray:
    """Which arrows between ``ends`` [E, 2, 2] are drawn, faintest first: numbers of arrows.

    None is longer than ``span`` in a direction: such a link of a torus runs over the border.
    """
    reach = np.abs(ends[:, 0] - ends[:, 1]).max(1, initial=0)
    shown = np.flatnonzero((weights >= FAINT) & (0 < reach) & (reach <= span))
    return shown[np.argsort(weights[shown], kind="stable")]
