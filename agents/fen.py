"""FEN, the fair-efficient network (Jiang and Lu 2019; baseline of Dong et al. 2025)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.fen import FENConfig, FENPolicies
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class FENAgentConfig(Settings):
    """Settings of fair-efficient agents."""

    move: FENConfig = setting(FENConfig, "how its policies learn and take turns")


@AGENTS.register("fen")
class FEN(Agent):
    """Acts by one of four policies; a controller picks which, for what is fair and efficient."""

    Config = FENAgentConfig
    senses = ("view",)
    heads = {"move": FENPolicies}
