"""IPPO, independent proximal policy optimisation (Schulman et al. 2017; baseline of Dong et al. 2025)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class IPPOConfig(Settings):
    """Settings of independent PPO."""

    move: SplitPPOConfig = setting(SplitPPOConfig, "how it learns to act")


@AGENTS.register("ippo")
class IPPO(Agent):
    """Maximises its own return, alone."""

    Config = IPPOConfig
    senses = ("view",)
    heads = {"move": SplitPPO}
