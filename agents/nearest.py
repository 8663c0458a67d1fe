"""Walks towards the nearest resource, whoever else wants it: the yardstick without learning.

It closes the larger of the two gaps first, either with the same chance where both are equal, and
on the spot it stays.  For worlds with places and five actions: 0 stay, 1 and 2 back and forth
along the first axis (rows, or x), 3 and 4 along the second.

Sources: Jiang and Lu 2019 and Dong et al. 2025 for worlds in which it is at home.
"""

import torch
from torch import Tensor

from commonweal.agents import AGENTS
from commonweal.agents.scripted import Plan, ScriptedAgent, Seen
from commonweal.settings import Settings


@AGENTS.register("nearest")
class Nearest(ScriptedAgent):
    """Walks towards the nearest resource, in worlds with places."""

    senses = ("bearing",)
    choices = 5

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Close the larger gap."""
        gap = seen["bearing"].abs()
        ahead = (seen["bearing"] > 0).long()
        larger = (gap == gap.amax(-1, keepdim=True)).float()
        share = larger / larger.sum(-1, keepdim=True)
        there = (gap == 0).all(-1)
        chances = torch.zeros(*memory.shape, actions, device=memory.device)
        chances.scatter_(-1, ahead + torch.tensor([1, 3], device=memory.device), share)
        chances[there] = torch.eye(actions, device=memory.device)[0]
        return chances, memory
