"""LIO, learning to incentivise others who learn (Yang et al. 2020; baseline of Kong et al. 2024).

Each agent rewards its neighbours for what they do, at no cost to itself, and learns by which rewards
others come to act in a way that pays it.  Co-players are the neighbours, on any graph
that lasts.  Neighbours of other kinds are rewarded as well, but nothing is learned from it, since what
they make of incentives is not known (see `commonweal.agents.learners.lio`).
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.lio import Incentives, IncentivesConfig
from commonweal.agents.learners.lio_recipients import RecipientConfig, Recipients
from commonweal.errors import BadSetting
from commonweal.settings import Settings, setting
from commonweal.spaces import WorldSpec


@dataclass(frozen=True, kw_only=True)
class LIOConfig(Settings):
    """Settings of LIO."""

    move: RecipientConfig = setting(RecipientConfig, "how it learns to act")
    incentivise: IncentivesConfig = setting(IncentivesConfig, "how it learns to reward others")


@AGENTS.register("lio")
class LIO(Agent):
    """Rewards others by what their learning from it brings to itself."""

    Config = LIOConfig
    senses = ("view",)
    ledgers = ("incentives",)
    heads = {"move": Recipients, "incentivise": Incentives}
    turns = ("move", "incentivise")

    @classmethod
    def accepts(cls, spec: WorldSpec, name: str, world: str, ledgers: tuple[str, ...]) -> None:
        """Raise `BadSetting` also where neighbours do not stay."""
        super().accepts(spec, name, world, ledgers)
        if not spec.lasting:
            raise BadSetting(
                f"agent {name} cannot play in world {world} on this network: it follows what its "
                "neighbours learn, and here they are others in every round"
            )
