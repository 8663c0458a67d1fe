"""The host of a world's rules: a Mesa model that owns the step, the clock and the restart."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, final

import mesa
import networkx as nx
import torch
from mesa.discrete_space import Network
from torch import Tensor

from commonweal import lanes as records
from commonweal.networks.neighbourhoods import Neighbourhoods, neighbourhoods
from commonweal.randomness import Streams
from commonweal.records import (
    Experience,
    Indicators,
    Layer,
    Observation,
    Outcome,
    Percept,
    Population,
    Sketch,
)
from commonweal.settings import Settings
from commonweal.spaces import Box, WorldSpec

State = TypeVar("State")


class World(mesa.Model, ABC, Generic[State]):
    """L parallel copies (lanes) of one game on one graph, stepped together.

    A subclass gives the rules as functions of a frozen record of tensors with leading axes
    [L, N]; this class keeps the record, hands observations to the population that lives
    here, and is the only place where rules and agents meet.

    Args:
        config: settings of the rules.
        draw: draws the interaction graph; called again every round if the graph says so.
        streams: named streams of randomness.
        lanes: parallel copies per replicate.
        replicates: independent repetitions, each with learners of its own.
        sight: most neighbours that one agent observes one by one.
        rounds: planned rounds of the whole run, which schedules of learners refer to.
        device: where the tensors live.
    """

    Config: ClassVar[type[Settings]]
    usual: ClassVar[dict[str, Any]] = {}
    """what its source used, taken where the user says nothing: ``network`` and fields of an
    experiment, ``rounds`` in place of ``steps`` (rounds of every lane), and dotted settings of
    kinds of agents"""
    published: ClassVar[dict[str, dict[str, tuple[float, float | None]]]] = {}
    """kind of agent -> indicator -> published mean and half-width of its 95 % interval, None where
    only the mean was printed"""
    closing: ClassVar[int] = 10
    """episodes at the end of a run whose mean sums it up; 0 = what was recorded last"""

    def __init__(
        self,
        config: Settings,
        draw: Callable[[], nx.Graph],
        streams: Streams,
        *,
        lanes: int = 1,
        replicates: int = 1,
        sight: int = 16,
        rounds: int = 1,
        device: str = "cpu",
    ) -> None:
        super().__init__(rng=streams.integer("mesa"))
        self.config, self.streams, self.draw = config, streams, draw
        self.lanes_each, self.replicates, self.lanes = lanes, replicates, lanes * replicates
        self.sight, self.rounds, self.device = sight, rounds, torch.device(device)
        self.generator = streams.torch("world", device)
        self.tick = 0
        self.focus = 0
        self.measured: Indicators = {}
        self.episode_ended = False
        self.ended = torch.zeros(self.lanes, dtype=torch.bool, device=self.device)
        self._meet(draw())
        self.spec = self.describe()
        self.shown = tuple(self.spec.channels)
        self.clock = torch.zeros(self.lanes, dtype=torch.int64, device=self.device)
        self.state: State = self.initial()
        self.observation: Observation = self.observations(self.state)
        self.society: Population

    # ---- the rules, written by each world ------------------------------------------

    @abstractmethod
    def describe(self) -> WorldSpec:
        """What is seen and can be done; the graph is known by now."""

    @abstractmethod
    def initial(self) -> State:
        """A fresh state for all lanes, drawn from ``self.generator``."""

    @abstractmethod
    def show(self, state: State, channel: str) -> Percept:
        """What every agent sees on one channel of the spec, [L, N, width]."""

    @abstractmethod
    def transition(self, state: State, moves: Tensor) -> tuple[State, Outcome]:
        """The next state and what it pays; ``state`` itself is left as it is."""

    @abstractmethod
    def indicators(self, state: State, outcome: Outcome) -> Indicators:
        """What is measured after a transition, before any lane restarts."""

    @abstractmethod
    def portray(self, state: State) -> dict[str, Layer]:
        """What can be drawn: layer -> one value per agent [L, N]."""

    def sketch(self, state: State, lane: int) -> Sketch | None:
        """A picture of one lane, in worlds with places of their own beside the graph."""
        return None

    def standing(self, state: State) -> Tensor | None:
        """Moral standing that a fresh state suggests, [L, N] in [0, 1]; None if none."""
        return None

    # ---- life ----------------------------------------------------------------------

    @final
    def populate(self, society: Population) -> None:
        """Let a population live here; its ledgers begin with the state of the world."""
        self.society = society
        # Channels that nobody reads are not worked out.
        self.shown = tuple(c for c in self.spec.channels if c in society.senses)
        every = torch.ones(self.lanes, dtype=torch.bool, device=self.device)
        society.restart(every, self.standing(self.state))

    @final
    def step(self) -> None:
        """One round in all lanes: restart what ended, see, move, judge, learn, measure.

        Lanes that ended restart when the next round begins, so that between rounds state,
        ledgers and pictures all show the round just played.
        """
        if self.tick:
            self._begin()
        moves = self.society.decide(self.observation)
        self.state, outcome = self.transition(self.state, moves)
        self.clock += 1
        self.tick += 1
        truncated = (self.clock == self.spec.horizon) & ~outcome.terminated
        following = self.observations(self.state)
        experience = Experience(
            self.observation,
            moves,
            outcome,
            following,
            truncated,
            min(1.0, self.tick / self.rounds),
        )
        self.society.receive(experience)
        self.measured = self.indicators(self.state, outcome) | self.society.indicators()
        self.observation = following
        self.ended = experience.ended
        self.episode_ended = bool(self.ended.any())

    def _begin(self) -> None:
        """Restart the lanes that ended, and redraw a graph that lasts one round."""
        if self.episode_ended:
            self.state = records.choose(self.ended, self.initial(), self.state)
            self.clock.masked_fill_(self.ended, 0)
            self.society.restart(self.ended, self.standing(self.state))
        redrawn = self.graph.graph.get("redrawn", False)
        if redrawn:
            self._meet(self.draw())
            self.society.meet(self.neighbourhoods)
        if self.episode_ended or redrawn:
            self.observation = self.observations(self.state)

    def _meet(self, graph: nx.Graph) -> None:
        self.graph = graph
        self.neighbourhoods: Neighbourhoods = neighbourhoods(graph, self.sight, self.device)
        self.__dict__.pop("space", None)

    # ---- reading -------------------------------------------------------------------

    @final
    def observations(self, state: State) -> Observation:
        """What every agent sees on all channels that somebody here reads."""
        return {channel: self.show(state, channel) for channel in self.shown}

    def measures(self) -> tuple[str, ...]:
        """Names of what the rules measure, from a round that is imagined and leaves no trace."""
        drawn, actions = self.generator.get_state(), self.spec.actions
        shape = (self.lanes, self.neighbourhoods.agents)
        if isinstance(actions, Box):
            moves = torch.full((*shape, actions.size), actions.low, device=self.device)
        else:
            moves = torch.zeros(shape, dtype=torch.int64, device=self.device)
        names = tuple(self.indicators(*self.transition(self.state, moves)))
        self.generator.set_state(drawn)
        return names

    @property
    def horizon(self) -> int:
        """Rounds of an episode."""
        return self.spec.horizon

    @property
    def steps_taken(self) -> int:
        """Environment steps so far, summed over the lanes of one replicate."""
        return self.tick * self.lanes_each

    @property
    def people(self) -> list[mesa.Agent]:
        """The agents in the order of their nodes."""
        return self.society.people

    @cached_property
    def space(self) -> Network:
        """The graph as Mesa's renderer wants it."""
        return Network(self.graph, random=self.random)

    def layers(self) -> dict[str, Layer]:
        """All that can be drawn or kept in a snapshot, the world's and the society's."""
        return self.portray(self.state) | self.society.layers()

    # ---- saving --------------------------------------------------------------------

    def state_dict(self) -> dict:
        """All that a resumed run needs to go on to the same bits."""
        return {
            "tick": self.tick,
            "clock": self.clock,
            "state": records.to_dict(self.state),
            "ended": self.ended,
            "edges": torch.tensor(list(self.graph.edges)).reshape(-1, 2),
            "society": self.society.state(),
            "streams": self.streams.state(),
        }

    def load_state_dict(self, saved: dict) -> None:
        """Take up a saved state; the inverse of `state_dict`."""
        self.tick = saved["tick"]
        self.clock = saved["clock"].to(self.device)
        if self.graph.graph.get("redrawn"):
            graph = nx.empty_graph(self.graph.number_of_nodes())
            graph.graph.update(self.graph.graph)
            graph.add_edges_from(saved["edges"].tolist())
            self._meet(graph)
            self.society.meet(self.neighbourhoods)
        names = {f.name for f in fields(self.state)}
        tensors = {n: t.to(self.device) for n, t in saved["state"].items() if n in names}
        self.state = replace(self.state, **tensors)
        self.society.load(saved["society"])
        self.streams.load(saved["streams"])
        self.ended = saved["ended"].to(self.device)
        self.episode_ended = bool(self.ended.any())
        self.observation = self.observations(self.state)

    def close(self) -> None:
        """Let go of the agents, so that the model can be collected.

        Mesa before 3.4.2 keeps every model alive in a class-level table (mesa/mesa#3179).
        """
        self.running = False
        getattr(mesa.Agent, "_ids", {}).pop(self, None)
