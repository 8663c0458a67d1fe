"""IPPO, independent PPO: reputations are seen and assessed, but no reward depends on them.

The ablation of Ren et al. 2025, Fig. 5b: verdicts are learned as in LR2 and never rewarded.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.ppo import PPO, PPOConfig
from commonweal.agents.learners.verdicts import VerdictConfig, Verdicts
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class IPPOConfig(Settings):
    """Settings of independent PPO with reputations in view."""

    move: PPOConfig = setting(PPOConfig, "how the dilemma policy learns")
    assess: VerdictConfig = setting(VerdictConfig, "how the evaluation policy learns")


@AGENTS.register("ippo")
class IPPO(Agent):
    """LR2 without the reputation reward: maximises the environment reward alone."""

    Config = IPPOConfig
    senses = ("reputation",)
    ledgers = ("reputation",)
    heads = {"move": PPO, "assess": Verdicts}
    turns = ("move", "assess")
