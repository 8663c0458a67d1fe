"""D&F, mandatory participation in a federation with common models (Dong et al. 2024).

Described after Dong et al. 2025, for whom it is the case of `fpf` in which all take part.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.fpf import FPF, FPFConfig
from commonweal.networks.charters import VoluntaryConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class DNFConfig(FPFConfig):
    """Settings of mandatory federations."""

    charter: VoluntaryConfig = setting(VoluntaryConfig, "who takes part, and when")


@AGENTS.register("dnf")
class DNF(FPF):
    """Learns for itself and is drawn to models that serve all; every agent shapes them."""

    Config = DNFConfig
