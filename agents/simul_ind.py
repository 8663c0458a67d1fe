"""Simul-Ind: everybody follows the gradient of their own reward (Li et al. 2024, baseline)."""

from commonweal.agents import AGENTS
from commonweal.agents.gradient_player import GradientPlayer


@AGENTS.register("simul_ind")
class SimulInd(GradientPlayer):
    """Simultaneous ascent of individual rewards; with networks, independent PPO."""
