"""The manufacturing plant: gems collected, products made, and what is seen."""

from dataclasses import replace

import networkx as nx
import pytest
import torch

from benchmarks.plain_resources import Plant
from commonweal.errors import BadSetting
from commonweal.simulation.conformance.puppets import build, legal
from commonweal.worlds.manufacturing_plant import ManufacturingPlant, ManufacturingPlantConfig
from tests.places import acting

STAY, UP, DOWN, LEFT, RIGHT = range(5)
A, B, C = range(3)
CORNERS = [(2, 2), (2, 9), (9, 2), (9, 9)]
REST = [((8, 8), A)]


def plant(agents=5, lanes=1, seed=0, **settings):
    config = ManufacturingPlantConfig(**settings)
    return build("manufacturing_plant", nx.complete_graph(agents), seed, lanes, config)


def at(world, places, gems, held=()):
    """The state with agents and gems at these (row, column) pairs; what is not said is far away."""
    width = world.board.width
    gems = [*gems, *REST * world.config.gems][: world.config.gems]
    state = world.state
    places = [*places, *CORNERS][: state.cell.shape[1]]
    hands = torch.zeros_like(state.held)
    for agent, hand in enumerate(held):
        hands[:, agent] = torch.tensor(hand, dtype=torch.float32)
    cell = torch.tensor([[row * width + column for row, column in places]])
    gem = torch.tensor([[row * width + column for (row, column), _ in gems]])
    kind = torch.tensor([[kind for _, kind in gems]])
    parts = {"cell": cell, "gem": gem, "kind": kind}
    repeated = {name: part.repeat(world.lanes, 1) for name, part in parts.items()}
    return replace(state, held=hands, **repeated)


def after(places, gems, held, moves=(), world=None, **settings):
    """State after one round, what was earned, and what is held then."""
    world = world or plant(**settings)
    agents = world.state.cell.shape[1]
    moves = [*moves, *[STAY] * agents][:agents]
    state = at(world, places, gems, held)
    state, outcome = world.transition(state, torch.tensor([moves]))
    return state, outcome.rewards[0].tolist(), state.held[0].tolist()


def test_a_gem_completes_a_product():
    _, paid, held = after([(3, 2)], [((3, 3), A)], [(1, 1, 0)], [RIGHT])
    assert paid == pytest.approx([1.01, 0, 0, 0, 0])
    assert held[0] == [0, 0, 0]


def test_two_gems_on_one_cell_are_both_collected_needed_or_not():
    state, paid, held = after([(4, 4)], [((4, 4), A), ((4, 4), C)], [])
    assert paid == pytest.approx([0.02, 0, 0, 0, 0])
    assert held[0] == [1, 0, 1]
    assert state.gathered[0].tolist() == [2, 0, 0, 0, 0]


def test_gems_left_behind_or_beside_stay():
    gems = [((4, 4), A), ((5, 6), B)]
    state, paid, _ = after([(4, 4), (5, 5)], gems, [], [RIGHT, STAY])
    assert paid == [0] * 5
    assert state.gem[0, :2].tolist() == [4 * 12 + 4, 5 * 12 + 6]
    assert state.kind[0, :2].tolist() == [A, B]


@pytest.mark.parametrize(
    ("agent", "hand", "made", "left"),
    [
        (0, (2, 1, 0), 1, (0, 0, 0)),
        (0, (2, 0, 9), 0, (2, 0, 9)),
        (1, (3, 5, 2), 2, (1, 5, 0)),
        (2, (4, 1, 3), 1, (4, 0, 2)),
        (3, (2, 2, 7), 2, (0, 0, 7)),
        (4, (6, 2, 3), 1, (6, 1, 1)),
        (5, (4, 2, 0), 2, (0, 0, 0)),
        (9, (0, 1, 2), 1, (0, 0, 0)),
    ],
)
def test_recipes_come_round_again(agent, hand, made, left):
    world = plant(agents=10)
    held = [(0, 0, 0)] * agent + [hand]
    row = [(9, column) for column in range(2, 10)] + [(2, 2), (2, 3)]
    state, paid, now = after(row, [], held, world=world)
    assert paid[agent] == made == state.products[0, agent]
    assert sum(paid) == made
    assert tuple(now[agent]) == left


def test_agents_keep_off_each_other_and_the_rim():
    places = [(2, 5), (5, 2), (5, 4), (5, 5), (5, 6)]
    state, *_ = after(places, [], [], [UP, LEFT, RIGHT, RIGHT, DOWN])
    reached = plant().board.places(state.cell[0]).tolist()
    # The cells that two of them leave stay closed: only the last can move.
    assert reached == [[2, 5], [5, 2], [5, 4], [5, 5], [6, 6]]


def test_order_decides_who_gets_a_gem_between_two():
    world = plant(lanes=2000, activation="random")
    state = at(world, [(4, 3), (4, 5)], [((4, 4), A)])
    moves = torch.tensor([[RIGHT, LEFT, STAY, STAY, STAY]]).repeat(2000, 1)
    _, outcome = world.transition(state, moves)
    got = outcome.rewards > 0
    assert (got.sum(-1) == 1).all()
    assert got[:, 0].float().mean() == pytest.approx(0.5, abs=0.05)
    assert after([(4, 3), (4, 5)], [((4, 4), A)], [], [RIGHT, LEFT])[1][:2] == [
        pytest.approx(0.01),
        0,
    ]


def test_new_gems_lie_on_any_inner_cell_and_are_of_any_type():
    world = plant(agents=1, lanes=4000)
    state, _ = world.transition(
        at(world, [(4, 4)], [((4, 4), A)]), torch.zeros(4000, 1, dtype=torch.int64)
    )
    numbers = torch.bincount(state.gem[:, 0], minlength=144).view(12, 12)
    assert (numbers[3:9, 3:9] > 60).all()
    assert numbers[3:9, 3:9].sum() == 4000
    assert torch.bincount(state.kind[:, 0]).tolist() == [pytest.approx(4000 / 3, abs=150)] * 3
    assert (state.gem[:, 1:] == 8 * 12 + 8).all()


GEMS = [((3, 3), C), ((4, 6), A), ((5, 4), B), ((5, 4), A), ((7, 4), B)]


def test_what_is_seen():
    world = plant()
    state = at(world, [(4, 4)], GEMS, [(1, 2, 0)])
    seen = world.show(state, "sight").features[0]
    assert seen.shape == (5, 80)
    assert seen[0, :5].tolist() == [4, 4, 1, 2, 0]
    window = seen[0, 5:].view(5, 5, 3)
    assert window.nonzero().tolist() == [[1, 1, C], [2, 4, A], [3, 2, A], [3, 2, B]]
    # Far from all gems, in a corner: nothing but the own place.
    assert seen[2].nonzero().flatten().tolist() == [0, 1]
    assert world.show(state, "bearing").features[0, 0].tolist() == [1, 0]


def test_what_is_seen_plainly():
    world = plant(observation="plain")
    state = at(world, [(4, 4)], GEMS, [(1, 2, 0)])
    seen = world.show(state, "sight").features[0]
    assert seen.shape == (5, 30)
    window = torch.zeros(5, 5)
    window[1, 1], window[2, 4] = 1 + C, 1 + A
    window[3, 2] = 1 + A  # of two on one cell, the last
    assert seen[0].tolist() == [4, 4, 1, 2, 0, *window.flatten().tolist()]
    overview = world.show(state, "overview").features[0, 3]
    assert overview.shape == (169,)
    board = overview[25:].view(12, 12)
    assert board[5, 4] == 1 + A
    assert board[7, 4] == 1 + B
    assert board.sum() == 3 + 1 + 1 + 2 + 1


def test_the_overview_is_the_same_for_all():
    world = plant()
    seen = world.show(at(world, [(4, 4)], GEMS, [(1, 2, 0)]), "overview").features[0]
    assert seen.shape == (5, 457)
    assert (seen == seen[:1]).all()
    assert seen[0, :10].tolist() == [4, 4, 1, 2, 0, 2, 2, 0, 0, 0]
    board = seen[0, 25:].view(12, 12, 3)
    there = [[3, 3, C], [4, 6, A], [5, 4, A], [5, 4, B], [7, 4, B], [8, 8, A]]
    assert board.nonzero().tolist() == there


def test_the_nearest_gem_counts_rows_and_columns_and_may_be_any():
    world = plant()
    gems = [((8, 8), A), ((5, 5), C), ((4, 6), B), ((6, 3), B)]
    state = at(world, [(3, 3), (4, 5)], gems)
    bearing = world.show(state, "bearing").features[0]
    assert bearing[0].tolist() == [3, 0]
    assert bearing[1].tolist() == [1, 0]  # the first of two that are equally near


@pytest.mark.parametrize("activation", ["index", "random"])
def test_it_is_what_plain_python_does(activation):
    lanes, agents = 16, 7
    world = plant(agents, lanes, seed=1, activation=activation)
    rng = torch.Generator().manual_seed(2)

    def pairs(cells):
        return [tuple(pair) for pair in world.board.places(cells).long().tolist()]

    def fresh(lane):
        return lambda number: (
            pairs(world.state.gem[lane, number : number + 1])[0],
            world.state.kind[lane, number].item(),
        )

    state = world.state
    games = [
        Plant(
            pairs(state.cell[lane]), pairs(state.gem[lane]), state.kind[lane].tolist(), fresh(lane)
        )
        for lane in range(lanes)
    ]
    for _ in range(60):
        moves = legal(world, rng)
        order = acting(world)
        world.state, outcome = world.transition(world.state, moves)
        channels = world.observations(world.state)
        for lane, game in enumerate(games):
            paid = game.step(moves[lane].tolist(), order[lane])
            assert outcome.rewards[lane].tolist() == pytest.approx(paid)
            assert channels["sight"].features[lane].tolist() == game.sight()
            assert channels["overview"].features[lane, 0].tolist() == game.overview()
    for lane, game in enumerate(games):
        assert world.state.returns[lane].tolist() == pytest.approx(game.returns, abs=1e-4)
    assert world.state.products.sum() > 20


def test_episodes_begin_with_everything_on_cells_of_its_own():
    world = plant(agents=64, lanes=200, gems=36)
    assert (world.state.cell.sort(-1).values != 0).all()
    state = world.initial()
    assert (state.cell.sort(-1).values == world.board.square()).all()
    assert (state.gem.sort(-1).values == world.board.square(rim=1)).all()
    assert torch.bincount(state.kind.flatten()).tolist() == [pytest.approx(2400, abs=200)] * 3
    assert not state.held.any()


def test_products_and_gems_are_measured_when_an_episode_ends():
    world = plant(lanes=8, horizon=60)
    for _ in range(59):
        world.step()
        assert world.measured["products"][1].sum() == 0
    world.step()
    products, gems = (world.measured[name][0] for name in ("products", "gems"))
    expected = (products + 0.01 * gems).tolist()
    assert world.state.returns.sum(-1).tolist() == pytest.approx(expected, abs=1e-4)
    assert products.sum() > 0
    assert world.measured["gems"][1].tolist() == [1] * 8


def test_what_cannot_be_is_refused():
    with pytest.raises(BadSetting, match="65 agents need as many cells, and there are 64"):
        plant(agents=65)
    with pytest.raises(BadSetting, match="37 gems need as many cells, and there are 36"):
        plant(gems=37)


def test_the_sketch_shows_agents_and_gems():
    world = plant()
    sketch = world.sketch(at(world, [(4, 6)], GEMS), 0)
    assert (sketch.width, sketch.height, sketch.cells) == (8, 8, True)
    first = next(mark for mark in sketch.marks if mark.agent == 0)
    assert (first.x, first.y, first.shape) == (4.5, 2.5, "disc")
    gems = [(mark.x, mark.y, mark.label) for mark in sketch.marks if mark.shape == "diamond"]
    assert gems[:3] == [(1.5, 1.5, "gem C"), (4.5, 2.5, "gem A"), (2.5, 3.5, "gem B")]
    assert len(gems) == 8


def test_the_usual_run_is_the_published_one():
    assert ManufacturingPlant.usual["rounds"] * ManufacturingPlant.usual["lanes"] == 20_000 * 200
