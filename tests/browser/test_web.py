"""Arrows over the links of a society, as pixels."""

import io
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from PIL import Image

from commonweal.browser.canvas import Canvas
from commonweal.browser.web import INK, Web
from commonweal.networks import NETWORKS


def web(kind, agents):
    graph = NETWORKS[kind](agents, np.random.default_rng(0))
    return Web(graph, Canvas(graph).places)


def book(agents, **weights):
    """A ledger's graph; ``a3_4`` is what 3 gives 4."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(agents))
    for pair, weight in weights.items():
        graph.add_edge(*map(int, pair[1:].split("_")), size=weight)
    return graph


def near_link(canvas, ink, a, b):
    """Ink within a few pixels of the straight line between two nodes, and ink elsewhere."""
    row, column = np.mgrid[: ink.shape[0], : ink.shape[1]]
    point = np.stack([column, row], -1) - canvas.centres[a]
    way = canvas.centres[b] - canvas.centres[a]
    length = np.hypot(*way)
    along = point @ way / length
    aside = np.abs(point[..., 0] * way[1] - point[..., 1] * way[0]) / length
    on = (0 <= along) & (along <= length) & (aside < 2 * canvas.sizes.width)
    return int(ink[on].sum()), int(ink[~on].sum())


@pytest.mark.parametrize(
    ("kind", "agents", "a", "b"),
    [("complete", 2, 0, 1), ("square_lattice", 100, 44, 45), ("scale_free", 60, 0, 5)],
)
def test_an_arrow_inks_the_pixels_beside_its_link_and_no_others(kind, agents, a, b):
    canvas = web(kind, agents)
    ink = canvas.arrows(book(agents, **{f"a{a}_{b}": 0.6}), "size")
    on, off = near_link(canvas, ink, a, b)
    assert on > 255 * 10
    assert off == 0
    assert (ink[canvas.owner == a][canvas.cover[canvas.owner == a] == 1] == 0).all()


def test_ink_grows_with_the_weight_and_nothing_is_drawn_of_nothing():
    canvas = web("square_lattice", 100)
    inks = [
        int(canvas.arrows(book(100, a44_45=weight), "size").sum())
        for weight in (0.0, 0.009, 0.05, 0.2, 0.5, 1.0)
    ]
    assert inks[:2] == [0, 0]
    assert all(one < two for one, two in pairwise(inks[1:]))
    assert inks[-1] > 4 * inks[2]


def test_both_directions_of_a_pair_are_told_apart():
    canvas = web("complete", 2)
    there = canvas.arrows(book(2, a0_1=0.7), "size") > 0
    back = canvas.arrows(book(2, a1_0=0.7), "size") > 0
    both = canvas.arrows(book(2, a0_1=0.7, a1_0=0.7), "size") > 0
    assert not (there & back).any()
    assert (both == (there | back)).all()
    # The head is the widest part, and it is where the gift arrives.
    tall = there.sum(0)
    widest = np.flatnonzero(tall == tall.max())
    target, origin = canvas.centres[1, 0], canvas.centres[0, 0]
    assert np.abs(widest - target).max() < np.abs(widest - origin).min()


def test_links_over_the_border_of_a_torus_have_no_arrows():
    canvas = web("square_lattice", 25)
    assert 4 in NETWORKS["square_lattice"](25, np.random.default_rng(0))[0]
    assert not canvas.arrows(book(25, a0_4=1.0, a20_0=1.0), "size").any()
    assert canvas.arrows(book(25, a0_1=1.0), "size").any()


def test_friends_across_the_picture_have_arrows_even_on_a_torus():
    canvas = web("square_lattice", 25)
    assert canvas.arrows(book(25, a0_24=1.0), "size").any()
    across = canvas.arrows(book(25, a0_24=1.0, a0_4=1.0), "size")
    assert (across == canvas.arrows(book(25, a0_24=1.0), "size")).all()


def test_nodes_with_room_for_them_have_numbers():
    canvas, crowd = web("complete", 4), web("square_lattice", 400)
    for shown, differ in ((canvas, True), (crowd, False)):
        agents = len(shown.centres)
        colours, empty = np.full((agents, 3), 200.0), book(agents)
        plain, numbered = (
            np.asarray(Image.open(io.BytesIO(shown.weave(colours, empty, "size", numbers=n))))
            for n in (False, True)
        )
        changed = (plain != numbered).any(-1)
        assert changed.any() == differ
        assert set(np.unique(shown.owner[changed])) == (set(range(agents)) if differ else set())


def test_a_lattice_is_woven_in_its_colours_with_dark_arrows():
    canvas = web("square_lattice", 25)
    assert not canvas.cells
    colours = np.full((25, 3), 200.0)
    png = canvas.weave(colours, book(25, a6_7=1.0), "size", 12, (11, 13))
    picture = np.asarray(Image.open(io.BytesIO(png)))
    x, y = np.rint(canvas.centres[6]).astype(int)
    assert picture[y, x].tolist() == [200, 200, 200]
    plain = np.asarray(Image.open(io.BytesIO(canvas.paint(colours, 12, (11, 13)))))
    changed = (picture != plain).any(-1)
    assert (picture[changed] == INK).all(1).sum() > 50
    height, width = canvas.owner.shape
    assert canvas.agent_at((x + 0.5) / width, (y + 0.5) / height) == 6
