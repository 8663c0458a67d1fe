"""SOTO with generalised Gini welfare (Zimmer et al. 2021; baseline of Dong et al. 2025)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.soto import SOTOConfig, SOTOPolicies
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class SOTOGGFConfig(Settings):
    """Settings of SOTO with generalised Gini welfare."""

    move: SOTOConfig = setting(SOTOConfig, "how its policies learn and take turns")


@AGENTS.register("soto_ggf")
class SOTOGGF(Agent):
    """Learns for itself, then for all, whose weight halves with every rank from the worst off."""

    Config = SOTOGGFConfig
    senses = ("view",)
    heads = {"move": SOTOPolicies}
