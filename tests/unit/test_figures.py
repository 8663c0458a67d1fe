"""Figures: what is drawn, and that files are whole."""

import subprocess
import sys
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from matplotlib.collections import (
    EllipseCollection,
    LineCollection,
    PathCollection,
    PolyCollection,
)
from matplotlib.image import AxesImage

from commonweal.analysis import figures, series
from commonweal.simulation import files


def lattice(rows, columns):
    graph = nx.empty_graph(rows * columns)
    for node in graph:
        graph.nodes[node]["pos"] = (node % columns, node // columns)
    return graph


def recording(replicates=2, **extra):
    step = np.tile(np.arange(1, 6) * 320.0, replicates)
    base = {"step": step, "replicate": np.repeat(np.arange(replicates), 5)}
    rng = np.random.default_rng(0)
    drawn = {name: rng.random(step.size) for name in ("cooperation", "reward")} | extra
    return SimpleNamespace(series=base | drawn, snapshots={}, layers={}, graph=lattice(3, 4))


def test_pyplot_stays_unused():
    code = "import commonweal.analysis.figures, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_save_writes_both_kinds_and_nothing_else(tmp_path):
    figure, _ = figures.panels()
    written = figures.save(figure, tmp_path / "deep" / "name.v1")
    assert sorted(p.name for p in written) == ["name.v1.png", "name.v1.svg"]
    assert sorted((tmp_path / "deep").iterdir()) == sorted(written)
    assert written[0].read_bytes()[:4] == b"\x89PNG" and b"<svg" in written[1].read_bytes()


def test_the_same_data_give_the_same_files(tmp_path):
    def draw(stem, value):
        figure, axes = figures.panels()
        figures.curve(axes[0, 0], [0, 1], series.interval([[0.1, value], [0.2, 0.4]]), label="x")
        figures.legend(axes[0, 0])
        return [path.read_bytes() for path in figures.save(figure, tmp_path / stem)]

    assert draw("a", 0.3) == draw("b", 0.3)
    assert all(x != y for x, y in zip(draw("a", 0.3), draw("c", 0.9), strict=True))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    figure, _ = figures.panels()
    old = figures.save(figure, tmp_path / "x")[0].read_bytes()

    def torn(file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", torn)
    with pytest.raises(OSError, match="disk full"):
        figures.save(figure, tmp_path / "x")
    assert (tmp_path / "x.png").read_bytes() == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.png", "x.svg"]


@pytest.mark.parametrize(("runs", "bands", "note"), [(1, 0, "one run"), (3, 1, "3 runs")])
def test_only_several_runs_have_a_band(runs, bands, note):
    _, axes = figures.panels()
    estimate = series.interval(np.random.default_rng(0).random((runs, 4)))
    figures.curve(axes[0, 0], range(4), estimate, label="LR2")
    assert len(axes[0, 0].collections) == bands
    assert axes[0, 0].lines[0].get_label() == f"LR2 ({note})"
    if bands:
        drawn = axes[0, 0].collections[0].get_paths()[0].vertices[:, 1]
        assert drawn.max() == pytest.approx(estimate.high.max())
        assert drawn.min() == pytest.approx(estimate.low.min())


def test_bars_have_whiskers_only_where_an_interval_is_known():
    _, axes = figures.panels()
    samples = [[0.6, 0.8], [0.3]]
    estimates = [series.interval(s) for s in samples]
    figures.bars(axes[0, 0], ["a", "b"], estimates, points=samples)
    assert [bar.get_height() for bar in axes[0, 0].patches] == pytest.approx([0.7, 0.3])
    whiskers = next(c for c in axes[0, 0].collections if isinstance(c, LineCollection))
    (segment,) = whiskers.get_segments()
    assert segment[:, 1] == pytest.approx([estimates[0].low, estimates[0].high])


def test_a_lattice_is_drawn_as_a_picture_by_position():
    _, axes = figures.panels()
    drawn = figures.society_map(axes[0, 0], lattice(2, 3), [0, 1, 2, 3, 4, 5], high=5)
    assert isinstance(drawn, AxesImage)
    assert drawn.get_array().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert drawn.origin == "upper"  # rows count downwards


def test_other_graphs_are_drawn_as_nodes_and_links():
    _, axes = figures.panels()
    graph = nx.barabasi_albert_graph(12, 2, seed=1)
    drawn = figures.society_map(axes[0, 0], graph, np.arange(12), high=11)
    assert isinstance(drawn, PathCollection) and len(drawn.get_offsets()) == 12
    lines = next(c for c in axes[0, 0].collections if isinstance(c, LineCollection))
    assert len(lines.get_segments()) == graph.number_of_edges()


def test_links_over_the_border_of_a_torus_are_left_out():
    graph = nx.relabel_nodes(nx.cycle_graph(6), {i: i for i in range(6)})
    for node in graph:
        graph.nodes[node]["pos"] = (node, 0.1 * (node % 2))
    graph.graph["name"] = "honeycomb"
    _, axes = figures.panels()
    figures.society_map(axes[0, 0], graph, np.zeros(6))
    lines = next(c for c in axes[0, 0].collections if isinstance(c, LineCollection))
    assert len(lines.get_segments()) == 5


def giving(agents, *edges):
    gifts = nx.DiGraph()
    gifts.add_nodes_from(range(agents))
    gifts.add_weighted_edges_from(edges)
    return gifts


def test_gifts_are_arrows_whose_width_is_their_weight():
    _, axes = figures.panels()
    gifts = giving(6, (0, 1, 0.2), (1, 0, 0.8), (1, 2, 0.0), (4, 3, 0.4))
    drawn = figures.gift_network(axes[0, 0], gifts, lattice(2, 3), np.arange(6), high=5)
    assert isinstance(drawn, EllipseCollection)
    assert drawn.get_array().tolist() == [0, 1, 2, 3, 4, 5]
    arrows = next(c for c in axes[0, 0].collections if isinstance(c, PolyCollection))
    shapes = [path.vertices[:7] for path in arrows.get_paths()]
    widths = [float(np.hypot(*(shape[0] - shape[6]))) for shape in shapes]
    assert widths[1:] == pytest.approx([2 * widths[0], 4 * widths[0]])  # strongest on top
    tips = [shape[3].round(1).tolist() for shape in shapes]
    assert tips[0][0] > 0.9  # from 0 to 1, then from 4 to 3, then from 1 to 0
    assert tips[1][0] < 0.1 and tips[1][1] > 0.9
    assert tips[2][0] < 0.1
    low, high = axes[0, 0].get_ylim()
    assert low > high  # rows count downwards


def test_gifts_over_the_border_of_a_torus_are_left_out():
    _, axes = figures.panels()
    torus = lattice(1, 6)
    torus.graph["name"] = "square_lattice"
    figures.gift_network(axes[0, 0], giving(6, (0, 5, 1.0), (0, 1, 1.0)), torus)
    arrows = next(c for c in axes[0, 0].collections if isinstance(c, PolyCollection))
    assert len(arrows.get_paths()) == 1


def test_categories_take_palette_colours():
    _, axes = figures.panels()
    drawn = figures.society_map(axes[0, 0], lattice(2, 2), [0, 1, 1, 0], labels=("C", "D"))
    colours = drawn.cmap(drawn.norm(np.array([0, 1])))
    assert colours[0] != pytest.approx(colours[1])
    assert tuple(colours[0][:3]) == pytest.approx((0, 0x72 / 255, 0xB2 / 255))


def test_unknown_cells_of_a_plane_stay_empty():
    _, axes = figures.panels()
    mesh = figures.plane(axes[0, 0], [0, 1], [0, 1], [[0.1, np.nan], [0.3, 0.4]], numbers=True)
    assert mesh.get_array().mask.tolist() == [[False, True], [False, False]]
    assert sorted(t.get_text() for t in axes[0, 0].texts) == ["0.10", "0.30", "0.40"]


def test_run_figures_follow_what_was_recorded(tmp_path):
    plain = figures.run_figures(recording(), tmp_path / "plain")
    assert {p.stem for p in plain} == {"cooperation", "rewards"}
    values = np.linspace(0, 1, 10)
    rich = recording(reputation_C=values, reputation_D=values)
    rich.layers = {
        "action": {"low": 0, "high": 1, "labels": ["C", "D"]},
        "reputation": {"low": 0, "high": 1, "labels": []},
    }
    layers = {"action": np.tile([0, 1], (2, 6)), "reputation": np.full((2, 12), 0.5)}
    rich.snapshots = {100: layers, 200: layers}
    written = figures.run_figures(rich, tmp_path / "rich")
    assert {p.stem for p in written} == {"cooperation", "rewards", "reputation", "snapshots"}
    assert {p.parent for p in written} == {tmp_path / "rich" / "figures"}


def test_run_figures_show_gifts_and_the_last_gift_network(tmp_path):
    values = np.linspace(0, 1, 10)
    names = ("given", "reciprocity", "gift_weight", "gift_weight/lase", "gift_weight_to/lase")
    kept = recording(**dict.fromkeys((*names, "accuracy", "predicted"), values))
    kept.graph.add_edges_from([(0, 1), (1, 2)])
    expected = {"cooperation", "rewards", "gifts", "gift_weights", "accuracy"}
    expected |= {"expected_cooperation"}
    assert {p.stem for p in figures.run_figures(kept, tmp_path)} == expected
    gifts = giving(12, (0, 1, 0.2), (1, 0, 0.8), (2, 1, 0.7))
    files.write_graph(tmp_path / "gifts.graphml", gifts)
    files.write_graph(tmp_path / "reputation.graphml", gifts)
    drawn = figures.run_figures(kept, tmp_path)
    assert {p.stem for p in drawn} == expected | {"gifts_network"}
    text = (tmp_path / "figures" / "gift_weights.svg").read_text()
    assert "to lase" in text
    kept.graph.graph["redrawn"] = True
    assert {p.stem for p in figures.run_figures(kept, tmp_path)} == expected
