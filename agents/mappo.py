"""MAPPO, multi-agent PPO with central critics (Yu et al. 2022; baseline of Dong et al. 2025)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners import mappo
from commonweal.agents.learners.split_steps import SplitPPOConfig
from commonweal.agents.preferences.welfare import GroupReward, GroupRewardConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class MAPPOConfig(Settings):
    """Settings of multi-agent PPO."""

    move: SplitPPOConfig = setting(SplitPPOConfig, "how it learns to act")
    preference: GroupRewardConfig = setting(
        GroupRewardConfig(scale="mean"), "how the group's reward is scaled"
    )


@AGENTS.register("mappo")
class MAPPO(Agent):
    """Acts on what it sees, learns from the mean reward of all with the whole world in view."""

    Config = MAPPOConfig
    senses = ("view",)
    heads = {"move": mappo.MAPPO}
    preference = GroupReward
    oversees = True
