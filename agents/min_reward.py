"""MIN: everybody learns from the least reward of all (baseline of Dong et al. 2025)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig
from commonweal.agents.preferences.maximin import Maximin, MaximinConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class MinRewardConfig(Settings):
    """Settings of agents that care for the worst off."""

    move: SplitPPOConfig = setting(SplitPPOConfig, "how it learns to act")
    preference: MaximinConfig = setting(MaximinConfig, "what counts beside the least reward")


@AGENTS.register("min_reward")
class MinReward(Agent):
    """Learns to act from what the agent that got least got."""

    Config = MinRewardConfig
    senses = ("view",)
    heads = {"move": SplitPPO}
    preference = Maximin
