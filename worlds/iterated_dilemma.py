"""The iterated prisoner's dilemma: two who meet again and again, or neighbours on a graph.

Two actions, 0 = cooperate and 1 = defect, played against all neighbours at once, round after
round.  The state of memory-1 policies is what both sides of a link did in the last round, own
action first: CC, CD, DC or DD, and s0 before the first round.  Each side has its own view: what
is CD for one is DC for the other.  Before the first round nobody has played anything: actions,
own and others', are shown as zeros.

With the default payoffs cooperating costs 0.2 and gives the partner 1.2, so the mean reward is
the share of cooperators.  Payoffs are means over neighbours: one partner is the unit, and what a
round can pay does not grow with their number.  In a pair, mean and sum agree.

======== ==========================================================
agents   one per node of any graph; usually two
actions  cooperate, defect
channels opening, own, actions, payoffs, state
episode  100 rounds, truncated, never terminated
======== ==========================================================

Sources: Kong et al. 2024 for payoffs, length and states; Axelrod 1984 for the game; Nowak and
Sigmund 1993 for memory-1 policies.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal import codes
from commonweal.records import Indicators, Layer, Outcome, Percept
from commonweal.settings import Settings, setting
from commonweal.spaces import Discrete, WorldSpec
from commonweal.worlds import WORLDS
from commonweal.worlds.base import World
from commonweal.worlds.payoffs import dilemma_indicators, one_round, payoffs_seen

PAPER = "Kong et al. 2024"

NOTHING = 2
"""stands for the action of those who have not played yet"""

STATES = ("s0", "CC", "CD", "DC", "DD")
"""States of a memory-1 policy, own action first, in the order of the channel ``state``."""


@dataclass(frozen=True, kw_only=True)
class IteratedDilemmaConfig(Settings):
    """Settings of the iterated dilemma."""

    reward: float = setting(1.0, "payoff of mutual cooperation", low=-10, high=10, source=PAPER)
    sucker: float = setting(
        -0.2, "payoff of cooperating with a defector", low=-10, high=10, source=PAPER
    )
    temptation: float = setting(
        1.2, "payoff of defecting on a cooperator", low=-10, high=10, source=PAPER
    )
    punishment: float = setting(0.0, "payoff of mutual defection", low=-10, high=10, source=PAPER)
    horizon: int = setting(100, "rounds in an episode", low=1, source=PAPER)
    payoff: str = setting("mean", "payoffs over neighbours", choices=("sum", "mean"))


@dataclass(frozen=True)
class DilemmaState:
    """What a lane remembers of its last round."""

    last: Tensor
    """[L, N] int64: last actions; `NOTHING` before the first round"""
    payoff: Tensor
    """[L, N] float32: mean payoff per link in the last round; 0 before the first"""


def states_of_links(last: Tensor, others: Tensor, mask: Tensor) -> Tensor:
    """Place in `STATES` of every link in view, [L, N, D]; one more where ``mask`` is False.

    ``last`` [L, N] are own actions and ``others`` [L, N, D] those of the neighbours.
    """
    own = last.unsqueeze(-1)
    state = torch.where(own == NOTHING, 0, 1 + 2 * own + others)
    return torch.where(mask, state, len(STATES))


@WORLDS.register("iterated_dilemma")
class IteratedDilemma(World[DilemmaState]):
    """Repeated two-action dilemma between partners who remember the last round."""

    Config = IteratedDilemmaConfig
    usual = {"agents": 2, "network": "complete", "lanes": 16, "replicates": 1, "steps": 100_000}

    def describe(self) -> WorldSpec:
        """Two actions; channels of the last round."""
        width = self.neighbourhoods.view.shape[1]
        channels = {"opening": 1, "own": 2, "actions": 2 * width, "payoffs": 1 + width}
        channels["state"] = len(STATES) * width
        c = self.config
        self.matrix = torch.tensor(
            [[c.reward, c.sucker], [c.temptation, c.punishment]], device=self.device
        )
        # Nothing is shown before the first round, like a row whose places are not filled.
        self.own = torch.eye(NOTHING + 1, 2, device=self.device)
        self.states = torch.eye(len(STATES) + 1, len(STATES), device=self.device)
        book = codes.codebook(width, regular=False)
        self.codebook = None if book is None else book.to(self.device)
        return WorldSpec(Discrete(2, ("C", "D")), channels, c.horizon, dyadic=True)

    def initial(self) -> DilemmaState:
        """Nobody has played yet."""
        payoff = torch.zeros(self.lanes, self.neighbourhoods.agents, device=self.device)
        return DilemmaState(torch.full_like(payoff, NOTHING, dtype=torch.int64), payoff)

    def show(self, state: DilemmaState, channel: str) -> Percept:
        """One of the channels opening, own, actions, payoffs and state."""
        near, opening = self.neighbourhoods, state.last == NOTHING
        if channel == "opening":
            return Percept(dense=opening.float()[..., None])
        if channel == "own":
            return Percept(codes=state.last, codebook=self.own)
        if channel == "payoffs":
            return payoffs_seen(state.payoff, near)
        met = near.met(state.last)
        if channel == "state":
            places = states_of_links(state.last, met, near.mask)
            if places.shape[-1] == 1:
                return Percept(codes=places[..., 0], codebook=self.states)
            return Percept(dense=self.states[places].flatten(-2))
        filled = near.mask & ~opening[..., None]
        if self.codebook is None:
            return Percept(dense=codes.one_hot(met, filled))
        return Percept(codes=codes.encode(met, filled, regular=False), codebook=self.codebook)

    def transition(self, state: DilemmaState, moves: Tensor) -> tuple[DilemmaState, Outcome]:
        """Everyone plays every neighbour once."""
        payoff, outcome = one_round(self.matrix, moves, self.neighbourhoods, self.config.payoff)
        return DilemmaState(moves, payoff), outcome

    def indicators(self, state: DilemmaState, outcome: Outcome) -> Indicators:
        """Those of the lattice, and the shares of links in each state, CD and DC counted as one."""
        near = self.neighbourhoods
        defectors = state.last[:, near.source] + state.last[:, near.target]
        links = torch.full_like(outcome.rewards[:, 0], len(near.source))
        kinds = enumerate(("state_CC", "state_CD", "state_DD"))
        shares = {name: ((defectors == n).sum(-1).float(), links) for n, name in kinds}
        return dilemma_indicators(state.last, outcome.rewards, near) | shares

    def portray(self, state: DilemmaState) -> dict[str, Layer]:
        """The last actions."""
        return {"action": Layer(state.last, 0, NOTHING, (*self.spec.actions.labels, "none"))}
