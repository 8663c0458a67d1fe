"""Actor-critics with a memory: an LSTM that is shared by policy and value (Kong et al. 2024).

The state that a round begins with is a fact of the round: acting looks at the observation from
there, and only when the round is over does the state move on.  An episode begins with zeros.  What
is learned passes back through all rounds of a rollout, up to where an episode began; the state that
a rollout starts from is taken as it was.

Letters: K slots, k of them, B rows, T rounds, F inputs, W width, A actions, C codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.actor_critic import bootstrap, merge
from commonweal.agents.learners.base import Note, Seat
from commonweal.agents.learners.descent import AdamState
from commonweal.agents.learners.exploration import Exploration
from commonweal.agents.learners.lstm import LSTMs, entries, forgotten
from commonweal.agents.learners.multilayer import Memo
from commonweal.agents.learners.notes import kept, restored, saved
from commonweal.agents.learners.returns import generalised_advantages
from commonweal.agents.learners.stacked import chunks
from commonweal.records import Percept

if TYPE_CHECKING:
    from commonweal.agents.learners.a2c import A2CConfig

ROWS = 2**16
"""Rows of a rollout, k T B, that are unrolled at a time on a CPU, measured."""
MANY = 2**21
"""The same on an accelerator, where calls cost more and memory, some KB a row, is the limit."""


@dataclass(frozen=True)
class Look:
    """What the slots made of one observation."""

    seen: dict[str, Percept]
    before: Tensor
    """[K, B, 2 W]: the state they looked from"""
    after: Tensor
    """[K, B, 2 W]: the state they would go on with"""
    policy: Tensor
    """[K, B, A]: probabilities of the actions"""


class Recurrent:
    """The networks of a stack of actor-critics, what they remember, and their rollout.

    Args:
        config: settings of their mind.
        seat: where it sits.
        exploration: how it explores.
        rollout: rounds between updates.
    """

    def __init__(
        self, config: A2CConfig, seat: Seat, exploration: Exploration, rollout: int
    ) -> None:
        self.config, self.seat = config, seat
        self.exploration, self.rollout = exploration, rollout
        self.policy = LSTMs(
            seat.inputs,
            config.hidden,
            config.recurrent,
            seat.actions,
            seat.slots,
            seat.generator,
            seat.device,
        )
        self.memory = torch.zeros(
            seat.slots, seat.lanes * seat.neighbours, 2 * config.recurrent, device=seat.device
        )
        """[K, B, 2 W]: the state that the next round begins with"""
        self.start = self.memory
        """[K, B, 2 W]: the state that the rollout began with"""
        self.notes: list[dict[str, Tensor]] = []
        self.last: Look | None = None
        """what the last moves were drawn from"""
        self.under_way = False
        """whether that round is not over yet"""
        self._table = Memo()

    @property
    def adam(self) -> AdamState:
        """State of the optimiser."""
        return self.policy.adam

    # ---- acting ----------------------------------------------------------------------

    def propose(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [K, B, A] to act from; a round begins."""
        self.last, self.under_way = self._look(seen, self.memory), True
        return self.last.policy

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [K, B, A], without moving on.

        At the observation that was acted on, those that were acted from; at another one while a
        round is under way, those of the next round.
        """
        if self.last is not None and seen is self.last.seen:
            return self.last.policy
        return self._look(seen, self._from(seen)).policy

    @torch.no_grad()
    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """The same for one agent [A], from its own parameters and its own memory."""
        own = self.policy.parameters[slot : slot + 1]
        x = merge(seen).features[slot, row]
        state = self._from(seen)[slot : slot + 1, row : row + 1]
        state = self.policy.advance(own, self.policy.enter(own, x[None, None]), state)
        logits, _ = self.policy.heads(own, state[..., : self.policy.width])
        return logits[0, 0].softmax(-1)

    def watch(self, seen: dict[str, Percept], ended: Tensor) -> None:
        """The round in which ``seen`` was acted on is over; rows ``ended`` [K, B] begin anew."""
        self.memory = forgotten(self.last.after, ended)
        self.under_way = False

    def _from(self, seen: dict[str, Percept]) -> Tensor:
        """The state [K, B, 2 W] that belongs before an observation."""
        if self.last is not None and seen is self.last.seen:
            return self.last.before
        return self.last.after if self.under_way else self.memory

    @torch.no_grad()
    def _look(self, seen: dict[str, Percept], state: Tensor) -> Look:
        percept, parameters = merge(seen), self.policy.parameters
        if percept.codes is None:
            entered = self.policy.enter(parameters, percept.dense)
        else:
            entered = entries(self._entered(percept.codebook), percept.codes)
        after = self.policy.advance(parameters, entered, state)
        logits, _ = self.policy.heads(parameters, after[..., : self.policy.width])
        return Look(seen, state, after, logits.softmax(-1))

    def _entered(self, codebook: Tensor) -> Tensor:
        """`LSTMs.enter` of every row of a codebook, [K, C, 4 W]; kept until a parameter changes."""
        x = codebook.expand(self.seat.slots, -1, -1)
        policy = self.policy
        return self._table.get(policy.version, lambda: policy.enter(policy.parameters, x))

    # ---- remembering -----------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep one step; what follows is kept where an episode or the rollout ends."""
        if not self.notes:
            self.start = self.memory
        percept = merge(note.seen)
        self.codebook = percept.codebook
        round_ = {
            "seen": kept(percept),
            "acts": note.acts.to(torch.uint8),
            "utility": note.utility,
            "ended": note.ended,
            "truncated": note.truncated,
        }
        if len(self.notes) + 1 == self.rollout or bool(note.ended.any()):
            round_["after"] = kept(merge(note.following()))
        self.notes.append(round_)

    def column(self, name: str, slots: slice) -> Tensor:
        """One field of all notes for some slots, [T, k, B, ...]."""
        return torch.stack([note[name][slots] for note in self.notes])

    # ---- learning --------------------------------------------------------------------

    def study(self, progress: float, rule: GradientRule) -> None:
        """Take one clipped step of Adam for every slot on the whole rollout, which is then forgotten."""
        slots, rows = self.memory.shape[:2]
        gradient = torch.empty_like(self.policy.parameters)
        most = ROWS if gradient.device.type == "cpu" else MANY
        for some in chunks(slots, max(1, most // (len(self.notes) * rows))):
            gradient[some] = self.gradient(some)
        self.policy.step(gradient, self.config.hyper())
        self.notes.clear()

    def gradient(self, slots: slice) -> Tensor:
        """dL/dparameters [k, P] of some slots on their rollout.

        With A_t the advantage, G_t the return, H the entropy and m the mixture (or policy), L is the mean
        of ``- A_t log m(a_t) + value_weight (V - G_t)^2 - entropy H``; A_t and G_t are taken as given.
        """
        parameters = self.policy.parameters[slots].detach().requires_grad_()
        acts, ended = self.column("acts", slots).long(), self.column("ended", slots)
        enter = self._entrance(parameters)
        given, states = self.policy.unroll(
            parameters, enter(self.column("seen", slots).transpose(0, 1)), self.start[slots], ended
        )
        logits, values = (
            head.unflatten(1, given.shape[1:3]).transpose(0, 1)
            for head in self.policy.heads(parameters, given.flatten(1, 2))
        )
        log = logits.log_softmax(-1)
        taken = log.gather(-1, acts.unsqueeze(-1)).squeeze(-1)
        with torch.no_grad():
            utility, after = self.column("utility", slots), {}
            for t, note in enumerate(self.notes):
                if "after" in note:
                    state = self.policy.advance(parameters, enter(note["after"][slots]), states[t])
                    after[t] = self.policy.value(parameters, state[..., : self.policy.width])
            c = self.config
            last = bootstrap(utility, after, self.column("truncated", slots), c.discount)
            advantages, returns = generalised_advantages(
                utility, values, last, ended, c.discount, c.trace
            )
            advantages = advantages * self.exploration.scale(taken, slots)
        entropy = -(log.exp() * log).sum(-1)
        loss = c.value_weight * (values - returns).square()
        loss = loss - advantages * taken - c.entropy * entropy
        return torch.autograd.grad(loss.mean((0, 2)).sum(), parameters)[0]

    def _entrance(self, parameters: Tensor) -> Callable[[Tensor], Tensor]:
        """Observations [k, ..., F] or codes [k, ...] -> what they add to the gates, [k, ..., 4 W]."""
        enter = self.policy.enter
        if self.codebook is None:
            return lambda x: enter(parameters, x.flatten(1, -2)).unflatten(1, x.shape[1:-1])
        table = enter(parameters, self.codebook.expand(len(parameters), -1, -1))
        return lambda codes: entries(table, codes.long())

    # ---- saving ----------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, memory and the rollout so far."""
        return {
            "policy": self.policy.state(),
            "memory": self.memory,
            "start": self.start,
            "notes": saved(self.notes),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.policy.load(state["policy"])
        self.memory, self.start = (state[name].to(self.seat.device) for name in ("memory", "start"))
        self.notes = restored(state["notes"], self.seat.device)
        self.last, self.under_way = None, False
        self._table.clear()
