"""Ledgers: records of social acts between agents, one for the whole society.

A ledger belongs to the society, so that two cohorts of assessors write one book.  After
the moves it asks its question (what does an agent look at when it judges?), records the
answers, and from then on shows its readings (what does an agent know of itself and its
neighbours?).  It contains no learning code.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import networkx as nx
import torch
from torch import Tensor

from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Experience, Indicators, Layer, Percept
from commonweal.registry import Registry
from commonweal.settings import Settings
from commonweal.spaces import Box, Discrete, Shares

LEDGERS = Registry("ledger", "commonweal.networks")


@dataclass(frozen=True)
class Page:
    """One agent's part of a ledger in one lane."""

    node: int
    standing: float
    """public value of the agent"""
    received: dict[int, float]
    """neighbour -> what it last did to this agent"""
    given: dict[int, float]
    """neighbour -> what this agent last did to it"""
    further: dict[str, dict[int, float]] = field(default_factory=dict)
    """heading -> neighbour -> a number, for whatever else the ledger knows of each of them"""


@dataclass(frozen=True)
class Question:
    """What agents look at when they act socially, and what a fixed rule may know besides."""

    percept: Percept
    """what i sees of its m-th neighbour, [L, N, D, Q]"""
    moves: Tensor
    """[L, N]: the moves just played"""
    standing: Tensor
    """[L, N]: everybody's public standing before the answers"""
    near: Neighbourhoods


class Ledger(ABC):
    """The contract of a ledger over all N agents in all L lanes.

    Args:
        config: settings of this ledger.
        near: index tables of the graph.
        lanes: L.
        active: head -> [N] bool, who answers this ledger's question; others leave the
            neutral act, which is none.
        generator: the ledger's own stream.
    """

    Config: ClassVar[type[Settings]]
    heads: ClassVar[dict[str, Discrete | Box | Shares]] = {}
    """social acts that this ledger understands"""
    headings: ClassVar[tuple[str, str, str]] = ("does to it", "it does", "standing")
    """of a page: what a neighbour did to the agent, what the agent did to it, the public value"""
    arrows: ClassVar[str] = ""
    """attribute of the edges of its graph that is the width of an arrow; empty where a line will do"""
    actions: ClassVar[int] = 0
    """number of actions of the only worlds whose moves it can judge; 0 = any"""
    memory: ClassVar[str] = "episode"
    """``episode``: blank again when a lane restarts; ``life``: kept"""
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    """what all readings lie within, so that no policy is driven to overflow"""
    conserved: ClassVar[bool] = True
    """whether the rewards that the ledger moves sum to zero in each lane"""

    def __init__(
        self,
        config: Settings,
        near: Neighbourhoods,
        lanes: int,
        active: dict[str, Tensor],
        generator: torch.Generator,
    ) -> None:
        self.config, self.lanes, self.active, self.generator = config, lanes, active, generator
        self.meet(near)

    @abstractmethod
    def meet(self, near: Neighbourhoods) -> None:
        """Take up the (new) graph."""

    @abstractmethod
    def restart(self, over: Tensor, standing: Tensor | None) -> None:
        """Begin anew in the lanes ``over`` [L]; ``standing`` [L, N] is what the world suggests."""

    @abstractmethod
    def questions(self, moves: Tensor) -> dict[str, Question]:
        """Head -> question, when ``moves`` [L, N] have been played."""

    @abstractmethod
    def record(self, acts: dict[str, Tensor], experience: Experience) -> Tensor:
        """Write the acts (head -> [L, N, D]) and return the reward they moved, [L, N]."""

    @abstractmethod
    def readings(self) -> Tensor:
        """What each agent knows, [L, N, S] within ``bounds``."""

    @abstractmethod
    def standing(self) -> Tensor:
        """Public value of each agent, [L, N]."""

    @abstractmethod
    def page(self, lane: int, node: int) -> Page:
        """One agent's part."""

    def word(self, act: float) -> str:
        """An act of a page in words."""
        return f"{act:.2f}"

    @abstractmethod
    def graph(self, lane: int) -> nx.DiGraph:
        """The record of one lane as a graph: who last did what to whom."""

    @abstractmethod
    def layers(self) -> dict[str, Layer]:
        """What can be drawn."""

    @abstractmethod
    def indicators(self, experience: Experience) -> Indicators:
        """What this ledger measures of the last step."""

    def links(self) -> dict[str, Tensor]:
        """What it measures neighbour by neighbour: name -> [L, N, D], of those who act."""
        return {}

    @abstractmethod
    def state(self) -> dict:
        """Tensors for a checkpoint."""

    @abstractmethod
    def load(self, state: dict) -> None:
        """Inverse of `state`."""
