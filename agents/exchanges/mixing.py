"""Federations without a centre: members mix their parameters or gradients with those they listen to.

Source: Dong et al. 2025, Algorithm 2.  Letters: R replicates, M agents, P parameters of one agent.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from commonweal.agents.exchanges.base import Exchange
from commonweal.networks.federations import Meeting
from commonweal.settings import Settings, setting


def mixed(weights: Tensor, parameters: Tensor) -> Tensor:
    """Weighted sums ``C theta``: [R, M, M], [R, M, P] -> [R, M, P].

    Source: Dong et al. 2025, eq. 13 and 14.
    """
    return weights.to(parameters.dtype) @ parameters


def listening(weights: Tensor) -> Tensor:
    """Who listens to anybody else at all, [R, M, 1] bool."""
    eye = torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    return (weights != eye).any(-1, keepdim=True)


def received(weights: Tensor, gradients: Tensor) -> tuple[Tensor, ...]:
    """Gradients of those to whom an agent listens, one after another: each tensor [R, M, P].

    In the k-th each agent has the gradient of the k-th, by index, of all others that have a
    positive weight for it, and zeros if there are no more.
    """
    own = torch.eye(weights.shape[-1], dtype=torch.bool, device=weights.device)
    heard = (weights > 0) & ~own
    number = heard.sum(-1)
    # A stable sort brings those who are heard to the front in the order of their indices.
    order = (~heard).to(torch.uint8).argsort(dim=-1, stable=True)
    turns = []
    for k in range(int(number.max())):
        source = order[..., k, None].expand(-1, -1, gradients.shape[-1])
        turns.append(torch.where(number[..., None] > k, gradients.gather(1, source), 0.0))
    return tuple(turns)


@dataclass(frozen=True, kw_only=True)
class MixingConfig(Settings):
    """Settings of mixing."""

    what: str = setting(
        "gradients",
        "mix parameters, mix gradients, or step each gradient received by itself, whatever its weight",
        choices=("parameters", "gradients", "gradients_in_turn"),
        source="Dong et al. 2025, eq. 13 and 14; in turn: their code",
    )


@final
class Mixing(Exchange):
    """Members take over a weighted mean of what those they listen to have or learn."""

    Config = MixingConfig

    @property
    def what(self) -> str:
        """What is shared: ``parameters`` or ``gradients``."""
        return "parameters" if self.config.what == "parameters" else "gradients"

    def gradients(
        self, own: Tensor, parameters: Tensor, meeting: Meeting | None
    ) -> tuple[Tensor, ...]:
        """One mixed gradient, or the own one and then each one received; at meetings only.

        In turn, agents that have received fewer than others get rows of zeros at the end, with
        which nobody steps.
        """
        if meeting is None or self.config.what == "parameters":
            return (own,)
        if self.config.what == "gradients_in_turn":
            return own, *received(meeting.weights, own)
        together = mixed(meeting.weights, own)
        return (torch.where(listening(meeting.weights), together, own),)

    def apply(
        self, before: Tensor, after: Tensor, commons: Tensor, meeting: Meeting
    ) -> tuple[Tensor, Tensor]:
        """Mixed parameters plus what each has just learned; untouched where gradients were mixed.

        Source: Dong et al. 2025, eq. 13.
        """
        if self.config.what != "parameters":
            return after, commons
        together = mixed(meeting.weights, before) + (after - before)
        return torch.where(listening(meeting.weights), together, after), commons
