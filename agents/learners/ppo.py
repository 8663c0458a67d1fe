"""Proximal policy optimisation for the dilemma, one independent learner per slot.

Sources: Schulman et al. 2017; settings of Ren et al. 2025 (section 6.1 of the specification).
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
from commonweal.agents.learners.batches import Batch, sampled
from commonweal.agents.learners.returns import generalised_advantages
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class PPOConfig(ActorCriticConfig):
    """Settings of PPO on the dilemma."""

    trace: float = setting(
        0.05, "weight lambda of later advantages; 0 is one-step", low=0, high=1, source=PAPER
    )
    normalise: bool = setting(True, "standardise advantages in each mini-batch", source=PAPER)


@final
class PPO(ActorCriticMind):
    """Clipped policy gradient with generalised advantages; shuffles are each agent's own."""

    Config = PPOConfig

    def batches(self, slots: slice, progress: float) -> Iterator[Batch]:
        """Several epochs of shuffled mini-batches over the rollout."""
        c = self.config
        seen, acts = self.column("seen", slots), self.column("acts", slots)
        if seen.is_floating_point():
            x = samples(seen)
            logits, values = self.policy.logits(x, slots), self.policy.values(x, slots)
        else:
            # Few different views: the networks run once per view.
            book, codes = self.codebook.T.contiguous(), samples(seen).long()
            places = codes.unsqueeze(1)
            logits = self.policy.logits(book, slots)
            logits = logits.gather(2, places.expand(-1, logits.shape[1], -1))
            values = self.policy.values(book, slots).gather(1, codes)
            x = self.codebook[codes].mT
        chosen = samples(acts).long()
        log_old = logits.log_softmax(1).gather(1, chosen.unsqueeze(1)).squeeze(1)
        utility, ended, last = self.closing(slots)
        rounds = values.unflatten(1, (len(self.notes), -1)).transpose(0, 1)
        advantages, returns = generalised_advantages(
            utility, rounds, last, ended, c.discount, c.trace
        )
        yield from sampled(
            x,
            chosen,
            log_old,
            samples(advantages),
            samples(returns),
            actions=self.seat.actions,
            epochs=epochs(c.first_epochs, c.last_epochs, progress),
            size=c.batch,
            generator=self.seat.generator,
            normalise=c.normalise,
        )(slice(None))


def samples(rows: Tensor) -> Tensor:
    """[T, K, B] to [K, T * B], or [T, K, B, F] to feature-major [K, F, T * B]."""
    if rows.dim() == 4:
        return rows.permute(1, 3, 0, 2).flatten(2)
    return torch.movedim(rows, 0, 1).flatten(1)
