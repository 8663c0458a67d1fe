"""What learners of action values share: Q-networks, moves that are greedy but for exploration, memory.

An agent takes one of the moves that it values most, or with chance eps any move (Mnih et al. 2015).  What
it lived through goes into a buffer from which mini-batches are drawn; values of what follows are those
of a copy of the network, taken now and then.  An episode that ended by its rules is worth nothing
afterwards; one that was cut off for time is worth what its last state promises.

Letters: K slots, P parameters of a slot, B rows of a slot, X samples, F inputs, A actions, C codes.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.actor_critic import look_up, merge
from commonweal.agents.learners.base import Mind, Note, Seat, draw
from commonweal.agents.learners.exploration import Exploration
from commonweal.agents.learners.multilayer import Memo, Perceptrons, run
from commonweal.agents.learners.notes import kept
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.learners.stacked import restore
from commonweal.agents.learners.transitions import Transitions
from commonweal.errors import BadSetting
from commonweal.records import Percept
from commonweal.settings import Settings, setting

CODE = "Dong et al. 2025, public code"
DOUBLE = "van Hasselt et al. 2016"
EVERY_FOURTH = "Mnih et al. 2015"


@dataclass(frozen=True, kw_only=True)
class QConfig(Settings):
    """Settings of learners of action values."""

    hidden: tuple[int, ...] = setting((64, 64), "widths of the hidden layers", low=1)
    rollout: int = setting(4, "rounds between updates, in every lane", low=1, source=EVERY_FOURTH)
    updates: int = setting(1, "mini-batches of one update", low=1, source=EVERY_FOURTH)
    batch: int = setting(64, "transitions of a mini-batch", low=1)
    capacity: int = setting(20_000, "transitions that are remembered", low=1)
    warm_up: int = setting(1_000, "transitions before anything is learned", low=1)
    learning_rate: float = setting(5e-4, "step size", low=0, high=1, source=CODE)
    discount: float = setting(0.98, "weight of the next round", low=0, high=1)
    double: bool = setting(
        True, "let the network choose the next move and its copy value it", source=DOUBLE
    )
    target_every: int = setting(
        100, "mini-batches from one copy of the network to the next", low=1, source=CODE
    )
    max_norm: float = setting(5.0, "largest gradient norm of one agent", low=0, source=CODE)
    explore_start: float = setting(
        0.5, "share eps of uniform moves at the start", low=0, high=1, source=CODE
    )
    explore_end: float = setting(
        0.01, "share of uniform moves in the end", low=0, high=1, source=CODE
    )
    explore_episodes: int = setting(
        2000, "episodes, over all lanes, in which it falls from start to end", low=1, source=CODE
    )

    def check(self) -> None:
        """The buffer must hold what learning waits for."""
        if self.warm_up > self.capacity:
            raise BadSetting(
                f"warm_up = {self.warm_up} transitions never come together in a buffer of "
                f"capacity = {self.capacity}"
            )

    def hyper(self) -> Hyper:
        """Settings of one step of Adam."""
        return Hyper(learning_rate=self.learning_rate, max_norm=self.max_norm, eps=1e-8)


class QMind(Mind):
    """A stack of Q-networks, one per slot; subclasses say what a mini-batch teaches."""

    Config = QConfig
    learns = True

    def __init__(self, config: QConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.rollout = config.rollout
        widths = {"q": (self.width(), *config.hidden, seat.actions)}
        self.policy = Perceptrons(widths, seat.slots, seat.generator, seat.device)
        self.target = self.policy.parameters.clone()
        """[K, P]: the copy that says what is to follow"""
        self.updates = 0
        """mini-batches so far"""
        self.exploration = Exploration(config, seat)
        self.buffer = Transitions(config.capacity, seat.device)
        self.codebook: Tensor | None = None
        self._table = Memo()

    # ---- what subclasses may change ------------------------------------------------------

    def width(self) -> int:
        """F, width of what a network reads."""
        return self.seat.inputs

    def inputs(self, x: Tensor, slots: slice) -> Tensor:
        """What the networks of some slots read, [k, X, F], where they see ``x`` [k, X, ...]."""
        return x

    @abstractmethod
    def improve(self) -> None:
        """Take one step on a mini-batch from the buffer."""

    # ---- values ----------------------------------------------------------------------

    def values(self, parameters: Tensor, x: Tensor, slots: slice = slice(None)) -> Tensor:
        """Values [k, X, A] of all moves by ``parameters`` [k, P] of some slots at ``x`` [k, X, ...]."""
        return run(self.policy.layers(parameters, "q"), self.inputs(x, slots))

    def recalled(self, parameters: Tensor, rows: Tensor, slots: slice = slice(None)) -> Tensor:
        """The same at what was seen as the buffer keeps it: views [k, X, ...], or codes [k, X]."""
        if rows.is_floating_point():
            return self.values(parameters, rows, slots)
        codes = rows.long()
        if len(self.codebook) >= codes.shape[1]:
            return self.values(parameters, self.codebook[codes], slots)
        # Few different views: the networks run once per view.
        views = self.codebook.expand(len(codes), -1, -1)
        return look_up(self.values(parameters, views, slots), codes)

    @torch.no_grad()
    def promised(self, after: Tensor) -> Tensor:
        """Values [K, X] of the best next move at ``after``, as kept.

        ``Q'(s, argmax_a Q(s, a))`` with the copy Q', or ``max_a Q'(s, a)`` if not ``double``.
        Source: van Hasselt et al. 2016; Mnih et al. 2015.
        """
        copied = self.recalled(self.target, after)
        if not self.config.double:
            return copied.amax(-1)
        best = self.recalled(self.policy.parameters, after).argmax(-1, keepdim=True)
        return copied.gather(-1, best).squeeze(-1)

    # ---- acting ----------------------------------------------------------------------

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B] int64, drawn."""
        return draw(self.probabilities(seen), self.seat.generator)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions, explored ones among them, [K, B, A]."""
        percept, parameters = merge(seen), self.policy.parameters
        if percept.codes is None:
            return self.exploration.mixed(greedy(self.values(parameters, percept.dense)))
        views = percept.codebook.expand(self.seat.slots, -1, -1)
        table = self._table.get(self.policy.version, lambda: greedy(self.values(parameters, views)))
        return self.exploration.mixed(look_up(table, percept.codes))

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from its own row of the stack."""
        own = slice(slot, slot + 1)
        x = merge(seen).features[own, row : row + 1]
        best = greedy(self.values(self.policy.parameters[own], x, own)[0, 0])
        return self.exploration.mixed_alone(best, slot)

    def watch(self, seen: dict[str, Percept], ended: Tensor) -> None:
        """Count episodes."""
        self.exploration.count(ended)

    # ---- learning --------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Put one step of every row into the buffer."""
        percept = merge(note.seen)
        self.codebook = percept.codebook
        self.buffer.add(
            {
                "seen": kept(percept),
                "acts": note.acts.to(torch.uint8),
                "utility": note.utility,
                "after": kept(merge(note.following())),
                "goes_on": ~note.ended | note.truncated,
            }
        )

    def study(self, progress: float, rule: GradientRule) -> None:
        """Learn from the buffer once there is enough; then explore as the episodes so far ask for."""
        c = self.config
        for _ in range(c.updates if self.buffer.filled >= c.warm_up else 0):
            self.improve()
            self.updates += 1
            if self.updates % c.target_every == 0:
                self.copy()
        self.exploration.renew()

    def copy(self) -> None:
        """Let the copies be what the networks are now."""
        self.target.copy_(self.policy.parameters)

    # ---- reading and saving ------------------------------------------------------------

    def travelling(self) -> Tensor:
        """The Q-networks; their copies stay at home."""
        return self.policy.parameters

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.policy.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return self.policy.broken()

    def state(self) -> dict[str, Any]:
        """Networks, copies, optimiser, buffer, and how far exploration has fallen."""
        return {
            "policy": self.policy.state(),
            "target": self.target,
            "updates": self.updates,
            "buffer": self.buffer.state(),
        } | self.exploration.state()

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.policy.load(state["policy"])
        restore(self.target, state["target"], "target")
        self.updates = state["updates"]
        self.buffer.load(state["buffer"])
        self.exploration.load(state)
        self._table.clear()


def greedy(values: Tensor) -> Tensor:
    """Probabilities [..., A] of the best move by ``values`` [..., A]; equals share them evenly."""
    best = (values == values.amax(-1, keepdim=True)).to(values.dtype)
    return best / best.sum(-1, keepdim=True)


def taken(values: Tensor, acts: Tensor) -> Tensor:
    """Values [..., X] of the moves ``acts`` [..., X] among ``values`` [..., X, A]."""
    return values.gather(-1, acts.long().unsqueeze(-1)).squeeze(-1)
