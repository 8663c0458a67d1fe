"""Reputation reward: an agent's own standing scales or supplements what it earns."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from commonweal.agents.preferences.base import Income, Preference
from commonweal.errors import BadSetting
from commonweal.settings import Settings, setting

PAPER = "Ren et al. 2025, settings"


@dataclass(frozen=True, kw_only=True)
class ReputationRewardConfig(Settings):
    """Settings of the reputation reward."""

    form: str = setting(
        "product",
        "product: r * (beta + (1 - beta) * rho); additive: r + beta * rho",
        choices=("product", "additive"),
        source=PAPER,
    )
    weight: float = setting(0.6, "coefficient beta", low=0, high=100, source=PAPER)
    adoption: float = setting(
        1.0, "share of agents, drawn once, that use this reward", low=0, high=1, source=PAPER
    )

    def check(self) -> None:
        """The product form is a mixture."""
        if self.form == "product" and self.weight > 1:
            raise BadSetting(
                f"ReputationRewardConfig.weight = {self.weight} lies outside [0, 1], "
                "which form = 'product' needs; form = 'additive' takes larger ones"
            )


def reshaped(rewards: Tensor, standing: Tensor, weight: float, form: str) -> Tensor:
    """Reshaped reward, all [...].

    ``product``: ``beta * r + (1 - beta) * rho * r``; ``additive``: ``r + beta * rho``.
    Source: Ren et al. 2025, section 4 (both branches of the authors' settings).
    """
    if form == "product":
        return rewards * (weight + (1 - weight) * standing)
    return rewards + weight * standing


@final
class ReputationReward(Preference):
    """Reward reshaped by the agent's own updated standing."""

    Config = ReputationRewardConfig
    ledgers = ("reputation",)
    local = True

    def __init__(
        self,
        config: ReputationRewardConfig,
        members: int,
        agents: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__(config, members, agents, generator)
        draw = torch.rand(members, generator=generator, device=generator.device)
        self.adopts = draw < config.adoption

    def utility(self, income: Income) -> Tensor:
        """Reshaped for adopters, plain for the others."""
        rewards = income.rewards + income.moved
        new = reshaped(rewards, income.standing["reputation"], self.config.weight, self.config.form)
        return new if self.config.adoption == 1 else torch.where(self.adopts, new, rewards)
