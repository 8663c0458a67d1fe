"""Fair efficiency: much for all on average, and for oneself neither less nor more (Jiang and Lu 2019).

Meant for rewards that are not negative: agents are compared by how many times the average they got.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.preferences.base import Income, Preference
from commonweal.settings import Settings, setting

PAPER = "Jiang and Lu 2019"


@dataclass(frozen=True, kw_only=True)
class FairEfficiencyConfig(Settings):
    """Settings of fair efficiency."""

    most: float = setting(
        0.0,
        "mean reward c of a round that counts as full efficiency, and more adds nothing; 0 = efficiency "
        "is the mean reward itself",
        low=0,
        source="Zimmer et al. 2021, public code of their baselines",
    )
    slack: float = setting(0.1, "deviation epsilon at which half is lost", low=1e-9, source=PAPER)


def compared(means: Tensor, most: float) -> tuple[Tensor, Tensor]:
    """Deviations ``u_i / mean_j u_j - 1`` [..., N] and efficiency ``min(mean_j u_j / most, 1)`` [..., 1].

    ``means`` u [..., N] are mean rewards; nobody deviates where their average is 0.  Where ``most`` is 0,
    efficiency is that average.
    """
    average = means.mean(-1, keepdim=True)
    nothing = average == 0
    deviation = torch.where(nothing, 0.0, means / torch.where(nothing, 1.0, average) - 1)
    return deviation, (average / most).clamp(max=1) if most else average


def fair_efficient(deviation: Tensor, efficiency: Tensor, slack: float) -> Tensor:
    """Reward ``efficiency / (slack + |deviation|)``, all [...] (Jiang and Lu 2019, eq. 1)."""
    return efficiency / (slack + deviation.abs())


class Means:
    """Mean rewards so far in the episode of N agents in L lanes; those of all, without gossip."""

    def __init__(self, agents: int, device: torch.device) -> None:
        self.device = device
        self.total = torch.zeros(1, agents, device=device)
        """[L, N], or [1, N] before the first round"""
        self.rounds = torch.zeros(1, 1, device=device)
        """[L, 1] likewise"""

    @property
    def before(self) -> Tensor:
        """Means [L, N] of the rounds so far, 0 where there was none."""
        return self.total / self.rounds.clamp(min=1)

    def after(self, rewards: Tensor) -> Tensor:
        """Means [L, N] when a round has brought ``rewards`` [L, N], before any restart."""
        return (self.total + rewards) / (self.rounds + 1)

    def pass_on(self, rewards: Tensor, ended: Tensor | None) -> None:
        """Go on to the next round; lanes that ``ended`` [L] begin anew."""
        goes_on = 1.0 if ended is None else (~ended).float().unsqueeze(-1)
        self.total = (self.total + rewards) * goes_on
        self.rounds = (self.rounds + torch.ones_like(rewards[:, :1])) * goes_on

    def state(self) -> dict[str, Any]:
        """Sums and numbers of rounds."""
        return {"total": self.total, "rounds": self.rounds}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.total, self.rounds = (state[name].to(self.device) for name in ("total", "rounds"))


@final
class FairEfficiency(Preference):
    """The fair-efficient reward of mean rewards so far in the episode, the present round included.

    Everybody in the world counts, whatever its kind; what ledgers move is left out.
    """

    Config = FairEfficiencyConfig

    def __init__(
        self, config: FairEfficiencyConfig, members: int, agents: int, generator: torch.Generator
    ) -> None:
        super().__init__(config, members, agents, generator)
        self.means = Means(agents, generator.device)

    def utility(self, income: Income) -> Tensor:
        """To be asked for once a round; it moves the means on."""
        deviation, efficiency = compared(self.means.after(income.everyone), self.config.most)
        self.means.pass_on(income.everyone, income.ended)
        return fair_efficient(deviation, efficiency, self.config.slack)[:, income.members]

    def state(self) -> dict[str, Any]:
        """The means."""
        return self.means.state()

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.means.load(state)
