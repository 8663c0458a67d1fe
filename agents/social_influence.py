"""SI, social influence as intrinsic motivation (Jaques et al. 2019; baseline of Kong et al. 2024).

An actor-critic that is rewarded, beside its own reward, for moves that change what a learned model of
its neighbours expects them to do next.
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.a2c import A2C, A2CConfig
from commonweal.agents.perspectives.anticipation import Anticipation, AnticipationConfig
from commonweal.agents.preferences.influence import Influence, InfluenceConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class SocialInfluenceConfig(Settings):
    """Settings of agents that seek influence."""

    move: A2CConfig = setting(
        # The public code of sequential social dilemmas has this bonus and a step size of 0.00126.
        A2CConfig(entropy=0.00176),
        "how it learns to act",
    )
    preference: InfluenceConfig = setting(InfluenceConfig, "how much influence is worth to it")
    perspective: AnticipationConfig = setting(
        AnticipationConfig, "how it learns what others will do next"
    )


@AGENTS.register("social_influence")
class SocialInfluence(Agent):
    """Learns to act from its own reward and from how much it sways its neighbours."""

    Config = SocialInfluenceConfig
    senses = ("view",)
    heads = {"move": A2C}
    preference = Influence
    theory = Anticipation
