"""Common models of a federation: agents are drawn to them, and members move them.

Beside the agents' own parameters theta a federation keeps omega, which is to serve all, and omega
bar, which is to treat all alike (Dong et al. 2025).  Letters: R replicates, M agents, P parameters.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.exchanges.base import Exchange
from commonweal.networks.federations import Meeting
from commonweal.settings import Settings, setting

OMEGA, OMEGA_BAR = 0, 1
"""rows of the common models: the utilitarian and the egalitarian one"""


# ---- one round, as equations ----------------------------------------------------------------


def proximal(theta: Tensor, omega: Tensor, strength: float) -> Tensor:
    """Gradient of ``strength / 2 * |theta - omega|^2`` in theta, of any one shape.

    Source: Dong et al. 2025, eq. 4 to 7; its negative at omega is eq. 12.
    """
    return strength * (theta - omega)


def pull(theta: Tensor, common: Tensor, rate: float) -> Tensor:
    """Theta after one step of length ``rate`` towards a common model.

    Source: Dong et al. 2025, eq. 9, one proximal term.  ``rate`` is the learning rate alpha times
    the strength lambda.
    """
    return theta - proximal(theta, common, rate)


def upload(omega: Tensor, theta: Tensor, rate: float) -> Tensor:
    """What an agent sends: its copy of omega, moved towards what it learned.

    Source: Dong et al. 2025, eq. 10.  ``rate`` as for `pull`.
    """
    return omega - rate * (omega - theta)


def aggregate(omega: Tensor, uploads: Tensor, members: Tensor, eta: float) -> Tensor:
    """Omega [R, P] moved by the federation rate ``eta`` to the mean of what members sent.

    Source: Dong et al. 2025, eq. 11.  ``uploads`` [R, M, P]; what others than ``members`` [R, M] hold
    is never read.  A replicate without members keeps its omega.
    """
    sent = torch.where(members.unsqueeze(-1), uploads, 0.0)
    count = members.sum(1, keepdim=True)
    mean = sent.sum(1) / count.clamp(min=1)
    return torch.where(count > 0, (1 - eta) * omega + eta * mean, omega)


def draw_together(omega: Tensor, omega_bar: Tensor, rate: float) -> Tensor:
    """Omega after one step towards omega bar: the proximal part of its own training.

    Source: Dong et al. 2025, Algorithm 1.  ``rate`` is the learning rate times lambda_e.
    """
    return pull(omega, omega_bar, rate)


def senders(meeting: Meeting) -> Tensor:
    """Members who send what they learned, [R, M] bool: all but those who listen without being heard."""
    own = torch.eye(meeting.weights.shape[-1], dtype=torch.bool, device=meeting.weights.device)
    others = (meeting.weights != 0) & ~own
    return meeting.members & ~(others.any(2) & ~others.any(1))


# ---- the exchange ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FederalConfig(Settings):
    """Settings of common models."""

    utilitarian: float = setting(
        1.0,
        "strength lambda_u of the pull to the model that serves all",
        low=0,
        high=1e3,
        source="Dong et al. 2025, code",
    )
    egalitarian: float = setting(
        1.0,
        "strength lambda_e of the pull to the model that treats all alike",
        low=0,
        high=1e3,
        source="Dong et al. 2025, code",
    )
    rate: float = setting(
        1e-3,
        "alpha, length of a pull of strength 1; learning rates are the learner's own",
        low=0,
        high=1,
        source="Dong et al. 2025, code",
    )
    federation_rate: float = setting(
        1.0,
        "eta, how far a meeting moves the common model to the mean of what members sent",
        low=0,
        high=2,
        source="Dong et al. 2025, eq. 11; theirs is 1.5",
    )
    proximal: str = setting(
        "post_step",
        "pull agents once per meeting, or pull by every gradient between meetings",
        choices=("post_step", "in_loss"),
        source="Dong et al. 2025, code; the equations have it in the loss",
    )
    pulled: str = setting(
        "all",
        "who is pulled",
        choices=("all", "members"),
        source="Dong et al. 2025, Algorithm 1",
    )
    upload: str = setting(
        "omega_up",
        "members send the common model moved towards their own, or their own",
        choices=("omega_up", "theta"),
        source="Dong et al. 2025, eq. 10; in their code for PPO theta",
    )


@final
class Federal(Exchange):
    """Agents are drawn to the common models, and members move the utilitarian one."""

    Config = FederalConfig
    commons = 2

    def __init__(self, config: FederalConfig) -> None:
        super().__init__(config)
        self.copies: Tensor | None = None
        """[R, 2, P]: common models as the last meeting left them; None before the first"""
        self.holders: Tensor | None = None
        """[R, M] bool: to whom they were sent"""

    @property
    def steers(self) -> bool:
        """Whether pulls are part of the gradients."""
        return self.config.proximal == "in_loss"

    def gradients(
        self, own: Tensor, parameters: Tensor, meeting: Meeting | None
    ) -> tuple[Tensor, ...]:
        """Own gradients with the pulls to the copies that the last meeting sent round."""
        if not self.steers or self.copies is None:
            return (own,)
        omega, omega_bar = self.copies.to(own.device).unsqueeze(2).unbind(1)
        drawn = own + proximal(parameters, omega, self.config.utilitarian)
        drawn = drawn + proximal(parameters, omega_bar, self.config.egalitarian)
        holders = self.holders.to(own.device).unsqueeze(-1)
        return (torch.where(holders, drawn, own),)

    def apply(
        self, before: Tensor, after: Tensor, commons: Tensor, meeting: Meeting
    ) -> tuple[Tensor, Tensor]:
        """Pull to the models as they came to the meeting, then move omega by what members sent.

        The second pull starts where the first ended, as in the authors' code.  Of the weights it
        counts only who rides: who listens to others and is heard by none sends nothing.
        """
        config, alpha = self.config, self.config.rate
        omega, omega_bar = commons.unbind(1)
        reached = torch.ones_like(meeting.members) if config.pulled == "all" else meeting.members
        theta = after
        if not self.steers:
            theta = pull(theta, omega.unsqueeze(1), alpha * config.utilitarian)
            theta = pull(theta, omega_bar.unsqueeze(1), alpha * config.egalitarian)
            theta = torch.where(reached.unsqueeze(-1), theta, after)
        sent = theta
        if config.upload == "omega_up":
            sent = upload(omega.unsqueeze(1), theta, alpha * config.utilitarian)
        moved = aggregate(omega, sent, senders(meeting), config.federation_rate)
        moved = draw_together(moved, omega_bar, alpha * config.egalitarian)
        models = torch.stack((moved, omega_bar), 1)
        if self.steers:
            self.copies, self.holders = models, reached
        return theta, models

    def state(self) -> dict[str, Any]:
        """The copies that agents are drawn to, if there are any."""
        if self.copies is None:
            return {}
        return {"copies": self.copies, "holders": self.holders}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.copies, self.holders = state.get("copies"), state.get("holders")
