"""PPO beside common models: one that is to serve all, omega, and one that is to treat all alike.

Agents learn as in `commonweal.agents.learners.split_ppo` and act by their own policies alone.  From
what they did the common models, policies of the same shape, learn what the community wants, each with
a central critic that sees the whole world (Dong et al. 2025, Algorithm 1).  How members move the common
models, and how all are drawn to them, is the exchange's business.

Letters: R replicates, M agents of the cohort, K = R * M slots, C = 2 common models, T rounds, B rows of a
slot, X = T * B.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.learners.base import Note, Seat
from commonweal.agents.learners.central import Whole
from commonweal.agents.learners.criteria import (
    MEAN,
    RETURNS,
    REWARDS,
    SUM,
    VARIANCE,
    egalitarian,
    utilitarian,
)
from commonweal.agents.learners.multilayer import Perceptrons, infer
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import (
    CODE,
    PAPER,
    SplitPPOConfig,
    Window,
    actor_gradient,
    appraised,
    critic_step,
    standardised,
)
from commonweal.settings import setting

COMMONS = 2


@dataclass(frozen=True, kw_only=True)
class FederalPPOConfig(SplitPPOConfig):
    """Settings of PPO with common models."""

    start: str = setting(
        "shared",
        "whether agents and common models start from networks of their own or from the same; averages of "
        "unlike networks mean little",
        choices=("independent", "shared"),
        source=PAPER,
    )
    utilitarian: str = setting(
        MEAN, "reward of the model that is to serve all", choices=(MEAN, SUM), source=PAPER
    )
    egalitarian: str = setting(
        RETURNS,
        "reward of the model that is to treat all alike: minus the deviation over agents of returns since "
        "the rollout began, of rewards, or minus the variance of rewards",
        choices=(RETURNS, REWARDS, VARIANCE),
        source=CODE,
    )
    common_steps: str = setting(
        "pooled",
        "common models take one step on what all did, or one after another on what each did; then their "
        "critics step as often, and utilitarian advantages count once for every agent",
        choices=("pooled", "in_turn"),
        source=CODE,
    )


@final
class FederalPPO(SplitPPO):
    """Actors and critics of all agents, and two common models for each replicate."""

    Config = FederalPPOConfig
    mutual = True

    def __init__(self, config: FederalPPOConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.whole = Whole(seat)
        # A stream of their own, so that agents draw as they would alone.
        self.generator = torch.Generator(seat.device)
        self.generator.manual_seed(seat.generator.initial_seed() ^ 0x5EED)
        count = COMMONS * self.whole.replicates

        def made(name: str, inputs: int, outputs: int, last: float) -> Perceptrons:
            widths = {name: (inputs, *config.hidden, outputs)}
            return Perceptrons(
                widths, count, self.generator, seat.device, last=last, start=config.weights
            )

        self.models = made("actor", seat.inputs, seat.actions, 0.01)
        self.judges = made("critic", self.whole.width, 1, 1.0)
        if config.start == "shared":
            first = self.whole.replicate(self.actors.parameters)
            self.models.parameters.copy_(first.repeat_interleave(COMMONS, 0))
        self.rewards: list[Tensor] = []
        """[R, B, N] of each round: what everybody got"""
        self.owed: Tensor | None = None
        """[R * C, P]: gradients of the models not yet stepped, where they are delayed"""
        self.lived: Window | None = None
        """the rollout that agents have just learned from"""

    # ---- remembering ---------------------------------------------------------------------

    def context(self, note: Note, after: bool) -> dict[str, Tensor]:
        """The whole world, for the critics of the common models."""
        return self.whole.context(note, after)

    def remember(self, note: Note) -> None:
        """Keep one step, with everybody's rewards."""
        super().remember(note)
        rewards = note.experience.outcome.rewards.view_as(self.whole.so_far)
        self.notes[-1]["rewards"] = rewards
        self.whole.pass_on(note)

    def window(self) -> Window:
        """The rollout so far; what everybody got is set aside."""
        self.rewards = [note.pop("rewards") for note in self.notes]
        self.lived = super().window()
        return self.lived

    # ---- learning ------------------------------------------------------------------------

    def teach(self, progress: float) -> None:
        """Let the common models learn from what the agents did."""
        window, c = self.lived, self.config
        seen = self.whole.rows(window.rows).repeat_interleave(COMMONS, 0)
        after = {
            t: self.whole.rows(rows).repeat_interleave(COMMONS, 0)
            for t, rows in window.after.items()
        }
        judged = Window(window.rows, window.after, window.acts, *self._wanted(window))
        advantages, targets = appraised(self.judges, seen, after, judged, c)
        advantages = standardised(advantages)
        samples = {
            "x": self._by_model(window.rows["x"]),
            "acts": self._by_model(window.acts),
            "credit": advantages.unsqueeze(1).expand(-1, self.members, -1),
        }
        for some in self._portions(window.acts.shape[1]):
            rows = {name: values[:, :, some] for name, values in samples.items()}
            if c.common_steps == "pooled":
                critic_step(self.judges, seen[:, some], targets[:, some], c)
                self._step({name: values.flatten(1, 2) for name, values in rows.items()})
                continue
            # The public code sums the agents' copies of the utilitarian advantage.
            weight = rows["credit"].new_tensor([self.members, 1.0]).repeat(len(targets) // COMMONS)
            rows["credit"] = rows["credit"] * weight.view(-1, 1, 1)
            for member in range(self.members):
                critic_step(self.judges, seen[:, some], targets[:, some], c)
                self._step({name: values[:, member] for name, values in rows.items()})
        self.lived, self.rewards = None, []

    def _wanted(self, window: Window) -> tuple[Tensor, Tensor, Tensor]:
        """Rewards of the common models [T, R * C, B], and where episodes ended or were cut off."""
        rewards = torch.stack(self.rewards)
        wanted = (
            utilitarian(rewards, self.config.utilitarian),
            egalitarian(rewards, self.config.egalitarian),
        )
        ends = (
            rows[:, :: self.members].repeat_interleave(COMMONS, 1)
            for rows in (window.ended, window.truncated)
        )
        return torch.stack(wanted, 2).flatten(1, 2), *ends

    def _by_model(self, rows: Tensor) -> Tensor:
        """What the agents of a replicate saw or did, for each of its models: [K, ...] to [R * C, M, ...]."""
        return rows.unflatten(0, (-1, self.members)).repeat_interleave(COMMONS, 0)

    def _portions(self, count: int) -> list[Tensor]:
        """Which of the X samples come into one step together: as many as for the agents."""
        size = self.config.batch
        if not size or size >= count:
            return [torch.arange(count, device=self.seat.device)]
        order = torch.randperm(count, generator=self.generator, device=self.seat.device)
        return list(order.split(size))

    def _step(self, rows: dict[str, Tensor]) -> None:
        """One step on samples [R * C, X, ...], from the probabilities that the models have now."""
        c = self.config
        log, hyper = self._log(rows), c.hyper(c.learning_rate)
        if self.owed is not None:
            self.models.step(self.owed, hyper)
        slope = actor_gradient(self.models, rows | {"log_old": log}, c)
        if c.delayed:
            self.owed = slope
        else:
            self.models.step(slope, hyper)

    def _log(self, rows: dict[str, Tensor]) -> Tensor:
        layers = self.models.layers(self.models.parameters, "actor")
        log = infer(layers, rows["x"]).log_softmax(-1)
        return log.gather(-1, rows["acts"].unsqueeze(-1)).squeeze(-1)

    # ---- reading and saving ----------------------------------------------------------------

    def commons(self) -> Tensor:
        """Live common models [R, 2, P], omega and omega bar."""
        return self.models.parameters.unflatten(0, (-1, COMMONS))

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter, of theirs or of their common models, that is not finite."""
        common = (self.models.broken() | self.judges.broken()).unflatten(0, (-1, COMMONS)).any(1)
        return super().broken() | common.repeat_interleave(self.members)

    def state(self) -> dict[str, Any]:
        """Also common models, their critics and their stream."""
        return super().state() | {
            "models": self.models.state(),
            "judges": self.judges.state(),
            "whole": self.whole.state(),
            "owed": {} if self.owed is None else {"gradient": self.owed},
            "stream": self.generator.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        self.models.load(state["models"])
        self.judges.load(state["judges"])
        self.whole.load(state["whole"])
        owed = state.get("owed", {})
        self.owed = owed["gradient"].to(self.seat.device) if owed else None
        self.generator.set_state(state["stream"].cpu())
