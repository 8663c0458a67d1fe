"""The map of rewards and the ways of lanes over it, apart from the page."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from matplotlib import colormaps
from PIL import Image

from commonweal.browser.landscape import LANES, Landscape, widened
from commonweal.browser.surface import (
    CELLS,
    LEFT,
    MISSING,
    SHARES,
    SIDE,
    TOP,
    VIEWS,
    Surface,
    colours,
    contours,
    sampled,
)
from commonweal.browser.trace import Trace
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share
from commonweal.spaces import Box

AXIS = (np.arange(CELLS) + 0.5) / CELLS


def ramp(share):
    return (255 * np.array(colormaps["cividis"](share))[:3]).round().tolist()


def apart(actions):
    """The first is paid its own action, the second ten times its own."""
    return actions[..., 0] * torch.tensor([1.0, 10.0])


def picture(svg):
    """The map within a drawing, [rows from the top, columns, 3]."""
    source = re.search(r"data:image/png;base64,([^\"]+)", svg)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))


def numbers(path):
    return [tuple(map(int, pair.split())) for pair in re.findall(r"-?\d+ -?\d+", path)]


def paths(svg, kind):
    return re.findall(rf'<path d="([^"]*)" class="{kind}"/>', svg)


def world(kind="toy_game", agent="aga", agents=2, lanes=1, **settings):
    population = [Share(kind=agent)]
    return assemble(
        Experiment(
            agents=agents,
            lanes=lanes,
            replicates=1,
            population=population,
            world={"kind": kind} | settings,
        )
    )


def walked(game, rounds):
    landscape = Landscape(game)
    for _ in range(rounds):
        game.step()
        landscape.note(game)
    return landscape


def test_cells_hold_what_their_middle_pays():
    values = sampled(apart, (-2.0, 4.0))
    middles = -2 + 6 * AXIS
    np.testing.assert_allclose(values[0], np.broadcast_to(middles, (CELLS, CELLS)), atol=1e-5)
    np.testing.assert_allclose(
        values[1], np.broadcast_to(10 * middles[:, None], values[1].shape), atol=1e-4
    )


def test_colours_go_by_rank_so_that_a_far_corner_does_not_take_them_all():
    values = np.arange(9.0)
    for far in (8.0, 1e9):
        values[8] = far
        drawn = colours(values)
        assert [drawn[i].tolist() for i in (0, 4, 8)] == [ramp(s) for s in (0.0, 0.5, 1.0)]


def test_equal_rewards_have_equal_colours_and_none_at_all_has_grey():
    drawn = colours(np.array([1.0, 1.0, np.nan, np.inf]))
    assert drawn[0].tolist() == drawn[1].tolist() == ramp(0.5)
    assert drawn[2].tolist() == drawn[3].tolist() == [MISSING] * 3
    assert contours(np.full((CELLS, CELLS), np.nan)) == contours(np.ones((CELLS, CELLS))) == ""


@pytest.mark.parametrize(
    ("view", "bright", "dark"),
    [
        ("collective", "top right", "bottom left"),
        ("player 1", "right", "left"),
        ("player 2", "top", "bottom"),
    ],
)
def test_each_view_shows_its_rewards_upright(view, bright, dark):
    drawn = picture(Surface(apart, (0.0, 1.0)).draw(view, ("one", "two"))).astype(int)
    places = {"top": (0, 60), "bottom": (-1, 60), "left": (60, 0), "right": (60, -1)}
    places |= {"top right": (0, -1), "bottom left": (-1, 0)}
    yellowness = drawn[..., 0] - drawn[..., 2]
    assert yellowness[places[bright]] > 150
    assert yellowness[places[dark]] < -30


def test_pixels_of_known_actions():
    surface = Surface(apart, (-3.0, 3.0))
    found = surface.pixels(np.array([[-3.0, -3.0], [3.0, 3.0], [0.0, 1.5], [0.0, 1e9]]))
    middle = LEFT + SIDE / 2
    assert found[:3].tolist() == [[LEFT, TOP + SIDE], [LEFT + SIDE, TOP], [middle, TOP + SIDE / 4]]
    assert np.isnan(found[3]).all()


@pytest.mark.parametrize(("player", "axis"), [(0, 0), (1, 1)])
def test_contours_run_where_the_rewards_of_the_key_are(player, axis):
    drawn = contours(sampled(apart, (0.0, 1.0))[player] ** 3).split("M")[1:]
    assert len(drawn) == len(SHARES) - 2
    for share, path in zip(SHARES[1:-1], drawn, strict=True):
        expected = LEFT + SIDE * share if axis == 0 else TOP + SIDE * (1 - share)
        assert {place[axis] for place in numbers(path)} <= set(
            range(int(expected) - 4, int(expected) + 6)
        )


def test_the_key_and_the_axes_have_numbers():
    svg = Surface(apart, (0.0, 1.0)).draw("player 2", ("mine", "yours"))
    texts = re.findall(r">([^<]+)</text>", svg)
    assert {"mine", "yours", "0", "0.5", "1", "reward"} <= set(texts)
    assert {"0.04", "5", "9.96"} <= set(texts)


def test_a_trace_keeps_its_ends_and_stays_bounded():
    trace = Trace(points=8)
    never = np.zeros(2, bool)
    for tick in range(1000):
        trace.note(np.array([[tick, 0.0], [0.0, tick]]), never)
        kept = trace.paths()
        assert len(kept) <= 9
        assert kept[0, 0].tolist() == [0, 0]
        assert kept[-1, 1].tolist() == [0, tick]
    assert (np.diff(trace.paths()[1:-1, 0, 0]) == trace.stride).all()


def test_a_trace_is_cleared_when_lanes_restart():
    trace = Trace()
    some, every = np.array([True, False]), np.array([True, True])
    trace.note(np.array([[1.0, 1.0], [2.0, 2.0]]), some)
    trace.note(np.array([[5.0, 5.0], [3.0, 3.0]]), every)
    assert trace.start.tolist() == [[5, 5], [2, 2]]
    assert np.isnan(trace.paths()[1, 0]).all()
    assert trace.paths()[1, 1].tolist() == [2, 2]
    trace.note(np.array([[7.0, 7.0], [8.0, 8.0]]), ~every)
    assert trace.paths()[:, 0].tolist() == [[7, 7]] * 3


def test_marks_are_dots_at_equal_times():
    trace = Trace()
    for tick in range(25):
        trace.note(np.array([[tick, tick]]), np.zeros(1, bool))
    assert trace.marks(10)[:, 0, 0].tolist() == [10, 20]


def test_the_way_follows_the_joint_actions_until_the_restart():
    game = world(horizon=5)
    landscape = walked(game, 5)
    (own,) = paths(landscape.ways(), "own")
    start = landscape.surface.pixels(np.array([-1.4, 0.2])).round()
    now = landscape.surface.pixels(game.state.last[0, :, 0].numpy()).round()
    assert numbers(own)[0] == tuple(start)
    assert numbers(own)[-1] == tuple(now)
    assert len(numbers(own)) == 5
    assert game.episode_ended
    game.step()
    landscape.note(game)
    (own,) = paths(landscape.ways(), "own")
    assert numbers(own) == [tuple(start)]


def test_the_words_tell_where_the_lane_in_focus_is():
    game = world()
    told = walked(game, 3).told()
    one, two = game.state.last[0, :, 0].tolist()
    first, second = game.spec.payoffs(game.state.last)[0].tolist()
    assert f"Lane 1 at ({one:.3f}, {two:.3f}) earns" in told
    assert f"earns {first:.3f} and {second:.3f}, together {first + second:.3f}." in told
    assert "Thin" not in told


def test_most_lanes_are_drawn_and_the_rest_is_told():
    landscape = walked(world("public_goods", lanes=LANES + 20), 2)
    svg = landscape.ways()
    (others,) = paths(svg, "way")
    assert others.count("M") == LANES - 1
    assert paths(svg, "now")[0].count("M") == LANES - 1
    assert f"{LANES - 1} of the other {LANES + 19}" in landscape.told()


def test_the_map_widens_for_those_who_leave_it_but_not_without_end():
    box, here = Box(-1.0, 1.0), (-1.0, 1.0)
    assert widened(here, np.array([[0.5, -1.0]]), box) == here
    assert widened(here, np.array([[1.05, -1.25]]), box) == pytest.approx((-1.4, 1.2))
    assert widened(here, np.array([[np.nan, 1e9]]), box) == pytest.approx((-1.0, 2.0))
    game = world(start=[2.9, -2.9], agent="simul_ind")
    assert Landscape(game).surface.window == (-3.0, 3.0)
    landscape = walked(game, 3)
    low, high = landscape.surface.window
    assert low <= game.state.last.min() < -3
    assert high == 3
    np.testing.assert_allclose(
        landscape.surface.values["player 1"], sampled(game.payoffs, (low, high))[0]
    )


def test_lanes_beyond_the_map_are_counted():
    game = world()
    landscape = walked(game, 1)
    landscape.trace.note(np.array([[1e9, 0.0]]), np.zeros(1, bool))
    assert "1 of these lanes is beyond the map" in landscape.told()
    assert 'class="own to"' not in landscape.ways()


@pytest.mark.parametrize(
    ("kind", "agent", "agents", "drawn"),
    [
        ("toy_game", "aga", 2, True),
        ("public_goods", "free_rider", 2, True),
        ("public_goods", "aga", 3, False),
        ("iterated_dilemma", "tit_for_tat", 2, False),
    ],
)
def test_only_two_players_with_known_payoffs_have_a_landscape(kind, agent, agents, drawn):
    assert Landscape.fits(world(kind, agent, agents)) is drawn


def test_actions_of_several_numbers_have_no_landscape(tmp_path):
    file = tmp_path / "pair.py"
    file.write_text("SIZE = 2\ndef payoffs(a): return -(a**2).sum(-1)\n")
    assert not Landscape.fits(world("game_file", "sl", path=str(file)))


def test_a_view_is_drawn_once():
    landscape = Landscape(world())
    grounds = [landscape.ground(view) for view in VIEWS]
    assert len(set(grounds)) == 3
    assert all(landscape.ground(view) is svg for view, svg in zip(VIEWS, grounds, strict=True))
    assert "action 1 (aga 0)" in grounds[0]
