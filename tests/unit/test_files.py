import errno
import os

import networkx as nx
import pytest

from commonweal.errors import BadFile
from commonweal.simulation import files


def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    files.write_bytes(path, b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadFile) as caught:
        files.write_bytes(path, b"new")
    assert str(caught.value) == f"{path}: No space left on device"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["summary.json"]


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    files.write_bytes(path, b"old")
    seen = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(path.read_bytes()), real(a, b)))
    files.write_bytes(path, b"new")
    assert seen == [b"old"]
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_broken_json_names_the_file(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(BadFile, match="run.json"):
        files.read_json(path)


def test_a_graph_survives_with_positions_and_order(tmp_path):
    graph = nx.cycle_graph(4)
    graph.graph.update(name="ring", order=[[1, 3], [2, 0], [3, 1], [0, 2]], redrawn=True)
    for node in graph:
        graph.nodes[node].update(pos=(node * 0.5, -1), label=f"n{node}", near=[1, 2])
    graph.edges[0, 1]["weight"] = 2.5
    files.write_graph(tmp_path / "graph.graphml", graph)
    again = files.read_graph(tmp_path / "graph.graphml")
    assert again.graph == graph.graph
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    assert list(again.edges(data=True)) == list(graph.edges(data=True))


def test_a_broken_graph_names_the_file(tmp_path):
    (tmp_path / "graph.graphml").write_text("<graphml>")
    with pytest.raises(BadFile, match="graph.graphml"):
        files.read_graph(tmp_path / "graph.graphml")
