"""A2C, independent actor-critics on the own reward (Kong et al. 2024, baseline)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.a2c import A2C, A2CConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class A2CAgentConfig(Settings):
    """Settings of independent actor-critics."""

    move: A2CConfig = setting(A2CConfig, "how it learns to act")


@AGENTS.register("a2c")
class A2CAgent(Agent):
    """Learns to act from its own reward, and from gifts where others give."""

    Config = A2CAgentConfig
    senses = ("view",)
    heads = {"move": A2C}
