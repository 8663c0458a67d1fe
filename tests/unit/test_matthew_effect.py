"""The Matthew effect: moves, who eats what, growth, and what is seen."""

from dataclasses import replace

import networkx as nx
import pytest
import torch

from benchmarks.plain_resources import Matthew
from commonweal.errors import BadSetting
from commonweal.simulation.conformance.puppets import build, legal
from commonweal.worlds.matthew_effect import MatthewEffect, MatthewEffectConfig
from tests.places import acting

STAY, LEFT, RIGHT, UP, DOWN = range(5)
FAR = (0.9, 0.9)


def square(agents=3, lanes=1, seed=0, **settings):
    config = MatthewEffectConfig(**settings)
    return build("matthew_effect", nx.complete_graph(agents), seed, lanes, config)


def at(world, places, sizes, resources):
    """The state in which everything lies where it is said, in all lanes."""
    parts = {"place": places, "size": sizes, "resource": resources}
    parts = {
        name: torch.tensor([part]).repeat(world.lanes, *[1] * (2 if name != "size" else 1))
        for name, part in parts.items()
    }
    return replace(world.state, **parts)


def after(places, sizes, resources, moves=None, **settings):
    """State and rewards after one round of one lane."""
    world = square(len(places), resources=len(resources), **settings)
    moves = torch.tensor([moves or [STAY] * len(places)])
    state, outcome = world.transition(at(world, places, sizes, resources), moves)
    return state, outcome.rewards[0].tolist()


def test_steps_are_as_long_as_agents_are_large_and_end_at_walls():
    places = [(0.02, 0.5), (0.5, 0.5), (0.5, 0.5), (0.5, 0.96), (0.97, 0.5)]
    moves = [LEFT, RIGHT, UP, DOWN, RIGHT]
    state, _ = after(places, [0.04, 0.02, 0.03, 0.04, 0.04], [FAR], moves)
    expected = [0.0, 0.5, 0.53, 0.5, 0.5, 0.46, 0.5, 1.0, 1.0, 0.5]
    assert state.place[0].flatten().tolist() == pytest.approx(expected)


def test_the_lower_number_eats_even_if_another_is_nearer():
    places = [(0.1, 0.1), (0.5, 0.52), (0.5, 0.49)]
    state, paid = after(places, [0.02, 0.03, 0.03], [(0.5, 0.5), (0.1, 0.121)])
    assert paid == [0, 1, 0]
    assert state.size[0].tolist() == pytest.approx([0.02, 0.035, 0.03])
    assert state.resource[0, 0].tolist() != [0.5, 0.5]
    assert state.resource[0, 1].tolist() == pytest.approx([0.1, 0.121])


def test_nearer_than_the_size_means_nearer():
    assert after([(0.5, 0.5)], [0.125], [(0.625, 0.5)], cap=0.5)[1] == [0]
    assert after([(0.5, 0.5)], [0.126], [(0.625, 0.5)], cap=0.5)[1] == [1]


def test_eating_follows_moving():
    places, there = [(0.5, 0.5)], [(0.545, 0.5)]
    assert after(places, [0.04], there, [RIGHT])[1] == [1]
    assert after(places, [0.04], there, [LEFT])[1] == [0]


def test_two_resources_pay_once_and_feed_twice():
    state, paid = after([(0.5, 0.5)], [0.03], [(0.5, 0.51), (0.51, 0.5)])
    assert paid == [1]
    assert state.size.item() == pytest.approx(0.04)
    assert (state.eaten.item(), state.returns.item()) == (2, 1)


def test_who_has_grown_reaches_farther_at_once_but_not_backwards():
    near, far = (0.5, 0.51), (0.532, 0.5)
    assert after([(0.5, 0.5)], [0.03], [near, far])[0].eaten.item() == 2
    assert after([(0.5, 0.5)], [0.03], [far, near])[0].eaten.item() == 1


def test_growth_ends_at_the_cap():
    state, _ = after([(0.5, 0.5)], [0.147], [(0.5, 0.51), (0.51, 0.5)])
    assert state.size.item() == pytest.approx(0.15)


def test_in_random_order_either_of_two_eats():
    world = square(2, lanes=2000, resources=1, activation="random")
    state = at(world, [(0.5, 0.52), (0.5, 0.49)], [0.03, 0.03], [(0.5, 0.5)])
    _, outcome = world.transition(state, torch.zeros(2000, 2, dtype=torch.int64))
    assert (outcome.rewards.sum(-1) == 1).all()
    assert outcome.rewards[:, 0].mean() == pytest.approx(0.5, abs=0.05)


def test_what_is_seen():
    world = square(2)
    resources = [(0.9, 0.1), (0.2, 0.5), (0.2, 0.1)]
    state = at(world, [(0.2, 0.3), (0.8, 0.2)], [0.02, 0.03], resources)
    seen = {name: percept.features[0] for name, percept in world.observations(state).items()}
    # The first is as far from the second resource as from the third: the lower number counts.
    first, second = [0.2, 0.3, 0.02, 0.03, 0.2, 0.5], [0.8, 0.2, 0.03, 0.04, 0.9, 0.1]
    state = replace(state, resource=torch.tensor([[(0.9, 0.1), (0.2, 0.5), (0.5, 0.3)]]))
    assert seen["sight"][1].tolist() == pytest.approx(second)
    assert world.show(state, "sight").features[0, 0].tolist() == pytest.approx(first)
    assert seen["bearing"][1].tolist() == pytest.approx([0.1, -0.1])
    overview = seen["overview"]
    assert overview.shape == (2, 26)
    assert torch.equal(overview[0], overview[1])
    expected = [0.2, 0.3, 0.02, 0.03, 0.7, -0.2, 0.53, 0.0, 0.2, 0.04, 0.0, -0.2, 0.04]
    assert overview[0, :13].tolist() == pytest.approx(expected, abs=1e-6)
    expected = [0.8, 0.2, 0.03, 0.04, 0.1, -0.1, 0.02, -0.6, 0.3, 0.45, -0.6, -0.1, 0.37]
    assert overview[0, 13:].tolist() == pytest.approx(expected, abs=1e-6)


def test_of_equally_near_resources_the_first_is_seen():
    world = square(1)
    state = at(world, [(0.5, 0.5)], [0.02], [(0.9, 0.9), (0.75, 0.5), (0.5, 0.75)])
    assert world.show(state, "sight").features[0, 0, 4:].tolist() == [0.75, 0.5]
    assert world.show(state, "bearing").features[0, 0].tolist() == [0.25, 0]


def test_the_nearest_others_are_seen_if_wanted():
    world = square(5, nearby=3)
    places = [(0.5, 0.5), (0.9, 0.5), (0.5, 0.6), (0.3, 0.5), (0.1, 0.1)]
    sizes = [0.01, 0.02, 0.03, 0.04, 0.05]
    seen = world.show(at(world, places, sizes, [FAR] * 3), "sight").features[0]
    assert seen.shape == (5, 18)
    expected = [0.5, 0.6, 0.03, 0.04, 0.3, 0.5, 0.04, 0.05, 0.9, 0.5, 0.02, 0.03]
    assert seen[0, 4:16].tolist() == pytest.approx(expected)
    assert seen[0, 16:].tolist() == pytest.approx(FAR)
    assert seen[4, 4:8].tolist() == pytest.approx([0.3, 0.5, 0.04, 0.05])


def test_published_widths():
    assert square(10).spec.channels == {"sight": 6, "bearing": 2, "overview": 130}


@pytest.mark.parametrize("activation", ["index", "random"])
def test_it_is_what_plain_python_does(activation):
    lanes, agents = 16, 6
    world = square(agents, lanes, seed=1, activation=activation, smallest=0.1, resources=5)
    rng = torch.Generator().manual_seed(2)
    state = world.state
    games = [
        Matthew(
            state.place[lane].tolist(),
            state.size[lane].tolist(),
            state.resource[lane].tolist(),
            lambda number, lane=lane: world.state.resource[lane, number].tolist(),
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
            assert outcome.rewards[lane].tolist() == paid
            sight = torch.tensor(game.sight())
            assert torch.allclose(channels["sight"].features[lane], sight, atol=1e-5)
            overview = torch.tensor(game.overview())
            assert torch.allclose(channels["overview"].features[lane, 0], overview, atol=1e-5)
    assert world.state.returns.tolist() == [game.returns for game in games]
    assert world.state.returns.sum() > 100


def test_episodes_begin_anywhere_with_sizes_between_two_bounds():
    state = square(10, lanes=300).initial()
    for drawn in (state.place, state.resource):
        assert drawn.min() < 0.01
        assert drawn.max() > 0.99
        assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert 0.01 <= state.size.min() < 0.011
    assert 0.049 < state.size.max() <= 0.05


def test_meals_and_the_largest_are_measured_when_an_episode_ends():
    world = square(6, lanes=8, horizon=12, smallest=0.1, resources=20)
    for turn in range(1, 13):
        world.step()
        above, below = (part.sum().item() for part in world.measured["consumed"])
        assert below == (8 if turn == 12 else 0)
    assert above == world.state.eaten.sum() > world.state.returns.sum()
    largest, number = world.measured["largest"]
    assert largest.tolist() == world.state.size.amax(-1).tolist()
    assert number.tolist() == [1] * 8


def test_what_cannot_be_is_refused():
    with pytest.raises(BadSetting, match="nearby = 3, but an agent has only 2 others"):
        square(3, nearby=3)
    with pytest.raises(BadSetting, match="cap = 0.04 lies below smallest"):
        MatthewEffectConfig(cap=0.04)


def test_the_sketch_shows_discs_as_large_as_they_reach():
    world = square(2)
    state = at(world, [(0.25, 0.5), (0.75, 0.125)], [0.02, 0.04], [FAR] * 3)
    sketch = world.sketch(state, 0)
    assert (sketch.width, sketch.height, sketch.cells) == (1, 1, False)
    people = [(m.agent, m.x, m.y, m.size) for m in sketch.marks if m.shape == "disc"]
    expected = [(0, 0.25, 0.5, pytest.approx(0.04)), (1, 0.75, 0.125, pytest.approx(0.08))]
    assert people == expected
    assert [m.label for m in sketch.marks if m.shape == "diamond"] == ["resource"] * 3


def test_the_usual_run_is_the_published_one():
    assert MatthewEffect.usual["rounds"] * MatthewEffect.usual["lanes"] == 40_000 * 200
