"""Advantages that agents of a replicate share: the sum of all, or more weight for those who fare worse.

Letters: R replicates, M agents of the cohort, K = R * M slots, T rounds of a rollout, B lanes of a
replicate, X = T * B samples.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.learners.base import Note, Seat, by_slot
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import CODE, SplitPPOConfig, Window, standardised
from commonweal.settings import setting

OWN, SUM, GGF, ALF = "own", "sum", "ggf", "alf"
SOTO = "Zimmer et al. 2021"
LEAST = 1e-10
"""What somebody with nothing counts as having, in alpha-fairness."""


@dataclass(frozen=True, kw_only=True)
class CreditPPOConfig(SplitPPOConfig):
    """Settings of PPO with advantages that may be shared."""

    credit: str = setting(
        OWN,
        "actors follow own advantages (own); or critics foretell what the rules pay each, and all follow "
        "the sum of standardised advantages (sum), a sum that halves with every rank from the worst off "
        "(ggf), or one weighted by returns so far to the power -alpha (alf)",
        choices=(OWN, SUM, GGF, ALF),
    )
    alpha: float = setting(0.9, "inequality aversion alpha of alf", low=0, source=CODE)


def ranked(returns: Tensor) -> Tensor:
    """Weights 2^-rank [..., M] of agents by returns [..., M], the least first; ties in their order.

    Source: Zimmer et al. 2021, generalised Gini welfare; not normalised, as in their public code.
    """
    return 0.5 ** returns.argsort(dim=-1, stable=True).argsort(dim=-1).to(returns.dtype)


def needy(returns: Tensor, alpha: float) -> Tensor:
    """Weights (J + 1e-10)^-alpha [...] of returns J [...], the slope of alpha-fair welfare.

    Source: Zimmer et al. 2021.  Welfare of that form knows no losses: a return below 0 counts as 0.
    """
    return (returns.clamp(min=0) + LEAST) ** -alpha


def combined(
    how: str, raw: Tensor, even: Tensor, returns: Tensor, alpha: float, rounds: int
) -> Tensor:
    """Advantage of the team [R, X] from those of its agents, all [R, M, X].

    ``raw`` are advantages, ``even`` the same standardised, ``returns`` J that weigh them.  Weighted by
    need they are standardised afterwards, in every lane for itself: somebody who has nothing yet has a
    billion times the weight of others, and would drown all other lanes.
    """
    if how == SUM:
        return even.sum(1)
    if how == GGF:
        return (ranked(returns.mT).mT * even).sum(1)
    joint = (needy(returns, alpha) * raw).sum(1).unflatten(1, (rounds, -1))
    return standardised(joint.mT.flatten(0, 1)).view_as(joint.mT).mT.flatten(1)


def closing(earned: Tensor, ended: Tensor) -> Tensor:
    """Returns [T, ...] as they stand where the episode of each round ends, or the rollout.

    ``earned`` [T, ...] are returns of the episode after each round, ``ended`` [T, ...] bool its last.
    """
    stand = earned.clone()
    for t in reversed(range(len(earned) - 1)):
        stand[t] = torch.where(ended[t], earned[t], stand[t + 1])
    return stand


class Earnings:
    """What the rules paid the agents of a cohort so far in the present episode, [K, B]."""

    def __init__(self, seat: Seat) -> None:
        self.company = seat.company
        self.so_far = torch.zeros(seat.slots, seat.lanes, device=seat.device)

    def paid(self, note: Note) -> Tensor:
        """Rewards of a step, [K, B]."""
        rewards = note.experience.outcome.rewards[:, self.company.members]
        return by_slot(rewards, self.company.replicates)

    def after(self, note: Note) -> Tensor:
        """Returns after a step, before any restart."""
        return self.so_far + self.paid(note)

    def pass_on(self, note: Note) -> None:
        """Go on to the next step."""
        self.so_far = torch.where(note.ended, 0.0, self.after(note))

    def state(self) -> dict[str, Any]:
        """Returns so far."""
        return {"so_far": self.so_far}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.so_far = state["so_far"].to(self.so_far.device)


def standing(window: Window) -> Tensor:
    """Returns [K, X] that weigh the samples of a window whose rows hold ``earned`` [K, X]."""
    earned = window.rows["earned"].unflatten(1, (len(window.utility), -1)).transpose(0, 1)
    return closing(earned, window.ended).transpose(0, 1).flatten(1)


@final
class CreditPPO(SplitPPO):
    """PPO whose actors follow what their critics and those of the others find, taken together.

    With ``sum`` it is what the public code of Dong et al. 2025 calls the average.
    """

    Config = CreditPPOConfig

    def __init__(self, config: CreditPPOConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.mutual = config.credit != OWN
        self.earnings = Earnings(seat)

    def wanted(self, note: Note) -> Tensor:
        """Own utility, or what the rules paid where advantages are shared, [K, B]."""
        return note.utility if self.config.credit == OWN else self.earnings.paid(note)

    def context(self, note: Note, after: bool) -> dict[str, Tensor]:
        """Own return after the step; critics do not look at it."""
        return {} if after else {"earned": self.earnings.after(note)}

    def remember(self, note: Note) -> None:
        """Keep one step, and what it brought."""
        super().remember(note)
        self.earnings.pass_on(note)

    def credit(self, advantages: Tensor, window: Window) -> Tensor:
        """What actors follow, [K, X]."""
        c, even = self.config, standardised(advantages)
        if c.credit == OWN:
            return even
        parts = (
            rows.unflatten(0, (-1, self.members)) for rows in (advantages, even, standing(window))
        )
        team = combined(c.credit, *parts, c.alpha, len(window.utility))
        return team.repeat_interleave(self.members, 0)

    def state(self) -> dict[str, Any]:
        """Also returns so far."""
        return super().state() | {"earnings": self.earnings.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        self.earnings.load(state["earnings"])
