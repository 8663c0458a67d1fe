"""SOTO with alpha-fair welfare (Zimmer et al. 2021; baseline of Dong et al. 2025)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.soto import SOTOConfig, SOTOPolicies
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class SOTOALFConfig(Settings):
    """Settings of SOTO with alpha-fair welfare."""

    move: SOTOConfig = setting(SOTOConfig(welfare="alf"), "how its policies learn and take turns")


@AGENTS.register("soto_alf")
class SOTOALF(Agent):
    """Learns for itself, then for all, weighted by how little they have."""

    Config = SOTOALFConfig
    senses = ("view",)
    heads = {"move": SOTOPolicies}
