"""What the methods of Li et al. 2024 share: the same learners, told apart by rule or preference.

In games whose payoffs are known a player follows exact gradients of its action; elsewhere it
learns by PPO, whose gradients the rule adjusts in the same way.
"""

from dataclasses import dataclass

from commonweal.agents.base import Agent
from commonweal.agents.learners.ascent import Ascent, AscentConfig
from commonweal.agents.learners.team_ppo import TeamPPO, TeamPPOConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class GradientPlayerConfig(Settings):
    """Settings that all these kinds have."""

    move: TeamPPOConfig = setting(TeamPPOConfig, "how it learns where payoffs are not known")
    continuous: AscentConfig = setting(AscentConfig, "how it moves where payoffs are known")


class GradientPlayer(Agent):
    """Sees the last moves, its own and its neighbours'."""

    Config = GradientPlayerConfig
    senses = ("opening", "own", "actions")
    heads = {"move": TeamPPO}
    continuous = Ascent
