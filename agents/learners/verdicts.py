"""Learning whom to call good: the evaluation policy of LR2.

Each agent judges every neighbour it sees with one network.  A good verdict is credited with
what the assessor itself earned from that neighbour, so that the norm "cooperation is good"
grows out of self-interest; disagreeing with the neighbour's other assessors costs.
Source: Ren et al. 2025 (section 6.2 of the specification, the authors' published settings).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from commonweal.agents.learners.actor_critic import (
    PAPER,
    ActorCriticConfig,
    ActorCriticMind,
    epochs,
)
from commonweal.agents.learners.base import SocialMind
from commonweal.agents.learners.batches import Batch, blocked, tabulated
from commonweal.agents.learners.returns import discounted
from commonweal.networks.reputation import ReputationLedger
from commonweal.records import Experience
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class VerdictConfig(ActorCriticConfig):
    """Settings of the evaluation policy."""

    first_epochs: int = setting(5, "passes over a rollout at the start", low=1, source=PAPER)
    last_epochs: int = setting(1, "passes over a rollout at the end", low=1, source=PAPER)
    entropy: float = setting(0.0, "entropy bonus at the start, falling to 0", low=0, source=PAPER)
    alignment: float = setting(
        0.2, "weight mu of agreeing with the other assessors", low=0, high=10, source=PAPER
    )
    compat_drift: bool = setting(
        False,
        "standardise payoffs in place, agent after agent, as the authors' code does (quirk Q1)",
        source="lr2 authors' code",
    )


def standardised(payoffs: Tensor) -> Tensor:
    """Payoffs [L, E] with mean 0 and deviation 1 in each lane, ``(u - m) / (s + 1e-8)``.

    Source: Ren et al. 2025, settings; the deviation is that of the population of links.
    """
    if not payoffs.shape[-1]:  # nobody meets anybody
        return payoffs
    spread, centre = torch.std_mean(payoffs, -1, correction=0, keepdim=True)
    return (payoffs - centre) / (spread + 1e-8)


def drifting(payoffs: Tensor, source: Tensor) -> Tensor:
    """The same, but in place and agent after agent, with moments taken anew each time.

    Agents of low index get a standard score, those of high index almost the raw payoff:
    quirk Q1 of the authors' code, kept for comparison.  ``source`` [E] is sorted.
    """
    result = payoffs.clone()
    for rows in torch.split(
        torch.arange(len(source), device=source.device), torch.bincount(source).tolist()
    ):
        spread, centre = torch.std_mean(result, -1, correction=0, keepdim=True)
        result[:, rows] = (result[:, rows] - centre) / (spread + 1e-8)
    return result


def disagreement(acts: Tensor, verdict: Tensor) -> Tensor:
    """Share of the neighbour's assessors who judged otherwise, [..., D].

    ``(1/k) sum_l (e_ij - e_lj)^2`` over the k assessors l of j, i itself included, for bits
    ``acts`` [..., D] and the mean ``verdict`` [..., D] that each neighbour received.
    Source: Ren et al. 2025, alignment term.
    """
    return torch.where(acts == 1, 1 - verdict, verdict)


@final
class Verdicts(ActorCriticMind, SocialMind):
    """Clipped score-function learner of one-bit assessments."""

    Config = VerdictConfig

    def credit(
        self, acts: Tensor, ledger: ReputationLedger, experience: Experience
    ) -> tuple[Tensor, Tensor]:
        """Standardised payoff from each neighbour, and mu times the disagreement, [L, N, D]."""
        near, dyads = ledger.near, experience.outcome.dyads
        scores = drifting(dyads, near.source) if self.config.compat_drift else standardised(dyads)
        others = near.met(ledger.verdict)
        return near.each(scores), self.config.alignment * disagreement(acts, others)

    def batches(self, slots: slice, progress: float) -> Iterator[Batch]:
        """Several epochs over contiguous mini-batches, lane after lane, not shuffled.

        The advantage is the payoff where the verdict was good and nothing where it was bad;
        the value learns the discounted payoff and is no baseline.
        """
        c, width = self.config, self.seat.neighbours
        seen, acts = self.column("seen", slots), self.column("acts", slots)
        scores, ended, last = self.closing(slots)
        returns = discounted(scores, last, ended, c.discount)

        def rows(x: Tensor) -> Tensor:
            # [T, k, lanes * D, ...] to [k, lanes, T, D, ...], flattened to samples.
            lanes = x.unflatten(2, (-1, width))
            return lanes.permute(1, 2, 0, 3, *range(4, lanes.dim())).flatten(1, 3)

        weighted = self.notes[0]["weight"] is not None
        common = {
            "action": rows(acts).long(),
            "advantage": rows(acts * scores),
            "returns": rows(returns),
            "penalty": rows(self.column("penalty", slots)) if c.alignment else None,
            "weight": rows(self.column("weight", slots)) if weighted else None,
            "epochs": epochs(c.first_epochs, c.last_epochs, progress),
            "size": c.batch * width,
        }
        book = None if self.codebook is None else self.codebook.T.contiguous()
        if book is not None and book.shape[1] <= c.batch * width:
            log_old = self.policy.logits(book, slots).log_softmax(1)
            source = tabulated(codes=rows(seen).long(), codebook=book, log_old=log_old, **common)
        else:
            x = rows(seen if book is None else self.codebook[seen.long()]).mT.contiguous()
            log_old = self.policy.logits(x, slots).log_softmax(1)
            taken = log_old.gather(1, common["action"].unsqueeze(1)).squeeze(1)
            source = blocked(features=x, log_old=taken, actions=self.seat.actions, **common)
        yield from source(slice(None))
