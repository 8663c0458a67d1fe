"""LOLA from what was played: derivatives of the values are estimated, the payoffs need no formula.

The estimator is DiCE: a sum over the rounds that were played which as a number is the sampled value,
and whose derivatives of any order estimate those of the value.  Its first derivatives and the mixed
second one are those of the policy gradient of LOLA.

Letters: T rounds of a rollout, K slots, B lanes of a slot.

Sources: Foerster et al. 2018 for LOLA with policy gradients; Foerster, Farquhar et al. 2018 for DiCE,
the infinitely differentiable Monte Carlo estimator.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.base import Note, Seat, by_slot
from commonweal.agents.learners.lola import LolaConfig, LolaMind
from commonweal.agents.learners.notes import restored, saved
from commonweal.memory_one import OTHER_SIDE
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class SampledLolaConfig(LolaConfig):
    """Settings of sampled LOLA."""

    learning_rate: float = setting(
        0.3,
        "step size along the own direction; 1 in the code of Foerster et al. 2018, for batches of "
        "4000 episodes and not of one per lane",
        low=0,
        high=1e3,
    )
    memory: float = setting(
        0.0,
        "what older observations of the other still count after each step; estimates are right on "
        "average only for the policy that played the rollout",
        low=0,
        high=1,
    )


@final
class SampledLola(LolaMind):
    """LOLA with values estimated from the last rollout, all lanes of a replicate together."""

    Config = SampledLolaConfig
    kept = ("seen", "acts", "others", "payoffs", "ended")
    """what is kept of a note"""

    def __init__(self, config: SampledLolaConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.notes: list[dict[str, Tensor]] = []

    def remember(self, note: Note) -> None:
        """Keep the state, both moves, both payoffs, and whether the episode is over."""
        super().remember(note)
        rewards = note.experience.outcome.rewards[:, self.partners]
        theirs = by_slot(rewards, self.seat.company.replicates)
        self.notes.append(
            {
                "seen": note.seen["state"].features,
                "acts": note.acts,
                "others": self.partner_moves(note),
                "payoffs": torch.stack([note.utility, theirs], -1),
                "ended": note.ended,
            }
        )

    def values(self, own: Tensor, other: Tensor) -> Tensor:
        """The estimate of the discounted sums, as numbers less a baseline."""
        seen, acts, others, payoffs, ended = (
            torch.stack([note[name] for note in self.notes]) for name in self.kept
        )
        chances = log_chance(seen, acts, own) + log_chance(seen[..., OTHER_SIDE], others, other)
        return dice(chances, surplus(payoffs), ended, self.config.discount)

    def study(self, progress: float, rule: GradientRule) -> None:
        """Take one step and forget the rollout."""
        super().study(progress, rule)
        self.notes.clear()

    def state(self) -> dict[str, Any]:
        """Policies, habits and the rollout so far."""
        return super().state() | {"notes": saved(self.notes)}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        self.notes = restored(state.get("notes", {}), self.seat.device)


def log_chance(state: Tensor, moves: Tensor, logits: Tensor) -> Tensor:
    """Log-probabilities [T, K, B] of ``moves`` in one-hot states [T, K, B, 5], by logits [K, 5]."""
    logit = (state * logits.unsqueeze(1)).sum(-1)
    return logsigmoid(torch.where(moves == 0, logit, -logit))


def surplus(payoffs: Tensor) -> Tensor:
    """Payoffs [T, K, B, 2] less the mean of the other lanes in the same round; the same for B = 1.

    What other lanes earned does not depend on what was done in this one, so no derivative that is
    estimated changes on average; all get less noisy.
    """
    lanes = payoffs.shape[2]
    if lanes == 1:
        return payoffs
    return (payoffs - payoffs.mean(2, keepdim=True)) * lanes / (lanes - 1)


def dice(log_chances: Tensor, payoffs: Tensor, ended: Tensor, discount: float) -> Tensor:
    """Mean discounted sums of ``payoffs`` [T, K, B, 2] per episode, [K, 2], by the rule of DiCE.

    Each payoff is multiplied with ``exp(c - c)``, the second c held constant, where c is the sum of
    the ``log_chances`` [T, K, B] of all moves of the episode up to it.  An episode begins with the
    rollout, and after each round in which one ``ended`` [T, K, B]; one that the rollout cuts is two.
    """
    begins = torch.ones_like(ended)
    begins[1:] = ended[:-1]
    rounds = torch.arange(len(ended), device=ended.device).view(-1, 1, 1).expand(ended.shape)
    first = torch.where(begins, rounds, 0).cummax(0).values
    sums = log_chances.cumsum(0)
    # All since the first round of the episode, that one included.
    sums = sums - (sums - log_chances).gather(0, first)
    weights = discount ** (rounds - first) * (sums - sums.detach()).exp()
    total = (weights.unsqueeze(-1) * payoffs).sum((0, 2))
    return total / begins.sum((0, 2)).unsqueeze(-1)
