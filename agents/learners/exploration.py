"""Exploration by a mixture: an agent acts from its policy, or now and then from no policy at all.

Source: Kong et al. 2024, exploration.
"""

from typing import Protocol

import torch
from torch import Tensor

from commonweal.agents.learners.base import Seat


class Schedule(Protocol):
    """Settings of exploration."""

    explore_start: float
    explore_end: float
    explore_episodes: int


def exploring(policy: Tensor, share: Tensor) -> Tensor:
    """``(1 - eps) pi + eps / |A|`` for probabilities ``policy`` [..., A] and eps broadcast to it.

    Source: Kong et al. 2024, exploration.
    """
    return (1 - share) * policy + share / policy.shape[-1]


def decayed(start: float, end: float, length: int, episodes: Tensor) -> Tensor:
    """Share of uniform moves after ``episodes`` [...]: linear from start to end, then constant.

    Source: Kong et al. 2024, exploration.
    """
    return start + (end - start) * (episodes / length).clamp(max=1)


class Exploration:
    """How much each of K slots explores, which falls as its episodes go by.

    Args:
        schedule: how it falls.
        seat: where the slots sit.
        gradient_of: whose log-probability a learner differentiates: that of the ``mixture`` that
            acts, or that of the ``policy`` alone.
    """

    def __init__(self, schedule: Schedule, seat: Seat, gradient_of: str = "mixture") -> None:
        self.schedule, self.gradient_of = schedule, gradient_of
        self.actions, self.device = seat.actions, seat.device
        self.episodes = torch.zeros(seat.slots, 1, 1, device=seat.device)
        """[K, 1, 1]: episodes that each agent has finished, over its lanes"""
        self.renew()

    def renew(self) -> None:
        """Explore as the episodes so far ask for."""
        s = self.schedule
        self.share = decayed(s.explore_start, s.explore_end, s.explore_episodes, self.episodes)
        """[K, 1, 1]: eps"""

    def count(self, ended: Tensor) -> None:
        """Count the episodes that came to an end, ``ended`` [K, B]."""
        self.episodes = self.episodes + ended.sum(1).view(-1, 1, 1)

    def mixed(self, policy: Tensor) -> Tensor:
        """What the slots act from, [K, B, A], given their policies."""
        return exploring(policy, self.share)

    def mixed_alone(self, policy: Tensor, slot: int) -> Tensor:
        """What one slot acts from, [A], given its policy."""
        return exploring(policy, self.share[slot, 0])

    def scale(self, taken: Tensor, slots: slice) -> Tensor:
        """(1 - eps) pi / m of the actions taken, [..., k, S], from their log-probabilities.

        With it ``d log m = (1 - eps) pi / m * d log pi``; 1 where that of the policy is asked for.
        """
        if self.gradient_of == "policy":
            return torch.ones_like(taken)
        share, chance = self.share[slots, 0], taken.exp()
        chance = (1 - share) * chance
        return chance / (chance + share / self.actions)

    def state(self) -> dict[str, Tensor]:
        """Episodes, and how far exploration has fallen."""
        return {"episodes": self.episodes, "share": self.share}

    def load(self, state: dict[str, Tensor]) -> None:
        """Inverse of `state`."""
        self.episodes = state["episodes"].to(self.device)
        self.share = state["share"].to(self.device)
