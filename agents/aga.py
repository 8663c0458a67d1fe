"""AgA, altruistic gradient adjustment (Li et al. 2024).

The collective gradient, with own gradients and the curvature of the collective reward mixed in
by a signed weight; the sign is chosen at every step so as to draw players towards stable optima
of the collective reward and away from unstable ones.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.gradient_player import GradientPlayer, GradientPlayerConfig
from commonweal.agents.gradients.altruistic import Altruistic, AltruisticConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class AgAConfig(GradientPlayerConfig):
    """Settings of AgA."""

    rule: AltruisticConfig = setting(AltruisticConfig, "how gradients are aligned")


@AGENTS.register("aga")
class AgA(GradientPlayer):
    """Aligns individual with collective gradients through the curvature of the collective."""

    Config = AgAConfig
    gradient_rule = Altruistic
