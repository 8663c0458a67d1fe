"""What gifts and incentives share: acts along links, and accounts of what they carried.

An act is a number in [0, 1] that an agent chooses for a neighbour after a round.  Accounts are kept of
the last round, of the episode and of life, link by link.
"""

from collections.abc import Mapping
from typing import ClassVar

import networkx as nx
import torch
from torch import Tensor

from commonweal.networks.ledgers import Ledger, Page, Question
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Percept

SLACK = 1e-5
"""by which rounding may lead acts out of their bounds"""


class Accounts(Ledger):
    """A ledger whose one head hands something from neighbour to neighbour."""

    arrows = "weight"
    averages: ClassVar[tuple[str, str]]
    """headings of a page for what is received and given on average"""

    def meet(self, near: Neighbourhoods) -> None:
        """Take up the graph; links of a graph that was redrawn are others, so accounts begin anew."""
        self.near, (self.givers,) = near, self.active.values()
        self.rounds = torch.zeros(self.lanes, device=near.source.device)
        """[L]: rounds of the episode"""
        self.acts = torch.zeros(self.lanes, len(near.source), device=near.source.device)
        """[L, E]: what the source of an edge did for its target in the last round"""
        self.episode = torch.zeros_like(self.acts)
        """[L, E]: sum over the episode of what is handed over, as `handed` tells it"""
        self.gifts = torch.zeros_like(self.acts)
        """[L, E]: reward handed over in the episode"""
        self.life = torch.zeros_like(self.acts)
        """[L, E]: reward handed over ever"""
        self.giving = near.mask & self.givers[:, None]
        self.places = near.view_edges[self.giving]
        self.all_give = near.regular and bool(self.givers.all())

    @property
    def handed(self) -> Tensor:
        """[L, E]: what was handed over in the last round, in the unit that is shown."""
        return self.acts

    def restart(self, over: Tensor, standing: Tensor | None) -> None:
        """Close the accounts of the episode; those of life go on."""
        self.rounds = self.rounds.masked_fill(over, 0.0)
        for name in ("acts", "episode", "gifts"):
            setattr(self, name, getattr(self, name).masked_fill(over[:, None], 0.0))

    def questions(self, moves: Tensor) -> dict[str, Question]:
        """What each neighbour did for the agent in the round before."""
        received = self.near.each(self.acts[:, self.near.reverse]) * self.near.mask
        question = Question(Percept(dense=received[..., None]), moves, self.standing(), self.near)
        return dict.fromkeys(self.heads, question)

    def write(self, given: Tensor) -> None:
        """Take down acts [L, N, D] of those who act towards those they see."""
        if self.all_give:
            self.acts = given.flatten(1)
        else:
            self.acts = torch.zeros_like(self.acts)
            self.acts[:, self.places] = given[:, self.giving]

    def book(self, gifts: Tensor) -> None:
        """Enter rewards [L, E] that were handed over, and close the round."""
        self.rounds = self.rounds + 1
        self.episode = self.episode + self.handed
        self.gifts, self.life = self.gifts + gifts, self.life + gifts

    def readings(self) -> Tensor:
        """Acts received from the neighbours seen, then acts towards them, [L, N, 2 D]."""
        near = self.near
        both = near.each(self.acts[:, near.reverse]), near.each(self.acts)
        return torch.cat([acts * near.mask for acts in both], -1)

    def standing(self) -> Tensor:
        """Sum of what an agent received in the last round, [L, N] (its in-strength)."""
        return self.near.sum(self.handed[:, self.near.reverse])

    def means(self, lane: int) -> Tensor:
        """What was handed over in a round of the episode, on average, [E]."""
        return self.episode[lane] / self.rounds[lane].clamp(min=1)

    def page(self, lane: int, node: int) -> Page:
        """What neighbours last handed an agent, and what it last handed them."""
        near, last, means = self.near, self.handed[lane], self.means(lane)
        own = (near.source == node).nonzero().flatten()
        others = near.target[own].tolist()

        def by_neighbour(values: Tensor) -> Mapping[int, float]:
            return dict(zip(others, values.tolist(), strict=True))

        usual = (by_neighbour(means[edges]) for edges in (near.reverse[own], own))
        return Page(
            node,
            self.standing()[lane, node].item(),
            by_neighbour(last[near.reverse[own]]),
            by_neighbour(last[own]),
            dict(zip(self.averages, usual, strict=True)),
        )

    def graph(self, lane: int) -> nx.DiGraph:
        """Edges from giver to receiver; ``weight`` is what was handed over, the mean of the episode.

        Further attributes: ``last``, that of the last round; ``gifts`` and ``life``, reward handed over
        in the episode and ever.  Nodes carry ``given`` and ``received``, reward of the episode.
        """
        result, near = nx.DiGraph(), self.near
        gave = near.sum(self.gifts)[lane].tolist()
        got = near.sum(self.gifts[:, near.reverse])[lane].tolist()
        for node, (given, received) in enumerate(zip(gave, got, strict=True)):
            result.add_node(node, given=given, received=received)
        columns = (near.source, near.target, self.means(lane))
        columns += (self.handed[lane], self.gifts[lane], self.life[lane])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for i, j, weight, last, gifts, life in rows:
            result.add_edge(i, j, weight=weight, last=last, gifts=gifts, life=life)
        return result

    def state(self) -> dict:
        """Acts of the last round and the accounts of the episode and of life."""
        names = ("rounds", "acts", "episode", "gifts", "life")
        return {name: getattr(self, name) for name in names}

    def load(self, state: dict) -> None:
        """Inverse of `state`."""
        for name, value in state.items():
            setattr(self, name, value.to(self.near.source.device))
