"""Reputation: neighbours' assessments of each other and the standing that follows.

Every round each assessor gives each neighbour it sees one bit, 1 = good.  An agent's
public standing is a moving average of the mean bit it receives.  Source: Ren et al. 2025,
section 3; initial values and details from the authors' published settings.
"""

from dataclasses import dataclass

import networkx as nx
import torch
from torch import Tensor

from commonweal import codes
from commonweal.lanes import mean_by_action
from commonweal.networks.ledgers import LEDGERS, Ledger, Page, Question
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Experience, Indicators, Layer, Percept
from commonweal.settings import Settings, setting
from commonweal.spaces import Discrete


@dataclass(frozen=True, kw_only=True)
class ReputationConfig(Settings):
    """Settings of the reputation ledger."""

    smoothing: float = setting(
        0.6, "weight alpha of the old standing", low=0, high=1, source="Ren et al. 2025, settings"
    )
    start: str = setting(
        "random",
        "assessments at the start of an episode: uniform on [0, 1) to three decimals, "
        "or 1 for marked cooperators and 0 for marked defectors",
        choices=("random", "marks"),
        source="Ren et al. 2025, settings",
    )


def smoothed(standing: Tensor, received: Tensor, smoothing: float) -> Tensor:
    """Standing after a round, ``alpha * rho + (1 - alpha) * mean(g)``, all [...].

    ``received`` is the mean of the bits received.  Source: Ren et al. 2025, section 3.
    """
    return smoothing * standing + (1 - smoothing) * received


@LEDGERS.register("reputation")
class ReputationLedger(Ledger):
    """Bits that neighbours give each other, and the standing in [0, 1] that follows."""

    Config = ReputationConfig
    heads = {"assess": Discrete(2, ("bad", "good"))}
    actions = 2
    headings = ("thinks of it", "it thinks", "standing")

    def __init__(
        self,
        config: ReputationConfig,
        near: Neighbourhoods,
        lanes: int,
        active: dict[str, Tensor],
        generator: torch.Generator,
    ) -> None:
        super().__init__(config, near, lanes, active, generator)
        self.received = torch.zeros(lanes, len(near.source), device=near.source.device)
        self.rho = self.verdict = torch.zeros(lanes, near.agents, device=near.source.device)

    def meet(self, near: Neighbourhoods) -> None:
        """Work out which links carry assessments; values stay with the receiver's places."""
        self.near = near
        width = near.view.shape[1]
        judges = self.active["assess"]
        given = torch.zeros(len(near.source), dtype=torch.bool, device=near.source.device)
        given[near.view_edges[near.mask & judges[:, None]]] = True
        self.heard = given[near.reverse]
        self.all_heard = near.regular and bool(judges.all())
        self.voices = near.sum(self.heard.float())
        book = codes.codebook(width, near.regular)
        self.codebook = None
        if book is not None and 2 * len(book) <= codes.LIMIT:
            move = torch.eye(2).repeat_interleave(len(book), 0)
            self.codebook = torch.cat((move, book.repeat(2, 1)), 1).to(near.source.device)

    def restart(self, over: Tensor, standing: Tensor | None) -> None:
        """Assessments and standings of a fresh episode."""
        near = self.near
        if self.config.start == "marks" and standing is not None:
            received = standing[:, near.source]
        else:
            received = torch.rand(
                self.lanes, len(near.source), generator=self.generator, device=over.device
            )
            # Never 1, which would be a verdict and not a real number.
            received = ((received * 1000).round() / 1000).clamp(max=0.999)
        self.received = torch.where(over[:, None], received, self.received)
        self.rho = torch.where(over[:, None], near.mean(received), self.rho)
        self.verdict = self.rho

    def questions(self, moves: Tensor) -> dict[str, Question]:
        """The neighbour's move and what it received in the round before.

        In the first round the values received are real numbers, which count as bad.
        """
        near = self.near
        good = near.each(self.received) >= 1
        if self.codebook is None:
            deed = torch.nn.functional.one_hot(moves, 2).float()
            row = torch.cat((deed, codes.one_hot(good, near.mask)), -1)
            percept = Percept(dense=near.met(row))
        else:
            code = moves * (len(self.codebook) // 2) + codes.encode(good, near.mask, near.regular)
            percept = Percept(codes=near.met(code), codebook=self.codebook)
        return {"assess": Question(percept, moves, self.rho, near)}

    def record(self, acts: dict[str, Tensor], experience: Experience) -> Tensor:
        """Route the bits to their receivers and update every standing at once."""
        near, bits = self.near, acts["assess"].float()
        if self.all_heard:
            self.received = bits.flatten(1)[:, near.reverse]
        else:
            given = torch.zeros_like(self.received)
            given[:, near.view_edges[near.mask]] = bits[:, near.mask]
            self.received = torch.where(self.heard, given[:, near.reverse], self.received)
        self.verdict = near.sum(self.received * self.heard) / self.voices.clamp(min=1)
        new = smoothed(self.rho, self.verdict, self.config.smoothing)
        self.rho = new if self.all_heard else torch.where(self.voices > 0, new, self.rho)
        return torch.zeros_like(self.rho)

    def readings(self) -> Tensor:
        """Standings of the neighbours seen, then the own one, [L, N, D + 1].

        On irregular graphs D presence signs stand between them, since a missing neighbour
        must not look like one of bad standing.
        """
        near = self.near
        met = near.met(self.rho)
        if near.regular:
            return torch.cat((met, self.rho[..., None]), -1)
        mask = near.mask.float().expand_as(met)
        return torch.cat((met * mask, mask, self.rho[..., None]), -1)

    def standing(self) -> Tensor:
        """rho, [L, N] in [0, 1]."""
        return self.rho

    def page(self, lane: int, node: int) -> Page:
        """What neighbours last thought of an agent and what it last thought of them."""
        near = self.near
        own = (near.source == node).nonzero().flatten()
        others = near.target[own].tolist()
        received = self.received[lane, own].tolist()
        given = self.received[lane, near.reverse[own]].tolist()
        return Page(
            node,
            self.rho[lane, node].item(),
            dict(zip(others, received, strict=True)),
            dict(zip(others, given, strict=True)),
        )

    def word(self, act: float) -> str:
        """A bit in words; a value between is the opening of an episode, not yet a verdict."""
        return {0.0: "bad", 1.0: "good"}.get(act, f"opening {act:.2f}")

    def graph(self, lane: int) -> nx.DiGraph:
        """Edges from assessor to assessed with attribute ``good``; nodes with ``standing``."""
        result = nx.DiGraph()
        for node, value in enumerate(self.rho[lane].tolist()):
            result.add_node(node, standing=value)
        values = self.received[lane].tolist()
        judged, judge = self.near.source.tolist(), self.near.target.tolist()
        for i, j, good in zip(judge, judged, values, strict=True):
            result.add_edge(i, j, good=good)
        return result

    def layers(self) -> dict[str, Layer]:
        """The standing of every agent."""
        return {"reputation": Layer(self.rho, 0.0, 1.0)}

    def indicators(self, experience: Experience) -> Indicators:
        """Mean standing of all, of this round's cooperators and of its defectors."""
        return mean_by_action("reputation", self.rho, (experience.played == 0).float())

    def state(self) -> dict:
        """Assessments, standings and the last round's verdicts."""
        return {"received": self.received, "standing": self.rho, "verdict": self.verdict}

    def load(self, state: dict) -> None:
        """Inverse of `state`."""
        device = self.near.source.device
        self.received = state["received"].to(device)
        self.rho = state["standing"].to(device)
        self.verdict = state["verdict"].to(device)
