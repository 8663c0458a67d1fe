"""Exact gradient play: players that know the game and move along the gradient of what they want.

A player's action is its whole policy.  After each round everybody differentiates the payoffs at
the joint action just played, a gradient rule turns the gradients into a direction, and the
action takes one plain step (Li et al. 2024: w <- w - alpha * g).
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import Game, GradientRule
from commonweal.agents.learners.base import Mind, Note, Seat, by_slot
from commonweal.records import Percept
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class AscentConfig(Settings):
    """Settings of exact gradient play."""

    learning_rate: float = setting(
        0.01,
        "step size alpha along the exact gradient",
        low=0,
        high=1e6,
        source="Li et al. 2024 do not name theirs; this matches their table",
    )


@final
class Ascent(Mind):
    """Plain steps along exact gradients; in every lane an action and a course of its own."""

    Config = AscentConfig
    learns = True
    joint = True
    exact = True
    rollout = 1

    def __init__(self, config: AscentConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        company = seat.company
        spec, members = company.spec, company.members
        local = bool(spec.groups) and kind.preference.local
        groups = torch.tensor(spec.groups, device=seat.device)[members] if local else members
        # Who looks at everybody's rewards is a matter to everybody.
        self.groups = groups.unique(return_inverse=True)[1]
        self.actions = self._start()
        lanes = company.replicates * seat.lanes
        self._readings = {
            name: torch.zeros(lanes, device=seat.device) for name in kind.gradient_rule.measures
        }

    def _start(self) -> Tensor:
        """First actions [K, B, size]: the world's own, or drawn uniformly."""
        seat, spec = self.seat, self.seat.company.spec
        box = spec.actions
        if spec.start:
            joint = torch.tensor(spec.start, device=seat.device).view(-1, 1, box.size)
            rows = joint[seat.company.members].repeat(seat.company.replicates, seat.lanes, 1)
            return rows.contiguous()
        spin = torch.rand(
            seat.slots, seat.lanes, box.size, generator=seat.generator, device=seat.device
        )
        return box.low + (box.high - box.low) * spin

    # ---- acting ----------------------------------------------------------------------

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """The actions as they stand, [K, B, size]."""
        return self.actions.clone()

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """The actions as they stand, [K, B, size]."""
        return self.actions.clone()

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """The action of one agent in one row, [size]."""
        return self.actions[slot, row]

    # ---- learning --------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep the joint action that was really played, and where an episode is over."""
        self.joint_action = note.experience.played
        self.ended = note.ended

    def game(self) -> Game:
        """The game at the joint action played; each lane is a copy, G = L."""
        company, joint = self.seat.company, self.joint_action.detach()
        parameters = joint[:, company.members].requires_grad_()
        everyone = len(company.members) == company.agents
        whole = parameters if everyone else joint.index_copy(1, company.members, parameters)
        rewards = company.spec.payoffs(whole)
        return Game(-company.wants(rewards), -rewards.sum(-1), parameters, self.groups)

    def study(self, progress: float, rule: GradientRule) -> None:
        """Take one step in every lane; where an episode is over, begin anew."""
        game, replicates = self.game(), self.seat.company.replicates
        direction, self._readings = rule.direction(game)
        moved = game.parameters.detach() - self.config.learning_rate * direction
        rows = by_slot(moved, replicates)
        if bool(self.ended.any()):
            rows = torch.where(self.ended.unsqueeze(-1), self._start(), rows)
        self.actions.copy_(rows)

    def readings(self) -> dict[str, Tensor]:
        """What the rule measured in the last step, name -> [L]."""
        return self._readings

    # ---- reading and saving ------------------------------------------------------------

    def views(self) -> dict[str, Tensor]:
        """The actions, [K, B, size]."""
        return {"action": self.actions}

    def broken(self) -> Tensor:
        """[K] bool: slots with an action that is not finite."""
        return ~torch.isfinite(self.actions).flatten(1).all(1)

    def state(self) -> dict[str, Any]:
        """Actions and readings."""
        return {"actions": self.actions, "readings": self._readings}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.actions.copy_(state["actions"])
        saved = state.get("readings", {})
        self._readings = {name: saved[name].to(self.seat.device) for name in self._readings}
