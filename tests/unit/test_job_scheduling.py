"""Job scheduling: moves one after the other, pay on the spot, what is seen and measured."""

from dataclasses import replace

import networkx as nx
import pytest
import torch

from benchmarks.plain_resources import Job
from commonweal.errors import BadSetting
from commonweal.simulation.conformance.puppets import build, legal
from commonweal.worlds import resources
from commonweal.worlds.job_scheduling import JobScheduling, JobSchedulingConfig
from tests.places import acting

STAY, UP, DOWN, LEFT, RIGHT = range(5)
AWAY = (4, 4)


def job(agents=4, lanes=1, seed=0, **settings):
    config = JobSchedulingConfig(**settings)
    return build("job_scheduling", nx.complete_graph(agents), seed, lanes, config)


def cells(world, places):
    rows, columns = torch.tensor(places).unbind(-1)
    return rows * world.board.width + columns


def at(world, places, resource):
    """The state in which agents stand at these (row, column) pairs in all lanes."""
    cell = cells(world, places).repeat(world.lanes, 1)
    resource = cells(world, [resource]).repeat(world.lanes)
    return replace(world.state, cell=cell, resource=resource)


def after(world, places, resource, moves):
    """Where everybody stands after one round, and what each earned."""
    moves = torch.tensor(moves).repeat(world.lanes, 1)
    state, outcome = world.transition(at(world, places, resource), moves)
    where = [tuple(map(int, place)) for place in world.board.places(state.cell[0]).tolist()]
    return where, outcome.rewards[0].tolist()


CORNERS = [(5, 5), (5, 4)]


@pytest.mark.parametrize(
    ("places", "resource", "moves", "reached", "paid"),
    [
        pytest.param(
            [(3, 3), (3, 2), (1, 1), (5, 5)],
            (3, 3),
            [STAY, RIGHT, UP, DOWN],
            [(3, 3), (3, 2), (1, 1), (5, 5)],
            [1, 0, 0, 0],
            id="neither into somebody nor off the board",
        ),
        pytest.param(
            [(2, 2), (2, 1), *CORNERS],
            AWAY,
            [RIGHT, RIGHT, STAY, STAY],
            [(2, 3), (2, 1), *CORNERS],
            [0, 0, 0, 0],
            id="nobody follows into a cell just left",
        ),
        pytest.param(
            [(2, 1), (2, 2), *CORNERS],
            AWAY,
            [RIGHT, RIGHT, STAY, STAY],
            [(2, 1), (2, 3), *CORNERS],
            [0, 0, 0, 0],
            id="a cell that is left later is closed",
        ),
        pytest.param(
            [(3, 2), (3, 4), *CORNERS],
            (3, 3),
            [RIGHT, LEFT, STAY, STAY],
            [(3, 3), (3, 4), *CORNERS],
            [1, 0, 0, 0],
            id="the lower number gets what two want",
        ),
        pytest.param(
            [(2, 2), (2, 3), *CORNERS],
            AWAY,
            [RIGHT, LEFT, STAY, STAY],
            [(2, 2), (2, 3), *CORNERS],
            [0, 0, 0, 0],
            id="nobody swaps",
        ),
        pytest.param(
            [(1, 3), (5, 3), (3, 1), (3, 5)],
            AWAY,
            [UP, DOWN, LEFT, RIGHT],
            [(1, 3), (5, 3), (3, 1), (3, 5)],
            [0, 0, 0, 0],
            id="all four walls",
        ),
    ],
)
def test_a_round_by_hand(places, resource, moves, reached, paid):
    assert after(job(), places, resource, moves) == (reached, paid)


def test_in_random_order_either_of_two_gets_what_both_want():
    world = job(lanes=2000, activation="random")
    state = at(world, [(3, 2), (3, 4), *CORNERS], (3, 3))
    moves = torch.tensor([[RIGHT, LEFT, STAY, STAY]]).repeat(2000, 1)
    _, outcome = world.transition(state, moves)
    assert (outcome.rewards.sum(-1) == 1).all()
    assert outcome.rewards[:, 0].mean() == pytest.approx(0.5, abs=0.05)
    assert outcome.rewards[:, 1].mean() == pytest.approx(0.5, abs=0.05)


def test_what_is_seen():
    world = job()
    state = at(world, [(3, 2), (3, 4), *CORNERS], (3, 3))
    sight = world.show(state, "sight").features[0].tolist()
    assert sight[0] == [3, 2, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert sight[2] == [5, 5, -2, -2, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert sight[3] == [5, 4, -2, -1, 0, 0, 0, 0, 1, 1, 0, 0, 0]
    close = world.show(at(world, [(2, 2), (1, 3), (3, 1), (3, 2)], AWAY), "sight").features
    assert close[0, 0, 4:].tolist() == [0, 0, 1, 0, 1, 0, 1, 1, 0]
    bearing = world.show(state, "bearing").features[0].tolist()
    assert bearing == [[0, 1], [0, -1], [-2, -2], [-2, -1]]


def test_the_overview_is_the_same_for_all():
    world = job()
    seen = world.show(at(world, [(3, 2), (3, 4), *CORNERS], (3, 3)), "overview").features
    assert seen.shape == (1, 4, 74)
    assert (seen == seen[:, :1]).all()
    assert seen[0, 0, :10].tolist() == [3, 2, 3, 4, 5, 5, 5, 4, 3, 3]
    board = seen[0, 0, 10:].view(8, 8)
    assert board.nonzero().tolist() == [[3, 2], [3, 4], [5, 4], [5, 5]]


@pytest.mark.parametrize("activation", ["index", "random"])
def test_it_is_what_plain_python_does(activation):
    lanes, agents = 16, 6
    world = job(agents, lanes, seed=1, activation=activation)
    rng = torch.Generator().manual_seed(2)
    places = world.board.places(world.state.cell).long().tolist()
    resource = world.board.places(world.state.resource).long().tolist()
    games = [
        Job([tuple(cell) for cell in places[lane]], tuple(resource[lane])) for lane in range(lanes)
    ]
    for _ in range(60):
        moves = legal(world, rng)
        order = acting(world)
        world.state, outcome = world.transition(world.state, moves)
        for lane, game in enumerate(games):
            paid = game.step(moves[lane].tolist(), order[lane])
            assert outcome.rewards[lane].tolist() == paid
        channels = world.observations(world.state)
        for lane, game in enumerate(games):
            assert channels["sight"].features[lane].tolist() == game.sight()
            assert channels["overview"].features[lane, 0].tolist() == game.overview()
    assert world.state.returns.tolist() == [game.returns for game in games]
    assert world.state.returns.sum() > 0


def test_episodes_begin_at_random_on_cells_of_their_own():
    world = job(agents=25, lanes=300)
    assert (world.state.cell.sort(-1).values == world.board.square()).all()
    rows, columns = world.board.places(world.state.resource).unbind(-1)
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4}
    first = world.board.places(world.state.cell[:, 0])
    assert set(first.flatten().tolist()) == {1, 2, 3, 4, 5}


def test_chance_falls_alike_whichever_order_acts():
    worlds = [job(lanes=3, horizon=4, activation=order) for order in ("index", "random")]
    for _ in range(5):
        for world in worlds:
            world.step()
    one, other = worlds
    assert torch.equal(one.state.resource, other.state.resource)
    assert torch.equal(one.generator.get_state(), other.generator.get_state())


def test_more_agents_than_cells_are_refused():
    with pytest.raises(BadSetting, match="26 agents need as many cells, and there are 25"):
        job(agents=26)


def test_larger_boards():
    world = job(agents=30, side=9)
    assert world.board.places(world.state.cell).max() <= 9
    assert world.spec.channels == {"sight": 13, "bearing": 2, "overview": 60 + 2 + 144}


def test_the_sketch_shows_who_stands_where():
    world = job()
    sketch = world.sketch(at(world, [(1, 2), (3, 4), *CORNERS], (3, 4)), 0)
    assert (sketch.width, sketch.height, sketch.cells) == (5, 5, True)
    people = [mark for mark in sketch.marks if mark.agent >= 0]
    assert [(mark.x, mark.y) for mark in people] == [(1.5, 0.5), (3.5, 2.5), (4.5, 4.5), (3.5, 4.5)]
    (resource,) = [mark for mark in sketch.marks if mark.agent < 0]
    assert (resource.x, resource.y, resource.label) == (3.5, 2.5, "resource")


# ---- what is measured in all worlds about resources ------------------------------------------


def measured(returns, over=True):
    returns = torch.tensor([returns], dtype=torch.float32)
    found = resources.indicators(returns, returns / 10, torch.tensor([over]), 200)
    return {name: (above.item(), below.item()) for name, (above, below) in found.items()}


def test_one_who_has_all_is_the_bound_of_inequality():
    for agents in (2, 4, 10):
        found = measured([60.0] + [0.0] * (agents - 1))
        assert found["std_over_mean"] == (pytest.approx((agents - 1) ** 0.5), 1)
        assert found["least_return"] == (0, 1)


def test_equal_shares_have_no_spread():
    assert measured([7.0, 7.0, 7.0])["std_over_mean"] == (0, 1)
    assert measured([7.0, 7.0, 8.0])["least_return"] == (7, 1)
    assert measured([1.0, 3.0])["std_over_mean"] == (pytest.approx(0.5), 1)


def test_where_nobody_earns_there_is_no_spread_to_speak_of():
    assert measured([0.0, 0.0, 0.0])["std_over_mean"] == (0, 0)
    assert measured([-1.0, 0.0, 0.0])["std_over_mean"] == (0, 0)


def test_spread_counts_only_where_an_episode_ends():
    found = measured([1.0, 3.0], over=False)
    assert found["std_over_mean"] == found["least_return"] == (0, 0)
    above, below = found["collective_return"]
    assert above / below == pytest.approx(0.4 * 200)


def test_sums_over_an_episode_are_its_return():
    world, sums = job(lanes=5, horizon=20), torch.zeros(2)
    used = torch.zeros(2)
    for _ in range(20):
        world.step()
        sums += torch.tensor([part.sum() for part in world.measured["collective_return"]])
        used += torch.tensor([part.sum() for part in world.measured["utilisation"]])
    total = world.state.returns.sum()
    assert total > 0
    assert sums[0] / sums[1] == pytest.approx(total.item() / 5)
    assert used[0] / used[1] == pytest.approx(total.item() / 5 / 20)
    spread, number = world.measured["std_over_mean"]
    returns = world.state.returns[world.state.returns.sum(-1) > 0]
    expected = returns.std(-1, correction=0) / returns.mean(-1)
    assert number.sum() == len(returns)
    assert spread.sum() == pytest.approx(expected.sum().item())


def test_the_usual_run_is_the_published_one():
    assert JobScheduling.usual["rounds"] * JobScheduling.usual["lanes"] == 10_000 * 200
