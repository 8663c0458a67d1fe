"""Arrows: where they lie, how wide they are, and which are left out."""

import networkx as nx
import numpy as np
import pytest

from commonweal.analysis.arrows import LINKS, Sizes, drawn, fits, opacity, outlines, sizes

SIZE = Sizes(radius=5.0, width=4.0)


def arrow(tail, head, weight):
    points = [np.array([place], float) for place in (tail, head)]
    return outlines(*points, np.array([weight]), SIZE)[0]


def test_an_arrow_runs_from_rim_to_rim_on_its_side():
    shape = arrow((0, 0), (100, 0), 0.5)
    # Shaft 2 wide, head 2 * (1 + 0.25 * 4) = 4 wide and as long, lane 2 + 0.05 * 4 = 2.2.
    rim = (25 - 2.2**2) ** 0.5 + 0.5
    assert shape[:, 1] == pytest.approx([1.2, 1.2, 0.2, 2.2, 4.2, 3.2, 3.2])
    assert shape[[0, 6], 0] == pytest.approx(rim)
    assert shape[3, 0] == pytest.approx(100 - rim)
    assert shape[[1, 2, 4, 5], 0] == pytest.approx(100 - rim - 4)


def test_two_directions_of_a_pair_never_touch():
    for there, back in ((1.0, 1.0), (1.0, 0.02), (0.3, 0.6)):
        one, other = arrow((0, 0), (0, 80), there), arrow((0, 80), (0, 0), back)
        assert one[:, 0].max() < 0 < other[:, 0].min()


def test_width_is_proportional_to_the_weight_up_to_one():
    def width(weight):
        shape = arrow((0, 0), (60, 80), weight)
        return float(np.hypot(*(shape[0] - shape[6])))

    assert [width(w) for w in (0.25, 0.5, 1.0, 1.7)] == pytest.approx([1, 2, 4, 4])


def test_between_near_nodes_an_arrow_still_points_the_right_way():
    shape = arrow((0, 0), (3, 0), 1.0)
    assert 0 < shape[0, 0] < shape[3, 0] < 3
    assert (shape[:, 0] <= shape[3, 0]).all()


def test_faint_and_wrapped_links_are_left_out_and_the_strongest_lie_on_top():
    places = np.array([[0, 0], [1, 0], [9, 0]], float)
    pairs = np.array([[0, 1], [1, 0], [0, 2], [1, 2], [1, 1]])
    weights = np.array([0.9, 0.2, 0.5, 0.0099, 0.3])
    assert drawn(places[pairs], weights, np.inf).tolist() == [1, 2, 0]
    assert drawn(places[pairs], weights, 4.5).tolist() == [1, 0]
    assert drawn(np.zeros((0, 2, 2)), np.zeros(0), np.inf).tolist() == []


def test_ink_grows_with_the_weight():
    inks = opacity(np.array([0.0, 0.1, 0.5, 1.0]))
    assert (np.diff(inks) > 0).all()
    assert inks[-1] == 1


def test_nodes_leave_room_for_arrows():
    grid = np.argwhere(np.ones((20, 20))).astype(float)
    assert sizes(grid).radius == pytest.approx(0.25)
    assert sizes(grid[:1]) == sizes(np.zeros((1, 2)))
    assert sizes(np.array([[0, 0], [100, 0]])).radius == pytest.approx(2.4)


def test_arrows_need_few_links_that_last():
    redrawn = nx.cycle_graph(6)
    redrawn.graph["redrawn"] = True
    assert fits(nx.cycle_graph(LINKS))
    assert not fits(nx.cycle_graph(LINKS + 1))
    assert not fits(redrawn)
    assert not fits(nx.empty_graph(3))
