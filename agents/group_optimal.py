"""Group optimal: actor-critics on the reward of the whole group (Kong et al. 2024, baseline GO)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.a2c import A2C, A2CConfig
from commonweal.agents.preferences.welfare import GroupReward, GroupRewardConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class GroupOptimalConfig(Settings):
    """Settings of group-optimal agents."""

    move: A2CConfig = setting(A2CConfig, "how it learns to act")
    preference: GroupRewardConfig = setting(GroupRewardConfig, "how the group's reward is scaled")


@AGENTS.register("group_optimal")
class GroupOptimal(Agent):
    """Learns to act from what everybody in the world earns together."""

    Config = GroupOptimalConfig
    senses = ("view",)
    heads = {"move": A2C}
    preference = GroupReward
