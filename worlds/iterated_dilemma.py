"""The iterated prisoner's dilemma: two who meet again and again, or neighbours on a graph.

Two actions, 0 = cooperate and 1 = defect, played against all neighbours at once, round after
round.  The state of memory-1 policies is what both sides of a link did in the last round, own
action first: CC, CD, DC or DD, and s0 before the first round.  Each side has its own view: what
is CD for one is DC for the other.  Before the first round nobody has played anything: actions,
own and others', are shown as zeros.

With the default payoffs cooperating costs 0.2 and gives the partner 1.2, so the mean reward is
the share of cooperators.  Payoffs are means over neighbours: one partner is the unit, and what a
round can pay does not grow with their number.  In a pair, mean and sum agree.

Two rules of the computer tournaments are settings.  With ``noise`` each agent's move comes out as
the other one with this chance, the same towards all its neighbours.  What came out counts: state,
payoffs, channels and indicators are those of the moves played (`Outcome.played`), and only
`Experience.moves` are those meant.  With ``ending`` an episode is over after any round with this
chance, so that nobody knows the last one.  It is one minus the discount: the n-th round is played
with probability ``(1 - ending) ** (n - 1)``, the weight that a discount of ``1 - ending`` gives
it, so the plain sum of an episode's rewards is on average the discounted sum of the game without
end.  A learner that discounts by g besides looks ahead as if by ``g * (1 - ending)``.  An episode
lasts ``1 / ending`` rounds on average where the horizon does not cut it first.

======== ==================================================================================
agents   one per node of any graph; usually two
actions  cooperate, defect
channels opening, own, actions, payoffs, state
episode  100 rounds, then truncated; terminated before only by chance, where ``ending`` is set
======== ==================================================================================

Sources: Kong et al. 2024 for payoffs, length and states; Axelrod 1984 for the game and the unknown
ending, 0.00346 in his second tournament; Wu and Axelrod 1995 for noise, 0.01 there; Nowak and
Sigmund 1993 for memory-1 policies.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from commonweal import codes
from commonweal.records import Indicators, Layer, Outcome, Percept
from commonweal.settings import Settings, setting
from commonweal.spaces import WorldSpec
from commonweal.worlds import WORLDS, memory
from commonweal.worlds.base import World
from commonweal.worlds.memory import NOTHING
from commonweal.worlds.payoffs import dilemma_indicators, one_round, payoffs_seen

PAPER = "Kong et al. 2024"


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
    noise: float = setting(0.0, "chance that a move comes out as the other one", low=0, high=1)
    ending: float = setting(
        0.0, "chance that an episode is over after a round, 1 - discount", low=0, high=1
    )


@dataclass(frozen=True)
class DilemmaState:
    """What a lane remembers of its last round."""

    last: Tensor
    """[L, N] int64: last actions; `NOTHING` before the first round"""
    payoff: Tensor
    """[L, N] float32: mean payoff per link in the last round; 0 before the first"""


@WORLDS.register("iterated_dilemma")
class IteratedDilemma(World[DilemmaState]):
    """Repeated two-action dilemma between partners who remember the last round."""

    Config = IteratedDilemmaConfig
    usual = {"agents": 2, "network": "complete", "lanes": 16, "replicates": 1, "steps": 1_000_000}
    published = {"lase": {"cooperation": (0.93, None)}}

    def describe(self) -> WorldSpec:
        """Two actions; channels of the last round."""
        width = self.neighbourhoods.view.shape[1]
        c, regular = self.config, self.neighbourhoods.regular
        matrix = (c.reward, c.sucker), (c.temptation, c.punishment)
        self.matrix = torch.tensor(matrix, device=self.device)
        # Nothing is shown before the first round, like a row whose places are not filled.
        self.own = torch.eye(NOTHING + 1, 2, device=self.device)
        books = codes.codebook(width, regular=False), memory.codebook(width, regular, opening=True)
        self.deeds, self.states = (b if b is None else b.to(self.device) for b in books)
        return memory.spec(matrix, width, c.horizon, self.graph)

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
        if channel == "state":
            return memory.seen(state.last, near, self.states, opening=True)
        met, filled = near.met(state.last), near.mask & ~opening[..., None]
        if self.deeds is None:
            return Percept(dense=codes.one_hot(met, filled))
        return Percept(codes=codes.encode(met, filled, regular=False), codebook=self.deeds)

    def transition(self, state: DilemmaState, moves: Tensor) -> tuple[DilemmaState, Outcome]:
        """Everyone plays every neighbour once; hands may slip, and the episode may be over."""
        played = self._slipped(moves) if self.config.noise else moves
        payoff, outcome = one_round(self.matrix, played, self.neighbourhoods, self.config.payoff)
        if self.config.noise:
            outcome = replace(outcome, played=played)
        if self.config.ending:
            over = self._chance(self.config.ending, outcome.terminated.shape)
            outcome = replace(outcome, terminated=over)
        return DilemmaState(played, payoff), outcome

    def _slipped(self, moves: Tensor) -> Tensor:
        """The moves that come out when these [L, N] are meant."""
        return moves ^ self._chance(self.config.noise, moves.shape).long()

    def _chance(self, chance: float, shape: torch.Size) -> Tensor:
        """True with this chance, each place for itself."""
        drawn = torch.rand(shape, generator=self.generator, device=self.device)
        return drawn < chance

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
