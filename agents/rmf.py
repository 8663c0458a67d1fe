"""RMF, regularised maximin fairness (Zhang and Shah 2014; baseline of Dong et al. 2025)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig
from commonweal.agents.preferences.maximin import Maximin, MaximinConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class RMFConfig(Settings):
    """Settings of regularised maximin; a weight of 0.1 follows the public code of Dong et al. 2025."""

    move: SplitPPOConfig = setting(SplitPPOConfig, "how it learns to act")
    preference: MaximinConfig = setting(
        MaximinConfig(regularity=0.1), "what counts beside the least reward"
    )


@AGENTS.register("rmf")
class RMF(Agent):
    """Learns to act from the least reward of all and a tenth of the mean."""

    Config = RMFConfig
    senses = ("view",)
    heads = {"move": SplitPPO}
    preference = Maximin
