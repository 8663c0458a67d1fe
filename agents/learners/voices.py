"""PPO of agents with several policies, of which one speaks for a whole rollout and alone learns from it.

Which one it is, is drawn for every agent in every lane when a rollout begins.

Letters: K slots, V voices, T rounds of a rollout, B rows of a slot, X = T * B samples, F inputs, A actions,
P parameters of an actor.
"""

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.actor_critic import merge
from commonweal.agents.learners.base import Seat, draw
from commonweal.agents.learners.multilayer import Perceptrons, gradient, infer
from commonweal.agents.learners.notes import restored, saved
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import (
    SplitPPOConfig,
    Window,
    appraised,
    clipped_loss,
    log_chances,
)
from commonweal.records import Percept


class Voice:
    """One policy of every agent, the critic that judges it, and gradients kept for the next time."""

    def __init__(self, name: str, actors: Perceptrons, critics: Perceptrons) -> None:
        self.name, self.actors, self.critics = name, actors, critics
        self.pending = torch.zeros_like(actors.parameters)
        """[K, P]: not yet stepped, where gradients are delayed; zero where there is none"""

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        both = self.actors.views() | self.critics.views()
        return {f"{self.name}.{title}": view for title, view in both.items()}

    def state(self) -> dict[str, Any]:
        """Networks, optimisers and what is pending."""
        return {
            "actors": self.actors.state(),
            "critics": self.critics.state(),
            "pending": self.pending,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.actors.load(state["actors"])
        self.critics.load(state["critics"])
        self.pending = state["pending"].to(self.pending.device)


class Voices(SplitPPO):
    """Stacks of actors and critics, a pair for every voice; the first are those of `SplitPPO`.

    Subclasses say what voices there are, how they take turns (`odds`), what they learn from (`rewards`)
    and what becomes of advantages (`credits`).
    """

    sees_gradients = False
    names: tuple[str, ...]
    """of the voices"""

    def __init__(self, config: SplitPPOConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        first = Voice(self.names[0], self.actors, self.critics)
        self.voices = [first, *(self.voice(name) for name in self.names[1:])]
        self.speaking = torch.zeros(seat.slots, seat.lanes, dtype=torch.int64, device=seat.device)
        """[K, B]: which voice acts"""
        self.due = True
        """whether a rollout begins, and it is drawn anew which one acts"""

    def voice(self, name: str) -> Voice:
        """A further voice, with networks of the same size."""
        seat = self.seat
        actors = self.networks("actor", seat.inputs, seat.actions, 0.01)
        return Voice(name, actors, self.networks("critic", seat.inputs, 1, 1.0))

    # ---- what subclasses say --------------------------------------------------------------

    @abstractmethod
    def odds(self, x: Tensor, slots: slice, rows: slice) -> Tensor:
        """With which probabilities each voice is next [k, b, V], at inputs [k, b, F] of some rows."""

    def rewards(self, window: Window) -> Tensor:
        """What the voices that speak learn from, [T, K, B]."""
        return window.utility

    @abstractmethod
    def credits(self, raw: Tensor, even: Tensor, window: Window) -> tuple[Tensor, ...]:
        """What each voice follows [K, X], given advantages ``raw`` and the same standardised."""

    # ---- acting ---------------------------------------------------------------------------

    def mixed(self, x: Tensor, weights: Tensor, slots: slice = slice(None)) -> Tensor:
        """Probabilities [k, X, A] of voices mixed by ``weights`` [k, X, V], at inputs [k, X, F]."""
        found = (
            weights[..., number, None]
            * infer(voice.actors.layers(voice.actors.parameters[slots], "actor"), x).softmax(-1)
            for number, voice in enumerate(self.voices)
        )
        return sum(found)

    def chances(self, x: Tensor) -> Tensor:
        """Probabilities [K, X, A] of the voices that speak, at inputs [K, T * B, F]."""
        times = x.shape[1] // self.speaking.shape[1]
        return self.mixed(x, one_hot(self.speaking, len(self.names)).repeat(1, times, 1))

    def weights(self, x: Tensor, slots: slice, rows: slice) -> Tensor:
        """Probability of each voice to be the one that acts next, [k, b, V]."""
        if self.due:
            return self.odds(x, slots, rows)
        return one_hot(self.speaking[slots, rows], len(self.names))

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions, [K, B, A]."""
        x, every = self.inputs.normalised(merge(seen).features), slice(None)
        return self.mixed(x, self.weights(x, every, every))

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B] int64, drawn from the voice that speaks."""
        if self.due:
            x, every = self.inputs.normalised(merge(seen).features), slice(None)
            self.speaking = draw(self.odds(x, every, every), self.seat.generator)
            self.due = False
        return super().act(seen)

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from its own row of the stacks."""
        own, here = slice(slot, slot + 1), slice(row, row + 1)
        x = self.inputs.normalised(merge(seen).features[own, here], own)
        return self.mixed(x, self.weights(x, own, here), own)[0, 0]

    # ---- learning -------------------------------------------------------------------------

    def study(self, progress: float, rule: GradientRule) -> None:
        """Improve every voice on the rollout and forget it."""
        self.learn(self.window())
        self.notes.clear()
        self.due = True

    def learn(self, window: Window) -> None:
        """Improve every voice on the samples of the lanes in which it spoke."""
        window = replace(window, utility=self.rewards(window))
        after = {t: rows["x"] for t, rows in window.after.items()}
        spoke = self.speaking.repeat(1, len(window.utility))
        raw, even, targets = (torch.zeros_like(spoke, dtype=torch.float32) for _ in range(3))
        for number, voice in enumerate(self.voices):
            mine = spoke == number
            found = appraised(voice.critics, window.rows["x"], after, window, self.config)
            raw, targets = torch.where(mine, found[0], raw), torch.where(mine, found[1], targets)
            even = torch.where(mine, evened(found[0], mine.float()), even)
        samples = {
            "x": window.rows["x"],
            "acts": window.acts,
            "log_old": log_chances(window),
            "targets": targets,
        }
        for number, credit in enumerate(self.credits(raw, even, window)):
            heard = {"credit": credit, "weight": (spoke == number).float()}
            self.practise(self.voices[number], samples | heard)

    def practise(self, voice: Voice, samples: dict[str, Tensor]) -> None:
        """Step one voice by mini-batches, where it spoke."""
        c = self.config
        hyper = c.hyper(c.learning_rate)
        going = samples["weight"].any(1, keepdim=True)
        for _ in range(c.epochs):
            for part in self.parts(samples):
                slope = critic_gradient(voice.critics, part) * going
                voice.critics.step_some(slope, c.hyper(c.critic_rate))
                if c.delayed:
                    voice.actors.step_some(voice.pending * going, hyper)
                slope = actor_gradient(voice.actors, part, c)
                if c.tolerance:
                    going = going & (slope.square().sum(1, keepdim=True) > c.tolerance)
                    slope = slope * going
                if c.delayed:
                    voice.pending = torch.where(going, slope, voice.pending)
                else:
                    voice.actors.step_some(slope, hyper)
            if not going.any():
                break

    # ---- reading and saving ----------------------------------------------------------------

    def travelling(self) -> None:
        """Nothing: an agent's voices stay its own."""

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return {title: view for voice in self.voices for title, view in voice.views().items()}

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        both = [found for voice in self.voices for found in (voice.actors, voice.critics)]
        return torch.stack([networks.broken() for networks in both]).any(0)

    def state(self) -> dict[str, Any]:
        """All voices, which of them speak, normalisation and the rollout so far."""
        return {
            "voices": {voice.name: voice.state() for voice in self.voices},
            "speaking": self.speaking,
            "due": self.due,
            "inputs": self.inputs.state(),
            "notes": saved(self.notes),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        for voice in self.voices:
            voice.load(state["voices"][voice.name])
        self.speaking = state["speaking"].to(self.seat.device)
        self.due = state["due"]
        self.inputs.load(state["inputs"])
        self.notes = restored(state.get("notes", {}), self.seat.device)


# ---- steps on a part of the samples, as functions on stacks ---------------------------------


def weighted(values: Tensor, weight: Tensor) -> Tensor:
    """Mean [k] of ``values`` [k, X] over samples whose ``weight`` is 1; 0 where there is none."""
    return (values * weight).sum(1) / weight.sum(1).clamp(min=1)


def evened(advantages: Tensor, weight: Tensor) -> Tensor:
    """Advantages [K, X] with mean 0 and population deviation 1 over samples whose weight is 1."""
    centred = advantages - weighted(advantages, weight).unsqueeze(1)
    spread = weighted(centred.square(), weight).sqrt()
    return centred / (spread.unsqueeze(1) + 1e-10)


def critic_gradient(critics: Perceptrons, part: dict[str, Tensor]) -> Tensor:
    """Gradient [K, P] of the weighted mean squared error on samples x, targets and weight."""

    def loss(values: Tensor, some: slice) -> Tensor:
        error = values.squeeze(-1) - part["targets"][some]
        return weighted(error.square(), part["weight"][some])

    return gradient(critics, "critic", part["x"], loss)


def actor_gradient(actors: Perceptrons, part: dict[str, Tensor], config: SplitPPOConfig) -> Tensor:
    """Gradient [K, P] of the weighted clipped objective on samples x, acts, log_old, credit and weight."""

    def loss(logits: Tensor, some: slice) -> Tensor:
        log = logits.log_softmax(-1).gather(-1, part["acts"][some].unsqueeze(-1)).squeeze(-1)
        weight = part["weight"][some]
        # Where another voice spoke the ratio may be anything, and must not overflow into the sum.
        old = torch.where(weight > 0, part["log_old"][some], log.detach())
        each = clipped_loss(log, old, part["credit"][some], config.clip, config.entropy)
        return weighted(each, weight)

    return gradient(actors, "actor", part["x"], loss)
