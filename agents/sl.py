"""SL, own reward and a share in social welfare (Apt and Schaefer 2014; baseline of Li et al. 2024).

The name is read as selfishness level, the least such share at which a social optimum is an
equilibrium; Li et al. 2024 do not spell it out in any source at hand.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.gradient_player import GradientPlayer, GradientPlayerConfig
from commonweal.agents.preferences.welfare import WelfareShare, WelfareShareConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class SLConfig(GradientPlayerConfig):
    """Settings of SL."""

    preference: WelfareShareConfig = setting(WelfareShareConfig, "how much it shares")


@AGENTS.register("sl")
class SL(GradientPlayer):
    """Follows its own gradient of own reward plus a share of everybody's."""

    Config = SLConfig
    preference = WelfareShare
