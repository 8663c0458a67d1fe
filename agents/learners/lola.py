"""LOLA, learning with opponent-learning awareness: climb while foreseeing what the other learns.

Two players with memory-1 policies, five logits each, so that all can be said of a policy.  A naive
learner climbs its own value as if the other stayed as it is.  LOLA expects the other to take one
naive step, and adds what its own parameters can do to the direction of that step.  The value is
exact here; `lola_sampled` estimates it from what was played.

Letters: K slots, B lanes of a slot, R replicates, M members of the cohort, 1 or 2.

Sources: Foerster et al. 2018; exact values, plain steps and defaults from the authors' code.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.base import Mind, Note, Seat, by_slot, draw
from commonweal.agents.learners.habits import Habits
from commonweal.memory_one import OTHER_SIDE, exact_values
from commonweal.records import Percept
from commonweal.settings import Settings, setting

PAPER = "Foerster et al. 2018"


@dataclass(frozen=True, kw_only=True)
class LolaConfig(Settings):
    """Settings of LOLA, exact or sampled."""

    learning_rate: float = setting(
        1.0, "step size along the own direction", low=0, high=1e3, source=f"{PAPER}, code"
    )
    correction: float = setting(
        1.0,
        "size of the naive step that it expects of the other; 0 makes it a naive learner itself",
        low=0,
        high=1e3,
        source=f"{PAPER}, code",
    )
    discount: float = setting(
        0.96, "weight of the next round", low=0, high=0.9999, source=f"{PAPER}, code"
    )
    rollout: int = setting(
        100, "rounds from one step to the next; an episode, so that one policy plays it", low=1
    )
    opponent: str = setting(
        "known",
        "whether the parameters of a partner of its own kind are known, or modelled like those of "
        "any other: by how often it cooperated in each state",
        choices=("known", "modelled"),
        source=PAPER,
    )
    memory: float = setting(
        0.9, "what older observations of the other still count after each step", low=0, high=1
    )
    spread: float = setting(
        1.0, "standard deviation of the first logits", low=0, high=10, source=f"{PAPER}, code"
    )


def lola_direction(
    own: Tensor, other: Tensor, values: Callable[[Tensor, Tensor], Tensor], correction: float
) -> Tensor:
    """Direction [..., P] to climb for who expects a naive step of the other.

    ``dV1/dth1 + correction * (dV1/dth2)^T d2V2/(dth2 dth1)``, at th1 = ``own`` [..., P] and
    th2 = ``other`` [..., P]; ``values(th1, th2)`` are V1 and V2, [..., 2], where each row
    depends on its own parameters alone.  The second term is what the th1 within the other's step
    contributes, to first order, to the derivative of ``V1(th1, th2 + correction * dV2/dth2)``.

    Source: Foerster et al. 2018, second-order correction of LOLA.
    """
    own, other = own.detach().requires_grad_(), other.detach().requires_grad_()
    mine, theirs = values(own, other).unbind(-1)
    climb, exposure = torch.autograd.grad(mine.sum(), (own, other), retain_graph=True)
    (step,) = torch.autograd.grad(theirs.sum(), other, create_graph=True)
    (shaping,) = torch.autograd.grad((exposure * step).sum(), own)
    return climb + correction * shaping


class LolaMind(Mind):
    """Memory-1 policies [K, 5] that take plain steps in the direction of LOLA."""

    Config = LolaConfig
    learns = True
    social = True

    def __init__(self, config: LolaConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.rollout = config.rollout
        shape, device = (seat.slots, 5), seat.device
        self.logits = config.spread * torch.randn(shape, generator=seat.generator, device=device)
        members = seat.company.members
        # One of two nodes: the partner is the other.
        self.partners = 1 - members
        self.known = config.opponent == "known" and len(members) == 2
        self.habits = Habits(seat.slots, config.memory, device)

    @abstractmethod
    def values(self, own: Tensor, other: Tensor) -> Tensor:
        """Values of both players [K, 2] when their logits are ``own`` and ``other``, [K, 5]."""

    # ---- acting ----------------------------------------------------------------------

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of cooperating and defecting, [K, B, 2]."""
        return _chances(seen["state"].features, self.logits.unsqueeze(1))

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B] int64, drawn from the policies."""
        return draw(self.probabilities(seen), self.seat.generator)

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [2] of one agent, from its own five logits."""
        return _chances(seen["state"].features[slot, row], self.logits[slot])

    # ---- learning --------------------------------------------------------------------

    def partner_moves(self, note: Note) -> Tensor:
        """[K, B] int64: what the partner did; if it is known, what it meant to do."""
        moves = note.experience.moves if self.known else note.experience.played
        return by_slot(moves[:, self.partners], self.seat.company.replicates)

    def remember(self, note: Note) -> None:
        """Count what a partner did who is not known."""
        if not self.known:
            theirs = note.seen["state"].features[..., OTHER_SIDE]
            self.habits.observe(theirs, self.partner_moves(note))

    def other(self) -> Tensor:
        """Logits of the partners as far as they are known, [K, 5]."""
        if not self.known:
            return self.habits.logits()
        pairs = self.logits.view(self.seat.company.replicates, 2, 5)
        return pairs.flip(1).reshape(-1, 5)

    def study(self, progress: float, rule: GradientRule) -> None:
        """Take one step; both players of a cohort do so at once.  LOLA is its own rule."""
        c = self.config
        direction = lola_direction(self.logits, self.other(), self.values, c.correction)
        self.logits += c.learning_rate * direction
        self.habits.fade()

    # ---- reading and saving ------------------------------------------------------------

    def views(self) -> dict[str, Tensor]:
        """The logits of cooperating in s0, CC, CD, DC and DD, [K, 5]."""
        return {"logits": self.logits}

    def broken(self) -> Tensor:
        """[K] bool: slots with a logit that is not finite."""
        return ~torch.isfinite(self.logits).all(1)

    def state(self) -> dict[str, Any]:
        """Policies, and what was seen of the partners."""
        return {"logits": self.logits, "habits": self.habits.counts}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.logits.copy_(state["logits"])
        self.habits.counts.copy_(state["habits"])


@final
class ExactLola(LolaMind):
    """LOLA with the exact values of both policies, by the matrix of the world.

    What is beyond the matrix it does not foresee: hands that slip, and first rounds in which the
    world shows something else than s0.
    """

    def values(self, own: Tensor, other: Tensor) -> Tensor:
        """Discounted sums of payoffs, `exact_values`."""
        matrix, discount = self.seat.company.spec.matrix, self.config.discount
        return exact_values(own.sigmoid(), other.sigmoid(), matrix, discount)


def _chances(state: Tensor, logits: Tensor) -> Tensor:
    """Probabilities [..., 2] of both actions in one-hot states [..., 5]."""
    logit = (state * logits).sum(-1)
    return torch.stack([logit.sigmoid(), (-logit).sigmoid()], -1)
