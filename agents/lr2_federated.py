"""LR2 in a federation: neighbours vouch for each other, and share what they learn about both.

The reputations of Ren et al. 2025 and the federations without a centre of Dong et al. 2025 in one agent:
its dilemma policy and its evaluation policy mix, each in its own turn, with those of its neighbours.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.exchanges.mixing import Mixing, MixingConfig
from commonweal.agents.lr2 import LR2, LR2Config
from commonweal.networks.charters import Voluntary, VoluntaryConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class LR2FederatedConfig(LR2Config):
    """Settings of LR2 in a federation."""

    charter: VoluntaryConfig = setting(
        VoluntaryConfig(shape="graph"), "who takes part, and who listens to whom"
    )
    exchange: MixingConfig = setting(MixingConfig(what="parameters"), "what members share")


@AGENTS.register("lr2_federated")
class LR2Federated(LR2):
    """LR2 whose policies mix with those of its neighbours in the graph."""

    Config = LR2FederatedConfig
    charter = Voluntary
    exchange = Mixing
