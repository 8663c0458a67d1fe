"""FEN, the fair-efficient network: a controller decides who of four policies acts (Jiang and Lu 2019).

The controller picks a sub-policy for every rollout and learns from the fair-efficient reward at its end;
the first sub-policy learns from what its agent gets, the others from how surely the controller can tell by
what is seen which of them acts, so that they come to do different things.

Differs from the paper: averages are those of all agents, without gossip.  The controller learns from each
reward as it is, without what follows, unless told, as in the public code of Dong et al. 2025.  There
sub-policies learn from the probability, not its logarithm (``information``), and the controller is not
told how its agent fares.  Its own gradients are never delayed.

Letters: K slots, T rounds of a rollout, B rows of a slot, D rollouts between updates of the controller,
F inputs, V voices.
"""

from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.learners.base import Note, Seat, by_slot
from commonweal.agents.learners.inputs import CUT
from commonweal.agents.learners.multilayer import infer
from commonweal.agents.learners.notes import restored, saved
from commonweal.agents.learners.split_steps import (
    CODE,
    SplitPPOConfig,
    Window,
    appraised,
    log_chances,
)
from commonweal.agents.learners.voices import Voices, actor_gradient, critic_gradient
from commonweal.agents.preferences.fair_efficiency import (
    PAPER,
    FairEfficiencyConfig,
    Means,
    compared,
    fair_efficient,
)
from commonweal.settings import setting

EFFICIENT = 0
"""The sub-policy that learns from rewards."""


@dataclass(frozen=True, kw_only=True)
class FENConfig(SplitPPOConfig, FairEfficiencyConfig):
    """Settings of a controller and its sub-policies, whose networks ``hidden`` and the like describe."""

    information: str = setting(
        "log",
        "what the other sub-policies learn from: the logarithm of the controller's probability of them "
        "(log), or the probability",
        choices=("log", "probability"),
        source=PAPER,
    )
    decisions: int = setting(
        8,
        "rollouts between updates of the controller, an episode of 200 rounds",
        low=1,
        source=CODE,
    )
    controller_hidden: tuple[int, ...] = setting(
        (128, 128), "widths of the controller's hidden layers", low=1, source=CODE
    )
    controller_rate: float = setting(
        3e-4, "step size of the controller", low=0, high=1, source=CODE
    )
    controller_clip: float = setting(
        0.2, "half-width of the controller's trusted ratio", low=0, high=1, source=CODE
    )
    controller_discount: float = setting(
        0.0, "weight of the next rollout for the controller", low=0, high=1, source=CODE
    )

    def controller(self) -> SplitPPOConfig:
        """How the controller learns."""
        return replace(
            self,
            learning_rate=self.controller_rate,
            clip=self.controller_clip,
            discount=self.controller_discount,
        )


@final
class FENPolicies(Voices):
    """A controller and four sub-policies for every agent."""

    Config = FENConfig
    mutual = True
    names = ("efficient", "diverse_1", "diverse_2", "diverse_3")

    def __init__(self, config: FENConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        wide = seat.inputs + 2, config.controller_hidden
        self.controllers = self.networks("actor", wide[0], len(self.names), 0.01, wide[1])
        self.appraisers = self.networks("critic", wide[0], 1, 1.0, wide[1])
        self.means = Means(seat.company.agents, seat.device)
        self.plans: list[dict[str, Tensor]] = []
        """decisions of the controller since it last learned"""

    # ---- how agents fare --------------------------------------------------------------------

    def fares(self, means: Tensor) -> Tensor:
        """Deviation and efficiency [K, B, 2] at means [L, N] of everybody's rewards."""
        company = self.seat.company
        deviation, efficiency = compared(means, self.config.most)
        own = deviation[:, company.members]
        both = torch.stack((own, efficiency.expand_as(own)), -1)
        # Before the first round one row of means stands for all lanes.
        lanes = company.replicates * self.seat.lanes
        return by_slot(both.expand(lanes, -1, -1), company.replicates)

    def context(self, note: Note, after: bool) -> dict[str, Tensor]:
        """How the agents fare before a step, or after it."""
        rewards = note.experience.outcome.rewards
        return {"fares": self.fares(self.means.after(rewards) if after else self.means.before)}

    def remember(self, note: Note) -> None:
        """Keep one step, and what everybody got of it."""
        super().remember(note)
        ended = note.ended.unflatten(0, (-1, self.members))[:, 0].flatten()
        self.means.pass_on(note.experience.outcome.rewards, ended)

    # ---- the controller -----------------------------------------------------------------------

    def leaning(self, told: Tensor, slots: slice = slice(None)) -> Tensor:
        """The controller's probabilities [k, X, V] at inputs [k, X, F + 2]."""
        layers = self.controllers.layers(self.controllers.parameters[slots], "actor")
        return infer(layers, told).softmax(-1)

    def odds(self, x: Tensor, slots: slice, rows: slice) -> Tensor:
        """What the controller picks with which probability."""
        return self.leaning(told(x, self.fares(self.means.before)[slots, rows]), slots)

    def rewards(self, window: Window) -> Tensor:
        """Own rewards for the efficient ones; for the others, how plain it is who they are, [T, K, B]."""
        rounds, lanes = len(window.utility), self.speaking.shape[1]
        seen = told(window.rows["x"], window.rows["fares"]).unflatten(1, (rounds, lanes))
        ahead = torch.cat((seen[:, 1:], seen[:, -1:]), 1)
        for t, rows in window.after.items():
            last = told(rows["x"], rows["fares"])
            there = (window.ended[t] | (t == rounds - 1)).unsqueeze(-1)
            ahead[:, t] = torch.where(there, last, ahead[:, t])
        chances = self.leaning(ahead.flatten(1, 2)).unflatten(1, (rounds, lanes))
        plain = chances.gather(-1, self.speaking[:, None, :, None].expand(-1, rounds, -1, -1))
        plain = plain.squeeze(-1).transpose(0, 1)
        if self.config.information == "log":
            plain = plain.log()
        return torch.where(self.speaking == EFFICIENT, window.utility, plain)

    def credits(self, raw: Tensor, even: Tensor, window: Window) -> tuple[Tensor, ...]:
        """Every sub-policy follows its own advantages."""
        return (even,) * len(self.names)

    def learn(self, window: Window) -> None:
        """Improve the sub-policies, and the controller when it has decided often enough."""
        super().learn(window)
        last, lanes = len(window.utility) - 1, self.speaking.shape[1]
        rows, after = window.rows, window.after[last]
        deviation, efficiency = after["fares"].unbind(-1)
        self.plans.append(
            {
                "told": told(rows["x"][:, :lanes], rows["fares"][:, :lanes]),
                "after": told(after["x"], after["fares"]),
                "picked": self.speaking,
                "utility": fair_efficient(deviation, efficiency, self.config.slack),
                "ended": window.ended[last],
                "truncated": window.truncated[last],
            }
        )
        if len(self.plans) >= self.config.decisions:
            self.reconsider()
            self.plans.clear()

    def reconsider(self) -> None:
        """One step of the controller, and one of its critic."""
        config = self.config.controller()
        columns = {name: [plan[name] for plan in self.plans] for name in self.plans[0]}
        x, picked = (torch.stack(columns[name], 1).flatten(1, 2) for name in ("told", "picked"))
        steps = {n: torch.stack(columns[n]) for n in ("utility", "ended", "truncated")}
        window = Window({"x": x, "chances": self.leaning(x)}, {}, picked, **steps)
        after = dict(enumerate(columns["after"]))
        credit, targets = appraised(self.appraisers, x, after, window, config)
        part = {"x": x, "acts": picked, "log_old": log_chances(window), "credit": credit}
        part |= {"targets": targets, "weight": torch.ones_like(credit)}
        slope = critic_gradient(self.appraisers, part)
        self.appraisers.step(slope, config.hyper(config.critic_rate))
        slope = actor_gradient(self.controllers, part, config)
        self.controllers.step(slope, config.hyper(config.learning_rate))

    # ---- reading and saving --------------------------------------------------------------------

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        own = self.controllers.views() | self.appraisers.views()
        return super().views() | {f"controller.{title}": view for title, view in own.items()}

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return super().broken() | self.controllers.broken() | self.appraisers.broken()

    def state(self) -> dict[str, Any]:
        """Also the controller, its decisions, and how all fare."""
        return super().state() | {
            "controllers": self.controllers.state(),
            "appraisers": self.appraisers.state(),
            "means": self.means.state(),
            "plans": saved(self.plans),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        self.controllers.load(state["controllers"])
        self.appraisers.load(state["appraisers"])
        self.means.load(state["means"])
        self.plans = restored(state.get("plans", {}), self.seat.device)


def told(x: Tensor, fares: Tensor) -> Tensor:
    """What controllers read [..., F + 2]: inputs, and how their agents fare, cut off likewise."""
    return torch.cat((x, fares.clamp(-CUT, CUT)), -1)
