"""Clauses of a ledger, which records social acts and shows what follows from them."""

from collections.abc import Iterator

import networkx as nx
import torch
from torch import Tensor

from commonweal.networks.ledgers import LEDGERS, Ledger
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.records import Experience, Outcome
from commonweal.simulation.conformance.tools import (
    differences,
    documentation,
    saved,
    settings,
    small_graphs,
    source,
)
from commonweal.spaces import Box, Discrete, Shares

LANES = 2
ROUNDS = 1000
"""Steps after which readings must still be within their bounds."""
NOBODY = slice(0)


class Book:
    """A ledger on a graph, with acts at hand to write into it."""

    def __init__(self, name: str, graph: nx.Graph, silent: slice = NOBODY) -> None:
        self.near, self.rng = neighbourhoods(graph), torch.Generator().manual_seed(0)
        kind = LEDGERS[name]
        active = {head: torch.ones(self.near.agents, dtype=torch.bool) for head in kind.heads}
        for answering in active.values():
            answering[silent] = False
        generator = torch.Generator().manual_seed(1)
        self.ledger: Ledger = kind(kind.Config(), self.near, LANES, active, generator)
        self.ledger.restart(torch.ones(LANES, dtype=torch.bool), self.standing())

    def standing(self) -> Tensor:
        """What a world might suggest."""
        return torch.randint(2, (LANES, self.near.agents), generator=self.rng).float()

    def experience(self) -> Experience:
        """A round at random."""
        near, never = self.near, torch.zeros(LANES, dtype=torch.bool)
        moves = torch.randint(2, (LANES, near.agents), generator=self.rng)
        rewards = torch.randn(LANES, near.agents, generator=self.rng)
        dyads = torch.randn(LANES, len(near.source), generator=self.rng)
        return Experience({}, moves, Outcome(rewards, never, dyads), {}, never, 0.0)

    def acts(self) -> dict[str, Tensor]:
        """Legal acts of everybody towards everybody in view, at random."""
        result = {}
        for head, space in self.ledger.heads.items():
            if isinstance(space, Discrete):
                result[head] = torch.randint(space.n, self.shape, generator=self.rng)
            elif isinstance(space, Shares):
                spin = torch.rand(self.shape, generator=self.rng)
                result[head] = spin / self.shape[-1]
            else:
                spin = torch.rand(self.shape, generator=self.rng)
                result[head] = space.low + (space.high - space.low) * spin
        return result

    def write(self, acts: dict[str, Tensor], experience: Experience) -> Tensor:
        """Ask, then record: one round of the ledger."""
        self.ledger.questions(experience.moves)
        return self.ledger.record(acts, experience)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[L, N, D]."""
        return (LANES, *self.near.view.shape)


def extremes(space: Discrete | Box | Shares) -> tuple[float, float]:
    """The least and the most that one act can be."""
    if isinstance(space, Discrete):
        return 0, space.n - 1
    return (0.0, 1.0) if isinstance(space, Shares) else (space.low, space.high)


def books(name: str, silent: slice = NOBODY) -> Iterator[tuple[str, Book]]:
    """The ledger on each small graph, after three rounds."""
    for label, graph in small_graphs().items():
        book = Book(name, graph, silent)
        for _ in range(3):
            book.write(book.acts(), book.experience())
        yield label, book


def ledger_is_documented(name: str) -> Iterator[str]:
    """It stands in a file of its name and its docstring says what it is."""
    yield from documentation(LEDGERS, name)


def ledger_names_a_source(name: str) -> Iterator[str]:
    """Its docstring or its module's names a source."""
    yield from source(LEDGERS, name)


def ledger_settings_survive(name: str) -> Iterator[str]:
    """Settings survive a file and say what they mean."""
    yield from settings(LEDGERS[name].Config)


def questions_have_their_shape(name: str) -> Iterator[str]:
    """There is a question for each head, [L, N, D, Q]; asking changes nothing."""
    for label, book in books(name):
        before = saved(book.ledger.state())
        asked = book.ledger.questions(book.experience().moves)
        if set(asked) != set(book.ledger.heads):
            yield f"{label}: asks about {sorted(asked)}"
        for head, question in asked.items():
            features = question.percept.features
            if features.shape != (*book.shape, question.percept.width):
                yield f"{label}: {head} is {tuple(features.shape)}"
            if not torch.isfinite(features).all():
                yield f"{label}: {head} is not finite"
        yield from differences(book.ledger.state(), before, label)


def readings_stay_bounded(name: str) -> Iterator[str]:
    """Readings are [L, N, S] and stay within their bounds over a thousand steps."""
    for label, book in books(name):
        low, high = book.ledger.bounds
        width = book.ledger.readings().shape[-1]
        for step in range(ROUNDS):
            book.write(book.acts(), book.experience())
            readings = book.ledger.readings()
            if readings.shape != (*book.shape[:2], width):
                yield f"{label}: {tuple(readings.shape)}"
            if not bool(((readings >= low) & (readings <= high)).all()):
                yield f"{label}: step {step} reads outside [{low}, {high}]"


def acts_reach_their_receiver(name: str) -> Iterator[str]:
    """What j does to i is read by i as coming from j, and by nobody else."""
    for label, graph in small_graphs().items():
        near = Book(name, graph).near
        for i, place in near.mask.nonzero().tolist():
            twins = [Book(name, graph) for _ in range(2)]
            acts = [book.acts() for book in twins]
            for head, space in twins[0].ledger.heads.items():
                for act, value in zip(acts, extremes(space), strict=True):
                    if isinstance(space, Shares):
                        act[head][1, i] = 0  # what one neighbour gets, no other can
                    act[head][1, i, place] = value
            for book, act in zip(twins, acts, strict=True):
                book.write(act, book.experience())
            told = (i, int(near.view[i, place]))
            changed = [
                (j, i, lane)
                for lane in range(LANES)
                for i in range(near.agents)
                for j, act in twins[0].ledger.page(lane, i).received.items()
                if act != twins[1].ledger.page(lane, i).received[j]
            ]
            if changed != [(*told, 1)]:
                yield f"{label}: an act of {told[0]} on {told[1]} in lane 1 changed {changed}"


def silent_agents_do_nothing(name: str) -> Iterator[str]:
    """Agents that do not answer leave everything as it is, whatever stands in their rows."""
    silent = slice(0, None, 2)
    for (label, one), (_, other) in zip(books(name, silent), books(name, silent), strict=True):
        acts, otherwise = one.acts(), other.acts()
        for head in acts:
            otherwise[head][:, silent] = acts[head].flip(0)[:, silent]
        for book, written in ((one, acts), (other, otherwise)):
            book.write(written, book.experience())
        yield from differences(one.ledger.state(), other.ledger.state(), label)


def padding_does_nothing(name: str) -> Iterator[str]:
    """What stands where no neighbour is has no effect."""
    for (label, one), (_, other) in zip(books(name), books(name), strict=True):
        acts, otherwise = one.acts(), other.acts()
        for head in acts:
            spare = ~one.near.mask.expand(one.shape)
            otherwise[head][spare] = otherwise[head].flip(0)[spare]
        for book, written in ((one, acts), (other, otherwise)):
            book.write(written, book.experience())
        yield from differences(one.ledger.state(), other.ledger.state(), label)


def transfers_are_conserved(name: str) -> Iterator[str]:
    """Rewards that it moves are [L, N] and sum to zero in each lane, unless it says otherwise."""
    for label, book in books(name):
        moved = book.write(book.acts(), book.experience())
        if moved.shape != book.shape[:2]:
            yield f"{label}: {tuple(moved.shape)}"
        if book.ledger.conserved and moved.sum(-1).abs().max() > 1e-4:
            yield f"{label}: {moved.sum(-1).tolist()}"


def pages_are_rows(name: str) -> Iterator[str]:
    """A page shows the agent's standing, its neighbours, and what each gave is what the other got."""
    for label, book in books(name):
        ledger, near = book.ledger, book.near
        for lane in range(LANES):
            pages = [ledger.page(lane, node) for node in range(near.agents)]
            for page in pages:
                others = near.target[near.source == page.node].tolist()
                if list(page.received) != others or list(page.given) != others:
                    yield f"{label}: page of {page.node} names {list(page.received)}"
                if page.standing != ledger.standing()[lane, page.node].item():
                    yield f"{label}: page of {page.node} has another standing"
                for other, act in page.given.items():
                    if pages[other].received[page.node] != act:
                        yield f"{label}: {page.node} gave {other} what it did not get"


def graph_shows_everyone(name: str) -> Iterator[str]:
    """Its graph has all agents as nodes and all links as edges, from who acts to who receives."""
    for label, book in books(name):
        graph, near = book.ledger.graph(1), book.near
        links = set(zip(near.source.tolist(), near.target.tolist(), strict=True))
        if sorted(graph) != list(range(near.agents)) or set(graph.edges) != links:
            yield f"{label}: {len(graph)} nodes and {graph.number_of_edges()} edges"


def memory_clears_ended_lanes(name: str) -> Iterator[str]:
    """A restart clears exactly the lanes that ended."""
    for label, book in books(name):
        ledger = book.ledger
        before = ledger.readings().clone(), ledger.standing().clone()
        pages = [ledger.page(0, node) for node in range(book.near.agents)]
        ledger.restart(torch.tensor([False, True]), book.standing())
        after = ledger.readings(), ledger.standing()
        for old, new in zip(before, after, strict=True):
            yield from differences(new[0], old[0], f"{label}: the other lane")
            if torch.equal(new[1], old[1]):
                yield f"{label}: the ended lane is as it was"
        if pages != [ledger.page(0, node) for node in range(book.near.agents)]:
            yield f"{label}: pages of the other lane"


def ledger_checkpoint_continues(name: str) -> Iterator[str]:
    """A saved ledger, loaded into a fresh one, goes on to the same bits."""
    for label, book in books(name):
        fresh = Book(name, small_graphs()[label])
        fresh.ledger.load(saved(book.ledger.state()))
        acts, experience = book.acts(), book.experience()
        for one in (book, fresh):
            one.write(acts, experience)
        yield from differences(fresh.ledger.state(), book.ledger.state(), label)
        yield from differences(fresh.ledger.readings(), book.ledger.readings(), label)


LEDGER_CLAUSES = (
    ledger_is_documented,
    ledger_names_a_source,
    ledger_settings_survive,
    questions_have_their_shape,
    readings_stay_bounded,
    acts_reach_their_receiver,
    silent_agents_do_nothing,
    padding_does_nothing,
    transfers_are_conserved,
    pages_are_rows,
    graph_shows_everyone,
    memory_clears_ended_lanes,
    ledger_checkpoint_continues,
)
