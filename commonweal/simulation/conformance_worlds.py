"""Clauses of a world, checked with a population that moves at random and learns nothing."""

import gc
import weakref
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from typing import Any

import mesa
import networkx as nx
import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.lanes import to_dict
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.randomness import Streams
from commonweal.records import Experience, Indicators, Layer, Observation
from commonweal.settings import Settings
from commonweal.simulation.conformance_tools import (
    differences,
    documentation,
    saved,
    settings,
    small_graphs,
    source,
)
from commonweal.spaces import Discrete
from commonweal.worlds import WORLDS
from commonweal.worlds.base import World

LANES = 3
MESA_3_5 = set(
    "batch notify observables observe run_for scenario schedule_event suppress time unobserve".split()
)
"""Names of the model that Mesa 3.5 has and 3.3 has not."""


class Puppets:
    """A population without minds: it moves at random and writes down what it is told."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.people, self.senses = world, [], set(world.spec.channels)
        self.generator = torch.Generator().manual_seed(seed)

    def decide(self, observation: Observation) -> Tensor:
        """Legal moves, drawn."""
        return legal(self.world, self.generator)

    def receive(self, experience: Experience) -> None:
        """Keep the experience and the state it led to."""
        self.experience, self.reached = experience, clone(self.world.state)

    def restart(self, over: Tensor, standing: Tensor | None) -> None:
        """Keep which lanes are said to be over."""
        self.over = over.clone()

    def indicators(self) -> Indicators:
        """Nothing."""
        return {}

    def layers(self) -> dict[str, Layer]:
        """Nothing."""
        return {}

    def meet(self, near: Neighbourhoods) -> None:
        """Nothing depends on the graph."""

    def state(self) -> dict:
        """Where the draws stand."""
        return {"generator": self.generator.get_state()}

    def load(self, state: dict) -> None:
        """Inverse of `state`."""
        self.generator.set_state(state["generator"])


def legal(world: World, generator: torch.Generator) -> Tensor:
    """Random legal moves, [L, N] or [L, N, size]."""
    actions, shape = world.spec.actions, (world.lanes, world.neighbourhoods.agents)
    if isinstance(actions, Discrete):
        return torch.randint(actions.n, shape, generator=generator)
    spin = torch.rand(*shape, actions.size, generator=generator)
    return actions.low + (actions.high - actions.low) * spin


def clone(state: Any) -> Any:
    """A copy of a state record."""
    return replace(state, **{name: tensor.clone() for name, tensor in to_dict(state).items()})


def build(
    name: str, graph: nx.Graph, seed: int = 0, lanes: int = LANES, config: Settings | None = None
) -> World:
    """A world with puppets in it."""
    kind = WORLDS[name]
    world = kind(config or kind.Config(), lambda: graph, Streams(seed), lanes=lanes)
    world.populate(Puppets(world, seed))
    return world


def hosts(name: str) -> Iterator[tuple[str, World]]:
    """The world on each of the small graphs that it does not refuse, after two rounds."""
    found = False
    for label, graph in small_graphs().items():
        try:
            world = build(name, graph)
        except BadSetting:
            continue
        found = True
        for _ in range(2):
            world.step()
        yield label, world
    if not found:
        raise BadSetting(f"world {name}: refuses all of {', '.join(small_graphs())}")


# ---- the clauses ----------------------------------------------------------------------------


def is_documented(name: str) -> Iterator[str]:
    """It stands in a file of its name and its docstring says what it is."""
    yield from documentation(WORLDS, name)


def names_a_source(name: str) -> Iterator[str]:
    """Its docstring or its module's names a source."""
    yield from source(WORLDS, name)


def settings_survive(name: str) -> Iterator[str]:
    """Settings survive a file and say what they mean."""
    yield from settings(WORLDS[name].Config)


def shadows_nothing(name: str) -> Iterator[str]:
    """Nothing of Mesa's model is shadowed except `step`."""
    theirs = (set(dir(mesa.Model)) | MESA_3_5) - {"step"}
    yield from shadowed(WORLDS[name], mesa.Model, theirs)


def shadowed(kind: type, base: type, theirs: set[str]) -> Iterator[str]:
    """Which of the names ``theirs`` a subclass of ``base`` defines anew."""
    for cls in kind.__mro__[: kind.__mro__.index(base)]:
        for name in sorted(theirs & set(vars(cls))):
            if not name.startswith("__"):
                yield f"{cls.__name__}.{name}"


def spec_is_true(name: str) -> Iterator[str]:
    """Observations are those of the spec: every channel, [L, N, width], finite."""
    for label, world in hosts(name):
        shape = (world.lanes, world.neighbourhoods.agents)
        if set(world.observation) != set(world.spec.channels):
            yield f"{label}: shows {sorted(world.observation)}"
        for channel, width in world.spec.channels.items():
            percept = world.observation[channel]
            if percept.codes is not None and not _within(percept.codes, len(percept.codebook)):
                yield f"{label}: codes of {channel!r} outside their codebook"
            features = percept.features
            if features.shape != (*shape, width) or percept.width != width:
                yield f"{label}: {channel!r} is {tuple(features.shape)}"
            if not torch.isfinite(features).all():
                yield f"{label}: {channel!r} is not finite"


def _within(codes: Tensor, size: int) -> bool:
    return bool(((codes >= 0) & (codes < size)).all())


def state_is_a_frozen_record(name: str) -> Iterator[str]:
    """The state is a frozen record of tensors that begin with the lane."""
    for label, world in hosts(name):
        state = world.state
        if not is_dataclass(state) or not type(state).__dataclass_params__.frozen:
            yield f"{type(state).__name__} is no frozen dataclass"
            return
        for field, value in to_dict(state).items():
            if not isinstance(value, Tensor) or value.shape[:1] != (world.lanes,):
                yield f"{label}: {field}"


def outcome_is_whole(name: str) -> Iterator[str]:
    """Rewards are [L, N] float32 and finite, `terminated` is [L] bool, dyads are one per link."""
    for label, world in hosts(name):
        outcome, near = world.society.experience.outcome, world.neighbourhoods
        shape = (world.lanes, near.agents)
        if outcome.rewards.shape != shape or outcome.rewards.dtype != torch.float32:
            yield f"{label}: rewards {tuple(outcome.rewards.shape)} {outcome.rewards.dtype}"
        if not torch.isfinite(outcome.rewards).all():
            yield f"{label}: rewards are not finite"
        if outcome.terminated.shape != shape[:1] or outcome.terminated.dtype != torch.bool:
            yield f"{label}: terminated {tuple(outcome.terminated.shape)}"
        dyads = outcome.dyads
        if (dyads is None) == world.spec.dyadic:
            yield f"{label}: the spec says dyadic = {world.spec.dyadic}"
        elif dyads is not None and dyads.shape != (world.lanes, len(near.source)):
            yield f"{label}: dyads {tuple(dyads.shape)}"


def rules_mutate_nothing(name: str) -> Iterator[str]:
    """The rules leave the state and the moves they are given as they are."""
    for label, world in hosts(name):
        state, moves = clone(world.state), legal(world, torch.Generator().manual_seed(1))
        kept = moves.clone()
        following, outcome = world.transition(world.state, moves)
        world.observations(world.state)
        world.indicators(following, outcome)
        world.portray(world.state)
        yield from differences(to_dict(world.state), to_dict(state), label)
        yield from differences(moves, kept, f"{label}: moves")


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
    """The same seed gives the same bits; another seed, and another lane, give others."""
    for label, graph in small_graphs().items():
        try:
            worlds = [build(name, graph, seed) for seed in (0, 0, 1)]
        except BadSetting:
            continue
        traces = [_trace(world, 3) for world in worlds]
        yield from differences(traces[0], traces[1], label)
        if not any(differences(traces[0], traces[2])):
            yield f"{label}: seeds 0 and 1 give the same bits"
        rewards = torch.stack([row["rewards"] for row in traces[0]])
        if torch.equal(rewards[:, 0], rewards[:, 1]):
            yield f"{label}: two lanes are alike"


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
    """Lanes that end begin anew with a fresh state and clock; the others do not move."""
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
        puppets, state = world.society, to_dict(world.state)
        ended = puppets.experience.ended
        yield from differences(puppets.over, ended, f"{label}: the lanes said to be over")
        for field, value in state.items():
            new, old = getattr(fresh[0], field), getattr(puppets.reached, field)
            yield from differences(value[~ended], old[~ended], f"{label}: {field} of the others")
            yield from differences(value[ended], new[ended], f"{label}: {field} of the ended")
        if (world.clock[ended] != 0).any() or (world.clock[~ended] != 1).any():
            yield f"{label}: clocks stand at {world.clock.tolist()}"
        for channel, percept in world.observations(world.state).items():
            shown = world.observation[channel].features
            yield from differences(shown, percept.features, f"{label}: observed {channel}")


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


def indicators_are_finite(name: str) -> Iterator[str]:
    """Indicators are finite [L] sums over [L] counts, at least 0, and nothing over none."""
    for label, world in hosts(name):
        yield from unsound(world.measured, world.lanes, label)


def unsound(measured: Indicators, lanes: int, label: str) -> Iterator[str]:
    """Indicators that are not sums over counts."""
    for indicator, (above, below) in measured.items():
        if above.shape != (lanes,) or below.shape != (lanes,):
            yield f"{label}: {indicator} is {tuple(above.shape)} over {tuple(below.shape)}"
        elif not (torch.isfinite(above) & torch.isfinite(below)).all():
            yield f"{label}: {indicator} is not finite"
        elif (below < 0).any() or (above[below == 0] != 0).any():
            yield f"{label}: {indicator} counts {below.tolist()}"


def everyone_has_a_portrait(name: str) -> Iterator[str]:
    """Layers hold one value for each agent, [L, N], within their bounds and labels."""
    for label, world in hosts(name):
        for title, layer in world.portray(world.state).items():
            values = layer.values
            if values.shape != (world.lanes, world.neighbourhoods.agents):
                yield f"{label}: {title} is {tuple(values.shape)}"
            elif values.min() < layer.low or values.max() > layer.high:
                yield f"{label}: {title} lies outside [{layer.low}, {layer.high}]"
            if layer.labels and len(layer.labels) != layer.high - layer.low + 1:
                yield f"{label}: {title} has {len(layer.labels)} labels"


def standing_is_a_share(name: str) -> Iterator[str]:
    """The standing that a fresh state suggests is [L, N] in [0, 1], or None."""
    for label, world in hosts(name):
        standing = world.standing(world.initial())
        if standing is None:
            continue
        if standing.shape != (world.lanes, world.neighbourhoods.agents):
            yield f"{label}: {tuple(standing.shape)}"
        elif standing.min() < 0 or standing.max() > 1:
            yield f"{label}: between {standing.min():.3f} and {standing.max():.3f}"


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
    if not torch.allclose(turned(outcome.rewards), otherwise.rewards, atol=1e-5):
        yield "rewards"
    if not torch.equal(bits, world.generator.get_state()):
        return  # chance has fallen otherwise
    seen, unseen = world.observations(following), world.observations(other)
    for channel in seen:
        if not torch.allclose(turned(seen[channel].features), unseen[channel].features, atol=1e-5):
            yield f"channel {channel}"


def checkpoint_continues(name: str) -> Iterator[str]:
    """A saved world, loaded into a fresh one, goes on to the same bits."""
    for label, world in hosts(name):
        if world.horizon:
            world.clock[:] = torch.arange(world.lanes) % world.horizon
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
    graph = small_graphs()["a ring of 6"]
    try:
        world = build(name, graph)
    except BadSetting:
        return
    world.step()
    world.close()
    gone = weakref.ref(world)
    del world
    gc.collect()
    if gone() is not None:
        yield "something still holds it"


WORLD_CLAUSES = (
    is_documented,
    names_a_source,
    settings_survive,
    shadows_nothing,
    spec_is_true,
    state_is_a_frozen_record,
    outcome_is_whole,
    rules_mutate_nothing,
    lanes_are_apart,
    seed_decides,
    clock_truncates,
    only_ended_lanes_restart,
    measured_before_restart,
    indicators_are_finite,
    everyone_has_a_portrait,
    standing_is_a_share,
    symmetry_is_kept,
    checkpoint_continues,
    closing_frees_it,
)
