"""Inequity aversion: it hurts to have less than the neighbours, and to have more (Hughes et al. 2018).

What is compared are traces of what the rules paid over the last rounds, so that it does not matter
in which of them it was paid.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.preferences.base import Income, Preference
from commonweal.errors import BrokenContract
from commonweal.settings import Settings, setting

PAPER = "Hughes et al. 2018"
LIO = "Yang et al. 2020, inequity-averse baseline"


@dataclass(frozen=True, kw_only=True)
class InequityConfig(Settings):
    """Settings of inequity aversion; the defaults are those of the advantageous kind."""

    alpha: float = setting(
        0.0, "aversion to having less, disadvantageous inequity", low=0, high=1e6, source=LIO
    )
    beta: float = setting(
        0.05, "aversion to having more, advantageous inequity", low=0, high=1e6, source=PAPER
    )
    trace: float = setting(0.95, "weight lambda of earlier rounds", low=0, high=1, source=LIO)
    discount: float = setting(0.99, "discount gamma of the traces", low=0, high=1, source=PAPER)
    variant: str = setting(
        "published",
        "published: the formula of the paper; open_source: rewards of the round alone, and having "
        "more is rewarded, by a sign error in the public code of sequential social dilemmas",
        choices=("published", "open_source"),
    )


def averse(
    rewards: Tensor, own: Tensor, others: Tensor, there: Tensor, alpha: float, beta: float
) -> Tensor:
    """Utility ``r_i - alpha / n sum_j max(e_j - e_i, 0) - beta / n sum_j max(e_i - e_j, 0)``, [...].

    ``rewards`` r_i [...]; ``own`` and ``others`` are the traces e_i [...] and e_j [..., D] that are
    compared; ``there`` [..., D] bool says where a neighbour stands, n of them.  Who is alone compares
    itself to nobody.  Source: Hughes et al. 2018, where the others are all N - 1.
    """
    gap = (others - own.unsqueeze(-1)) * there
    less, more = gap.clamp(min=0).sum(-1), (-gap).clamp(min=0).sum(-1)
    return rewards - (alpha * less + beta * more) / there.sum(-1).clamp(min=1)


def reversed_aversion(
    rewards: Tensor, others: Tensor, there: Tensor, alpha: float, beta: float
) -> Tensor:
    """Utility ``r_i - (alpha sum_j max(r_j - r_i, 0) + beta sum_j min(r_j - r_i, 0)) / n``, [...].

    The public code of sequential social dilemmas subtracts beta times differences that are negative
    themselves, so that being ahead by x of all others adds ``beta x``.
    """
    return averse(rewards, rewards, others, there, alpha, -beta)


@final
class InequityAversion(Preference):
    """Own reward and what was moved, less what the comparison with the neighbours in view costs.

    Only what the rules paid is compared.  Traces ``e <- gamma lambda e + r`` take in the present
    round, run for everybody, and begin anew with every episode.
    """

    Config = InequityConfig

    def __init__(
        self, config: InequityConfig, members: int, agents: int, generator: torch.Generator
    ) -> None:
        super().__init__(config, members, agents, generator)
        self.device = generator.device
        self.traces = torch.zeros(1, agents, device=self.device)
        """[L, N], or [1, N] before the first round"""

    def utility(self, income: Income) -> Tensor:
        """To be asked for once a round; it moves the traces on."""
        c, near = self.config, income.near
        if near is None:
            raise BrokenContract(
                "InequityAversion compares what builds up from round to round among neighbours, "
                "and games that are differentiated instead of played have none"
            )
        rewards, members = income.rewards, income.members
        there, view = near.mask[members], near.view[members]
        if c.variant == "open_source":
            wanted = reversed_aversion(rewards, income.everyone[:, view], there, c.alpha, c.beta)
            return wanted + income.moved
        traces = c.discount * c.trace * self.traces + income.everyone
        wanted = averse(rewards, traces[:, members], traces[:, view], there, c.alpha, c.beta)
        self.traces = traces if income.ended is None else traces * ~income.ended.unsqueeze(-1)
        return wanted + income.moved

    def state(self) -> dict[str, Any]:
        """The traces."""
        return {"traces": self.traces}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.traces = state["traces"].to(self.device)
