"""Worlds that have places of their own, as drawings."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from commonweal.analysis.sketches import MEMBER, MEMBERSHIP, OUTSIDER, Inks
from commonweal.browser.keys import sorts
from commonweal.browser.sketch import MARGIN, Drawing
from commonweal.records import Mark, Sketch

BOARD = Sketch(
    4,
    2,
    (
        Mark(0.5, 0.5, 0.5, "square", "wall"),
        Mark(1.5, 0.5, 0.8, "disc", "agent", 1),
        Mark(3.5, 1.5, 0.1, "disc", "agent", 0),
        Mark(2.5, 1.5, 0.6, "diamond", "gem"),
    ),
    cells=True,
)
INKS = ["#000001", "#000002", "#EEEEE3", "#000004"]
UNIT = 140.0
"""Width of a cell of the board, a quarter of the longer side."""


def elements(svg, tag):
    return ElementTree.fromstring(svg).findall(tag)


def test_marks_are_drawn_where_they_are():
    svg = Drawing(BOARD).svg(INKS)
    one, two = elements(svg, "circle")
    assert (one.get("cx"), one.get("cy"), one.get("r"), one.get("fill")) == (
        f"{MARGIN + 1.5 * UNIT}",
        f"{MARGIN + 0.5 * UNIT}",
        "56.0",
        INKS[1],
    )
    assert (two.get("cx"), two.get("r"), two.get("fill")) == (
        f"{MARGIN + 3.5 * UNIT}",
        "7.0",
        INKS[2],
    )
    ground, wall = elements(svg, "rect")
    assert (ground.get("width"), ground.get("height")) == (f"{4 * UNIT}", f"{2 * UNIT}")
    assert (wall.get("x"), wall.get("y")) == (f"{MARGIN + 35.0}", f"{MARGIN + 35.0}")
    assert (wall.get("width"), wall.get("height"), wall.get("fill")) == ("70.0", "70.0", INKS[0])
    grid, gem = elements(svg, "path")
    assert gem.get("d") == "M364.0 182.0l42.0 42.0l-42.0 42.0l-42.0 -42.0z"
    assert [grid.get("d").count(letter) for letter in "vh"] == [3, 1]
    assert [shape.get("class") for shape in (one, gem)] == ["agent", "thing"]


def test_a_square_without_cells_has_no_grid():
    drawing = Drawing(Sketch(1, 1, (Mark(0.25, 1.0, 0.2, "disc", "agent", 0),)))
    svg = drawing.svg(["#56B4E9"])
    assert elements(svg, "path") == []
    assert drawing.width == drawing.height == 560 + 2 * MARGIN
    (disc,) = elements(svg, "circle")
    assert (disc.get("cx"), disc.get("cy"), disc.get("r")) == ("154.0", "574.0", "56.0")


def test_numbers_stand_within_large_agents_and_beside_small_ones():
    inside, beside = elements(Drawing(BOARD).svg(INKS), "text")
    assert (inside.text, inside.get("fill"), inside.get("x")) == (
        "1",
        "#fff",
        f"{MARGIN + 1.5 * UNIT}",
    )
    assert (beside.text, beside.get("x")) == ("0", f"{MARGIN + 3.5 * UNIT + 7 + 3}")
    border = Sketch(1, 1, (Mark(1.0, 0.5, 0.02, "disc", "agent", 7),))
    (text,) = elements(Drawing(border).svg(["#fff"]), "text")
    assert (text.get("class"), text.get("x")) == ("end", f"{MARGIN + 560 - 5.6 - 3:.1f}")
    crowd = tuple(Mark(0.5, 0.5, 0.4, "disc", "agent", node) for node in range(31))
    assert elements(Drawing(Sketch(1, 1, crowd)).svg(["#fff"] * 31), "text") == []
    assert len(elements(Drawing(Sketch(1, 1, crowd[1:])).svg(["#fff"] * 30), "text")) == 30


@pytest.mark.parametrize(("ink", "letters"), [("#0072B2", "#fff"), ("#F0E442", "#000")])
def test_numbers_can_be_read_on_dark_and_light_agents(ink, letters):
    (text,) = elements(Drawing(Sketch(1, 1, (BOARD.marks[1],))).svg([ink]), "text")
    assert (text.get("fill"), text.get("stroke")) == (letters, ink)


def test_the_chosen_agent_alone_wears_a_ring():
    drawing = Drawing(BOARD)
    rings = [
        [
            e.get("cx")
            for e in elements(drawing.svg(INKS, chosen), "circle")
            if e.get("class") == "ring"
        ]
        for chosen in (None, 1, 5)
    ]
    assert rings == [[], [f"{MARGIN + 1.5 * UNIT}"], []]


def test_a_click_finds_the_agent_under_it_or_close_by():
    drawing = Drawing(BOARD)

    def at(x, y):
        return drawing.agent_at(
            (MARGIN + x * UNIT) / drawing.width, (MARGIN + y * UNIT) / drawing.height
        )

    assert at(1.5, 0.5) == at(1.85, 0.5) == 1
    assert at(3.5, 1.4) == 0
    assert at(0.5, 0.5) is at(2.5, 1.5) is at(3.5, 1.3) is None


def test_of_agents_that_overlap_the_one_whose_middle_is_nearer_is_meant():
    large = Mark(0.5, 0.5, 0.5, "disc", "agent", 0)
    small = Mark(0.6, 0.5, 0.1, "disc", "agent", 1)
    for marks in ((large, small), (small, large)):
        drawing = Drawing(Sketch(1, 1, marks))
        assert drawing.agent_at(0.6, 0.5) == 1
        assert drawing.agent_at(0.48, 0.5) == 0


def test_things_keep_their_colours_while_others_come_and_go():
    def gems(*kinds):
        return Sketch(1, 1, tuple(Mark(0.5, 0.5, 0.1, "diamond", kind) for kind in kinds))

    inks = Inks()
    first, legend = inks.paint(gems("b", "a", "b"))
    assert len(set(first)) == 2
    assert [(sort.name, sort.many) for sort in legend] == [("a", 1), ("b", 2)]
    later, legend = inks.paint(gems("b", "0"))
    assert later[0] == first[0]
    assert later[1] not in first
    assert [(sort.name, sort.many) for sort in legend] == [("a", 0), ("b", 1), ("0", 1)]


def test_agents_have_the_colours_of_their_groups_and_things_have_others():
    inks = Inks(MEMBERSHIP)
    painted, legend = inks.paint(BOARD, ["outsider", "member"])
    assert painted[1:3] == [MEMBER, OUTSIDER]
    assert set(painted[::3]).isdisjoint(MEMBERSHIP.values())
    assert [(s.name, s.shape, s.many) for s in legend] == [
        ("member", "disc", 1),
        ("outsider", "disc", 1),
        ("gem", "diamond", 1),
        ("wall", "square", 1),
    ]
    painted, legend = inks.paint(BOARD, ["member", "member"])
    assert painted[1:3] == [MEMBER, MEMBER]
    assert [sort.many for sort in legend] == [2, 0, 1, 1]


def test_the_legend_says_shape_colour_and_number():
    html = sorts(Inks().paint(Sketch(1, 1, (Mark(0, 0, 1, "diamond", "a<b"),)))[1])
    assert 'class="diamond"' in html
    assert "a&lt;b <small>1</small>" in html


def test_every_colour_of_a_picture_differs_from_the_next():
    marks = tuple(Mark(0.5, 0.5, 0.1, "disc", f"thing {i}") for i in range(7))
    painted, _ = Inks().paint(Sketch(1, 1, marks))
    assert len(set(painted)) == 7
    assert all(one != two for one, two in pairwise(painted))
