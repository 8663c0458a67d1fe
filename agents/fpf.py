"""FPF, voluntary participation in federations with common models (Dong et al. 2025, Algorithm 1).

Half of the agents, drawn once, send what they learned to a common model.  All are drawn to it, and to
another that seeks equality; what they act by stays their own.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.exchanges.federal import Federal, FederalConfig
from commonweal.agents.learners.federal_ppo import FederalPPO, FederalPPOConfig
from commonweal.networks.charters import Voluntary, VoluntaryConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class FPFConfig(Settings):
    """Settings of voluntary federations with common models."""

    move: FederalPPOConfig = setting(FederalPPOConfig, "how agents and common models learn")
    charter: VoluntaryConfig = setting(VoluntaryConfig(members="half"), "who takes part, and when")
    exchange: FederalConfig = setting(
        FederalConfig, "how members and common models move each other"
    )


@AGENTS.register("fpf")
class FPF(Agent):
    """Learns for itself and is drawn to models that serve all; half of the agents shape them."""

    Config = FPFConfig
    senses = ("view",)
    heads = {"move": FederalPPO}
    charter = Voluntary
    exchange = Federal
    oversees = True
