"""A spatial dilemma: everyone plays one move against all neighbours at once.

Two actions, 0 = cooperate and 1 = defect.  With reward R = 1 and punishment P = 0 the
temptation T and the sucker's payoff S decide the game: harmony (T < 1, S > 0), snowdrift
(T > 1, S > 0), stag hunt (T < 1, S < 0) or prisoner's dilemma (T > 1, S < 0).  Payoffs are
summed over neighbours.  At the start of an episode half of the agents are marked defectors
at random; the marks stand for the round before the first.  All channels show them as last
actions, the states of links too, so that s0 never occurs here.

======== ==========================================================
agents   one per node of any graph
actions  cooperate, defect
channels opening, own, actions, payoffs, state
episode  20 rounds, truncated, never terminated
======== ==========================================================

Source: Ren et al. 2025, sections 3 and 5; initial marks and episode length from the
authors' published settings.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal import codes
from commonweal.records import Indicators, Layer, Outcome, Percept
from commonweal.settings import Settings, setting
from commonweal.spaces import WorldSpec
from commonweal.worlds import WORLDS, memory
from commonweal.worlds.base import World
from commonweal.worlds.payoffs import (
    dilemma_indicators,
    marks,
    one_round,
    pairwise,
    payoffs_seen,
)

PAPER = "Ren et al. 2025"


@dataclass(frozen=True, kw_only=True)
class LatticeConfig(Settings):
    """Settings of the spatial dilemma."""

    reward: float = setting(1.0, "payoff of mutual cooperation", low=-10, high=10, source=PAPER)
    sucker: float = setting(
        -0.33, "payoff of cooperating with a defector", low=-10, high=10, source=f"{PAPER}, Fig. 3"
    )
    temptation: float = setting(
        1.3, "payoff of defecting on a cooperator", low=-10, high=10, source=f"{PAPER}, Fig. 3"
    )
    punishment: float = setting(0.0, "payoff of mutual defection", low=-10, high=10, source=PAPER)
    horizon: int = setting(20, "rounds in an episode", low=1, source=f"{PAPER}, settings")
    defectors: float = setting(0.5, "share marked defectors at the start", low=0, high=1)
    payoff: str = setting("sum", "payoffs over neighbours", choices=("sum", "mean"))


@dataclass(frozen=True)
class LatticeState:
    """What a lane remembers of its last round."""

    last: Tensor
    """[L, N] int64: last actions; the marks before the first round"""
    payoff: Tensor
    """[L, N] float32: mean payoff per link in the last round"""
    opening: Tensor
    """[L] bool: nobody has played yet"""


@WORLDS.register("lattice")
class Lattice(World[LatticeState]):
    """Spatial two-action dilemma on any graph, from harmony to prisoner's dilemma."""

    Config = LatticeConfig
    # Stretches that givers remember: a lattice has many of them.  And many agents see little, which small
    # networks take in as well as the large ones of resource worlds.
    usual = {
        f"{kind}.give.capacity": 500
        for kind in ("lase", "lase_uniform", "lase_average", "lase_exact")
    } | {
        f"{kind}.move.hidden": (32, 32)
        for kind in (
            *("ippo", "fpf", "dnf", "lmf", "mappo", "average_reward", "min_reward", "rmf"),
            *("fen", "fen_flat", "soto_ggf", "soto_alf"),
        )
    }

    def describe(self) -> WorldSpec:
        """Two actions; channels of the last round."""
        width = self.neighbourhoods.view.shape[1]
        c, regular = self.config, self.neighbourhoods.regular
        matrix = (c.reward, c.sucker), (c.temptation, c.punishment)
        self.matrix = torch.tensor(matrix, device=self.device)
        books = codes.codebook(width, regular), memory.codebook(width, regular, opening=False)
        self.deeds, self.states = (b if b is None else b.to(self.device) for b in books)
        return memory.spec(matrix, width, c.horizon, self.graph)

    def initial(self) -> LatticeState:
        """Marks, and the payoffs that the marks would have earned each other."""
        near = self.neighbourhoods
        last = marks(self.lanes, near.agents, self.config.defectors, self.generator)
        payoff = near.mean(pairwise(self.matrix, last, near))
        opening = torch.ones(self.lanes, dtype=torch.bool, device=self.device)
        return LatticeState(last, payoff, opening)

    def show(self, state: LatticeState, channel: str) -> Percept:
        """One of the channels opening, own, actions, payoffs and state."""
        near, shape = self.neighbourhoods, state.last.shape
        if channel == "opening":
            return Percept(dense=state.opening.float()[:, None, None].expand(*shape, 1))
        if channel == "own":
            return Percept(codes=state.last, codebook=torch.eye(2, device=self.device))
        if channel == "payoffs":
            return payoffs_seen(state.payoff, near)
        if channel == "state":
            return memory.seen(state.last, near, self.states, opening=False)
        met = near.met(state.last)
        if self.deeds is None:
            return Percept(dense=codes.one_hot(met, near.mask))
        return Percept(codes=codes.encode(met, near.mask, near.regular), codebook=self.deeds)

    def transition(self, state: LatticeState, moves: Tensor) -> tuple[LatticeState, Outcome]:
        """Everyone plays every neighbour once."""
        payoff, outcome = one_round(self.matrix, moves, self.neighbourhoods, self.config.payoff)
        return LatticeState(moves, payoff, outcome.terminated), outcome

    def indicators(self, state: LatticeState, outcome: Outcome) -> Indicators:
        """Cooperation, environment reward, and how cooperators sit together."""
        return dilemma_indicators(state.last, outcome.rewards, self.neighbourhoods)

    def portray(self, state: LatticeState) -> dict[str, Layer]:
        """The last actions; before the first round, the marks."""
        return {"action": Layer(state.last, 0, 1, self.spec.actions.labels)}

    def standing(self, state: LatticeState) -> Tensor:
        """1 for those marked cooperators, 0 for the others."""
        return 1.0 - state.last.float()
