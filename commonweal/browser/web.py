"""Paint who does how much to whom: arrows over the links of a society, several times a second."""

import networkx as nx
import numpy as np
from PIL import Image, ImageDraw

from commonweal.analysis import arrows, figures
from commonweal.browser.canvas import SIZE, Canvas

FINE = 2
"""Pixels of the drawing board along each side of a pixel of the picture."""
INK = (34, 34, 34)
LEGIBLE = 12
"""Least radius of nodes that have room for a number, in pixels; letters are as high."""


class Web(Canvas):
    """The picture of one graph with arrows; everybody is a node, on a lattice too."""

    def __init__(self, graph: nx.Graph, places: np.ndarray) -> None:
        """Lay out the nodes at ``places`` [N, 2] with room for arrows between them."""
        self.cells = False
        self.places = places
        self.links = graph if graph.graph.get("name") in figures.WRAPPED else nx.Graph()
        """those that may run over the border"""
        self._lay_nodes(graph, places, lambda centres: arrows.sizes(centres).radius)
        self.sizes = arrows.sizes(self.centres)
        self.free = 1 - self.cover

    def weave(
        self,
        colours: np.ndarray,
        book: nx.DiGraph,
        weight: str,
        chosen: int | None = None,
        near: tuple = (),
        numbers: bool = False,
    ) -> bytes:
        """A PNG like that of `paint`, with arrows as wide as ``weight`` of the edges of ``book``.

        With ``numbers`` nodes have theirs where it fits.
        """
        picture = Image.fromarray(self._picture(colours, chosen, near))
        picture.paste(INK, mask=Image.fromarray(self.arrows(book, weight)))
        if numbers and self.sizes.radius >= LEGIBLE:
            draw = ImageDraw.Draw(picture)
            for node, (x, y) in enumerate(self.centres):
                draw.text((x, y), str(node), fill=INK, font_size=LEGIBLE + 1, anchor="mm")
        return self._png(picture)

    def arrows(self, book: nx.DiGraph, weight: str) -> np.ndarray:
        """How much ink each pixel gets, [height, width] in 0 .. 255; none where a node is."""
        height, width = self.owner.shape
        board = Image.new("L", (FINE * width, FINE * height))
        edges = np.array(list(book.edges(data=weight)), float).reshape(-1, 3)
        ends, weights = self.centres[edges[:, :2].astype(int)], edges[:, 2]
        # Friends across the picture are shown as such, neighbours across the border are not.
        over = [SIZE / 2 if self.links.has_edge(u, v) else np.inf for u, v in book.edges]
        shown = arrows.drawn(ends, weights, np.array(over))
        tails, heads = ends[shown].transpose(1, 0, 2)
        shapes = FINE * (arrows.outlines(tails, heads, weights[shown], self.sizes) + 0.5) - 0.5
        inks = (255 * arrows.opacity(weights[shown])).astype(int).tolist()
        draw = ImageDraw.Draw(board)
        for shape, ink in zip(shapes.reshape(-1, 14).tolist(), inks, strict=True):
            draw.polygon(shape, fill=ink)
        return (np.asarray(board.reduce(FINE)) * self.free).astype(np.uint8)
