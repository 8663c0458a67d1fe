"""Clauses of a world, checked with a population that moves at random and learns nothing.

Those about time and lanes stand in `lanes`.
"""

from collections.abc import Iterator
from dataclasses import is_dataclass

import mesa
import torch
from torch import Tensor

from commonweal.lanes import to_dict
from commonweal.simulation.conformance.lanes import LANE_CLAUSES
from commonweal.simulation.conformance.puppets import clone, hosts, legal
from commonweal.simulation.conformance.tools import (
    differences,
    documentation,
    settings,
    shadowed,
    source,
    unsound,
)
from commonweal.worlds import WORLDS

MESA_3_5 = {
    "batch",
    "notify",
    "observables",
    "observe",
    "run_for",
    "scenario",
    "schedule_event",
    "suppress",
    "time",
    "unobserve",
}
"""Names of the model that Mesa 3.5 has and 3.3 has not."""


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
    """Rewards are [L, N] float32 and finite, `terminated` is [L] bool, dyads are one per link.

    What was played, where a world says so, has the shape and type of the moves.
    """
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
        played, moves = outcome.played, world.society.experience.moves
        if played is not None and (played.shape != moves.shape or played.dtype != moves.dtype):
            yield f"{label}: played {tuple(played.shape)} {played.dtype}"


def payoffs_are_true(name: str) -> Iterator[str]:
    """Payoffs that are known are those that are paid; groups keep apart who matters to whom."""
    for label, world in hosts(name):
        spec, experience = world.spec, world.society.experience
        if spec.payoffs is None:
            continue
        agents, played = world.neighbourhoods.agents, experience.outcome.played
        played = (experience.moves if played is None else played).clone().requires_grad_()
        rewards = spec.payoffs(played)
        if not torch.allclose(rewards.detach(), experience.outcome.rewards, atol=1e-5):
            yield f"{label}: rewards"
        if len(spec.groups) not in (0, agents):
            yield f"{label}: {len(spec.groups)} groups for {agents} agents"
        groups = torch.tensor(spec.groups)
        for node in range(len(spec.groups)):
            (slope,) = torch.autograd.grad(rewards[:, node].sum(), played, retain_graph=True)
            apart = (groups == groups[node]) & (torch.arange(agents) != node)
            if slope[:, apart].any():
                yield f"{label}: others of its group matter to agent {node}"


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


def indicators_are_finite(name: str) -> Iterator[str]:
    """Indicators are finite [L] sums over [L] counts, at least 0, and nothing over none."""
    for label, world in hosts(name):
        yield from unsound(world.measured, world.lanes, label)


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


WORLD_CLAUSES = (
    is_documented,
    names_a_source,
    settings_survive,
    shadows_nothing,
    spec_is_true,
    state_is_a_frozen_record,
    outcome_is_whole,
    payoffs_are_true,
    rules_mutate_nothing,
    indicators_are_finite,
    everyone_has_a_portrait,
    standing_is_a_share,
    *LANE_CLAUSES,
)
