"""A population without minds, and the worlds in which it is set to check their rules."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import networkx as nx
import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.lanes import to_dict
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.randomness import Streams
from commonweal.records import Experience, Indicators, Layer, Observation
from commonweal.settings import Settings
from commonweal.simulation.conformance.tools import small_graphs
from commonweal.spaces import Discrete
from commonweal.worlds import WORLDS
from commonweal.worlds.base import World

LANES = 3


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
