"""Fixed strategies for worlds in which an action is a contribution.

Family: free_rider, full_contributor, conditional_cooperator.  An action is a number between
``low``, to give nothing, and ``high``, to give all.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.scripted import Scripted
from commonweal.settings import Settings, setting
from commonweal.spaces import Box

Seen = dict[str, Tensor]
Plan = tuple[Tensor, Tensor]


class Contributor(Agent):
    """What the family shares: ``plan(config, seen, memory, box)`` gives actions [K, B, size]."""

    senses = ()
    heads = {}
    continuous = Scripted


def level(memory: Tensor, box: Box, share: float) -> Tensor:
    """The same share of what can be given, for all rows of ``memory`` [K, B]: [K, B, size]."""
    amount = box.low + share * (box.high - box.low)
    return torch.full((*memory.shape, box.size), amount, device=memory.device)


@AGENTS.register("free_rider")
class FreeRider(Contributor):
    """Gives nothing and takes its part (Isaac et al. 1985)."""

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, box: Box) -> Plan:
        """Nothing."""
        return level(memory, box, 0.0), memory


@AGENTS.register("full_contributor")
class FullContributor(Contributor):
    """Gives all it can, whatever the others do (Isaac et al. 1985)."""

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, box: Box) -> Plan:
        """All."""
        return level(memory, box, 1.0), memory


@dataclass(frozen=True, kw_only=True)
class ConditionalCooperatorConfig(Settings):
    """Settings of conditional cooperation."""

    opening: float = setting(
        1.0, "share of what it can give that it gives first, unasked", low=0, high=1
    )
    matching: float = setting(
        1.0,
        "part of the neighbours' mean contribution that it matches; below 1 it favours itself",
        low=0,
        high=1,
    )


@AGENTS.register("conditional_cooperator")
class ConditionalCooperator(Contributor):
    """Gives what its neighbours gave on average the last time (Fischbacher et al. 2001)."""

    Config = ConditionalCooperatorConfig
    senses = ("opening", "mean")

    @staticmethod
    def plan(config: ConditionalCooperatorConfig, seen: Seen, memory: Tensor, box: Box) -> Plan:
        """Match the mean, but for the first round."""
        gift = box.low + config.matching * (seen["mean"] - box.low)
        first = level(memory, box, config.opening)
        # Neighbours may have gone beyond the box where the world lets them.
        return torch.where(seen["opening"] == 1, first, gift.clamp(box.low, box.high)), memory
