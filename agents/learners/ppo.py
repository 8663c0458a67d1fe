"""Proximal policy optimisation for the dilemma, one independent learner per slot.

Sources: Schulman et al. 2017; settings of Ren et al. 2025.
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
    at,
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
        x, chosen, log_old, values = recalled(self, slots)
        utility, ended, last = self.closing(slots)
        advantages, returns = generalised_advantages(
            utility, rounds(values[:, 0], utility), last, ended, c.discount, c.trace
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


def recalled(mind: ActorCriticMind, slots: slice) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The samples of some slots, and what the networks make of them before they change.

    Returns inputs [k, F, S], acts [k, S], their log-probabilities [k, S] and values [k, V, S].
    """
    seen, chosen = mind.column("seen", slots), samples(mind.column("acts", slots)).long()
    if seen.is_floating_point():
        x = samples(seen)
        logits, values = mind.policy.logits(x, slots), mind.policy.heads(x, slots)
    else:
        # Few different views: the networks run once per view.
        book, codes = mind.codebook.T.contiguous(), samples(seen).long()
        logits = at(mind.policy.logits(book, slots), codes)
        values = at(mind.policy.heads(book, slots), codes)
        x = mind.codebook[codes].mT
    log_old = logits.log_softmax(1).gather(1, chosen.unsqueeze(1)).squeeze(1)
    return x, chosen, log_old, values


def rounds(values: Tensor, rewards: Tensor) -> Tensor:
    """Values [K, T * B] of samples as [T, K, B], alike to ``rewards``."""
    return values.unflatten(1, (len(rewards), -1)).transpose(0, 1)


def samples(rows: Tensor) -> Tensor:
    """[T, K, B] to [K, T * B], or [T, K, B, F] to feature-major [K, F, T * B]."""
    if rows.dim() == 4:
        return rows.permute(1, 3, 0, 2).flatten(2)
    return torch.movedim(rows, 0, 1).flatten(1)
