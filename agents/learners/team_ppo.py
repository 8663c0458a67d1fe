"""PLACEHOLDER by the architect so that kinds import; the TeamPPO helper overwrites this file."""

from commonweal.agents.learners.ppo import PPO as TeamPPO
from commonweal.agents.learners.ppo import PPOConfig as TeamPPOConfig
