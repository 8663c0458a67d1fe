"""What ties the agents of a cohort while they learn: their federation, and what passes within it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from commonweal.agents.learners.base import Mind, unshared
from commonweal.errors import BadSetting
from commonweal.networks.federations import Federation, Meeting, Roll
from commonweal.records import Indicators

if TYPE_CHECKING:
    from commonweal.agents.cohort import Cohort


class Ties:
    """A federation of M agents in R replicates, its exchange, and what they earned since they met.

    Only agents of one cohort federate, since only like networks can be mixed.
    """

    def __init__(self, cohort: Cohort) -> None:
        place, kind, config = cohort.place, cohort.kind, cohort.config
        self.horizon = place.spec.horizon
        self.members, self.shape = cohort.members, (place.replicates, len(cohort.members), -1)
        # A stream of its own, so that charters leave what learners draw as it is.
        generator = place.streams.torch(f"charter/{cohort.name}", place.device)
        roll = Roll(cohort.members, place.replicates, place.near, generator)
        charter = getattr(config, "charter", None) or kind.charter.Config()
        self.federation = Federation(kind.charter(charter, roll), roll)
        if self.federation.charter.neighbourly and not place.spec.lasting:
            raise BadSetting(
                f"agent {cohort.name}: its federation follows the graph, which here is drawn anew in "
                "every round"
            )
        self.exchange = kind.exchange(getattr(config, "exchange", None) or kind.exchange.Config())
        self.earned = torch.zeros(self.shape[:2], device=place.device)
        """[R, M]: utility since the last meeting, the mean over lanes"""
        self.met = 0
        """rounds that lay behind when the members last met"""
        self.inside = self.federation.members
        """[R, M] bool: who took part in the last round, before any meeting at its end"""
        self.gap = torch.zeros(place.replicates, device=place.device)
        """[R]: how far the members were from their mean when they last met"""

    def admit(self, name: str, minds: dict[str, Mind]) -> None:
        """Raise `BadSetting` if the minds of agent ``name`` cannot share as its exchange wants."""
        for head, mind in minds.items() if self.federation.active else ():
            if not mind.learns:
                continue
            who = f"its learner {type(mind).__name__} of {head!r}"
            if mind.travelling() is None:
                raise BadSetting(f"agent {name}: {who} has no parameters to share in a federation")
            if self.exchange.steers and not mind.sees_gradients:
                raise BadSetting(
                    f"agent {name}: its exchange needs gradients, and {who} has none to show; "
                    "let it exchange parameters"
                )
            commons = mind.commons()
            if self.exchange.commons > (0 if commons is None else commons.shape[1]):
                raise BadSetting(
                    f"agent {name}: its exchange {type(self.exchange).__name__} needs "
                    f"{self.exchange.commons} common models, and {who} keeps none"
                )
            if commons is not None and commons.shape[2] != mind.travelling().shape[1]:
                raise BadSetting(
                    f"agent {name}: {who} has networks of {mind.travelling().shape[1]} parameters and "
                    f"common models of {commons.shape[2]}; only like networks can federate"
                )

    def earn(self, utility: Tensor) -> None:
        """Take note of what a round brought the agents, [L, M]."""
        self.inside = self.federation.members
        self.earned = self.earned + utility.unflatten(0, (self.shape[0], -1)).mean(1)
        self.federation.rounds += 1

    @contextmanager
    def studying(self, head: str, mind: Mind) -> Iterator[None]:
        """Let a mind study as the federation does, and its agents share what came of it."""
        if not self.federation.active:
            yield
            return
        meeting, stack = self._meeting(head), mind.travelling()
        before = None if meeting is None else stack.clone().view(self.shape)
        if self.exchange.steers:
            mind.sharing = lambda own, at: tuple(
                gradient.flatten(0, 1)
                for gradient in self.exchange.gradients(
                    own.view(self.shape), at.view(self.shape), meeting
                )
            )
        yield
        mind.sharing = unshared
        if meeting is None:
            return
        commons, after = mind.commons(), stack.clone().view(self.shape)
        models = after[:, :0] if commons is None else commons.clone()
        parameters, models = self.exchange.apply(before, after, models, meeting)
        stack.copy_(parameters.view(stack.shape))
        if commons is not None:
            commons.copy_(models)
        self.gap = consensus_gap(parameters, meeting.members)

    def _meeting(self, head: str) -> Meeting | None:
        """The meeting that is on while a head studies, if one is due."""
        federation, since = self.federation, self.federation.rounds - self.met
        if not federation.due(head):
            return None
        if not since:  # another head has studied in this round: the same people meet
            return Meeting(federation.members, federation.weights)
        meeting = federation.meet(self.earned / since, head, self.exchange.what)
        self.earned, self.met = torch.zeros_like(self.earned), federation.rounds
        return meeting

    def indicators(self, rewards: Tensor) -> Indicators:
        """How members and outsiders fare, and what the federation does; empty if there is none.

        ``rewards`` [L, N].  Returns are per agent and episode, or per round where none ends;
        ``meetings`` are per episode likewise; ``consensus_gap`` is that of the last meeting.
        """
        if not self.federation.active:
            return {}
        own = rewards[:, self.members]
        lanes = len(own) // self.shape[0]
        inside = self.inside.repeat_interleave(lanes, 0).float()
        outside, per = 1 - inside, 1 / (self.horizon or 1)
        one = torch.ones_like(own[:, 0])
        meets = one * (self.met == self.federation.rounds and self.met > 0)
        return {
            "return_members": ((own * inside).sum(1), inside.sum(1) * per),
            "return_outsiders": ((own * outside).sum(1), outside.sum(1) * per),
            "meetings": (meets, one * per),
            "membership": (inside.mean(1), one),
            "consensus_gap": (self.gap.repeat_interleave(lanes), one),
        }

    def state(self) -> dict[str, Any]:
        """Federation, exchange, and what was earned since."""
        return {
            "federation": self.federation.state(),
            "exchange": self.exchange.state(),
            "earned": self.earned,
            "met": self.met,
            "gap": self.gap,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.federation.load(state["federation"])
        self.exchange.load(state["exchange"])
        self.earned, self.gap = (state[name].to(self.gap.device) for name in ("earned", "gap"))
        self.met = state["met"]


def consensus_gap(parameters: Tensor, members: Tensor) -> Tensor:
    """Largest distance of a member's parameters from their mean, squared, [R]; 0 without members.

    ``max_i |mean_j theta_j - theta_i|^2`` of ``parameters`` [R, M, P] among ``members`` [R, M] bool.
    Source: Dong et al. 2025, theorem 2.
    """
    inside = members.unsqueeze(-1).to(parameters.dtype)
    mean = (parameters * inside).sum(1, keepdim=True) / inside.sum(1, keepdim=True).clamp(min=1)
    return ((parameters - mean) * inside).square().sum(-1).amax(1)
