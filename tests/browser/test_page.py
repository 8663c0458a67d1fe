"""The page as a tree of widgets: no browser, no server, no network."""

import gc
import importlib
import threading
import weakref
from dataclasses import replace

import pytest

from commonweal.simulation.experiment import Experiment, Share

pytestmark = [
    pytest.mark.browser,
    # Mesa 3.3 calls a hook behind a return that our page never takes.
    pytest.mark.filterwarnings(r"ignore:.*ComponentsView. `use_state` found despite:UserWarning"),
    pytest.mark.timeout(120),
]
SMALL = Experiment(agents=25, lanes=2, population=[Share(kind="lr2")])
DUEL = Experiment(world={"kind": "toy_game"}, population=[Share(kind="aga")])
COMMONS = Experiment(
    world={"kind": "public_goods"},
    network={"kind": "square_lattice"},
    population=[Share(kind="aga", count=20), Share(kind="free_rider", count=5)],
    replicates=2,
)

GIVERS = Experiment(
    agents=25,
    lanes=4,
    population=[Share(kind="lase", count=20), Share(kind="generous", count=5)],
)


def test_a_step_changes_counter_picture_and_charts(visit):
    page = visit(SMALL)
    before, drawn = page.html(), page.picture
    page.click("Step")
    assert page.stage.steps == 1
    assert page.picture != drawn
    assert page.html().count('class="line"') > before.count('class="line"') == 0


def test_knobs_act_on_reset(visit):
    page = visit(SMALL)
    first = page.stage
    page.click("Step")
    page.turn("Temptation", 1.7)
    page.turn("Side (agents = side x side)", 4)
    page.turn("Seed", "7")
    assert page.stage is first
    page.click("Reset")
    assert page.stage is not first
    assert not first.running
    assert page.stage.steps == 0
    world = page.stage.world
    assert (world.config.temptation, world.config.sucker) == (1.7, -0.33)
    assert len(world.people) == 16
    assert page.stage.experiment.seed == 7
    assert "temptation 1.7" in page.html()


def test_a_second_kind_and_another_network_move_in(visit):
    page = visit(SMALL)
    page.turn("Second kind", "always_defect")
    page.turn("Second kind, percent", 40)
    page.turn("Network", "scale_free")
    page.click("Reset")
    kinds = [agent.kind for agent in page.stage.world.people]
    assert (kinds.count("lr2"), kinds.count("always_defect")) == (15, 10)
    assert page.stage.world.graph.graph["name"] == "scale_free"
    page.click("Step")
    assert "always_defect" in page.html()


def test_knobs_that_fit_no_world_are_told_in_one_line_and_can_be_turned_back(visit):
    page = visit(SMALL)
    page.turn("Network", "honeycomb")
    page.click("Reset")
    (alert,) = page.alerts
    assert alert.startswith("network honeycomb: agents = 25 is not the square of an even number")
    assert alert.endswith("the nearest is 16 or 36")
    assert page.pictures == []
    page.click("Step")  # of nothing; must not raise
    page.turn("Side (agents = side x side)", 6)
    page.click("Reset")
    assert page.alerts == []
    assert len(page.stage.world.people) == 36
    page.turn("Seed", "seven")
    page.click("Reset")
    assert page.alerts == ["seed = 'seven' is not a whole number"]


def test_an_agent_is_chosen_by_number_or_by_a_click_and_shows_its_page(visit):
    page = visit(SMALL)
    page.click("Step")
    plain = page.picture
    page.turn("Agent, 0 to 24", "12")
    agent = page.stage.world.people[12]
    own = agent.page()
    assert page.picture != plain
    html = page.html()
    assert f"standing {own.standing:.2f}" in html
    assert "row 2, column 2" in html
    for other in agent.neighbours:
        word = {1.0: "good", 0.0: "bad"}
        row = html[html.index(f"<td>{other.name}</td>") :].split("</tr>")[0]
        thought = row.split("<td>")[2:4]
        assert word[own.received[other.node]] in thought[0]
        assert word[own.given[other.node]] in thought[1]
        assert f"{other.page().standing:.2f}" in row
    assert all(f"{share:.2f}" in html for share in agent.probabilities)
    page.pictures[0]._handle_event(None, {"event": "pick", "data": {"x": 0.99, "y": 0.01}}, None)
    assert "row 0, column 4" in page.html()


def test_the_view_switches_between_layers(visit):
    page = visit(SMALL)
    page.click("Step")
    action = page.picture
    page.switch(0, "reputation")
    assert page.picture != action
    assert "reputation of every agent" in page.pictures[0].description


def row(html, table, name):
    """The cells of an agent in a table with this heading."""
    rows = html[html.index(table) :].split("</table>")[0].split("<tr>")
    (found,) = [text for text in rows if f"<td>{name}</td>" in text]
    return [cell.split("</td>")[0] for cell in found.split("<td>")[1:]]


def test_gifts_are_arrows_and_a_click_still_finds_the_agent(visit):
    page = visit(GIVERS)
    page.switch(0, "gifts")
    blank = page.picture
    page.click("Step")
    assert page.picture != blank
    arrows = page.picture
    assert "gifts between agents" in page.pictures[0].description
    assert not page.pictures[0].cells
    assert "<polygon" in page.html()
    page.switch(0, "kind")
    assert page.picture != arrows
    assert "<polygon" not in page.html()
    page.switch(0, "gifts")
    assert page.picture == arrows
    page.pictures[0]._handle_event(None, {"event": "pick", "data": {"x": 0.96, "y": 0.04}}, None)
    assert "row 0, column 4" in page.html()


def test_the_page_of_a_giver_speaks_of_shares(visit):
    page = visit(GIVERS)
    for _ in range(2):
        page.click("Step")
    world = page.stage.world
    agent = next(a for a in world.people if {n.kind for n in a.neighbours} == {"lase", "generous"})
    page.turn("Agent, 0 to 24", str(agent.node))
    own, html = agent.page("gifts"), page.html()
    heading = f"Page in the ledger of gifts: receives {own.standing:.2f}"
    assert f"<h3>{heading}</h3>" in html
    titles = ("gives it", "gets from it", "gives on average", "gets on average", "receives")
    assert "".join(f"<th>{title}</th>" for title in titles) in html
    assert "thinks of it" not in html
    book = world.society.ledger("gifts").graph(world.focus)
    for other in agent.neighbours:
        shown = row(html, heading, other.name)[1:6]
        there, back = book.edges[other.node, agent.node], book.edges[agent.node, other.node]
        expected = [there["last"], back["last"], there["weight"], back["weight"]]
        expected.append(other.page("gifts").standing)
        assert shown[1:5:2] == [f"{expected[1]:.2f}", f"{expected[3]:.2f}"]
        assert shown == [f"{value:.2f}" for value in expected]


def test_what_an_agent_expected_stands_beside_what_came(visit):
    page = visit(GIVERS)
    page.turn("Agent, 0 to 24", "0")
    assert "What it expected" not in page.html()
    for _ in range(3):
        page.click("Step")
    world = page.stage.world
    agent = next(a for a in world.people if a.kind == "lase" and a.node > 0)
    page.turn("Agent, 0 to 24", str(agent.node))
    cohort, near = agent.cohort, world.neighbourhoods
    places = near.view[agent.node].tolist()
    for other in agent.neighbours:
        place = places.index(other.node)
        chances = cohort.beliefs.moves[agent.slot, world.focus, place].tolist()
        hits = cohort.insight["accuracy"][:, agent.member, place].mean().item()
        _, bars, came, right = row(page.html(), "What it expected", other.name)
        assert all(f"</u> {share:.2f}</div>" in bars for share in chances)
        action = world.layers()["action"]
        assert came == action.labels[int(action.values[world.focus, other.node])]
        assert right == f"{hits:.2f}"
    assert "right in 4 lanes" in page.html()
    assert "perspective <b>Conversion</b>" in page.html()
    generous = next(a for a in world.people if a.kind == "generous")
    page.turn("Agent, 0 to 24", str(generous.node))
    assert "What it expected" not in page.html()


def test_networks_whose_links_do_not_last_have_no_arrows(visit):
    page = visit(replace(GIVERS, population=[Share(kind="generous")]))
    page.turn("Network", "well_mixed")
    page.click("Reset")
    page.click("Step")
    assert page.alerts == []
    assert page.stage.webs == {}


def test_kinds_without_a_ledger_have_neighbours_all_the_same(visit):
    page = visit(replace(SMALL, population=[Share(kind="tit_for_tat")]))
    page.click("Step")
    page.turn("Agent, 0 to 24", "0")
    assert "<h3>Neighbours</h3>" in page.html()
    assert "tit_for_tat 1" in page.html()


def test_a_game_of_two_is_played_on_its_landscape(visit):
    page = visit(DUEL)
    assert 'class="own' not in page.ways
    lengths = []
    for _ in range(4):
        page.click("Step")
        lengths.append(page.ways.split(' class="own"')[0].rpartition('d="')[2].count("L"))
    assert lengths == [0, 1, 2, 3]
    ground = page.html()
    assert "action 1 (aga 0)" in ground
    page.switch(0, "player 1")
    assert page.html() != ground
    assert "action of every agent" in page.pictures[0].description


def test_the_page_of_an_agent_whose_action_is_a_number(visit):
    page = visit(DUEL)
    page.click("Step")
    page.turn("Agent, 0 to 1", "0")
    agent, html = page.stage.world.people[0], page.html()
    assert f"<th>next action</th><td>{agent.probabilities[0]:.2f}</td>" in html
    assert "gradient rule <b>Altruistic</b>: strength 0.7, sign rule paper, zero sign 0" in html
    assert "move <b>Ascent</b>: learning rate 0.01" in html
    action, reward = (
        f"{page.stage.world.layers()[n].values[0, 1]:.2f}" for n in ("action", "reward")
    )
    assert f"<td>aga 1</td><td>{action}</td><td>{reward}</td>" in html
    assert "ledger" not in html


def test_knobs_turn_what_a_kind_makes_of_its_gradients(visit):
    page = visit(DUEL)
    page.turn("aga: strength", "0.25")
    page.turn("aga: sign rule", "exact")
    page.turn("Boundary", "projection")
    page.click("Reset")
    world = page.stage.world
    rule = world.society.cohorts[0].rule.config
    assert (rule.strength, rule.sign_rule, world.config.boundary) == (0.25, "exact", "projection")
    assert "boundary projection, aga learning rate 0.01, aga strength 0.25" in page.html()
    assert {"cga", "free_rider"} <= set(page.choices("Second kind"))
    assert "tit_for_tat" not in page.choices("Second kind")
    page.turn("aga: strength", "much")
    page.click("Reset")
    assert page.alerts == ["aga.rule.strength = 'much' is not a finite number"]


def test_a_game_for_two_says_so_to_three(visit):
    page = visit(DUEL)
    page.turn("Agents", 3)
    page.click("Reset")
    (alert,) = page.alerts
    assert alert.startswith("world toy_game: is for 2 players")
    page.turn("Agents", 2)
    page.turn("Second kind", "free_rider")
    page.turn("Second kind, percent", 50)
    page.click("Reset")
    page.click("Step")
    assert page.alerts == []
    assert page.ways.count('class="own to"') == 1
    assert "reward/free_rider" in page.html()


def test_a_commons_of_many_is_shown_on_its_graph(visit):
    page = visit(COMMONS)
    before = page.picture
    page.click("Step")
    page.click("Step")
    html = page.html()
    assert page.picture != before
    assert 'class="plane"' not in html
    assert page.stage.landscape is None
    for words in (">Actions<", ">free_rider<", ">reward/aga<", ">own curvature/aga<", ">Welfare<"):
        assert words in html
    drawn = page.picture
    page.switch(0, "kind")
    assert page.picture != drawn
    page.turn("Agent, 0 to 24", "3")
    assert "row 0, column 3, 4 neighbours" in page.html()
    assert "<th>neighbour</th><th>action</th><th>reward</th>" in page.html()


def test_play_waits_for_the_picture(visit):
    page = visit(SMALL)
    stage = page.stage
    counter = importlib.import_module("mesa.visualization.utils").update_counter
    stage.session.drew(counter.peek() - 1)
    player = threading.Thread(target=stage.step)
    player.start()
    player.join(0.3)
    assert player.is_alive()
    assert stage.steps == 0
    stage.session.drew(counter.peek())
    player.join(5)
    assert stage.steps == 1


@pytest.mark.parametrize("experiment", [SMALL, DUEL], ids=["society", "landscape"])
def test_a_world_that_was_replaced_is_collected(visit, experiment):
    page = visit(experiment)
    page.click("Step")
    old = weakref.ref(page.stage.world)
    page.click("Reset")
    gc.collect()
    assert old() is None


def test_a_failing_step_stops_the_page_with_a_message(visit, monkeypatch):
    from commonweal.errors import Diverged

    page = visit(SMALL)
    stage = page.stage

    def burst():
        raise Diverged("agent lr2 3: parameters are no longer finite")

    monkeypatch.setattr(stage.world, "step", burst)
    page.click("Step")
    assert page.alerts == ["agent lr2 3: parameters are no longer finite"]
    assert not stage.running
