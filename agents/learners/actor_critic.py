"""What all stacked actor-critic learners share: acting, remembering, schedules.

The policy maps percepts to actions; the learner, a subclass, improves it.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.base import Mind, Note, Seat, draw
from commonweal.agents.learners.descent import AdamState, descend
from commonweal.agents.learners.notes import kept, restored, saved
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.learners.stacked import ActorCritics, Shape, forward
from commonweal.records import Percept
from commonweal.settings import Settings, setting

PAPER = "Ren et al. 2025, settings"


@dataclass(frozen=True, kw_only=True)
class ActorCriticConfig(Settings):
    """Settings that the move learner and the assessment learner share."""

    hidden: tuple[int, ...] = setting((32, 32), "widths of the hidden layers", low=1, source=PAPER)
    rollout: int = setting(20, "rounds of one rollout, in every lane", low=1, source=PAPER)
    batch: int = setting(40, "samples of one mini-batch", low=1, source=PAPER)
    learning_rate: float = setting(0.01, "step size at the start", low=0, high=1, source=PAPER)
    anneal: bool = setting(True, "let the step size fall linearly to 0", source=PAPER)
    first_epochs: int = setting(1, "passes over a rollout at the start", low=1, source=PAPER)
    last_epochs: int = setting(5, "passes over a rollout at the end", low=1, source=PAPER)
    discount: float = setting(0.99, "weight of the next round", low=0, high=1, source=PAPER)
    clip: float = setting(0.2, "half-width of the trusted ratio", low=0, high=1, source=PAPER)
    entropy: float = setting(0.1, "entropy bonus at the start, falling to 0", low=0, source=PAPER)
    value_weight: float = setting(0.5, "weight of the value loss", low=0, source=PAPER)
    max_norm: float = setting(0.5, "largest gradient norm of one agent", low=0, source=PAPER)


def epochs(first: int, last: int, progress: float) -> int:
    """Passes over a rollout at ``progress`` in [0, 1], from ``first`` to ``last``, half to even.

    Source: Ren et al. 2025, settings: 1 + 4 (1 - p) and max(1, 1 + 4 p), p = 1 - progress.
    """
    remaining = 1 - progress
    return max(1, round(last + (first - last) * remaining))


class ActorCriticMind(Mind):
    """A stack of independent actor-critics, one per slot, with a rollout of notes."""

    Config = ActorCriticConfig
    learns = True
    kept = ("seen", "acts", "utility", "ended", "truncated", "after", "penalty", "weight")
    """what is kept of a note"""

    def __init__(self, config: ActorCriticConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.rollout = config.rollout
        self.policy = ActorCritics(self.form(), seat.slots, seat.generator, seat.device)
        self.adam = AdamState(self.policy)
        self.notes: list[dict[str, Tensor | None]] = []
        self._table: Tensor | None = None
        self._version = 0

    def form(self) -> Shape:
        """Sizes of one actor-critic."""
        return Shape(self.seat.inputs, tuple(self.config.hidden), self.seat.actions)

    # ---- acting ----------------------------------------------------------------------

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions, [K, B, A]."""
        percept = merge(seen)
        if percept.codes is None:
            x = percept.dense.transpose(1, 2).contiguous()
            return self.policy.logits(x).transpose(1, 2).softmax(-1)
        return look_up(self.table(percept.codebook), percept.codes)

    def table(self, codebook: Tensor) -> Tensor:
        """Probabilities at every row of a codebook, [K, C, A]; kept until a parameter changes."""
        version = self.policy.parameters._version
        if self._table is None or self._version != version:
            self._version = version
            self._table = self.policy.logits(codebook.T.contiguous()).transpose(1, 2).softmax(-1)
        return self._table

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B] int64, drawn from the policies."""
        return draw(self.probabilities(seen), self.seat.generator)

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from its own row of the stack."""
        x = merge(seen).features[slot, row]
        own = self.policy.parameters[slot : slot + 1]
        with torch.no_grad():
            logits, _ = forward(own, self.policy.shape, x[None, :, None])
        return logits[0, :, 0].softmax(-1)

    # ---- remembering -----------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep one step; what follows is kept where an episode or the rollout ends."""
        percept = merge(note.seen)
        closing = len(self.notes) + 1 == self.rollout or bool(note.ended.any())
        after = merge(note.following()) if closing else None
        self.codebook = percept.codebook
        self.notes.append(
            {
                "seen": kept(percept),
                "acts": note.acts.to(torch.uint8),
                "utility": note.utility,
                "ended": note.ended,
                "truncated": note.truncated,
                "after": None if after is None else kept(after),
                "penalty": note.penalty,
                "weight": note.weight,
            }
        )

    def column(self, name: str, slots: slice) -> Tensor:
        """One field of all notes for some slots, [T, k, B, ...]."""
        return torch.stack([note[name][slots] for note in self.notes])

    def values(self, rows: Tensor, slots: slice) -> Tensor:
        """Values [k, V, B] of some slots at dense rows [k, B, F] or codes [k, B]."""
        if rows.is_floating_point():
            return self.policy.heads(rows.mT.contiguous(), slots)
        return at(self.policy.heads(self.codebook.T.contiguous(), slots), rows.long())

    def after(self, slots: slice) -> dict[int, Tensor]:
        """Step -> values [k, V, B] of what followed it, where an episode or the rollout ended."""
        return {
            t: self.values(note["after"][slots], slots)
            for t, note in enumerate(self.notes)
            if note["after"] is not None
        }

    def closing(self, slots: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Utilities with bootstraps added where time was up, for some slots.

        Returns utility [T, k, B], ended [T, k, B] and the value after the last step [k, B].
        """
        utility, ended = self.column("utility", slots), self.column("ended", slots)
        after = {t: values[:, 0] for t, values in self.after(slots).items()}
        last = bootstrap(utility, after, self.column("truncated", slots), self.config.discount)
        return utility, ended, last

    def hyper(self, progress: float) -> Hyper:
        """Settings of the update at ``progress`` in [0, 1] of the run."""
        c, remaining = self.config, 1 - progress
        return Hyper(
            learning_rate=c.learning_rate * (remaining if c.anneal else 1.0),
            clip=c.clip,
            entropy=c.entropy * remaining,
            value_weight=c.value_weight,
            max_norm=c.max_norm,
        )

    def study(self, progress: float, rule: GradientRule) -> None:
        """Improve the policies on the rollout and forget it."""
        self.improve(progress, rule)
        self.notes.clear()
        self._table = None

    def improve(self, progress: float, rule: GradientRule) -> None:
        """Descend everybody's own gradient, written out by hand: rules are for joint minds.

        Mini-batches are made chunk by chunk, so that only the notes themselves grow with the
        number of agents.
        """
        source = partial(self.batches, progress=progress)
        descend(self.policy, self.adam, source, self.hyper(progress))

    @abstractmethod
    def batches(self, slots: slice, progress: float) -> Iterator[Any]:
        """Mini-batches of all epochs for some slots, made from their notes."""

    # ---- reading and saving ------------------------------------------------------------

    def travelling(self) -> Tensor:
        """Actors and critics whole."""
        return self.policy.parameters

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.policy.views()

    def broken(self) -> Tensor | None:
        """[K] bool: slots with a parameter that is not finite."""
        return ~torch.isfinite(self.policy.parameters).all(1)

    def state(self) -> dict[str, Any]:
        """Networks, optimiser and the rollout so far."""
        notes = [
            {n: value for n, value in note.items() if value is not None} for note in self.notes
        ]
        return {"policy": self.policy.state(), "adam": self.adam.state(), "notes": saved(notes)}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.policy.load(state["policy"])
        self.adam.load(state["adam"])
        notes = restored(state.get("notes", {}), self.seat.device)
        self.notes = [{name: note.get(name) for name in self.kept} for note in notes]
        self._table = None


def merge(seen: dict[str, Percept]) -> Percept:
    """One percept of several channels, in the order in which the kind names them."""
    if len(seen) == 1:
        return next(iter(seen.values()))
    return Percept(dense=torch.cat([percept.features for percept in seen.values()], -1))


def bootstrap(
    rewards: Tensor, after: dict[int, Tensor], truncated: Tensor, discount: float
) -> Tensor:
    """Add what would have followed to ``rewards`` [T, ...] where time was up, in place.

    Returns the value after the last step [...].
    Source: Ren et al. 2025, settings: the last round of an episode gains discount * V(o_final).
    """
    for t, values in after.items():
        rewards[t] += discount * values * truncated[t]
    return after[len(rewards) - 1]


def at(table: Tensor, codes: Tensor) -> Tensor:
    """Columns of ``table`` [K, X, C] at ``codes`` [K, B], as [K, X, B]."""
    return table.gather(2, codes.unsqueeze(1).expand(-1, table.shape[1], -1))


def look_up(table: Tensor, codes: Tensor) -> Tensor:
    """Rows of ``table`` [K, C, ...] at ``codes`` [K, B], as [K, B, ...]."""
    rows = table.flatten(2)
    found = rows.gather(1, codes.unsqueeze(-1).expand(-1, -1, rows.shape[-1]))
    return found.unflatten(2, table.shape[2:])
