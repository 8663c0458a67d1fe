"""LASE, learning to balance altruism and self-interest based on empathy (Kong et al. 2024).

Each agent gives its neighbours shares of its own reward, the larger the better they treated it than
it had reason to expect.  What it expected comes from putting itself in their place.  It then learns to
act from what is left to it and what others gave.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.a2c import A2C, A2CConfig
from commonweal.agents.learners.relations import Relations, RelationsConfig
from commonweal.agents.perspectives.conversion import Conversion, ConversionConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class GiverConfig(Settings):
    """Settings of those who give by social relationships, whatever their perspective."""

    move: A2CConfig = setting(A2CConfig, "how it learns to act")
    give: RelationsConfig = setting(RelationsConfig, "how it weighs what others do for it")


@dataclass(frozen=True, kw_only=True)
class LASEConfig(GiverConfig):
    """Settings of LASE."""

    perspective: ConversionConfig = setting(
        ConversionConfig, "how it puts itself in the place of others"
    )


@AGENTS.register("lase")
class LASE(Agent):
    """Gives by counterfactual social relationships, with perspective taking."""

    Config = LASEConfig
    senses = ("view",)
    ledgers = ("gifts",)
    heads = {"move": A2C, "give": Relations}
    turns = ("move+give",)
    theory = Conversion
