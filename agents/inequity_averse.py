"""IA, inequity-averse actor-critics (Hughes et al. 2018; baseline of Kong et al. 2024)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.a2c import A2C, A2CConfig
from commonweal.agents.preferences.inequity import InequityAversion, InequityConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class InequityAverseConfig(Settings):
    """Settings of inequity-averse agents."""

    move: A2CConfig = setting(A2CConfig, "how it learns to act")
    preference: InequityConfig = setting(InequityConfig, "how it compares itself to others")


@AGENTS.register("inequity_averse")
class InequityAverse(Agent):
    """Learns to act from its own reward, less what it minds about those of its neighbours."""

    Config = InequityAverseConfig
    senses = ("view",)
    heads = {"move": A2C}
    preference = InequityAversion
