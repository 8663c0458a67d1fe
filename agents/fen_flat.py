"""FEN without a hierarchy: PPO on the fair-efficient reward of every round (Jiang and Lu 2019).

A baseline of Dong et al. 2025.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig
from commonweal.agents.preferences.fair_efficiency import FairEfficiency, FairEfficiencyConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class FENFlatConfig(Settings):
    """Settings of FEN without a hierarchy."""

    move: SplitPPOConfig = setting(SplitPPOConfig, "how it learns to act")
    preference: FairEfficiencyConfig = setting(
        FairEfficiencyConfig, "how efficiency and fairness are weighed"
    )


@AGENTS.register("fen_flat")
class FENFlat(Agent):
    """Learns to act from how much all get on average, over how far it is from that itself."""

    Config = FENFlatConfig
    senses = ("view",)
    heads = {"move": SplitPPO}
    preference = FairEfficiency
