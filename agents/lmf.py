"""LMF, federations without a centre: agents mix what they learn with those they listen to.

Gradients or parameters pass along a graph of the members, which may change from meeting to meeting
(Dong et al. 2025, Algorithm 2, eq. 13 and 14).
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.exchanges.mixing import Mixing, MixingConfig
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import PAPER, SplitPPOConfig
from commonweal.networks.charters import Voluntary, VoluntaryConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class MemberPPOConfig(SplitPPOConfig):
    """Settings of PPO in a federation."""

    start: str = setting(
        "shared",
        "whether agents start from networks of their own or from the same; averages of unlike networks "
        "mean little",
        choices=("independent", "shared"),
        source=PAPER,
    )


@dataclass(frozen=True, kw_only=True)
class LMFConfig(Settings):
    """Settings of federations without a centre."""

    move: MemberPPOConfig = setting(MemberPPOConfig, "how it learns to act")
    charter: VoluntaryConfig = setting(VoluntaryConfig, "who takes part, and who listens to whom")
    exchange: MixingConfig = setting(MixingConfig, "what members share")


@AGENTS.register("lmf")
class LMF(Agent):
    """Learns for itself, and from what those it listens to learn."""

    Config = LMFConfig
    senses = ("view",)
    heads = {"move": SplitPPO}
    charter = Voluntary
    exchange = Mixing
