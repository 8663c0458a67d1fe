"""What the page draws with, apart from the page."""

import io
import math

import networkx as nx
import numpy as np
import pytest
import torch
from PIL import Image

from commonweal.browser.canvas import CHOSEN, Canvas
from commonweal.browser.charts import chart, charts
from commonweal.browser.panels import Line
from commonweal.browser.history import History
from commonweal.browser.knobs import knobs, turned, values
from commonweal.networks import NETWORKS
from commonweal.simulation.experiment import Experiment, Share, resolve


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


def test_untouched_knobs_leave_the_experiment_as_it_is():
    several = [Share(kind="lr2", count=5), Share(kind="ippo", count=7), Share(kind="dd", count=4)]
    for population in ([Share(kind="lr2")], several[:2], several):
        experiment = resolve(Experiment(population=population, world={"temptation": 1.25}))
        assert resolve(turned(experiment, values(knobs(experiment)))) == experiment


def test_size_keeps_the_proportions_of_many_kinds():
    population = [Share(kind=kind, count=n) for kind, n in (("lr2", 8), ("ippo", 4), ("dd", 4))]
    experiment = resolve(Experiment(population=population))
    turning = values(knobs(experiment)) | {"side": 8}
    assert [share.count for share in turned(experiment, turning).population] == [32, 16, 16]
