"""PPO among agents that may also care for the team: gradients that a rule adjusts jointly.

Every agent has a policy, a forecast of its own utility and one of the team's reward, hence two
advantages for each of its decisions.  Where the rule looks at own losses alone the team is left
out, and what remains is independent PPO.  On every mini-batch the agents of a replicate play the
game of `commonweal.agents.learners.team_objective`, and each descends its part of what the
gradient rule makes of it (Li et al. 2024, with networks; Schulman et al. 2017).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.actor_critic import ActorCriticMind, bootstrap, epochs
from commonweal.agents.learners.base import Note, Seat
from commonweal.agents.learners.batches import normalised, shuffles
from commonweal.agents.learners.descent import CHUNK, ClippedSteps
from commonweal.agents.learners.ppo import PPOConfig, recalled, rounds, samples
from commonweal.agents.learners.returns import generalised_advantages
from commonweal.agents.learners.stacked import ACTIVATIONS, Shape, chunks
from commonweal.agents.learners.team_objective import TeamBatch, gradient
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class TeamPPOConfig(PPOConfig):
    """Settings of PPO with gradients that a rule may adjust."""

    activation: str = setting(
        "tanh",
        "hidden layers; rectifiers (relu) are straight between their kinks and lose the "
        "curvature that gradient rules need",
        choices=tuple(ACTIVATIONS),
    )
    joint_ratio: bool = setting(
        False,
        "weigh the team's samples by the product of all agents' ratios, which adds the curvature "
        "between agents; for a few, as a product of many soon leaves the clip",
    )
    team: str = setting(
        "mean", "reward of the team, over everybody in the world", choices=("mean", "sum")
    )


@final
class TeamPPO(ActorCriticMind):
    """Clipped policy gradients of own utility and of the team's reward, adjusted by a rule.

    The agents of a replicate share its shuffles, so that a sample is one joint decision of all.
    The gradient is clipped after it is put together, each agent's by its own norm as in PPO: a
    norm of all would let one agent's gradient shorten another's step.
    """

    Config = TeamPPOConfig
    joint = True
    kept = (*ActorCriticMind.kept, "team")

    def __init__(self, config: TeamPPOConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.replicates = seat.company.replicates
        self.members = seat.slots // self.replicates
        lanes = self.replicates * seat.lanes
        self._readings = {
            name: torch.zeros(lanes, device=seat.device) for name in kind.gradient_rule.measures
        }

    def form(self) -> Shape:
        """Sizes of one actor-critic: it foretells own utility and, if it matters, the team's reward."""
        return Shape(
            self.seat.inputs,
            tuple(self.config.hidden),
            self.seat.actions,
            self.config.activation,
            values=1 if self.kind.gradient_rule.separate else 2,
        )

    # ---- remembering -----------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep one step, with the reward of the team [R, B]."""
        super().remember(note)
        rewards = note.experience.outcome.rewards
        team = rewards.mean(-1) if self.config.team == "mean" else rewards.sum(-1)
        self.notes[-1]["team"] = team.view(self.replicates, -1)

    def replicate(self, rows: Tensor) -> Tensor:
        """What is the same for all agents of a replicate: of [..., k, B] the rows [..., r, B]."""
        return rows.unflatten(-2, (-1, self.members))[..., 0, :]

    def assembly(self, values: Tensor) -> Tensor:
        """Forecasts [..., k, B] of the team's reward, averaged over its members, [..., r, B]."""
        return values.unflatten(-2, (-1, self.members)).mean(-2)

    def advantages(self, slots: slice, values: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Advantages and returns by own utility [k, S], and by the team's reward [r, S].

        ``values`` [k, V, S] are the forecasts of the samples; without one of the team, its
        advantages are 0 and nobody looks at them.
        """
        c, after = self.config, self.after(slots)
        own, ended = self.column("utility", slots), self.column("ended", slots)
        cut = self.column("truncated", slots)
        mine = {t: found[:, 0] for t, found in after.items()}
        last = bootstrap(own, mine, cut, c.discount)
        by_own = generalised_advantages(
            own, rounds(values[:, 0], own), last, ended, c.discount, c.trace
        )
        if values.shape[1] == 1:
            by_team = (self.replicate(torch.zeros_like(by_own[0])),) * 2
            return tuple(samples(found) for found in (*by_own, *by_team))
        some = slice(slots.start // self.members, slots.stop // self.members)
        team, ended = self.column("team", some), self.replicate(ended)
        ours = {t: self.assembly(found[:, 1]) for t, found in after.items()}
        last = bootstrap(team, ours, self.replicate(cut), c.discount)
        baseline = rounds(self.assembly(values[:, 1]), team)
        by_team = generalised_advantages(team, baseline, last, ended, c.discount, c.trace)
        return tuple(samples(found) for found in (*by_own, *by_team))

    # ---- learning --------------------------------------------------------------------

    def batches(self, slots: slice, progress: float) -> Iterator[TeamBatch]:
        """Several epochs of shuffled mini-batches over the rollout, for whole replicates."""
        c = self.config
        x, chosen, log_old, values = recalled(self, slots)
        own, target, *team = self.advantages(slots, values)
        advantage, aim = (found.repeat_interleave(self.members, 0) for found in team)
        fields = [chosen.to(x.dtype), log_old, own, advantage, target, aim]
        records = torch.cat([x.mT, torch.stack(fields, -1)], -1)
        count, steps = records.shape[:2]
        passes = epochs(c.first_epochs, c.last_epochs, progress)
        orders = shuffles((len(team[0]), passes, steps), self.seat.generator)
        places = torch.arange(count, device=orders.device).unsqueeze(1) * steps
        for order in orders.unbind(1):
            index = order.repeat_interleave(self.members, 0) + places
            shuffled = records.flatten(0, 1).index_select(0, index.flatten())
            for part in shuffled.view_as(records).split(c.batch, 1):
                yield self.batch(part.mT)

    def batch(self, columns: Tensor) -> TeamBatch:
        """A mini-batch of records [k, F + 6, B]."""
        inputs = self.seat.inputs
        action, log_old, own, team, *targets = columns[:, inputs:].unbind(1)
        team = self.replicate(team)
        if self.config.normalise:
            own, team = normalised(own, None), normalised(team, None)
        targets = torch.stack(targets[: self.policy.shape.values], 1)
        return TeamBatch(columns[:, :inputs], action.long(), log_old, own, team, targets)

    def improve(self, progress: float, rule: GradientRule) -> None:
        """Take one clipped step along the rule's direction for each mini-batch.

        As replicates do not touch each other, some are worked through at a time on a CPU, so that
        their parameters, gradients and moments stay in the cache.
        """
        hyper, readings = self.hyper(progress), []
        size = CHUNK // self.members if self.seat.device.type == "cpu" else self.replicates
        for some in chunks(self.replicates, max(1, size)):
            slots = slice(some.start * self.members, some.stop * self.members)
            parameters = self.policy.parameters[slots]
            step = ClippedSteps(parameters, self.adam, slots, hyper)
            found = []
            for batch in self.batches(slots, progress):
                direction, measured = gradient(
                    parameters,
                    self.policy.shape,
                    batch,
                    hyper,
                    rule,
                    joint_ratio=self.config.joint_ratio,
                )
                step(direction)
                found.append(measured)
            readings.append(found)
        self._note(readings)

    def _note(self, readings: list[list[dict[str, Tensor]]]) -> None:
        """Keep the means over mini-batches of readings [r], for every lane."""
        for name in self._readings:
            means = [torch.stack([one[name] for one in found]).mean(0) for found in readings]
            self._readings[name] = torch.cat(means).repeat_interleave(self.seat.lanes)

    def readings(self) -> dict[str, Tensor]:
        """What the rule measured, the mean over the mini-batches of the last study, name -> [L]."""
        return self._readings

    # ---- saving ----------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, the rollout so far, and readings."""
        return super().state() | {"readings": self._readings}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        saved = state.get("readings", {})
        self._readings = {name: saved[name].to(self.seat.device) for name in self._readings}
