"""LR2 without alignment: assessors do not care what other assessors think.

The ablation of Ren et al. 2025, Fig. 5: mu = 0.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.ppo import PPO
from commonweal.agents.learners.verdicts import VerdictConfig, Verdicts
from commonweal.agents.lr2 import LR2Config
from commonweal.agents.preferences.reputation import ReputationReward
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class LR2UnalignedConfig(LR2Config):
    """Settings of LR2 without alignment."""

    assess: VerdictConfig = setting(
        VerdictConfig(alignment=0.0), "how the evaluation policy learns; no alignment"
    )


@AGENTS.register("lr2_unaligned")
class LR2Unaligned(Agent):
    """LR2 whose assessors are free to disagree (mu = 0)."""

    Config = LR2UnalignedConfig
    senses = ("reputation",)
    ledgers = ("reputation",)
    heads = {"move": PPO, "assess": Verdicts}
    turns = ("move", "assess")
    preference = ReputationReward
