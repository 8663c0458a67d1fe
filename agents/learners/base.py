"""The contract of a mind: the part of a cohort that owns one head of its agents' decisions.

Rows are ordered by slot, [K, B, ...]: K slots (one per agent and replicate), B rows each
(its lanes, and for social heads its neighbours in every lane).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.scene import Scene
from commonweal.networks.ledgers import Ledger
from commonweal.records import Beliefs, Experience, Percept
from commonweal.settings import Settings
from commonweal.spaces import WorldSpec


@dataclass(frozen=True)
class Company:
    """Among whom the slots of a mind live: K = R * M of them in L = R * B lanes."""

    spec: WorldSpec
    members: Tensor
    """[M] int64: nodes of the cohort"""
    agents: int
    """N"""
    replicates: int
    """R"""
    wants: Callable[[Tensor], Tensor]
    """what everybody earns [L, N] -> what the members make of it [L, M], differentiable"""
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    """the ledgers of the society, by name"""
    minds: dict[str, "Mind"] = field(default_factory=dict)
    """head -> mind of the same agents, as far as they are made"""
    overview: int = 0
    """S, width of the state of the whole world; 0 for kinds that do not oversee it"""


@dataclass(frozen=True)
class Seat:
    """Where a mind sits: sizes, company, device and its own stream of randomness."""

    inputs: int
    """F, width of what it reads"""
    actions: int
    """A, or the size of a continuous action"""
    slots: int
    """K"""
    lanes: int
    """lanes per replicate"""
    neighbours: int
    """D, rows per lane of a social head"""
    generator: torch.Generator
    device: torch.device
    company: Company


@dataclass(frozen=True)
class Note:
    """One step as one head remembers it; all rows [K, B]."""

    seen: dict[str, Percept]
    acts: Tensor
    utility: Tensor
    ended: Tensor
    truncated: Tensor
    """where the episode ended although something follows, which so counts"""
    following: Callable[[], dict[str, Percept]]
    """what the same rows show next, before any restart; worked out only if asked for"""
    experience: Experience
    """the whole step, with everybody's moves and rewards, by lane"""
    penalty: Tensor | None = None
    weight: Tensor | None = None
    """0 where a row is padding (a missing neighbour); None where all count"""
    scene: Scene | None = None
    """the same round with the neighbours' moves, for those who look at it"""
    overview: Tensor | None = None
    """[K, B, S]: state of the whole world before the moves, for kinds that oversee it"""
    overview_after: Callable[[], Tensor] | None = None
    """the same after the moves, before any restart; worked out only if asked for"""


Sharing = Callable[[Tensor, Tensor], tuple[Tensor, ...]]
"""Gradients [K, P] and the parameters they belong to -> gradients to step down one after another.

A row of zeros means that its slot takes no step in that turn.
"""


def unshared(gradient: Tensor, parameters: Tensor) -> tuple[Tensor, ...]:
    """Everybody's own gradient."""
    return (gradient,)


class Mind(ABC):
    """Acts for all slots of a cohort; may learn from what came of it."""

    Config: ClassVar[type[Settings]] = Settings
    learns: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    """whether it can state what the community wants, which gradient rules but `Own` need"""
    exact: ClassVar[bool] = False
    """whether it needs to know the payoffs as a function of the joint action"""
    social: ClassVar[bool] = False
    """whether it learns from what others are, not from what came of its own acts alone"""
    counterfactual: ClassVar[bool] = False
    """whether it weighs what others did against what they might have done"""
    mutual: ClassVar[bool] = False
    """whether slots of one replicate learn from each other, by design"""
    sees_gradients: ClassVar[bool] = False
    """whether it steps down what `sharing` makes of its gradients"""
    rollout: int = 20
    """rounds of one turn"""

    def __init__(self, config: Settings, seat: Seat, kind: type) -> None:
        self.config, self.seat, self.kind = config, seat, kind
        self.sharing: Sharing = unshared

    @abstractmethod
    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions, drawn: [K, B] int64, or [K, B, size] where they are continuous."""

    @abstractmethod
    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions [K, B, A]; the next action itself where it is continuous."""

    @abstractmethod
    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """The same for one agent in one row [A], worked out from its own part only."""

    def watch(self, seen: dict[str, Percept], ended: Tensor) -> None:  # noqa: B027
        """After a step: what is seen now, and which rows [K, B] begin anew."""

    def remember(self, note: Note) -> None:  # noqa: B027
        """Keep one step, if this mind learns."""

    def study(self, progress: float, rule: GradientRule) -> None:  # noqa: B027
        """Learn from the rollout at ``progress`` in [0, 1] of the run; ``rule`` adjusts gradients."""

    def teach(self, progress: float) -> None:  # noqa: B027
        """After the study, and after a meeting if there was one: let common models learn."""

    def travelling(self) -> Tensor | None:
        """Live parameters [K, P] that members of a federation share; None for minds without."""
        return None

    def commons(self) -> Tensor | None:
        """Live common models [R, C, P] beside those of the agents; None for minds without."""
        return None

    def readings(self) -> dict[str, Tensor]:
        """What the last study measured, name -> [L]; always the same names."""
        return {}

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]; empty for minds without."""
        return {}

    def broken(self) -> Tensor | None:
        """[K] bool: slots whose parameters are not finite; None for minds without any."""
        return None

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


class Bystander(Mind):
    """A mind for a social head alone, which makes no moves."""

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """It is asked otherwise: by `answer` or `give`."""
        raise NotImplementedError

    probabilities = act

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """It is asked otherwise: by `answer` or `give`."""
        raise NotImplementedError


class Giver(Bystander):
    """A mind for a social head that looks at the round its agents lived through, not at a question."""

    @abstractmethod
    def give(self, scene: Scene, beliefs: Beliefs) -> Tensor:
        """Social acts towards the neighbours in view, [K, B, D]."""


class SocialMind(Mind):
    """A mind whose rows are the neighbours its agents look at."""

    @abstractmethod
    def credit(self, acts: Tensor, ledger: Ledger, experience: Experience) -> tuple[Tensor, Tensor]:
        """Utility and penalty [L, N, D] of social acts [L, N, D] that ``ledger`` has recorded."""


def by_slot(own: Tensor, replicates: int) -> Tensor:
    """Values of the members by lane [L, M, ...] in the order of slots, [K, B, ...]."""
    if replicates == 1:
        return own.transpose(0, 1)
    return own.unflatten(0, (replicates, -1)).transpose(1, 2).flatten(0, 1)


def by_lane(rows: Tensor, replicates: int) -> Tensor:
    """Rows by slot [K, B, ...] in the order of lanes, [L, M, ...]: the inverse of `by_slot`."""
    if replicates == 1:
        return rows.transpose(0, 1)
    return rows.unflatten(0, (replicates, -1)).transpose(1, 2).flatten(0, 1)


def draw(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """One action per row: [..., A] probabilities to [...] int64."""
    if probabilities.shape[-1] == 2:
        first = probabilities[..., 0]
        spin = torch.rand(first.shape, generator=generator, device=first.device)
        return (spin >= first).long()
    edges = probabilities.cumsum(-1)
    spin = torch.rand(edges.shape[:-1], generator=generator, device=edges.device)
    # Scaled by the last edge, which rounding may leave a little off one.
    return (spin.unsqueeze(-1) * edges[..., -1:] >= edges).sum(-1).clamp(max=edges.shape[-1] - 1)
