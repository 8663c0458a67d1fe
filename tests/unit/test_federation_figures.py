"""Figures of federations and of worlds with places, as matplotlib holds them."""

import networkx as nx
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba

from commonweal.analysis import figures
from commonweal.analysis.federation_figures import draw_sketch, federation_network, outline
from commonweal.analysis.sketches import MEMBER, MEMBERSHIP, OUTSIDER, STRANGER
from commonweal.records import Mark, Sketch


def axes():
    return figures.panels()[1][0, 0]


def federation(**weights):
    """Of agents 0 to 2, 2 being no member; ``w0_1`` is how much 1 listens to 0."""
    graph = nx.DiGraph(meetings=1)
    for node in range(3):
        graph.add_node(node, member=node < 2)
    for pair, weight in weights.items():
        graph.add_edge(*map(int, pair[1:].split("_")), weight=weight, shared=weight)
    return graph


def legend(panel):
    return [text.get_text() for text in panel.get_legend().get_texts()]


def test_everybody_has_the_colour_of_its_membership():
    panel = axes()
    federation_network(panel, federation(w0_1=0.5), nx.complete_graph(4))
    *_, dots = panel.collections
    dots.update_scalarmappable()
    assert [to_hex(ink).upper() for ink in dots.get_facecolors()] == [
        MEMBER,
        MEMBER,
        OUTSIDER,
        STRANGER,
    ]
    assert legend(panel) == ["member", "outsider", "no federation"]


def test_arrows_go_to_who_listens_and_are_as_wide_as_the_weight():
    areas = []
    for weight in (0.25, 0.5):
        panel = axes()
        federation_network(panel, federation(w0_1=weight, w1_0=0.0), nx.complete_graph(3))
        _, ink, dots = panel.collections
        (arrow,) = ink.get_paths()
        start, end = dots.get_offsets()[:2]
        tip = arrow.vertices[3]
        assert np.hypot(*(tip - end)) < np.hypot(*(tip - start))
        x, y = arrow.vertices[:-1].T
        areas.append(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)
    assert areas[1] > 1.3 * areas[0]


def test_a_world_is_drawn_as_it_is():
    marks = (
        Mark(0.5, 1.5, 0.8, "disc", "agent", 1),
        Mark(1.5, 0.5, 0.05, "disc", "agent", 0),
        Mark(2.5, 0.5, 0.5, "diamond", "gem"),
    )
    panel = axes()
    draw_sketch(panel, Sketch(3, 2, marks, cells=True), ["outsider", "member"], MEMBERSHIP)
    first, second, gem = panel.patches
    assert [patch.get_facecolor() for patch in (first, second)] == [
        to_rgba(MEMBER),
        to_rgba(OUTSIDER),
    ]
    assert gem.get_facecolor() not in map(to_rgba, MEMBERSHIP.values())
    assert first.get_xy().mean(0).round(1).tolist() == [0.5, 1.5]
    assert (panel.get_xlim(), panel.get_ylim()) == ((0, 3), (2, 0))
    assert {text.get_text(): text.get_position()[0] for text in panel.texts} == {
        "1": 0.5,
        "0": pytest.approx(1.55),
    }
    assert sum(len(lines.get_paths()) for lines in panel.collections) == 2 + 1
    assert legend(panel) == ["member", "outsider", "gem"]


@pytest.mark.parametrize(
    ("shape", "corners"),
    [
        ("square", {(1, 1), (1, 3), (3, 1), (3, 3)}),
        ("diamond", {(1, 2), (3, 2), (2, 1), (2, 3)}),
    ],
)
def test_shapes_are_as_wide_as_their_size(shape, corners):
    found = outline(Mark(2, 2, 2, shape, "thing")).round(6)
    assert {tuple(point) for point in found.tolist()} == corners


def test_a_disc_is_round():
    found = outline(Mark(2, 2, 2, "disc", "thing")) - 2
    assert np.allclose(np.hypot(*found.T), 1)
    assert len(found) > 30
