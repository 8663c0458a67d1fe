"""Small societies in which a kind of agent is watched."""

from collections.abc import Iterator
from typing import Any

from commonweal.agents import AGENTS
from commonweal.errors import BadSetting
from commonweal.settings import flags
from commonweal.simulation.assembly import assemble
from commonweal.simulation.conformance.tools import small_graphs
from commonweal.simulation.experiment import Experiment, Share
from commonweal.worlds import WORLDS
from commonweal.worlds.base import World

BRISK = {"rollout": 3, "batch": 4, "warm_up": 1, "every": 1}
"""Settings, by their last name, with which a few rounds contain some learning."""
ROUNDS = 8


def homes(name: str) -> list[str]:
    """A world for each sort of actions that the kind accepts: the plainest that takes it in."""
    found: dict[type, str] = {}
    refusal: BadSetting | None = None
    for world in sorted(WORLDS.names(), key=lambda world: world != "lattice"):
        try:
            village = assemble(experiment(name, world))
        except BadSetting as error:
            refusal = refusal or error
            continue
        found.setdefault(type(village.spec.actions), world)
        village.close()
    if refusal and not found:
        raise refusal
    return list(found.values())


def scripted_in(world: str) -> tuple[str, ...]:
    """One kind that follows a fixed rule and lives in the world, for company; at random if it can."""
    for name in sorted(AGENTS.names(), key=lambda name: name != "random"):
        try:
            minds = assemble(experiment(name, world)).society.cohorts[0].minds
        except BadSetting:
            continue
        if not any(mind.learns for mind in minds.values()):
            return (name,)
    return ()


def tuned(name: str, **values: Any) -> dict[str, Any]:
    """Settings of a kind in which every setting with one of these last names has this value."""
    table: dict[str, Any] = {}
    for flag in flags(AGENTS[name].Config, ""):
        *groups, last = flag.name.split(".")
        if last in values:
            inner = table
            for group in groups:
                inner = inner.setdefault(group, {})
            inner[last] = values[last]
    return table


def experiment(name: str, world: str, others: tuple[str, ...] = (), **changes: Any) -> Experiment:
    """A small experiment with agents of the kind, beside two of each of the ``others``.

    A kind that lives in worlds of a certain size has as many of the others, one of each, as fit in.
    """
    players = AGENTS[name].players
    count = 2
    if players:
        others, count = others[: players - 1], 1
    shares = [Share(kind=name, settings=tuned(name, **BRISK))]
    shares += [Share(kind=other, count=count, settings=tuned(other, **BRISK)) for other in others]
    small = {"agents": 6, "lanes": 2, "replicates": 1, "steps": 1000}
    small |= {"record_every": 1, "network": {"kind": "ring"}}
    small |= {"world": {"kind": world}, "population": shares} | changes
    if players:
        small |= {"agents": players, "network": {"kind": "complete"}}
    return Experiment(**small)


def villages(name: str, world: str) -> Iterator[tuple[str, World]]:
    """The kind alone on each small graph that neither it nor the world refuses."""
    found = False
    for label, graph in small_graphs().items():
        try:
            village = assemble(experiment(name, world, agents=len(graph)), graph)
        except BadSetting as error:
            refusal = error
            continue
        found = True
        yield label, village
    if not found:
        raise refusal
