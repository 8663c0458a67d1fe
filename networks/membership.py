"""Who takes part in a federation: rules by name, with their settings.

Rules: everyone, half, lowest, nodes, bernoulli, returns; beside them any function of Python.
That all take part follows Dong et al. 2024, that half of them do Dong et al. 2025.  Their published
code takes the lowest; to draw them keeps the effect of taking part apart from that of a place.

Letters: R replicates, M agents of the cohort.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from commonweal.errors import BadSetting, BrokenContract
from commonweal.networks.federations import Roll
from commonweal.settings import Settings, setting

FADING = 0.1
"""Weight of the newest return in an agent's running mean, so that what it earned before it had
learned much fades"""


@dataclass(frozen=True, kw_only=True)
class MembershipConfig(Settings):
    """Settings that say who takes part."""

    members: str = setting(
        "everyone",
        "who takes part: everyone; half, a share of all drawn once; lowest, the first half and one "
        "more; nodes, those named; bernoulli, each by chance at each meeting; returns, each as it "
        "earned more inside or outside",
        choices=("everyone", "half", "lowest", "nodes", "bernoulli", "returns"),
        source="Dong et al. 2024",
    )
    share: float = setting(
        0.5,
        "share of agents that takes part, for half and bernoulli",
        low=0,
        high=1,
        source="Dong et al. 2025",
    )
    nodes: tuple[int, ...] = setting((), "nodes of the agents that take part, for nodes", low=0)
    temperature: float = setting(
        0.1, "difference of returns per round that matters, for returns", low=1e-6
    )

    def check(self) -> None:
        """Nodes are named where, and only where, they decide; a chance of nothing is no rule."""
        super().check()
        if self.members == "nodes" and not self.nodes:
            raise BadSetting(
                "members = 'nodes' with an empty list of nodes is a federation of nobody"
            )
        if self.nodes and self.members != "nodes":
            raise BadSetting(
                f"nodes are named, but members = {self.members!r} does not ask for them"
            )
        if len(set(self.nodes)) < len(self.nodes):
            raise BadSetting(f"nodes = {list(self.nodes)} names one more than once")
        if self.members == "bernoulli" and self.share == 0:
            raise BadSetting("members = 'bernoulli' with share = 0 is a federation of nobody")


class Membership(ABC):
    """A rule that says who takes part, and what it needs to know for it."""

    candidates: Tensor
    """[R, M] bool: who may ever take part as far as the rule goes"""

    def __init__(self, roll: Roll) -> None:
        self.roll = roll
        self.candidates = _all(roll)

    @abstractmethod
    def volunteers(self, returns: Tensor) -> Tensor:
        """Who takes part, [R, M] bool, given ``returns`` [R, M] per round since the last meeting."""

    def note(self, members: Tensor) -> None:  # noqa: B027
        """Learn who did take part, [R, M] bool, which somebody may have decided otherwise."""

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to know; nothing for a rule without memory."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


class Fixed(Membership):
    """The same agents at every meeting."""

    def __init__(self, roll: Roll, candidates: Tensor) -> None:
        super().__init__(roll)
        self.candidates = candidates

    def volunteers(self, returns: Tensor) -> Tensor:
        """The chosen."""
        return self.candidates

    def state(self) -> dict[str, Any]:
        """The chosen, who may have been drawn."""
        return {"candidates": self.candidates}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.candidates = state["candidates"].to(self.roll.device)


class Bernoulli(Membership):
    """Each by chance, anew at each meeting."""

    def __init__(self, roll: Roll, share: float) -> None:
        super().__init__(roll)
        self.share = share

    def volunteers(self, returns: Tensor) -> Tensor:
        """Each with probability `share`; it may be nobody for once."""
        return _chances(self.roll) < self.share


class Returns(Membership):
    """Each joins by chance, the more likely the more it earned inside than outside.

    The chances are a softmax of two running means of returns per round.  An agent tries both
    first: it was outside before the first meeting, and joins that one.
    """

    def __init__(self, roll: Roll, temperature: float) -> None:
        super().__init__(roll)
        self.temperature = temperature
        self.inside = ~self.candidates
        shape = (*self.candidates.shape, 2)
        self.earned = torch.zeros(shape, device=roll.device)
        """[R, M, 2]: running means outside and inside"""
        self.tried = torch.zeros(shape, dtype=torch.bool, device=roll.device)

    def volunteers(self, returns: Tensor) -> Tensor:
        """Whoever has not tried one of the two tries it; all others draw."""
        now = torch.stack((~self.inside, self.inside), -1)
        pace = torch.where(self.tried, FADING, 1.0)
        learned = self.earned + pace * (returns.unsqueeze(-1) - self.earned)
        self.earned = torch.where(now, learned, self.earned)
        self.tried = self.tried | now
        chance = torch.softmax(self.earned / self.temperature, -1)[..., 1]
        drawn = _chances(self.roll) < chance
        return torch.where(self.tried.all(-1), drawn, ~self.tried[..., 1])

    def note(self, members: Tensor) -> None:
        """What is earned from now on is earned inside or outside as they say."""
        self.inside = members

    def state(self) -> dict[str, Any]:
        """Where each is, and what it earned in both places."""
        return {"inside": self.inside, "earned": self.earned, "tried": self.tried}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.inside, self.earned, self.tried = (
            state[name].to(self.roll.device) for name in ("inside", "earned", "tried")
        )


class Called(Membership):
    """Whoever a function names: ``function(meeting, returns)`` is a mask [M] or [R, M]."""

    def __init__(self, roll: Roll, function: Callable[[int, Tensor], Tensor]) -> None:
        super().__init__(roll)
        self.function, self.meeting = function, 0

    def volunteers(self, returns: Tensor) -> Tensor:
        """What the function says, asked with the number of meetings that lie behind."""
        mask = self.function(self.meeting, returns)
        self.meeting += 1
        allowed = (returns.shape, returns.shape[1:])
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape not in allowed:
            given = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else repr(mask)
            raise BrokenContract(
                f"function {self.function.__name__} names members as {given}; "
                f"it must be a mask of bools {tuple(returns.shape)} or {tuple(returns.shape[1:])}"
            )
        return mask.expand_as(returns)

    def state(self) -> dict[str, Any]:
        """How often it was asked."""
        return {"meeting": self.meeting}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.meeting = state["meeting"]


def _everyone(config: MembershipConfig, roll: Roll) -> Membership:
    return Fixed(roll, _all(roll))


def _half(config: MembershipConfig, roll: Roll) -> Membership:
    # Rounding must not cost a member: 0.29 * 100 is a little less than 29.
    count = math.floor(config.share * roll.size + 1e-9)
    if not count:
        raise BadSetting(
            f"members = 'half' with share = {config.share} of {roll.size} agents is a federation of "
            f"nobody; the share must be at least 1 / {roll.size}"
        )
    return Fixed(roll, lowest(_chances(roll), count))


def _lowest(config: MembershipConfig, roll: Roll) -> Membership:
    first = torch.arange(roll.size, device=roll.device) <= roll.size // 2
    return Fixed(roll, first.expand(roll.replicates, -1))


def _nodes(config: MembershipConfig, roll: Roll) -> Membership:
    known = roll.nodes.tolist()
    strangers = sorted(set(config.nodes) - set(known))
    if strangers:
        raise BadSetting(
            f"nodes = {list(config.nodes)} names strangers, {_listed(strangers)}; "
            f"those who may federate are {_listed(known)}"
        )
    named = torch.isin(roll.nodes, torch.tensor(config.nodes, device=roll.device))
    return Fixed(roll, named.expand(roll.replicates, -1))


def _bernoulli(config: MembershipConfig, roll: Roll) -> Membership:
    return Bernoulli(roll, config.share)


def _returns(config: MembershipConfig, roll: Roll) -> Membership:
    return Returns(roll, config.temperature)


MEMBERSHIPS: dict[str, Callable[[MembershipConfig, Roll], Membership]] = {
    "everyone": _everyone,
    "half": _half,
    "lowest": _lowest,
    "nodes": _nodes,
    "bernoulli": _bernoulli,
    "returns": _returns,
}


def lowest(values: Tensor, count: int) -> Tensor:
    """Where the ``count`` lowest of each row stand, [R, M] -> [R, M] bool."""
    return values.argsort(-1).argsort(-1) < count


def _all(roll: Roll) -> Tensor:
    return torch.ones(roll.replicates, roll.size, dtype=torch.bool, device=roll.device)


def _chances(roll: Roll) -> Tensor:
    """One number of each agent, uniform on [0, 1)."""
    return torch.rand(roll.replicates, roll.size, generator=roll.generator, device=roll.device)


def _listed(nodes: list[int]) -> str:
    """Numbers in order, runs of them in short: 0-3, 7."""
    runs: list[list[int]] = []
    for node in sorted(nodes):
        if runs and runs[-1][-1] == node - 1:
            runs[-1][1:] = [node]
        else:
            runs.append([node])
    return ", ".join("-".join(map(str, run)) for run in runs)
