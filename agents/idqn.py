"""IDQN, independent deep Q-learning (Mnih et al. 2015; baseline of Dong et al. 2024)."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.dqn import DQN
from commonweal.agents.learners.q_networks import QConfig
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class IDQNConfig(Settings):
    """Settings of independent deep Q-learning."""

    move: QConfig = setting(QConfig, "how it learns to act")


@AGENTS.register("idqn")
class IDQN(Agent):
    """Learns what each of its moves is worth to itself, alone."""

    Config = IDQNConfig
    senses = ("view",)
    heads = {"move": DQN}
