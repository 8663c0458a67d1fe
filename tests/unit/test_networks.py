"""Kinds of network: shapes by hand, chance by its stream, mistakes by their message."""

import inspect
import itertools
from collections import Counter

import networkx as nx
import numpy as np
import pytest

from commonweal.errors import BadFile, BadSetting, BrokenContract
from commonweal.networks import NETWORKS, settings_of
from commonweal.networks.files import from_networkx, write_graphml
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.settings import flags

DRAWN = ["erdos_renyi", "random_regular", "scale_free", "small_world", "well_mixed"]
FIXED = ["complete", "honeycomb", "moore_lattice", "pairs", "ring", "square_lattice"]


def build(kind, agents, seed=0, **settings):
    return NETWORKS[kind](agents, np.random.default_rng(seed), **settings)


def edges(graph):
    return {frozenset(edge) for edge in graph.edges()}


def test_all_kinds_are_registered():
    assert NETWORKS.names() == sorted([*DRAWN, *FIXED, "graph_file"])


@pytest.mark.parametrize("kind", DRAWN + FIXED)
def test_every_kind_is_a_simple_graph_on_the_numbers_that_says_its_name(kind):
    graph = build(kind, 36)
    assert type(graph) is nx.Graph
    assert sorted(graph) == list(range(36))
    assert nx.number_of_selfloops(graph) == 0
    assert graph.graph["name"] == kind
    assert graph.number_of_edges() > 0
    assert neighbourhoods(graph).agents == 36


@pytest.mark.parametrize("kind", DRAWN)
def test_the_stream_alone_decides_what_is_drawn(kind):
    np.random.seed(1)
    first = build(kind, 40, seed=3)
    np.random.seed(2)
    assert edges(build(kind, 40, seed=3)) == edges(first)
    assert edges(build(kind, 40, seed=4)) != edges(first)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_second_draw_from_the_same_stream_differs(kind):
    rng = np.random.default_rng(0)
    assert edges(NETWORKS[kind](40, rng)) != edges(NETWORKS[kind](40, rng))


@pytest.mark.parametrize("kind", [*DRAWN, *FIXED, "graph_file"])
def test_only_well_mixed_is_redrawn(kind, tmp_path):
    given = {}
    if kind == "graph_file":
        (tmp_path / "a.txt").write_text("\n".join(f"{i} {i + 1}" for i in range(15)))
        given["path"] = str(tmp_path / "a.txt")
    assert build(kind, 16, **given).graph.get("redrawn", False) is (kind == "well_mixed")


@pytest.mark.parametrize("kind", [*DRAWN, *FIXED, "graph_file"])
def test_every_kind_names_a_source(kind):
    assert "Source: " in inspect.getdoc(NETWORKS[kind])


# Lattices


def test_square_lattice_by_hand():
    graph = build("square_lattice", 16)
    assert graph.graph["order"][5] == [6, 9, 4, 1]
    assert graph.graph["order"][3] == [0, 7, 2, 15]
    assert graph.graph["order"][12] == [13, 0, 15, 8]
    assert graph.nodes[6]["pos"] == (2, 1)
    assert graph.number_of_edges() == 32


def test_moore_lattice_by_hand():
    order = build("moore_lattice", 16).graph["order"]
    assert order[5] == [6, 9, 4, 1, 10, 8, 0, 2]
    assert order[0] == [1, 4, 3, 12, 5, 7, 15, 13]
    assert build("moore_lattice", 9).number_of_edges() == 36


def test_honeycomb_by_hand():
    order = build("honeycomb", 16).graph["order"]
    assert order[0] == [1, 3, 12]  # row + column even: up
    assert order[1] == [2, 0, 5]  # odd: down
    assert order[5] == [6, 4, 1]
    assert order[15] == [12, 14, 11]


def test_honeycomb_is_one_piece_of_hexagons():
    graph = build("honeycomb", 64)
    assert nx.is_connected(graph)
    assert {degree for _, degree in graph.degree()} == {3}
    assert min(map(len, nx.minimum_cycle_basis(graph))) == 6


def test_honeycomb_links_that_do_not_wrap_have_length_one():
    graph = build("honeycomb", 36)
    place = {node: np.array(graph.nodes[node]["pos"]) for node in graph}
    lengths = [np.linalg.norm(place[one] - place[other]) for one, other in graph.edges()]
    assert sum(length < 2 for length in lengths) == 54 - 6 - 3
    assert [length for length in lengths if length < 2] == pytest.approx([1.0] * 45)


def test_ladders_are_the_published_wiring_in_separate_pieces():
    graph = build("honeycomb", 16, ladders=True)
    assert graph.graph["order"][0] == [1, 3, 12]
    assert graph.graph["order"][1] == [2, 0, 13]
    assert graph.graph["order"][4] == [5, 7, 8]
    assert nx.number_connected_components(graph) == 2


@pytest.mark.parametrize(
    ("kind", "agents", "says"),
    [
        ("square_lattice", 10, "square_lattice: agents = 10 .* the nearest is 9 or 16"),
        ("square_lattice", 4, "the nearest is 9$"),
        ("square_lattice", -3, "the nearest is 9$"),
        ("moore_lattice", 99, "moore_lattice: agents = 99 .* the nearest is 81 or 100"),
        ("honeycomb", 25, "honeycomb: agents = 25 .* even number .* the nearest is 16 or 36"),
        ("honeycomb", 4, "the nearest is 16$"),
        ("honeycomb", 50, "the nearest is 36 or 64"),
    ],
)
def test_lattices_name_the_nearest_squares(kind, agents, says):
    with pytest.raises(BadSetting, match=says):
        build(kind, agents)


# Rings, complete graphs, pairs


def test_ring_by_hand():
    graph = build("ring", 6, neighbours=4)
    assert graph.graph["order"][0] == [1, 5, 2, 4]
    assert graph.graph["order"][5] == [0, 4, 1, 3]
    assert graph.nodes[3]["pos"] == pytest.approx((-1, 0))
    assert edges(build("ring", 4)) == edges(nx.cycle_graph(4))


def test_complete_and_pairs_by_hand():
    assert edges(build("complete", 4)) == {
        frozenset(p) for p in itertools.combinations(range(4), 2)
    }
    assert edges(build("pairs", 6)) == {frozenset(p) for p in [(0, 1), (2, 3), (4, 5)]}


# Random graphs


@pytest.mark.parametrize("kind", ["random_regular", "well_mixed"])
@pytest.mark.parametrize(
    ("agents", "neighbours"),
    [(2, 1), (3, 2), (4, 1), (5, 2), (6, 3), (7, 4), (8, 7), (10, 5), (100, 4), (60, 29), (60, 31)],
)
def test_regular_graphs_have_equal_degrees(kind, agents, neighbours):
    for seed in range(20):
        graph = build(kind, agents, seed, neighbours=neighbours)
        assert {degree for _, degree in graph.degree()} == {neighbours}
        assert nx.number_of_selfloops(graph) == 0
        assert graph.graph["name"] == kind


def test_every_pair_meets_equally_often_in_a_well_mixed_population():
    rng, draws = np.random.default_rng(0), 4000
    meetings = Counter(
        edge for _ in range(draws) for edge in edges(NETWORKS["well_mixed"](8, rng, neighbours=2))
    )
    # 28 pairs; each meets with probability 2/7, standard deviation 29 of 1143.
    assert len(meetings) == 28
    assert max(abs(count - draws * 2 / 7) for count in meetings.values()) < 130


def test_shapes_of_regular_graphs_are_near_to_uniform():
    rng, draws = np.random.default_rng(0), 4000
    pieces = Counter(
        nx.number_connected_components(NETWORKS["random_regular"](6, rng, neighbours=2))
        for _ in range(draws)
    )
    # Of the 70 graphs of degree 2 on 6 nodes, 10 are two triangles and 60 one hexagon.
    assert pieces[2] / draws == pytest.approx(1 / 7, abs=0.025)


def test_small_world_goes_from_ring_to_chance():
    assert edges(build("small_world", 20, rewiring=0.0)) == edges(build("ring", 20, neighbours=4))
    rewired = build("small_world", 20, rewiring=1.0)
    assert rewired.number_of_edges() == 40
    assert len(edges(rewired) & edges(build("ring", 20, neighbours=4))) < 25
    assert rewired.nodes[0]["pos"] == (1, 0)


def test_small_world_rewires_the_stated_share():
    kept = edges(build("small_world", 2000, rewiring=0.25)) & edges(
        build("ring", 2000, neighbours=4)
    )
    assert len(kept) / 4000 == pytest.approx(0.75, abs=0.03)


def test_scale_free_has_hubs_and_the_stated_links():
    graph = build("scale_free", 500, links=3)
    degrees = sorted(degree for _, degree in graph.degree())
    assert graph.number_of_edges() == 3 * 497
    assert degrees[0] == 3 and degrees[-1] > 40


def test_erdos_renyi_has_the_expected_neighbours():
    graph = build("erdos_renyi", 2000, neighbours=6.0)
    assert 2 * graph.number_of_edges() / 2000 == pytest.approx(6, abs=0.3)
    assert build("erdos_renyi", 10, neighbours=0).number_of_edges() == 0
    assert build("erdos_renyi", 10, neighbours=9).number_of_edges() == 45


@pytest.mark.parametrize(
    ("kind", "agents", "settings", "says"),
    [
        ("ring", 10, {"neighbours": 3}, "ring: neighbours = 3 must be even, from 2 to 8"),
        ("ring", 4, {"neighbours": 4}, "neighbours = 4 must be even, from 2 to 2"),
        ("ring", 4, {"neighbours": 0}, "neighbours = 0 must be even, from 2 to 2"),
        ("ring", 2, {}, "agents = 2; a ring needs at least 3"),
        ("complete", 1, {}, "complete: agents = 1; at least 2"),
        ("pairs", 7, {}, "pairs: agents = 7 must be even"),
        ("pairs", 0, {}, "pairs: agents = 0 must be even and at least 2"),
        ("random_regular", 5, {"neighbours": 3}, r"random_regular: .* = 5 \* 3 is odd"),
        ("random_regular", 4, {"neighbours": 4}, r"neighbours = 4 lies outside \[1, 3\]"),
        ("well_mixed", 4, {"neighbours": 0}, r"well_mixed: neighbours = 0 lies outside \[1, 3\]"),
        ("well_mixed", 1, {}, "well_mixed: agents = 1; at least 2"),
        ("small_world", 10, {"neighbours": 5}, "small_world: neighbours = 5 must be even"),
        ("small_world", 10, {"rewiring": 1.5}, r"rewiring = 1.5 lies outside \[0, 1\]"),
        ("scale_free", 5, {"links": 5}, r"scale_free: links = 5 lies outside \[1, 4\]"),
        ("scale_free", 5, {"links": 0}, r"scale_free: links = 0 lies outside \[1, 4\]"),
        ("erdos_renyi", 5, {"neighbours": 4.5}, r"erdos_renyi: neighbours = 4.5 lies outside"),
        ("erdos_renyi", 1, {"neighbours": 0}, "erdos_renyi: agents = 1; at least 2"),
        ("graph_file", 0, {}, "graph_file: path is empty"),
    ],
)
def test_impossible_numbers_are_refused_in_one_line(kind, agents, settings, says):
    with pytest.raises(BadSetting, match=says) as caught:
        build(kind, agents, **settings)
    assert "\n" not in str(caught.value)


# Settings


def test_keyword_arguments_become_settings():
    config = settings_of(NETWORKS["small_world"])
    assert config.__name__ == "SmallWorldConfig"
    assert config().neighbours == 4 and config(rewiring=1).rewiring == 1.0
    listed = {flag.name: flag for flag in flags(config, "network")}
    assert list(listed) == ["network.neighbours", "network.rewiring"]
    assert listed["network.rewiring"].kind is float
    assert listed["network.rewiring"].help.startswith("probability that a link")
    # A text over two lines of the docstring is joined.
    assert listed["network.neighbours"].help.endswith("on either side; even")
    with pytest.raises(BadSetting, match="SmallWorldConfig.neighbours = 'many'"):
        config(neighbours="many")


def test_kinds_without_settings_have_none():
    assert flags(settings_of(NETWORKS["complete"]), "network") == []


def test_a_long_help_text_is_read_to_its_end():
    (flag,) = flags(settings_of(NETWORKS["honeycomb"]), "network")
    assert flag.help.endswith("without hexagons")


def test_an_undocumented_setting_breaks_the_contract():
    def tree(agents, rng, *, branches: int = 2):
        """Tree."""

    with pytest.raises(BrokenContract, match="tree: branches"):
        settings_of(tree)


# Files


def test_an_edge_list_is_read_in_ascending_order_with_its_names(tmp_path):
    file = tmp_path / "friends.txt"
    file.write_text("# friends\n10 2\n\n2 9 0.5  # close\n9 10 {'weight': 3}\n")
    graph = build("graph_file", 0, path=str(file))
    assert edges(graph) == {frozenset(p) for p in [(2, 0), (0, 1), (1, 2)]}
    assert [graph.nodes[agent]["label"] for agent in range(3)] == ["2", "9", "10"]
    assert graph.graph["name"] == "graph_file"


def test_names_that_are_no_numbers_keep_the_order_of_the_file(tmp_path):
    file = tmp_path / "friends.txt"
    file.write_text("zoe adam\nadam mia\n")
    graph = build("graph_file", 3, path=str(file))
    assert [graph.nodes[agent]["label"] for agent in range(3)] == ["zoe", "adam", "mia"]
    assert edges(graph) == {frozenset(p) for p in [(0, 1), (1, 2)]}


@pytest.mark.parametrize("kind", ["honeycomb", "scale_free", "small_world"])
def test_graphml_written_is_read_back(kind, tmp_path):
    graph = build(kind, 36)
    write_graphml(graph, tmp_path / "graph.graphml")
    back = build("graph_file", 36, path=str(tmp_path / "graph.graphml"))
    assert edges(back) == edges(graph)
    assert nx.get_node_attributes(back, "pos") == nx.get_node_attributes(graph, "pos")
    assert not nx.get_node_attributes(back, "label")


def test_graphml_keeps_isolated_agents_and_labels(tmp_path):
    graph = from_networkx(nx.Graph([("a", "b")]))
    graph.add_node(2, label="c")
    write_graphml(graph, tmp_path / "graph.graphml")
    back = build("graph_file", 0, path=str(tmp_path / "graph.graphml"))
    assert nx.get_node_attributes(back, "label") == {0: "a", 1: "b", 2: "c"}
    assert edges(back) == {frozenset((0, 1))}


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    file = tmp_path / "friends.txt"
    file.write_text("5 7\n", encoding="utf-8-sig")
    assert build("graph_file", 0, path=str(file)).nodes[0]["label"] == "5"


def test_attributes_of_other_programs_do_no_harm(tmp_path):
    file = tmp_path / "graph.graphml"
    file.write_text(
        """<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
        <key id="x" for="node" attr.name="x" attr.type="double"/>
        <key id="y" for="node" attr.name="y" attr.type="double"/>
        <key id="k" for="node" attr.name="club"/>
        <graph edgedefault="undirected">
        <node id="0"><data key="x">NaN</data><data key="y">1</data><data key="k">v</data></node>
        <node id="1"><data key="x">2</data></node><edge source="0" target="1"/>
        </graph></graphml>"""
    )
    graph = build("graph_file", 2, path=str(file))
    assert edges(graph) == {frozenset((0, 1))}
    assert graph.nodes[0]["club"] == "v"
    assert not nx.get_node_attributes(graph, "pos")


def test_another_number_of_agents_than_the_file_has_is_refused(tmp_path):
    file = tmp_path / "pair.txt"
    file.write_text("a b")
    with pytest.raises(BadSetting, match="agents = 3, but .*pair.txt has 2 nodes; give 2, or 0"):
        build("graph_file", 3, path=str(file))


GRAPHML = """<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<graph edgedefault="{kind}"><node id="0"/><node id="1"/>{edges}</graph></graphml>"""
LINK = '<edge source="{}" target="{}"/>'


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", "", "holds no nodes"),
        ("a.txt", "# nothing\n", "holds no nodes"),
        ("a.txt", "0 1\n1,2\n", "line 2 is not a link"),
        ("a.txt", "it was the best of times", "line 1 is not a link"),
        ("a.txt", "0 1\n1 0\n", "between '0' and '1' occurs more than once"),
        ("a.txt", "0 1\n2 2\n", "node '2' is linked with itself"),
        ("a.txt", b"\xff\xfe\x00", "not a text file"),
        ("a.graphml", "", "not a GraphML file"),
        ("a.graphml", "0 1\n", "not a GraphML file"),
        ("a.xml", "<html><body/></html>", "not a GraphML file"),
        ("a.graphml", b"\x89PNG\r\n\x1a\n", "not a GraphML file"),
        ("a.graphml", GRAPHML.format(kind="directed", edges=LINK.format(0, 1)), "directed"),
        ("a.graphml", GRAPHML.format(kind="undirected", edges=LINK.format(0, 0)), "with itself"),
        (
            "a.graphml",
            GRAPHML.format(kind="undirected", edges=LINK.format(0, 1) + LINK.format(1, 0)),
            "more than once",
        ),
        (
            "a.graphml",
            '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph/></graphml>',
            "holds no nodes",
        ),
    ],
)
def test_files_that_are_no_interaction_graph_are_refused_in_one_line(name, content, says, tmp_path):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadFile, match=says) as caught:
        build("graph_file", 0, path=str(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.graphml", "missing.txt", "."])
def test_files_that_cannot_be_opened_are_named(name, tmp_path):
    with pytest.raises(BadFile, match="No such file|directory"):
        build("graph_file", 0, path=str(tmp_path / name))


def test_numbers_of_a_networkx_graph_keep_their_meaning():
    graph = from_networkx(nx.path_graph(5), agents=5)
    assert edges(graph) == edges(nx.path_graph(5))
    assert not nx.get_node_attributes(graph, "label")


def test_from_networkx_copies_and_renumbers():
    karate = nx.karate_club_graph()
    graph = from_networkx(karate)
    graph.add_edge(0, 33)
    assert not karate.has_edge(0, 33)
    assert graph.nodes[3]["club"] == karate.nodes[3]["club"]
    grid = from_networkx(nx.grid_2d_graph(2, 2))
    assert grid.nodes[1]["label"] == (0, 1)
    assert edges(grid) == {frozenset(p) for p in [(0, 1), (0, 2), (1, 3), (2, 3)]}


def test_from_networkx_forgets_an_order_that_renaming_may_have_broken():
    lattice = nx.relabel_nodes(build("square_lattice", 9), {0: 8, 8: 0})
    assert neighbourhoods(from_networkx(lattice)).view[4].tolist() == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (nx.DiGraph([(0, 1)]), "directed"),
        (nx.MultiGraph([(0, 1), (0, 1)]), "more than once"),
        (nx.Graph([(0, 0)]), "with itself"),
        (nx.Graph(), "no nodes"),
        (nx.Graph([(0, 1)]), "agents = 4, but it has 2 nodes"),
    ],
)
def test_networkx_graphs_that_cannot_serve_are_refused(graph, says):
    with pytest.raises(BadSetting, match=says):
        from_networkx(graph, agents=4)
