"""AVG: everybody learns from the mean reward of all (baseline of Dong et al. 2025).

Their public code for PPO has another in its place, ``move.credit = sum``: critics foretell own rewards,
and every actor follows the sum of everybody's standardised advantages.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.team_credit import CreditPPO, CreditPPOConfig
from commonweal.agents.preferences.welfare import GroupReward, GroupRewardConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class AverageRewardConfig(Settings):
    """Settings of agents that care for all alike."""

    move: CreditPPOConfig = setting(CreditPPOConfig, "how it learns to act")
    preference: GroupRewardConfig = setting(
        GroupRewardConfig(scale="mean"), "how the group's reward is scaled"
    )


@AGENTS.register("average_reward")
class AverageReward(Agent):
    """Learns to act from what everybody in the world earns on average."""

    Config = AverageRewardConfig
    senses = ("view",)
    heads = {"move": CreditPPO}
    preference = GroupReward
