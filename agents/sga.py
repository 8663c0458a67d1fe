"""SGA, symplectic gradient adjustment (Balduzzi et al. 2018; baseline of Li et al. 2024)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.gradient_player import GradientPlayer, GradientPlayerConfig
from commonweal.agents.gradients.symplectic import Symplectic, SymplecticConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class SGAConfig(GradientPlayerConfig):
    """Settings of SGA."""

    rule: SymplecticConfig = setting(SymplecticConfig, "how far gradients are turned")


@AGENTS.register("sga")
class SGA(GradientPlayer):
    """Own gradients, freed of the part that makes them turn in circles."""

    Config = SGAConfig
    gradient_rule = Symplectic
