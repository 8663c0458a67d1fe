"""QMIX, values of the own moves mixed into the value of all (Rashid et al. 2018; baseline of Dong et al. 2024)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.qmix import QMIX, QMIXConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class QMIXAgentConfig(Settings):
    """Settings of QMIX."""

    move: QMIXConfig = setting(QMIXConfig, "how it learns to act")


@AGENTS.register("qmix")
class QMIXAgent(Agent):
    """Learns, together with the others of its kind, what its moves are worth to all of them."""

    Config = QMIXAgentConfig
    senses = ("view",)
    heads = {"move": QMIX}
    oversees = True
