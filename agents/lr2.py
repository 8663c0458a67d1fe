"""LR2, learning with reputation reward (Ren et al. 2025, arXiv 2502.01971).

Each agent learns two policies in turns: whether to cooperate, seeing only reputations, and
whom of its neighbours to call good.  Its own reputation scales its reward.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.ppo import PPO, PPOConfig
from commonweal.agents.learners.verdicts import VerdictConfig, Verdicts
from commonweal.agents.preferences.reputation import ReputationReward, ReputationRewardConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class LR2Config(Settings):
    """Settings of LR2."""

    move: PPOConfig = setting(PPOConfig, "how the dilemma policy learns")
    assess: VerdictConfig = setting(VerdictConfig, "how the evaluation policy learns")
    preference: ReputationRewardConfig = setting(ReputationRewardConfig, "reputation reward")


@AGENTS.register("lr2")
class LR2(Agent):
    """Learned reputations: a dilemma policy and an evaluation policy, in turns."""

    Config = LR2Config
    senses = ("reputation",)
    ledgers = ("reputation",)
    heads = {"move": PPO, "assess": Verdicts}
    turns = ("move", "assess")
    preference = ReputationReward
