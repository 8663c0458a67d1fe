"""Agents that learn the dilemma under a fixed assessment norm.

Family: stern_judging, simple_standing, shunning, image_scoring.  The assessor judges by the
neighbour's move and by its own standing; see `commonweal.agents.learners.norms`.
Source: Ren et al. 2025, norm baselines (the norms themselves: Ohtsuki and Iwasa 2006).
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.norms import Norm
from commonweal.agents.learners.ppo import PPO, PPOConfig
from commonweal.agents.preferences.reputation import ReputationReward, ReputationRewardConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class NormConfig(Settings):
    """Settings of a learner under a fixed norm."""

    move: PPOConfig = setting(PPOConfig, "how the dilemma policy learns")
    preference: ReputationRewardConfig = setting(ReputationRewardConfig, "reputation reward")


class NormAgent(Agent):
    """What the family shares; ``norm`` lists the verdicts on C to good, C to bad, D to good, D to bad."""

    Config = NormConfig
    senses = ("reputation",)
    ledgers = ("reputation",)
    heads = {"move": PPO, "assess": Norm}
    turns = ("move", "rest")
    preference = ReputationReward
    norm: tuple[int, int, int, int]


@AGENTS.register("stern_judging")
class SternJudging(NormAgent):
    """Good helps good and punishes bad; all else is bad."""

    norm = (1, 0, 0, 1)


@AGENTS.register("simple_standing")
class SimpleStanding(NormAgent):
    """Only defection against the good is bad."""

    norm = (1, 1, 0, 1)


@AGENTS.register("shunning")
class Shunning(NormAgent):
    """Only cooperation judged by the good is good."""

    norm = (1, 0, 0, 0)


@AGENTS.register("image_scoring")
class ImageScoring(NormAgent):
    """Cooperation is good, defection is bad, whoever judges."""

    norm = (1, 1, 0, 0)
