"""Worlds with places and federations on the page, as a tree of widgets."""

import gc
import re
import weakref

import pytest

from commonweal.analysis.sketches import KINDS, MEMBER, OUTSIDER, STRANGER
from commonweal.simulation.experiment import Experiment, Share

pytestmark = [
    pytest.mark.browser,
    # Mesa 3.3 calls a hook behind a return that our page never takes.
    pytest.mark.filterwarnings(r"ignore:.*ComponentsView. `use_state` found despite:UserWarning"),
    pytest.mark.timeout(120),
]
MOVE = {"rollout": 2, "hidden": [4]}


def scene(world, *shares, lanes=2, **more):
    return Experiment(world={"kind": world}, population=list(shares), lanes=lanes, **more)


def sharing(kind="lmf", count=0, **charter):
    return Share(kind=kind, count=count, settings={"move": MOVE, "charter": {"every": 1} | charter})


NAMED = scene("job_scheduling", sharing(members="nodes", nodes=[1, 2], shape="complete"))


def discs(page):
    """Node -> colour, of the agents in the drawing."""
    drawing = page.pictures[0].drawing
    inks = re.findall(r'<circle [^>]*fill="([^"]+)" class="agent"', drawing)
    return dict(enumerate(inks))


def fact(page, name):
    return re.search(f"<th>{name}</th><td>([^<]*)</td>", page.html())[1]


def test_the_world_is_shown_first_and_moves(visit):
    page = visit(NAMED)
    shown, plan = page.pictures[0].drawing, page.stage.world
    sketch = plan.sketch(plan.state, plan.focus)
    assert shown.count("<circle") == sum(mark.shape == "disc" for mark in sketch.marks) == 4
    assert "resource <small>1</small>" in page.html()
    for _ in range(3):
        page.click("Step")
    assert page.pictures[0].drawing != shown


def test_a_click_on_an_agent_in_the_world_chooses_it(visit):
    page = visit(scene("matthew_effect", Share(kind="random")))
    world = page.stage.world
    sketch = world.sketch(world.state, world.focus)
    mark = next(mark for mark in sketch.marks if mark.agent == 3)
    # 14 of the 588 units of the drawing are margin on either side.
    place = {"x": (14 + 560 * mark.x) / 588, "y": (14 + 560 * mark.y) / 588}
    assert 'class="ring"' not in page.pictures[0].drawing
    page.pictures[0]._handle_event(None, {"event": "pick", "data": place}, None)
    assert "<h3>random 3</h3>" in page.html()
    assert page.pictures[0].drawing.count('class="ring"') == 1


def test_members_and_outsiders_have_colours_of_their_own(visit):
    page = visit(NAMED)
    assert set(discs(page).values()) == {OUTSIDER}
    for _ in range(2):
        page.click("Step")
    assert discs(page) == {0: OUTSIDER, 1: MEMBER, 2: MEMBER, 3: OUTSIDER}
    assert "member <small>2</small>" in page.html()
    assert f'stroke="{MEMBER}"' in page.html()  # of the curve of their returns


def test_kinds_that_do_not_federate_are_coloured_as_kinds(visit):
    shares = [Share(kind="random", count=3), Share(kind="nearest", count=1)]
    page = visit(scene("job_scheduling", *shares))
    kinds = [agent.kind for agent in page.stage.world.people]
    names = ("random", "nearest")
    assert discs(page) == {i: KINDS[names.index(kind)] for i, kind in enumerate(kinds)}


def test_who_cannot_federate_is_neither_member_nor_outsider(visit):
    page = visit(scene("job_scheduling", sharing(count=3), Share(kind="random", count=1)))
    for _ in range(2):
        page.click("Step")
    kinds = [agent.kind for agent in page.stage.world.people]
    assert discs(page) == {i: MEMBER if k == "lmf" else STRANGER for i, k in enumerate(kinds)}
    page.turn("Agent, 0 to 3", str(kinds.index("random")))
    assert "<h3>Federation</h3>" not in page.html()


def test_the_graph_of_weights_waits_for_the_first_meeting(visit):
    page = visit(NAMED)
    page.switch(0, "federation")
    assert "nobody has met yet" in page.html()
    assert "<polygon" not in page.html()
    before = page.picture
    page.click("Step")
    assert page.picture == before
    page.click("Step")
    assert page.picture != before
    assert "nobody has met yet" not in page.html()
    assert "<polygon" in page.html()
    assert page.pictures[0].description == "who listens to whom in the federation"


def test_several_federations_have_a_picture_each(visit):
    page = visit(scene("job_scheduling", sharing("lmf", 2), sharing("fpf", 2)))
    assert set(page.stage.federations) == {"federation/lmf", "federation/fpf"}
    for _ in range(2):
        page.click("Step")
    page.switch(0, "federation/fpf")
    assert "no federation <small>2</small>" in page.html()


def test_an_agent_is_told_to_leave_and_to_join(visit):
    page = visit(NAMED)
    page.turn("Agent, 0 to 3", "1")
    assert fact(page, "was told") == "to do as the charter says"
    assert fact(page, "last meeting") == "nobody has met yet"
    for _ in range(2):
        page.click("Step")
    assert fact(page, "all meetings") == "took part in 1 of 1"
    assert fact(page, "listened to") == "itself 0.50, lmf 2 0.50"
    page.click("Leave")
    assert fact(page, "was told") == "to stay out"
    assert fact(page, "last meeting") == "took part"
    assert "takes effect from the next meeting on" in page.html()
    assert discs(page)[1] == MEMBER
    for _ in range(2):
        page.click("Step")
    assert fact(page, "last meeting") == "stayed out"
    assert fact(page, "all meetings") == "took part in 1 of 2"
    assert fact(page, "listened to") == "itself 1.00"
    assert discs(page)[1] == OUTSIDER
    page.turn("Agent, 0 to 3", "0")
    page.click("Join")
    for _ in range(2):
        page.click("Step")
    assert discs(page) == {0: MEMBER, 1: OUTSIDER, 2: MEMBER, 3: OUTSIDER}
    page.click("As the charter says")
    assert fact(page, "was told") == "to do as the charter says"
    for _ in range(2):
        page.click("Step")
    assert discs(page)[0] == OUTSIDER


def test_the_last_one_cannot_leave(visit):
    page = visit(NAMED)
    for node in (0, 1, 2):
        page.turn("Agent, 0 to 3", str(node))
        assert page.alerts == []
        page.click("Leave")
    assert page.alerts == ["agent 2 cannot leave: it is the last that may take part"]
    page.turn("Agent, 0 to 3", "3")
    assert page.alerts == []
    assert page.stage.running


def test_what_is_told_holds_in_the_replicate_of_the_picture_and_in_all_others(visit):
    page = visit(scene("job_scheduling", sharing("fpf", members="half"), lanes=1, replicates=3))
    page.turn("Agent, 0 to 3", "2")
    page.click("Join")
    for _ in range(2):
        page.click("Step")
    federation = page.stage.world.people[2].cohort.federation
    assert federation.members[:, 2].all()
    assert [discs(page)[i] == MEMBER for i in range(4)] == federation.members[0].tolist()
    page.stage.world.focus = 2
    page.click("Step")
    assert [discs(page)[i] == MEMBER for i in range(4)] == federation.members[2].tolist()


def test_the_next_meeting_is_announced(visit):
    page = visit(scene("job_scheduling", sharing(members="everyone", every=3)))
    page.turn("Agent, 0 to 3", "0")
    assert "in 3 updates of its learner" in page.html()
    for _ in range(4):
        page.click("Step")
    assert "with the next update of its learner" in page.html()


def test_too_many_weights_are_not_drawn(visit, monkeypatch):
    monkeypatch.setattr("commonweal.browser.society_view.LINKS", 1)
    page = visit(NAMED)
    for _ in range(2):
        page.click("Step")
    page.switch(0, "federation")
    assert "2 weights, too many to be drawn" in page.html()
    assert "member <small>2</small>" in page.html()


def test_knobs_of_the_charter_act_on_reset(visit):
    page = visit(NAMED)
    page.turn("lmf: charter members", "everyone")
    page.turn("lmf: charter nodes", "")
    page.turn("lmf: charter every", "2")
    page.turn("lmf: exchange what", "parameters")
    page.click("Reset")
    cohort = page.stage.world.society.cohorts[0]
    assert (cohort.federation.charter.config.members, cohort.federation.charter.every) == (
        "everyone",
        2,
    )
    assert cohort.ties.exchange.what == "parameters"
    assert "charter members everyone" in page.html()
    page.turn("lmf: charter members", "nodes")
    page.turn("lmf: charter nodes", "0,7")
    page.click("Reset")
    (alert,) = page.alerts
    assert "7" in alert


def test_a_world_that_was_replaced_is_collected(visit):
    page = visit(NAMED)
    page.turn("Agent, 0 to 3", "1")
    page.click("Step")
    page.click("Leave")
    old = weakref.ref(page.stage.world)
    page.click("Reset")
    gc.collect()
    assert old() is None
