"""LOLA, learning with opponent-learning awareness (Foerster et al. 2018), for two players.

Family: lola, lola_sampled.

Both play memory-1 policies and shape what their partner learns.  A partner of the same kind is
known, as in the paper's self-play; of any other a memory-1 policy is estimated from what it does,
and expected to take naive steps, whether it learns or not.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.lola import ExactLola, LolaConfig
from commonweal.agents.learners.lola_sampled import SampledLola, SampledLolaConfig
from commonweal.errors import BadSetting
from commonweal.settings import Settings, setting
from commonweal.spaces import WorldSpec


class LolaAgent(Agent):
    """What both kinds share: one partner, two moves, and the state between them."""

    senses = ("state",)
    choices = 2
    players = 2


@dataclass(frozen=True, kw_only=True)
class LolaAgentConfig(Settings):
    """Settings of exact LOLA."""

    move: LolaConfig = setting(LolaConfig, "how it learns")


@AGENTS.register("lola")
class Lola(LolaAgent):
    """Climbs the exact value of its policy while foreseeing its partner's next naive step.

    Source: Foerster et al. 2018, LOLA with exact values.
    """

    Config = LolaAgentConfig
    heads = {"move": ExactLola}

    @classmethod
    def accepts(cls, spec: WorldSpec, name: str, world: str, ledgers: tuple[str, ...]) -> None:
        """Only where payoffs are a matrix."""
        super().accepts(spec, name, world, ledgers)
        if not spec.matrix:
            raise BadSetting(
                f"agent {name} cannot play in world {world}: it needs the payoffs of a matrix game"
            )


@dataclass(frozen=True, kw_only=True)
class SampledLolaAgentConfig(Settings):
    """Settings of sampled LOLA."""

    move: SampledLolaConfig = setting(SampledLolaConfig, "how it learns")


@AGENTS.register("lola_sampled")
class LolaSampled(LolaAgent):
    """LOLA that knows no payoffs and estimates all derivatives from what was played.

    Source: Foerster et al. 2018, LOLA with policy gradients.
    """

    Config = SampledLolaAgentConfig
    heads = {"move": SampledLola}
