"""CGA, consensus gradient adjustment (Mescheder et al. 2017; baseline of Li et al. 2024)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.gradient_player import GradientPlayer, GradientPlayerConfig
from commonweal.agents.gradients.consensus import Consensus, ConsensusConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class CGAConfig(GradientPlayerConfig):
    """Settings of CGA."""

    rule: ConsensusConfig = setting(ConsensusConfig, "how far gradients are pulled")


@AGENTS.register("cga")
class CGA(GradientPlayer):
    """Own gradients, pulled to where nobody wants to move."""

    Config = CGAConfig
    gradient_rule = Consensus
