"""D-D: dilemma policies on the environment reward alone, seeing the neighbours' last moves.

The baseline of Ren et al. 2025, Figs. 2 and 3, by the authors' published settings.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.ppo import PPO, PPOConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class DDConfig(Settings):
    """Settings of D-D."""

    move: PPOConfig = setting(PPOConfig, "how the dilemma policy learns")


@AGENTS.register("dd")
class DD(Agent):
    """Dilemma policy on the environment reward, without reputations.

    It rests in the rollouts in which LR2 trains its evaluation policy, so that all methods
    make the same number of dilemma updates per step.
    """

    Config = DDConfig
    senses = ("actions",)
    heads = {"move": PPO}
    turns = ("move", "rest")
