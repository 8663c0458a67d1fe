"""The charter of a voluntary federation: who takes part, and who listens to whom.

Charters: Voluntary, and those that `chosen_by` makes of a function.  Dong et al. 2025 let agents
take part or not, in federations of several shapes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.networks.federations import Charter, Roll
from commonweal.networks.membership import MEMBERSHIPS, Called, Membership, MembershipConfig, lowest
from commonweal.networks.shapes import SHAPES, ShapeConfig
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class VoluntaryConfig(MembershipConfig, ShapeConfig):
    """Settings of a federation."""

    every: int = setting(1, "updates of the learners from one meeting to the next", low=1)
    riders: int = setting(
        0, "members, drawn once, that listen to others without being listened to", low=0
    )

    def check(self) -> None:
        """There is nothing to ride on where nobody listens."""
        super().check()
        if self.riders and self.shape == "none":
            raise BadSetting(
                f"riders = {self.riders} with shape = 'none': nobody listens to anybody"
            )


class Voluntary(Charter):
    """Members as `membership` says, weights as `shapes` say."""

    Config = VoluntaryConfig

    def __init__(self, config: VoluntaryConfig, roll: Roll) -> None:
        super().__init__(config, roll)
        self.membership = self.found(config, roll)
        self.shape = SHAPES[config.shape](config, roll)
        self.riders = self._drawn(config.riders)

    def found(self, config: VoluntaryConfig, roll: Roll) -> Membership:
        """The rule that says who takes part."""
        return MEMBERSHIPS[config.members](config, roll)

    @property
    def every(self) -> int:
        """Updates from one meeting to the next."""
        return self.config.every

    @property
    def candidates(self) -> Tensor:
        """Those whom the rule of membership may name."""
        return self.membership.candidates

    @property
    def neighbourly(self) -> bool:
        """True along the graph, and in communities of it."""
        return self.config.shape in ("graph", "communities")

    def volunteers(self, returns: Tensor) -> Tensor:
        """Those whom the rule of membership names."""
        return self.membership.volunteers(returns)

    def weigh(self, members: Tensor) -> Tensor:
        """Weights of the shape among the members, riders unheard."""
        self.membership.note(members)
        weights = self.shape.weigh(members)
        return unheard(weights, self.riders) if self.config.riders else weights

    def state(self) -> dict[str, Any]:
        """What its parts know, and who rides."""
        return {
            "membership": self.membership.state(),
            "shape": self.shape.state(),
            "riders": self.riders,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.membership.load(state["membership"])
        self.shape.load(state["shape"])
        self.riders = state["riders"].to(self.roll.device)

    def _drawn(self, count: int) -> Tensor:
        """[R, M] bool: ``count`` of those who may take part."""
        roll, able = self.roll, self.membership.candidates
        least = int(able.sum(-1).min())
        if count and count >= least:
            raise BadSetting(
                f"riders = {count} of {least} members leave nobody to listen to; "
                f"at most {least - 1} can ride"
            )
        drawn = torch.rand(able.shape, generator=roll.generator, device=roll.device)
        return lowest(drawn.masked_fill(~able, 2.0), count)


def unheard(weights: Tensor, riders: Tensor) -> Tensor:
    """Weights [R, M, M] where nobody listens to ``riders`` [R, M] but they themselves.

    Who would have listened to them keeps that weight for itself, so that rows, but no longer
    columns, sum to one.
    """
    own = torch.eye(weights.shape[-1], dtype=torch.bool, device=weights.device)
    lost = weights.masked_fill(~riders.unsqueeze(1) | own, 0.0)
    return weights - lost + torch.diag_embed(lost.sum(-1))


def chosen_by(function: Callable[[int, Tensor], Tensor]) -> type[Voluntary]:
    """A charter whose members a function names, for scripts.

    ``function(meeting, returns)``, with the number of meetings that lie behind and ``returns``
    [R, M] per round since the last, returns a mask of bools [M] or [R, M].  Its setting ``members``
    decides nothing.
    """

    class Chosen(Voluntary):
        """Members as a function says, weights as `shapes` say."""

        def found(self, config: VoluntaryConfig, roll: Roll) -> Membership:
            """The function."""
            return Called(roll, function)

    return Chosen
