"""What the page draws with, apart from the page."""

import io
import math
import re

import networkx as nx
import numpy as np
import pytest
import torch
from PIL import Image

from commonweal.analysis.sketches import MEMBER, OUTSIDER
from commonweal.browser.canvas import CHOSEN, Canvas
from commonweal.browser.charts import BOTTOM, HEIGHT, WIDTH, chart, charts
from commonweal.browser.history import History
from commonweal.browser.panels import KINDS, Line, panels
from commonweal.networks import NETWORKS
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share


def network(kind, agents, **settings):
    return NETWORKS[kind](agents, np.random.default_rng(0), **settings)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_history_keeps_exact_means_when_windows_merge():
    history = History(points=4)
    for tick in range(1, 9):
        cooperators = torch.tensor([float(tick % 3), 0.0])
        history.note(tick, {"x_C": (cooperators * tick, cooperators)})
    assert history.window == 4
    expected = []
    for ticks in (range(1, 5), range(5, 9)):
        weights = [tick % 3 for tick in ticks]
        expected.append(sum(w * t for w, t in zip(weights, ticks, strict=True)) / sum(weights))
    assert history.curve("x_C") == [(4, expected[0]), (8, expected[1])]


def test_history_stays_bounded_and_says_when_there_was_nobody():
    history = History(points=8)
    for tick in range(1, 1001):
        history.note(tick, {"x_D": (torch.zeros(2), torch.zeros(2))})
    curve = history.curve("x_D")
    assert len(curve) < 8
    assert all(math.isnan(value) for _, value in curve)


@pytest.mark.parametrize("side", [5, 50])
def test_a_lattice_is_drawn_as_cells_in_their_places(side):
    canvas = Canvas(network("square_lattice", side * side))
    colours = np.random.default_rng(1).integers(0, 200, (side * side, 3))
    picture = pixels(canvas.paint(colours))
    for agent in (0, side - 1, 2 * side + 1, side * side - 1):
        row, column = divmod(agent, side)
        x, y = (column + 0.4) / side, (row + 0.4) / side
        assert canvas.agent_at(x, y) == agent
        drawn = picture[int(y * picture.shape[0]), int(x * picture.shape[1])]
        assert drawn.tolist() == colours[agent].tolist()


@pytest.mark.parametrize(
    "graph",
    [
        network("small_world", 40),
        network("scale_free", 60),
        network("honeycomb", 36),
        network("well_mixed", 30),
        network("complete", 12),
        network("pairs", 10),
        network("scale_free", 600),
        nx.empty_graph(1),
    ],
    ids=lambda graph: graph.graph.get("name", "one"),
)
def test_every_node_of_a_graph_can_be_seen_and_clicked(graph):
    canvas = Canvas(graph)
    agents = len(graph)
    assert set(np.unique(canvas.owner)) - {-1} == set(range(agents))
    colours = np.zeros((agents, 3))
    colours[-1] = 255, 0, 0
    own = (canvas.owner == agents - 1) & (canvas.cover == 1)
    assert (pixels(canvas.paint(colours))[own] == [255, 0, 0]).all()
    row, column = np.argwhere(own)[0]
    height, width = canvas.owner.shape
    assert canvas.agent_at((column + 0.5) / width, (row + 0.5) / height) == agents - 1
    assert canvas.agent_at(0.0, 0.0) is None


def test_agents_in_a_row_take_no_more_room_than_they_need():
    canvas = Canvas(network("complete", 2))
    height, width = canvas.owner.shape
    assert height < width / 10
    assert pixels(canvas.paint(np.zeros((2, 3)))).shape == (height, width, 3)
    assert {canvas.agent_at(x, 0.5) for x in (0.04, 0.96)} == {0, 1}
    assert canvas.agent_at(0.5, 0.5) is None


def test_the_chosen_agent_and_its_neighbours_wear_rings():
    for graph in (network("square_lattice", 100), network("small_world", 40)):
        canvas = Canvas(graph)
        colours = np.full((len(graph), 3), 100.0)
        plain = pixels(canvas.paint(colours))
        ringed = pixels(canvas.paint(colours, 7, tuple(graph[7])))
        changed = (plain != ringed).any(-1)
        assert set(np.unique(canvas.owner[changed])) == {7, *graph[7]}
        assert (ringed[changed & (canvas.owner == 7)] == CHOSEN).all()


def test_links_are_drawn_where_they_mean_something():
    linked, loose = network("scale_free", 60), network("well_mixed", 60)
    assert (Canvas(linked).backdrop < 250).any()
    assert (Canvas(loose).backdrop == 255).all()


def test_a_chart_breaks_its_line_where_there_is_no_value():
    line = Line("defectors", "#D55E00", [(1, 0.5), (2, math.nan), (3, 1.0), (4, 0.0)])
    svg = chart("Reputation", [line], 4, (0.0, 1.0))
    path = svg.split('class="line"')[0].rsplit('d="', 1)[1].split('"')[0]
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert "nan" not in svg


def curve(svg):
    """The path of the only line of a chart."""
    return svg.split('class="line"')[0].rsplit('d="', 1)[1].split('"')[0]


def once_in_a_while(name, every=5, rounds=20):
    """The history of something measured every so many rounds, as at the ends of episodes."""
    history = History()
    for tick in range(1, rounds + 1):
        known = torch.ones(2) * (tick % every == 0)
        history.note(tick, {name: (known * tick, known)})
    return history


def test_what_is_measured_once_in_a_while_is_joined():
    path = curve(charts(once_in_a_while("std_over_mean"), 20)[0])
    assert (path.count("M"), path.count("L")) == (1, 3)
    (panel,) = panels(once_in_a_while("least_return"))
    assert panel.lines[0].points == [(5, 5.0), (10, 10.0), (15, 15.0), (20, 20.0)]


def test_a_mean_over_those_who_defect_is_interrupted_when_nobody_does():
    path = curve(charts(once_in_a_while("reputation_D", every=2), 20)[0])
    assert (path.count("M"), path.count("L")) == (10, 0)


def test_one_value_is_a_dot_and_no_value_is_said():
    one, none = (charts(once_in_a_while("least_return", every=e), 20)[0] for e in (20, 21))
    assert "stroke-width:5" in one
    assert "nothing yet" in none
    assert "stroke-width:5" not in none
    assert "nothing yet" not in one


def test_the_axis_of_tiny_numbers_tells_them_apart():
    svg = chart("Gap", [Line("gap", "#009E73", [(0, 0.0), (1, 2e-12)])], 1)
    labels = re.findall(r'class="end">([^<]+)<', svg)
    assert len(set(labels)) == len(labels) >= 2


def test_returns_of_resource_worlds_have_charts_of_their_own():
    drawn = {p.title: p for p in panels(measured("job_scheduling", 4, "fpf"))}
    labels = {title: [line.label for line in panel.lines] for title, panel in drawn.items()}
    assert labels["Collective return per episode"] == ["collective return"]
    assert labels["Std/mean of returns"] == ["std over mean"]
    assert labels["Least return per episode"] == ["least return"]
    assert labels["Returns of members and outsiders"] == ["members", "outsiders"]
    assert drawn["Federation: share of members"].fixed == (0, 1)
    assert {"Federation: meetings per episode", "Federation: consensus gap"} <= set(labels)
    sides = drawn["Returns of members and outsiders"].lines
    assert [line.colour for line in sides] == [MEMBER, OUTSIDER]


def test_returns_of_two_federations_have_the_same_colours_and_other_dashes():
    drawn = {p.title: p for p in panels(measured("job_scheduling", 4, "fpf", "lmf"))}
    sides = drawn["Returns of members and outsiders"].lines
    looks = {line.label: (line.colour, line.dash) for line in sides}
    assert set(looks) == {"members/fpf", "outsiders/fpf", "members/lmf", "outsiders/lmf"}
    assert looks["members/fpf"][0] == looks["members/lmf"][0] == MEMBER
    assert looks["members/fpf"][1] != looks["members/lmf"][1]


def test_charts_show_parts_by_move_and_kinds_apart():
    history = History()
    one = (torch.ones(1), torch.ones(1))
    names = ("cooperation", "cooperation/lr2", "reward", "reward_C", "utility_C", "reputation_D")
    history.note(1, dict.fromkeys(names, one))
    cooperation, reputation, gain = charts(history, 1)
    assert ">all<" in cooperation
    assert ">lr2<" in cooperation
    assert ">defectors<" in reputation
    assert ">reward C<" in gain
    assert ">utility C<" in gain
    assert ">reward<" not in gain


def measured(kind, agents, *shares, steps=2, **settings):
    """The history of a few rounds of a world."""
    population = [Share(kind=name) for name in shares]
    world = assemble(
        Experiment(agents=agents, population=population, world={"kind": kind} | settings)
    )
    history = History()
    for _ in range(steps):
        world.step()
        history.note(world.tick, world.measured)
    return history


GAMES = [
    ("toy_game", 2, "aga"),
    ("toy_game", 2, "aga", "free_rider"),
    ("public_goods", 25, "aga", "sga", "free_rider"),
    ("public_goods", 8, "svo", "conditional_cooperator"),
    ("iterated_dilemma", 2, "aga"),
    ("lattice", 25, "aga", "lr2"),
    ("lattice", 25, "lase"),
    ("lattice", 25, "lase", "generous", "always_defect"),
    ("job_scheduling", 4, "fpf"),
    ("matthew_effect", 6, "fpf", "lmf"),
    ("manufacturing_plant", 5, "lmf", "nearest"),
]


@pytest.mark.parametrize("game", GAMES, ids=lambda game: "-".join(map(str, game)))
def test_every_indicator_has_a_line_of_its_own(game):
    history = measured(*game)
    drawn = panels(history)
    implied = {"reward", "utility"} if "reward_C" in history.names else set()
    assert sum(len(panel.lines) for panel in drawn) == len(set(history.names) - implied)
    for panel in drawn:
        assert len({line.label for line in panel.lines}) == len(panel.lines)
        assert len({(line.colour, line.dash) for line in panel.lines}) == len(panel.lines)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: "-".join(map(str, game)))
def test_no_two_words_of_a_chart_overlap(game):
    for svg in charts(measured(*game), 2):
        title = re.search(r'<text x="4" y="14" class="title">([^<]+)<', svg)[1]
        words = re.findall(r'<text x="([\d.-]+)" y="(\d+)">([^<]+)<', svg)
        ends = {"14": 4 + 9 * len(title)}
        for x, y, label in sorted((float(x), y, label) for x, y, label in words):
            assert x - 18 > ends.get(y, 0), f"{label} in {title}"
            ends[y] = x + 5.6 * len(label)
        assert max(ends.values()) <= WIDTH


def test_charts_of_a_game_group_what_shares_an_axis():
    drawn = {panel.title: panel for panel in panels(measured("toy_game", 2, "aga"))}
    labels = {title: [line.label for line in panel.lines] for title, panel in drawn.items()}
    assert labels["Actions"] == ["action", "action 1", "action 2"]
    assert labels["Reward and utility"] == ["reward", "reward 1", "reward 2", "utility"]
    assert labels["Welfare"] == ["welfare"]
    assert labels["Equality and lanes moving"] == ["equality", "moving"]
    assert labels["Sign of the adjustment"] == ["sign"]
    assert labels["Curvature"] == ["collective curvature", "own curvature", "curvature square"]
    assert drawn["Equality and lanes moving"].fixed == (0, 1)
    assert drawn["Sign of the adjustment"].fixed == (-1, 1)


def test_kinds_that_live_together_keep_their_colours_and_names():
    drawn = {p.title: p.lines for p in panels(measured("public_goods", 25, "aga", "sga"))}
    lines = {f"{title}: {line.label}": line for title, own in drawn.items() for line in own}
    assert {"Actions: aga", "Sign of the adjustment: sga", "Reward and utility: reward/sga"} <= set(
        lines
    )
    assert "Curvature: own curvature/aga" in lines
    colours = {lines[name].colour for name in ("Actions: sga", "Reward and utility: reward/sga")}
    assert colours == {KINDS[1]} == {lines["Sign of the adjustment: sga"].colour}


def test_what_is_measured_between_kinds_says_who_and_to_whom():
    drawn = {p.title: p.lines for p in panels(measured("lattice", 25, "lase", "generous"))}
    given = {line.label: (line.colour, bool(line.dash)) for line in drawn["Gift weight"]}
    assert given["lase"] == (KINDS[0], False)
    assert given["generous"] == (KINDS[1], False)
    assert given["to lase"] == (KINDS[0], True)
    assert given["to generous"] == (KINDS[1], True)
    assert "all" in given
    assert {line.label for line in drawn["Accuracy of beliefs"]} >= {"lase", "to generous"}
    assert [line.label for line in drawn["Gifts in all"]] == ["given", "reciprocity"]


def test_a_line_that_hardly_changes_is_not_blown_up():
    line = Line("cross entropy", "#009E73", [(0, 0.69312), (1, 0.69317)])
    svg = chart("Surprise", [line], 1)
    assert [text for text in re.findall(r'class="end">([^<]+)<', svg) if len(text) > 5] == []


def test_a_chart_with_fixed_bounds_keeps_to_them():
    line = Line("equality", "#009E73", [(0, 0.5), (1, -200.0), (2, math.inf), (3, 1.0)])
    svg = chart("Equality", [line], 3, (0.0, 1.0))
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", svg.split('class="line"')[0])]
    assert max(heights) == HEIGHT - BOTTOM
    assert "inf" not in svg
