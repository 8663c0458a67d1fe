"""Incentives: rewards that agents hand to their neighbours on top of what the rules pay them.

After each round agent i may reward its neighbour j for what it saw j do, with anything between nothing
and ``most``.  Who gives does not pay: the reward is new, so ``r_j^tot = r_j + sum_i r_ij`` and the
rewards that are moved do not sum to zero.  What giving costs is a matter of how givers learn.
Source: Yang et al. 2020, learning to incentivize other learning agents (LIO).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.errors import BrokenContract
from commonweal.networks.accounts import SLACK, Accounts
from commonweal.networks.ledgers import LEDGERS
from commonweal.records import Experience, Indicators, Layer
from commonweal.settings import Settings, setting
from commonweal.spaces import Box


@dataclass(frozen=True, kw_only=True)
class IncentiveConfig(Settings):
    """Settings of the incentive ledger."""

    most: float = setting(
        3.0,
        "largest reward R_max that one agent can give another in a round",
        low=0,
        source="Yang et al. 2020, released for the iterated dilemma",
    )


@LEDGERS.register("incentives")
class IncentiveLedger(Accounts):
    """Who rewards whom, by which part of the most it can: last round, this episode, and ever."""

    Config = IncentiveConfig
    heads = {"incentivise": Box(0.0, 1.0)}
    headings = ("rewards it", "is rewarded by it", "receives")
    averages = ("rewards on average", "is rewarded on average")
    conserved = False

    @property
    def handed(self) -> Tensor:
        """[L, E]: reward that the source of an edge gave its target in the last round."""
        return self.config.most * self.acts

    def record(self, acts: dict[str, Tensor], experience: Experience) -> Tensor:
        """Write down who rewards whom; what is moved is what is received, as nobody pays for it.

        Raises:
            BrokenContract: if an act lies outside [0, 1].
        """
        parts = acts["incentivise"] * self.giving
        if not -SLACK <= parts.amin() <= parts.amax() <= 1 + SLACK:
            raise BrokenContract(
                f"incentives: parts of the most lie between {parts.min():g} and {parts.max():g}; "
                "none may lie outside [0, 1]"
            )
        self.write(parts)
        self.book(self.handed)
        return self.standing()

    def layers(self) -> dict[str, Layer]:
        """Rewards given and received in the last round, summed over neighbours."""
        given, received = self.near.sum(self.handed), self.standing()
        high = max(self.config.most, given.max().item(), received.max().item())
        return {
            "incentives_given": Layer(given, 0.0, high),
            "incentives_received": Layer(received, 0.0, high),
        }

    def indicators(self, experience: Experience) -> Indicators:
        """What a neighbour gets for action 0, the cooperative one, and for any other."""
        near, played = self.near, experience.played
        if played.is_floating_point():
            return {}
        giving = torch.zeros_like(self.acts)
        giving[:, self.places] = 1.0
        good = giving * (played[:, near.target] == 0)
        return {
            "incentive_for_C": ((self.handed * good).sum(-1), good.sum(-1)),
            "incentive_for_D": ((self.handed * (giving - good)).sum(-1), (giving - good).sum(-1)),
        }

    def links(self) -> dict[str, Tensor]:
        """The reward on every link of a giver, [L, N, D]."""
        return {"incentive": self.near.each(self.handed)}
