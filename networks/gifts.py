"""Gifts: the shares of their own rewards that agents pass on to their neighbours.

In every round agent i gives its neighbour j the share w_ij of what the rules pay i in that round;
what is not given is kept, ``w_ii = 1 - sum_j w_ij``.  Gifts that were received are not passed on, so
``r_i^tot = sum_j w_ji r_j`` and nothing is gained or lost.  A share of a loss is a share of the
loss.  Source: Kong et al. 2024, zero-sum gifting.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.errors import BrokenContract
from commonweal.networks.accounts import SLACK, Accounts
from commonweal.networks.ledgers import LEDGERS
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Experience, Indicators, Layer
from commonweal.settings import Settings, setting
from commonweal.spaces import Shares


@dataclass(frozen=True, kw_only=True)
class GiftConfig(Settings):
    """Settings of the gift ledger."""

    gift_positive_only: bool = setting(
        False, "give of gains only; by the paper's formula losses are shared as well"
    )


def settled(gifts: Tensor, near: Neighbourhoods) -> Tensor:
    """What ``gifts`` [L, E] from the source of each edge to its target add to each reward, [L, N].

    ``r_i^tot - r_i = sum_j w_ji r_j - sum_j w_ij r_i`` with gifts ``w_ij r_i``.
    Source: Kong et al. 2024, zero-sum gifting.
    """
    return near.sum(gifts[:, near.reverse]) - near.sum(gifts)


@LEDGERS.register("gifts")
class GiftLedger(Accounts):
    """Who gives which share of its reward to whom: last round, this episode, and ever."""

    Config = GiftConfig
    heads = {"give": Shares()}
    headings = ("gives it", "gets from it", "receives")
    averages = ("gives on average", "gets on average")

    def record(self, acts: dict[str, Tensor], experience: Experience) -> Tensor:
        """Write down who gives which share, and move the rewards.

        Raises:
            BrokenContract: if a share is negative, or the shares of an agent exceed 1.
        """
        given = acts["give"] * self.giving
        worst = torch.maximum(given.sum(-1).amax() - 1, -given.amin())
        if not worst <= SLACK:
            raise BrokenContract(
                f"gifts: shares of one agent lie between {given.min():g} and {given.max():g} and sum "
                f"to at most {given.sum(-1).max():g}; none may be negative, nor their sum exceed 1"
            )
        self.write(given)
        rewards = experience.outcome.rewards
        if self.config.gift_positive_only:
            rewards = rewards.clamp(min=0)
        gifts = self.acts * rewards[:, self.near.source]
        self.book(gifts)
        return settled(gifts, self.near)

    def layers(self) -> dict[str, Layer]:
        """Shares given and received in the last round, summed over neighbours."""
        received = self.standing()
        high = max(1.0, received.max().item())
        given = self.near.sum(self.acts)
        return {"given": Layer(given, 0.0, 1.0), "received": Layer(received, 0.0, high)}

    def indicators(self, experience: Experience) -> Indicators:
        """Share of the reward that givers pass on, and how far gifts are mutual.

        ``reciprocity`` is ``sum min(w_ij, w_ji) / sum w_ij`` (Squartini et al. 2013).
        """
        near, shares, givers = self.near, self.acts, self.givers.float()
        given = (near.sum(shares) * givers).sum(-1)
        mutual = torch.minimum(shares, shares[:, near.reverse]).sum(-1)
        return {
            "given": (given, givers.sum().expand_as(given)),
            "reciprocity": (mutual, shares.sum(-1)),
        }

    def links(self) -> dict[str, Tensor]:
        """The weight of every link of a giver, [L, N, D]."""
        return {"gift_weight": self.near.each(self.acts)}
