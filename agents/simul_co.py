"""Simul-Co: everybody follows the gradient of the collective reward (Li et al. 2024, baseline)."""

from commonweal.agents import AGENTS
from commonweal.agents.gradient_player import GradientPlayer
from commonweal.agents.gradients.collective import Collective


@AGENTS.register("simul_co")
class SimulCo(GradientPlayer):
    """Ascent of the collective reward; with networks, PPO on the reward of the team."""

    gradient_rule = Collective
