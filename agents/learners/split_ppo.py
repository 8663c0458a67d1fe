"""PPO whose actors and critics are networks of their own, with an optimiser each.

The independent learner of Dong et al. 2025: one gradient step per rollout along the clipped objective
with generalised advantages (Schulman et al. 2016, 2017), and one of the critic towards the returns.
Unlike `commonweal.agents.learners.ppo`, the policies alone are a stack that federations share, and
gradients can be seen and exchanged before they are stepped.

Letters: K slots, T rounds of a rollout, B rows of a slot, S = T * B samples, F inputs, A actions, P
parameters of an actor.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.actor_critic import merge
from commonweal.agents.learners.base import Mind, Note, Seat, draw
from commonweal.agents.learners.batches import shuffles
from commonweal.agents.learners.inputs import Inputs
from commonweal.agents.learners.multilayer import Perceptrons, infer
from commonweal.agents.learners.notes import restored, saved
from commonweal.agents.learners.split_steps import (
    SplitPPOConfig,
    Window,
    actor_gradient,
    appraised,
    critic_step,
    log_chances,
    standardised,
    stepping,
)
from commonweal.records import Percept

AFTER = "after_"
"""Prefix of what followed a step, in notes."""


class SplitPPO(Mind):
    """A stack of actors and a stack of critics, one of each per slot.

    Subclasses say what critics see (`width`, `context`, `judge`), what they foretell (`wanted`), and
    what becomes of advantages (`credit`).
    """

    Config = SplitPPOConfig
    learns = True
    sees_gradients = True

    def __init__(self, config: SplitPPOConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.rollout = config.rollout
        self.members = len(seat.company.members)
        self.actors = self.networks("actor", seat.inputs, seat.actions, 0.01)
        self.critics = self.networks("critic", self.width(), 1, 1.0)
        self.inputs = Inputs(config.inputs, seat.slots, seat.inputs, seat.device)
        self.pending: Tensor | None = None
        """[K, P]: gradients not yet stepped, where they are delayed"""
        self.notes: list[dict[str, Tensor]] = []
        self.lately: tuple[dict[str, Percept], Tensor, Tensor] | None = None
        """what was seen when it last acted, its normalised inputs [K, B, F] and its chances [K, B, A]"""

    def networks(
        self, name: str, inputs: int, outputs: int, last: float, hidden: tuple[int, ...] = ()
    ) -> Perceptrons:
        """Fresh networks of all slots, as wide as the settings say unless told."""
        c, seat = self.config, self.seat
        widths = {name: (inputs, *(hidden or c.hidden), outputs)}
        made = Perceptrons(
            widths, seat.slots, seat.generator, seat.device, last=last, start=c.weights
        )
        if c.start == "shared":
            first = made.parameters.unflatten(0, (-1, self.members))
            first.copy_(first[:, :1].expand_as(first).clone())
        return made

    # ---- what subclasses may change ------------------------------------------------------

    def width(self) -> int:
        """G, width of what a critic sees."""
        return self.seat.inputs

    def context(self, note: Note, after: bool) -> dict[str, Tensor]:
        """What critics need of a step beside own inputs, or of what followed: name -> [?, B, ...]."""
        return {}

    def judge(self, rows: dict[str, Tensor]) -> Tensor:
        """What critics see [K, X, G], given rows as in `Window`."""
        return rows["x"]

    def wanted(self, note: Note) -> Tensor:
        """What critics foretell and actors seek, [K, B]."""
        return note.utility

    def credit(self, advantages: Tensor, window: Window) -> Tensor:
        """What actors follow, [K, X], given their advantages of the same shape."""
        return standardised(advantages)

    # ---- acting --------------------------------------------------------------------------

    def chances(self, x: Tensor) -> Tensor:
        """Probabilities [K, B, A] at normalised inputs [K, B, F]."""
        layers = self.actors.layers(self.actors.parameters, "actor")
        return infer(layers, x).softmax(-1)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions, [K, B, A]."""
        return self.chances(self.inputs.normalised(merge(seen).features))

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B] int64, drawn from the policies."""
        x = self.inputs.normalised(merge(seen).features)
        self.lately = seen, x, self.chances(x)
        return draw(self.lately[2], self.seat.generator)

    def _acted_on(self, seen: dict[str, Percept]) -> tuple[Tensor, Tensor]:
        """Normalised inputs and chances at what was seen; those of the last act are not worked out twice."""
        if self.lately is not None and self.lately[0] is seen:
            return self.lately[1:]
        x = self.inputs.normalised(merge(seen).features)
        return x, self.chances(x)

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from its own row of the stack."""
        own = slice(slot, slot + 1)
        x = self.inputs.normalised(merge(seen).features[own, row : row + 1], own)
        layers = self.actors.layers(self.actors.parameters[own], "actor")
        return infer(layers, x)[0, 0].softmax(-1)

    # ---- remembering ---------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep one step; what follows is kept where an episode or the rollout ends."""
        x, chances = self._acted_on(note.seen)
        kept = {"x": x, "chances": chances} | self.context(note, after=False)
        kept |= {
            "acts": note.acts,
            "utility": self.wanted(note),
            "ended": note.ended,
            "truncated": note.truncated,
        }
        if len(self.notes) + 1 == self.rollout or bool(note.ended.any()):
            x = self.inputs.normalised(merge(note.following()).features)
            after = {"x": x, "chances": self.chances(x)} | self.context(note, after=True)
            kept |= {AFTER + name: value for name, value in after.items()}
        self.notes.append(kept)
        self.inputs.observe(merge(note.seen).features)

    def window(self) -> Window:
        """The rollout so far."""
        names = [name for name in self.notes[0] if not name.startswith(AFTER)]
        columns = {name: [note[name] for note in self.notes] for name in names}
        steps = {n: torch.stack(columns.pop(n)) for n in ("utility", "ended", "truncated")}
        acts = torch.stack(columns.pop("acts"), 1).flatten(1)
        after = {
            t: {n.removeprefix(AFTER): v for n, v in note.items() if n.startswith(AFTER)}
            for t, note in enumerate(self.notes)
        }
        return Window(
            {n: torch.stack(rows, 1).flatten(1, 2) for n, rows in columns.items()},
            {t: rows for t, rows in after.items() if rows},
            acts,
            **steps,
        )

    # ---- learning ------------------------------------------------------------------------

    def study(self, progress: float, rule: GradientRule) -> None:
        """Improve actors and critics on the rollout and forget it."""
        window = self.window()
        judged = self.judge(window.rows)
        after = {t: self.judge(rows) for t, rows in window.after.items()}
        advantages, targets = appraised(self.critics, judged, after, window, self.config)
        self.improve(window, judged, self.credit(advantages, window), targets)
        self.notes.clear()

    def improve(self, window: Window, judged: Tensor, credit: Tensor, targets: Tensor) -> None:
        """Step by mini-batches: ``judged`` is [K, X, G], ``credit`` and ``targets`` are [K, X]."""
        c = self.config
        samples = {
            "x": window.rows["x"],
            "acts": window.acts,
            "log_old": log_chances(window),
            "credit": credit,
            "judged": judged,
            "targets": targets,
        }
        going = torch.ones(self.seat.slots, 1, dtype=torch.bool, device=self.seat.device)
        for _ in range(c.epochs):
            for part in self.parts(samples):
                critic_step(self.critics, part["judged"], part["targets"], c, going)
                if self.pending is not None:
                    stepping(self.actors, c)(self.pending, c.hyper(c.learning_rate))
                self.descend(actor_gradient(self.actors, part, c), going)
            if not going.any():
                break

    def parts(self, samples: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
        """Mini-batches of one pass, shuffled for each slot; the whole without a draw if it is one."""
        size, count = self.config.batch, samples["acts"].shape[1]
        if not size or size >= count:
            yield samples
            return
        orders = shuffles((self.seat.slots, 1, count), self.seat.generator)[:, 0]
        rows = torch.arange(self.seat.slots, device=orders.device).unsqueeze(1)
        for order in orders.split(size, 1):
            yield {name: values[rows, order] for name, values in samples.items()}

    def descend(self, gradient: Tensor, going: Tensor) -> None:
        """Step the actors down what a federation makes of their gradients [K, P].

        ``going`` [K, 1] bool says who still learns from this rollout, and is brought up to date.
        """
        c = self.config
        own, *received = self.sharing(gradient, self.actors.parameters)
        hyper = c.hyper(c.learning_rate)
        if c.tolerance:
            going &= own.square().sum(1, keepdim=True) > c.tolerance
            own, received = own * going, [turn * going for turn in received]
        if c.delayed:
            self.pending = own.clone()
        else:
            stepping(self.actors, c)(own, hyper)
        for turn in received:
            self.actors.step_some(turn, hyper)

    # ---- reading and saving ----------------------------------------------------------------

    def travelling(self) -> Tensor:
        """The actors; critics stay at home."""
        return self.actors.parameters

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.actors.views() | self.critics.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return self.actors.broken() | self.critics.broken()

    def state(self) -> dict[str, Any]:
        """Networks, optimisers, normalisation and the rollout so far."""
        return {
            "actors": self.actors.state(),
            "critics": self.critics.state(),
            "inputs": self.inputs.state(),
            "pending": {} if self.pending is None else {"gradient": self.pending},
            "notes": saved(self.notes),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.actors.load(state["actors"])
        self.critics.load(state["critics"])
        self.inputs.load(state["inputs"])
        pending = state.get("pending", {})
        self.pending = pending["gradient"].to(self.seat.device) if pending else None
        self.notes = restored(state.get("notes", {}), self.seat.device)
