"""Clauses of a world about time and lanes: what is kept apart, restarts, repeats and goes on."""

import gc
import weakref
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.lanes import to_dict
from commonweal.simulation.conformance.puppets import build, clone, hosts, legal
from commonweal.simulation.conformance.tools import differences, saved, small_graphs
from commonweal.worlds.base import World


def lanes_are_apart(name: str) -> Iterator[str]:
    """What happens in one lane has no effect on another."""
    for label, world in hosts(name):
        rng = torch.Generator().manual_seed(2)
        moves, bits = legal(world, rng), world.generator.get_state()
        changed = torch.cat((legal(world, rng)[:1], moves[1:]))
        one, paid = world.transition(world.state, moves)
        world.generator.set_state(bits)
        other, otherwise = world.transition(world.state, changed)
        yield from differences(_lanes(one, 1), _lanes(other, 1), label)
        yield from differences(paid.rewards[1:], otherwise.rewards[1:], f"{label}: rewards")
        seen, unseen = world.observations(one), world.observations(other)
        for channel in seen:
            yield from differences(
                seen[channel].features[1:], unseen[channel].features[1:], f"{label}: {channel}"
            )


def _lanes(state: Any, first: int) -> dict[str, Tensor]:
    return {name: value[first:] for name, value in to_dict(state).items()}


def seed_decides(name: str) -> Iterator[str]:
    """The same seed gives the same bits; where chance opens an episode, seeds and lanes differ."""
    for label, graph in small_graphs().items():
        try:
            worlds = [build(name, graph, seed, lanes=16) for seed in (0, 0, 1)]
        except BadSetting:
            continue
        yield from differences(_trace(worlds[0], 3), _trace(worlds[1], 3), label)
        bits = worlds[0].generator.get_state()
        one, other = (to_dict(world.initial()) for world in worlds[1:])
        if torch.equal(bits, worlds[1].generator.get_state()):
            continue  # every episode opens alike
        if not any(differences(one, other)):
            yield f"{label}: seeds 0 and 1 open alike"
        if all(torch.equal(value, value[:1].expand_as(value)) for value in one.values()):
            yield f"{label}: all lanes open alike"


def _trace(world: World, rounds: int) -> list[dict]:
    rows = []
    for _ in range(rounds):
        world.step()
        rewards = world.society.experience.outcome.rewards.clone()
        rows.append({"rewards": rewards, "measured": world.measured} | to_dict(clone(world.state)))
    return rows


def clock_truncates(name: str) -> Iterator[str]:
    """An episode ends by truncation at the horizon, lane by lane, and never before."""
    for label, world in hosts(name):
        if not world.horizon:
            continue
        world.clock[:] = 0
        world.clock[1] = world.horizon - 1
        world.step()
        experience = world.society.experience
        terminated = experience.outcome.terminated
        expected = torch.arange(world.lanes) == 1
        yield from differences(experience.truncated, expected & ~terminated, f"{label}: truncated")
        if world.episode_ended != bool((expected | terminated).any()):
            yield f"{label}: episode_ended = {world.episode_ended}"


def only_ended_lanes_restart(name: str) -> Iterator[str]:
    """Lanes that ended begin the next round afresh, state and clock; the others do not move."""
    for label, world in hosts(name):
        if not world.horizon:
            continue
        world.clock[:] = torch.tensor([0, world.horizon - 1, 0])
        fresh: list[Any] = []
        initial = world.initial

        def kept(initial=initial, fresh=fresh) -> Any:
            fresh.append(initial())
            return fresh[-1]

        world.initial = kept
        world.step()
        puppets, reached, before = world.society, world.state, []
        ended, decide = puppets.experience.ended, puppets.decide

        def watched(seen: Any, world=world, before=before, decide=decide) -> Tensor:
            # The first moment of the next round: what has ended has begun anew by now.
            before.append((world.state, world.clock.clone(), seen))
            return decide(seen)

        puppets.decide = watched
        world.step()
        state, clock, shown = before[0]
        yield from differences(puppets.over, ended, f"{label}: the lanes said to be over")
        for field, value in to_dict(state).items():
            new, old = getattr(fresh[0], field), getattr(reached, field)
            yield from differences(value[~ended], old[~ended], f"{label}: {field} of the others")
            yield from differences(value[ended], new[ended], f"{label}: {field} of the ended")
        if (clock[ended] != 0).any() or (clock[~ended] != 1).any():
            yield f"{label}: clocks stand at {clock.tolist()}"
        for channel, percept in world.observations(state).items():
            seen = shown[channel].features
            yield from differences(seen, percept.features, f"{label}: observed {channel}")


def measured_before_restart(name: str) -> Iterator[str]:
    """Indicators, and what is shown after the moves, are those before any lane restarts."""
    for label, world in hosts(name):
        if not world.horizon:
            continue
        world.clock[:] = world.horizon - 1
        world.step()
        experience, reached = world.society.experience, world.society.reached
        expected = world.indicators(reached, experience.outcome)
        yield from differences(world.measured, expected, f"{label}: indicators")
        for channel, percept in world.observations(reached).items():
            shown = experience.following[channel].features
            yield from differences(shown, percept.features, f"{label}: following {channel}")


def symmetry_is_kept(name: str) -> Iterator[str]:
    """Turning a ring turns what everyone sees and earns, and changes nothing else."""
    label = "a ring of 6"
    try:
        world = build(name, small_graphs()[label])
    except BadSetting:
        return
    world.step()
    bits = world.generator.get_state()
    state, moves = world.state, legal(world, torch.Generator().manual_seed(3))

    def turned(values: Tensor) -> Tensor:
        each = values.dim() > 1 and values.shape[1] == world.neighbourhoods.agents
        return values.roll(2, 1) if each else values

    def turn(record: Any) -> Any:
        return replace(record, **{f.name: turned(getattr(record, f.name)) for f in fields(record)})

    following, outcome = world.transition(state, moves)
    world.generator.set_state(bits)
    other, otherwise = world.transition(turn(state), turned(moves))
    if not torch.equal(bits, world.generator.get_state()):
        return  # chance has fallen otherwise
    if not torch.allclose(turned(outcome.rewards), otherwise.rewards, atol=1e-5):
        yield "rewards"
    seen, unseen = world.observations(following), world.observations(other)
    for channel in seen:
        if not torch.allclose(turned(seen[channel].features), unseen[channel].features, atol=1e-5):
            yield f"channel {channel}"


def checkpoint_continues(name: str) -> Iterator[str]:
    """A saved world, loaded into a fresh one, goes on to the same bits."""
    for label, world in hosts(name):
        if world.horizon:
            world.clock[0] = world.horizon - 1
            for _ in range(2):
                world.step()  # a lane has begun anew, so chance was at work
            # One lane ends in the very step that is saved, one soon after.
            world.clock[1:] = world.horizon - torch.tensor([1, 3])
        world.step()
        state = saved(world.state_dict())
        fresh = build(name, world.graph)
        fresh.load_state_dict(state)
        yield from differences(fresh.state_dict(), state, label)
        for _ in range(4):
            world.step()
            fresh.step()
            yield from differences(fresh.measured, world.measured, f"{label}: indicators")
        yield from differences(fresh.state_dict(), deepcopy(world.state_dict()), label)


def closing_frees_it(name: str) -> Iterator[str]:
    """A closed world that nobody holds is collected."""
    label, world = next(hosts(name))
    world.close()
    gone = weakref.ref(world)
    del world
    gc.collect()
    if gone() is not None:
        yield f"{label}: something still holds it"


LANE_CLAUSES = (
    lanes_are_apart,
    seed_decides,
    clock_truncates,
    only_ended_lanes_restart,
    measured_before_restart,
    symmetry_is_kept,
    checkpoint_continues,
    closing_frees_it,
)
