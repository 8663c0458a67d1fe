"""Paint a society as a picture: which pixel is whose is worked out once, colours every frame."""

import io
from collections.abc import Callable

import networkx as nx
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

from commonweal.analysis import figures

SIZE = 560
"""Side of the picture in pixels, for lattices nearly."""
RING = 3
"""Pixels around a node that can show that it is chosen."""
LINKS = 4_000
"""Most links that are drawn; more would be one grey blur."""
SPRINGS = 500
"""Most agents whose places a spring layout finds while somebody waits."""
CHOSEN = (216, 27, 96)
"""Colour of the rings; it stands out from actions, kinds and magnitudes alike."""


class Canvas:
    """The picture of one graph: cells where its places fill a rectangle, else nodes and links."""

    def __init__(self, graph: nx.Graph) -> None:
        """Find everybody's place."""
        self.places = places = _places(graph)
        column, row = (np.unique(axis, return_inverse=True) for axis in places.T)
        width, height = len(column[0]), len(row[0])
        self.cells = min(width, height) > 1 and width * height == len(places)
        if self.cells:
            owner = np.empty((height, width), int)
            owner[row[1], column[1]] = np.arange(len(places))
            self._lay_cells(owner)
        else:
            self._lay_nodes(graph, places, _radius)

    def _lay_cells(self, cells: np.ndarray) -> None:
        """Cells [rows, columns] with a light line between those that are large enough."""
        side = max(1, SIZE // max(cells.shape))
        self.owner = cells.repeat(side, 0).repeat(side, 1)
        inside = np.minimum(np.arange(side), np.arange(side)[::-1])
        depth = np.minimum(inside[:, None], inside)
        self.depth = np.tile(depth, cells.shape).astype(float)
        self.rim = min(3.0, max(1.0, side / 5))
        self.cover = np.ones(self.owner.shape)
        if side >= 8:
            self.cover[side - 1 :: side] = 0.15
            self.cover[:, side - 1 :: side] = 0.15
        self.backdrop = np.full((*self.owner.shape, 3), 255.0)
        self._settle()

    def _lay_nodes(
        self, graph: nx.Graph, places: np.ndarray, size: Callable[[np.ndarray], float]
    ) -> None:
        """Discs of the ``size`` for their centres on a backdrop of links; flat where all stand in a row."""
        margin = 20
        extent = np.ptp(places, axis=0)
        span = max(extent.max(), 1e-9)
        offset = np.array([(span - extent[0]) / 2, 0.0])
        centres = margin + (places - places.min(0) + offset) / span * (SIZE - 2 * margin)
        height = 2 * margin + int(np.ceil(extent[1] / span * (SIZE - 2 * margin)))
        self.centres, radius = centres, size(centres)
        reach = np.arange(-int(radius) - RING - 1, int(radius) + RING + 2)
        down, right = (part.ravel() for part in np.meshgrid(reach, reach, indexing="ij"))
        x = np.rint(centres[:, :1]).astype(int) + right
        y = np.rint(centres[:, 1:]).astype(int) + down
        distance = np.hypot(x - centres[:, :1], y - centres[:, 1:])
        near = (distance < radius + RING) & (0 <= x) & (x < SIZE) & (0 <= y) & (y < height)
        agent = np.broadcast_to(np.arange(len(places))[:, None], x.shape)[near]
        x, y, distance = x[near], y[near], distance[near]
        # Of several agents that reach a pixel the nearest is written last, and stays.
        order = np.argsort(-distance, kind="stable")
        self.owner = np.full((height, SIZE), -1)
        self.depth = np.full((height, SIZE), -np.inf)
        self.owner[y[order], x[order]] = agent[order]
        self.depth[y[order], x[order]] = radius - distance[order]
        self.rim = 0.0
        self.cover = (self.depth + 0.5).clip(0, 1)
        self.backdrop = _links(graph, centres)[:height]
        self._settle()

    def _settle(self) -> None:
        """Keep apart the pixels that change."""
        self._covered = np.nonzero(self.cover)
        self._whose = self.owner[self._covered]
        self._share = self.cover[self._covered][:, None]
        self._rest = self.backdrop[self._covered] * (1 - self._share)

    def paint(self, colours: np.ndarray, chosen: int | None = None, near: tuple = ()) -> bytes:
        """A PNG of everybody in its colour [N, 3], with rings around an agent and its neighbours."""
        return self._png(Image.fromarray(self._picture(colours, chosen, near)))

    def _picture(self, colours: np.ndarray, chosen: int | None, near: tuple) -> np.ndarray:
        picture = self.backdrop.astype(np.uint8)
        picture[self._covered] = (colours[self._whose] * self._share + self._rest).astype(np.uint8)
        if chosen is not None:
            self._ring(picture, near, 0.5)
            self._ring(picture, (chosen,), 1.0)
        return picture

    @staticmethod
    def _png(picture: Image.Image) -> bytes:
        file = io.BytesIO()
        picture.save(file, "PNG", compress_level=1)
        return file.getvalue()

    def _ring(self, picture: np.ndarray, agents: tuple, strength: float) -> None:
        ring = np.isin(self.owner, agents) & (self.depth < self.rim)
        picture[ring] = picture[ring] * (1 - strength) + np.array(CHOSEN) * strength

    def agent_at(self, x: float, y: float) -> int | None:
        """The agent at a point given in shares of width and height, if there is one."""
        height, width = self.owner.shape
        column, row = int(x * width), int(y * height)
        if not (0 <= column < width and 0 <= row < height):
            return None
        agent = int(self.owner[row, column])
        return None if agent < 0 else agent


def _places(graph: nx.Graph) -> np.ndarray:
    """Places [N, 2]: the graph's own, springs, or a circle or disc where springs show nothing."""
    agents = len(graph)
    if "pos" in graph.nodes[0]:
        return figures.positions(graph)
    if graph.graph.get("redrawn") or nx.density(graph) == 1:
        turns, radius = np.arange(agents) / agents, 1.0
    elif agents <= SPRINGS:
        return figures.positions(graph)
    else:
        # A sunflower: those with most links in the middle.
        rank = np.empty(agents)
        rank[sorted(graph, key=graph.degree, reverse=True)] = np.arange(agents)
        turns, radius = rank * (3 - 5**0.5) / 2, np.sqrt(rank + 0.5)
    angles = 2 * np.pi * turns
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], 1)


def _radius(centres: np.ndarray) -> float:
    """Pixels of a disc: less than half the usual distance to the nearest other."""
    some = centres[:: max(1, len(centres) // 300)]
    distance = np.hypot(*(some[:, None] - centres).transpose(2, 0, 1))
    nearest = np.partition(distance, 1, axis=1)[:, 1] if len(centres) > 1 else np.array([SIZE])
    return float(np.clip(0.42 * np.median(nearest), 2, 12))


def _links(graph: nx.Graph, centres: np.ndarray) -> np.ndarray:
    """The backdrop [SIZE, SIZE, 3]: links, unless there are too many or every round has others."""
    figure = Figure(figsize=(SIZE / 100, SIZE / 100), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    if len(graph.edges) <= LINKS and not graph.graph.get("redrawn"):
        ends = centres[np.array(graph.edges, dtype=np.int64).reshape(-1, 2)]
        if graph.graph.get("name") in figures.WRAPPED:
            ends = ends[np.abs(ends[:, 0] - ends[:, 1]).max(1) <= SIZE / 2]
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, SIZE), ylim=(SIZE, 0))
        axes.axis("off")
        colour = "0.75" if len(ends) <= LINKS / 4 else "0.85"
        axes.add_collection(LineCollection(ends, colors=colour, linewidths=0.8))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(float)
