"""LR2 without its reward: reputations are seen and assessed, but no reward depends on them.

The ablation that Ren et al. 2025, Fig. 5b, call IPPO: verdicts are learned as in LR2 and never rewarded.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.ppo import PPO, PPOConfig
from commonweal.agents.learners.verdicts import VerdictConfig, Verdicts
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class LR2UnrewardedConfig(Settings):
    """Settings of LR2 without its reward."""

    move: PPOConfig = setting(PPOConfig, "how the dilemma policy learns")
    assess: VerdictConfig = setting(VerdictConfig, "how the evaluation policy learns")


@AGENTS.register("lr2_unrewarded")
class LR2Unrewarded(Agent):
    """LR2 without the reputation reward: maximises the environment reward alone."""

    Config = LR2UnrewardedConfig
    senses = ("reputation",)
    ledgers = ("reputation",)
    heads = {"move": PPO, "assess": Verdicts}
    turns = ("move", "assess")
