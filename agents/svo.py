"""SVO, social value orientation (McKee et al. 2020; baseline of Li et al. 2024)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.gradient_player import GradientPlayer, GradientPlayerConfig
from commonweal.agents.preferences.orientation import Orientation, OrientationConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class SVOConfig(GradientPlayerConfig):
    """Settings of SVO."""

    preference: OrientationConfig = setting(OrientationConfig, "which balance it likes")


@AGENTS.register("svo")
class SVO(GradientPlayer):
    """Follows its own gradient of a reward that likes a certain balance of own and others."""

    Config = SVOConfig
    preference = Orientation
