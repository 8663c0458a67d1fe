"""Who listens to whom in a federation: shapes by name, with their settings.

Shapes: complete, none, halves, overlapping, ring, graph, communities, birkhoff.  Disjoint and
overlapping federations are those that Dong et al. 2025 compare; they do not say how groups that
overlap are drawn, and their published code has a ring in their place.  Communities are found by
the method of Blondel et al. 2008.

Every shape is laid over those who take part: rows and columns of weights sum to one, and those of
all others are of the identity.

Letters: R replicates, M agents of the cohort, G groups of one agent, P permutations.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import networkx as nx
import torch
from torch import Tensor

from commonweal.networks import consensus
from commonweal.networks.federations import Roll
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ShapeConfig(Settings):
    """Settings that say who listens to whom."""

    shape: str = setting(
        "complete",
        "who listens to whom: complete, all to all; none; halves, two parts drawn once; overlapping, "
        "groups drawn at each meeting; ring; graph, neighbours in the world; communities of that "
        "graph; birkhoff, to others drawn at each meeting who need not listen back",
        choices=(
            *("complete", "none", "halves", "overlapping"),
            *("ring", "graph", "communities", "birkhoff"),
        ),
        source="Dong et al. 2025",
    )
    weight: float = setting(
        0.1,
        "weight of all others together, for ring and birkhoff",
        low=0,
        high=1,
        source="Dong et al. 2025, published code",
    )
    reach: int = setting(
        2,
        "others heard on either side of a ring, or permutations that birkhoff mixes",
        low=1,
        source="Dong et al. 2025, published code",
    )
    groups: int = setting(2, "groups that each member joins, for overlapping", low=1)
    group_size: int = setting(3, "members of such a group, as nearly as they divide", low=2)


class Shape(ABC):
    """A rule that says how much members listen to each."""

    steady: ClassVar[bool] = True
    """whether the same members always get the same weights"""

    def __init__(self, roll: Roll) -> None:
        self.roll = roll
        self._last: tuple[Tensor, Tensor] | None = None

    def weigh(self, members: Tensor) -> Tensor:
        """[R, M, M] weights among ``members`` [R, M] bool; a steady shape keeps them."""
        if not self.steady:
            return self._weigh(members).float()
        if self._last is None or not torch.equal(members, self._last[0]):
            self._last = members.clone(), self._weigh(members).float()
        return self._last[1]

    @abstractmethod
    def _weigh(self, members: Tensor) -> Tensor:
        """The same, worked out anew."""

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to know; nothing for a shape without memory."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


class Nobody(Shape):
    """All listen to themselves."""

    def _weigh(self, members: Tensor) -> Tensor:
        return torch.diag_embed(torch.ones_like(members, dtype=torch.float64))


class Cliques(Shape):
    """All who carry the same label [R, M] listen equally to each other."""

    def __init__(self, roll: Roll, labels: Tensor) -> None:
        super().__init__(roll)
        self.labels = labels

    def _weigh(self, members: Tensor) -> Tensor:
        return consensus.uniform_cliques(self.labels, members)

    def state(self) -> dict[str, Any]:
        """The labels, which may have been drawn."""
        return {"labels": self.labels}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.labels, self._last = state["labels"].to(self.roll.device), None


class Ring(Shape):
    """Members sit in a circle, in the order of their nodes, and hear the next on either side."""

    def __init__(self, roll: Roll, weight: float, reach: int) -> None:
        super().__init__(roll)
        self.weight, self.reach = weight, reach

    def _weigh(self, members: Tensor) -> Tensor:
        return consensus.rings(members, self.weight, self.reach)


class Along(Shape):
    """Members hear those whom they meet in the world."""

    def __init__(self, roll: Roll) -> None:
        super().__init__(roll)
        self.links = consensus.links(roll.graph()).to(roll.device)

    def _weigh(self, members: Tensor) -> Tensor:
        return consensus.metropolis(self.links & _pairs(members))


class Overlapping(Shape):
    """Members hear those with whom they share a group; groups are drawn at each meeting.

    For each of an agent's groups all members are parted anew into groups of nearly equal size.
    """

    steady = False

    def __init__(self, roll: Roll, groups: int, size: int) -> None:
        super().__init__(roll)
        self.groups, self.size = groups, size

    def _weigh(self, members: Tensor) -> Tensor:
        drawn = _drawn(self.roll, self.groups)
        place = drawn.masked_fill(~members.unsqueeze(1), 2.0).argsort(-1).argsort(-1)
        many = members.sum(-1)[:, None, None].clamp(min=1)
        # The nearest number of groups; the fewer of two as near, so that nobody is alone in one.
        parts = ((2 * many + self.size - 1) // (2 * self.size)).clamp(min=1)
        label = place * parts // many
        together = (label.unsqueeze(-1) == label.unsqueeze(-2)).any(1) & _pairs(members)
        return consensus.metropolis(together)


class Birkhoff(Shape):
    """Members keep most of their own, and hear those whom random permutations name."""

    steady = False

    def __init__(self, roll: Roll, weight: float, count: int) -> None:
        super().__init__(roll)
        self.shares = (1 - weight, *[weight / count] * count)

    def _weigh(self, members: Tensor) -> Tensor:
        drawn = _drawn(self.roll, len(self.shares) - 1)
        outside = ~members.unsqueeze(1).expand_as(drawn)
        # Members come first in both orders, and all others last, where they stand.
        order = drawn.masked_fill(outside, 2.0).argsort(dim=-1, stable=True)
        base = outside.byte().argsort(dim=-1, stable=True)
        own = torch.arange(self.roll.size, device=members.device)
        permutations = torch.zeros_like(base).scatter(-1, base, order)
        permutations = torch.cat((own.expand_as(permutations[:, :1]), permutations), 1)
        return consensus.birkhoff(permutations, self.shares)


def _complete(config: ShapeConfig, roll: Roll) -> Shape:
    own = torch.zeros(roll.replicates, roll.size, dtype=torch.int64, device=roll.device)
    return Cliques(roll, own)


def _none(config: ShapeConfig, roll: Roll) -> Shape:
    return Nobody(roll)


def _halves(config: ShapeConfig, roll: Roll) -> Shape:
    place = _drawn(roll, 1)[:, 0].argsort(-1).argsort(-1)
    return Cliques(roll, (place < roll.size // 2).long())


def _communities(config: ShapeConfig, roll: Roll) -> Shape:
    graph = roll.graph()
    seeds = torch.randint(2**31, (roll.replicates,), generator=roll.generator, device=roll.device)
    labels = torch.zeros(roll.replicates, roll.size, dtype=torch.int64)
    for replicate, seed in enumerate(seeds.tolist()):
        found = nx.community.louvain_communities(graph, seed=seed)
        for label, community in enumerate(found):
            labels[replicate, sorted(community)] = label
    return Cliques(roll, labels.to(roll.device))


def _overlapping(config: ShapeConfig, roll: Roll) -> Shape:
    return Overlapping(roll, config.groups, config.group_size)


def _ring(config: ShapeConfig, roll: Roll) -> Shape:
    return Ring(roll, config.weight, config.reach)


def _graph(config: ShapeConfig, roll: Roll) -> Shape:
    return Along(roll)


def _birkhoff(config: ShapeConfig, roll: Roll) -> Shape:
    return Birkhoff(roll, config.weight, config.reach)


SHAPES: dict[str, Callable[[ShapeConfig, Roll], Shape]] = {
    "complete": _complete,
    "none": _none,
    "halves": _halves,
    "overlapping": _overlapping,
    "ring": _ring,
    "graph": _graph,
    "communities": _communities,
    "birkhoff": _birkhoff,
}


def _drawn(roll: Roll, count: int) -> Tensor:
    """``count`` numbers of each agent, uniform on [0, 1), [R, count, M]."""
    shape = (roll.replicates, count, roll.size)
    return torch.rand(shape, generator=roll.generator, device=roll.device)


def _pairs(members: Tensor) -> Tensor:
    """[R, M] -> [R, M, M] bool: where two different members meet."""
    others = ~torch.eye(members.shape[-1], dtype=torch.bool, device=members.device)
    return members.unsqueeze(-1) & members.unsqueeze(-2) & others
