"""Federations: agents that share what they learn, and the charter that decides how.

A federation is data: who takes part, with which weight each listens to each, and a history of what
was shared when.  What listening does to parameters or gradients is the business of an exchange.
Common models follow Dong et al. 2024, meetings without a centre Dong et al. 2025.

Letters: R replicates, M agents of the cohort, whose members and outsiders they are.
"""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar, final

import networkx as nx
import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.networks.consensus import check_shares
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.settings import Settings

REMEMBERED, WEIGHTS_REMEMBERED = 1000, 4_000_000
"""Most meetings, and most weights in them, of which the history keeps every detail; of all others
it keeps sums.  The last meeting is always kept."""
AS_THE_CHARTER_SAYS, STAYS_OUT, TAKES_PART = -1, 0, 1


@dataclass(frozen=True, eq=False)
class Roll:
    """Among whom a charter decides."""

    nodes: Tensor
    """[M] int64: nodes of the agents"""
    replicates: int
    near: Neighbourhoods
    """who meets whom in the world, over all nodes"""
    generator: torch.Generator

    @property
    def device(self) -> torch.device:
        """Where masks and weights live."""
        return self.nodes.device

    @property
    def size(self) -> int:
        """M."""
        return len(self.nodes)

    def graph(self) -> nx.Graph:
        """The interaction graph among the agents, as 0 .. M - 1 in the order of their nodes."""
        place = {node: i for i, node in enumerate(self.nodes.tolist())}
        graph = nx.empty_graph(self.size)
        ends = zip(self.near.source.tolist(), self.near.target.tolist(), strict=True)
        graph.add_edges_from((place[a], place[b]) for a, b in ends if a in place and b in place)
        return graph


class Charter(ABC):
    """Rule that says who takes part in a meeting, and whom each member listens to.

    A charter only decides; an exchange carries the decision out.  Every kind keeps these clauses:

    - it is asked only when a meeting is due; `Federation` counts;
    - it decides for each replicate by that replicate's returns alone;
    - weights are finite and not negative, and every row sums to one;
    - who does not take part keeps its own: its row and its column are those of the identity;
    - the same questions in the same state get the same answers; chance comes from the
      generator of the roll;
    - what it remembers between questions is part of its `state()`, and `load` restores it.
    """

    Config: ClassVar[type[Settings]] = Settings

    def __init__(self, config: Settings, roll: Roll) -> None:
        self.config, self.roll = config, roll

    @property
    def every(self) -> int:
        """Updates of the learners from one meeting to the next; 0 = nobody ever meets."""
        return 1

    @property
    def candidates(self) -> Tensor:
        """Who may ever take part, [R, M] bool; all, unless it says otherwise."""
        shape = (self.roll.replicates, self.roll.size)
        return torch.ones(shape, dtype=torch.bool, device=self.roll.device)

    @property
    def neighbourly(self) -> bool:
        """Whether weights follow the interaction graph, which then has to last."""
        return False

    @abstractmethod
    def volunteers(self, returns: Tensor) -> Tensor:
        """Who takes part in this meeting, [R, M] bool.

        ``returns`` [R, M]: what each agent earned per round since the last meeting.
        """

    @abstractmethod
    def weigh(self, members: Tensor) -> Tensor:
        """[R, M, M] weights among ``members`` [R, M]: row i says how much i listens to each."""

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to know; nothing for a charter without memory."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


@final
class Alone(Charter):
    """No federation: nobody ever meets, so everyone learns alone."""

    @property
    def every(self) -> int:
        """Never."""
        return 0

    def volunteers(self, returns: Tensor) -> Tensor:
        """Nobody."""
        return torch.zeros_like(returns, dtype=torch.bool)

    def weigh(self, members: Tensor) -> Tensor:
        """Everybody listens to itself."""
        return identity(members)


def identity(members: Tensor) -> Tensor:
    """Weights [R, M, M] with which everybody listens to itself alone."""
    size = members.shape[1]
    return torch.eye(size, device=members.device).repeat(len(members), 1, 1)


@dataclass(frozen=True, eq=False)
class Meeting:
    """One occasion on which members share."""

    members: Tensor
    """[R, M] bool: who takes part"""
    weights: Tensor
    """[R, M, M]: row i says how much i listens to each"""


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of the history: who shared what with whom, and when."""

    round: int
    """rounds of the world that lay behind"""
    head: str
    """head whose learner had just studied"""
    what: str
    """``parameters`` or ``gradients``"""
    members: Tensor
    """[R, M] bool"""
    weights: Tensor
    """[R, M, M]"""


class Federation:
    """Membership and weights over time, for the agents of one cohort.

    Agents enter and leave while they learn: as the charter says, or as somebody told them to.
    """

    def __init__(self, charter: Charter, roll: Roll) -> None:
        self.charter, self.roll = charter, roll
        shape = (roll.replicates, roll.size)
        self.members = torch.zeros(shape, dtype=torch.bool, device=roll.device)
        """[R, M]: who took part in the last meeting"""
        self.wanted = self.members
        """[R, M]: whom the charter named for it"""
        # Those who learn alone may be too many for a table of who listens to whom.
        met = self.members if self.active else self.members[:, :0]
        self.weights = identity(met)
        """[R, M, M]: those of the last meeting; empty where nobody ever meets"""
        self.wishes = torch.full((roll.size,), AS_THE_CHARTER_SAYS, device=roll.device)
        """[M]: what agents were told; see `join`, `leave` and `follow`"""
        self.rounds, self.meetings = 0, 0
        self.updates: dict[str, int] = {}
        """head -> updates of its learners"""
        self.shared = torch.zeros_like(self.weights)
        """[R, M, M]: sums of the weights of all meetings; empty where nobody ever meets"""
        kept = WEIGHTS_REMEMBERED // max(1, self.weights.numel())
        self.history: deque[Entry] = deque(maxlen=min(REMEMBERED, max(1, kept)))

    @property
    def active(self) -> bool:
        """Whether its members ever meet."""
        return self.charter.every > 0

    def due(self, head: str) -> bool:
        """Whether the update that a head is about to make is one of a meeting; counts it."""
        self.updates[head] = self.updates.get(head, 0) + 1
        return self.active and self.updates[head] % self.charter.every == 0

    def meet(self, returns: Tensor, head: str, what: str) -> Meeting:
        """Who takes part now and who listens to whom, given ``returns`` [R, M] since the last time."""
        told = self.wishes.expand_as(self.members)
        self.wanted = self.charter.volunteers(returns)
        self.members = torch.where(told == AS_THE_CHARTER_SAYS, self.wanted, told == TAKES_PART)
        self.weights = self.charter.weigh(self.members)
        try:
            check_shares(self.weights)
        except BadSetting as error:
            raise BadSetting(f"charter {type(self.charter).__name__}: {error}") from None
        self.meetings += 1
        self.shared = self.shared + self.weights * self.members.unsqueeze(-1)
        self.history.append(Entry(self.rounds, head, what, self.members, self.weights))
        return Meeting(self.members, self.weights)

    # ---- entering and leaving ----------------------------------------------------------

    def join(self, node: int) -> None:
        """The agent at ``node`` takes part from the next meeting on, whatever the charter says."""
        self._tell(node, TAKES_PART)

    def leave(self, node: int) -> None:
        """The agent at ``node`` stays out from the next meeting on, whatever the charter says."""
        before = self.wishes
        self._tell(node, STAYS_OUT)
        asked = (self.wishes == AS_THE_CHARTER_SAYS) & self.charter.candidates
        if not bool((asked | (self.wishes == TAKES_PART)).any(1).all()):
            self.wishes = before
            raise BadSetting(f"agent {node} cannot leave: it is the last that may take part")

    def follow(self, node: int) -> None:
        """The agent at ``node`` does again what the charter says."""
        self._tell(node, AS_THE_CHARTER_SAYS)

    def _tell(self, node: int, wish: int) -> None:
        if node not in self.roll.nodes.tolist():
            nodes = ", ".join(map(str, self.roll.nodes.tolist()))
            raise BadSetting(f"agent {node} is a stranger to this federation of agents {nodes}")
        self.wishes = torch.where(self.roll.nodes == node, wish, self.wishes)

    # ---- reading -------------------------------------------------------------------------

    def graph(self, replicate: int = 0) -> nx.DiGraph:
        """Who listened to whom in the last meeting of a replicate, and how often over all meetings.

        Nodes are those of the world, with ``member``; an edge u -> v says that v listens to u, with
        the ``weight`` of the last meeting and ``shared``, the sum of weights over all meetings.
        """
        nodes = self.roll.nodes.tolist()
        graph = nx.DiGraph(meetings=self.meetings)
        for node, member in zip(nodes, self.members[replicate].tolist(), strict=True):
            graph.add_node(node, member=member)
        weights, shared = self.weights[replicate], self.shared[replicate]
        for i, j in ((weights != 0) | (shared != 0)).nonzero().tolist():
            if i != j:
                known = {"weight": float(weights[i, j]), "shared": float(shared[i, j])}
                graph.add_edge(nodes[j], nodes[i], **known)
        return graph

    def log(self, replicate: int = 0) -> list[dict[str, Any]]:
        """Who shared what with whom and when, as far as the history reaches: a row for each pair.

        Meetings in a row at which the same members listened in the same way are one stretch, from
        its ``first`` round to its ``last``.
        """
        nodes, rows = self.roll.nodes.tolist(), []
        for stretch in self._stretches(replicate):
            first, last = stretch[0], stretch[-1]
            weights, members = first.weights[replicate].tolist(), first.members[replicate].tolist()
            for i, listener in enumerate(nodes):
                for j, source in enumerate(nodes):
                    if members[i] and weights[i][j]:
                        rows.append(
                            {
                                "first": first.round,
                                "last": last.round,
                                "meetings": len(stretch),
                                "head": first.head,
                                "what": first.what,
                                "listener": listener,
                                "source": source,
                                "weight": weights[i][j],
                            }
                        )
        return rows

    def _stretches(self, replicate: int) -> list[list[Entry]]:
        stretches: list[list[Entry]] = []
        for entry in self.history:
            before = stretches[-1][-1] if stretches else None
            alike = (
                before is not None
                and (before.head, before.what) == (entry.head, entry.what)
                and torch.equal(before.members[replicate], entry.members[replicate])
                and torch.equal(before.weights[replicate], entry.weights[replicate])
            )
            if alike:
                stretches[-1].append(entry)
            else:
                stretches.append([entry])
        return stretches

    # ---- saving --------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Charter, membership and history."""
        history = {
            str(i): {
                "round": e.round,
                "head": e.head,
                "what": e.what,
                "members": e.members,
                "weights": e.weights,
            }
            for i, e in enumerate(self.history)
        }
        return {
            "charter": self.charter.state(),
            "members": self.members,
            "wanted": self.wanted,
            "weights": self.weights,
            "wishes": self.wishes,
            "rounds": self.rounds,
            "meetings": self.meetings,
            "updates": dict(self.updates),
            "shared": self.shared,
            "history": history,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        device = self.roll.device
        self.charter.load(state["charter"])
        self.members, self.weights = state["members"].to(device), state["weights"].to(device)
        self.wanted = state["wanted"].to(device)
        self.wishes, self.shared = state["wishes"].to(device), state["shared"].to(device)
        self.rounds, self.meetings = state["rounds"], state["meetings"]
        self.updates = dict(state["updates"])
        entries = state.get("history", {})
        self.history.clear()
        for i in range(len(entries)):
            e = entries[str(i)]
            kept = e["members"].to(device), e["weights"].to(device)
            self.history.append(Entry(e["round"], e["head"], e["what"], *kept))
