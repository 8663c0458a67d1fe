"""What passes between a world, its society and its ledgers in one step.

Axes: L lanes, N agents, E directed links, D neighbours seen, F features, C codes; rows of a
cohort are ordered by slot: K slots, B rows per slot, A actions.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor


@dataclass(frozen=True)
class Percept:
    """What a policy reads: dense features, or codes into a small table of features.

    Codes are the fast form: where only a few different views can occur, a policy is
    evaluated once per view instead of once per agent, neighbour and lane.
    """

    dense: Tensor | None = None
    """[..., F] float32"""
    codes: Tensor | None = None
    """[...] int64"""
    codebook: Tensor | None = None
    """[C, F] float32"""

    @property
    def width(self) -> int:
        """Number of features, F."""
        return (self.dense if self.codes is None else self.codebook).shape[-1]

    @property
    def features(self) -> Tensor:
        """The features themselves, [..., F]."""
        return self.dense if self.codes is None else self.codebook[self.codes]


@dataclass(frozen=True)
class Beliefs:
    """What an agent thinks of its neighbours; empty for agents without a theory of mind."""

    moves: Tensor | None = None
    """[..., D, A] float32: probabilities of the moves of the neighbours in view"""
    influence: Tensor | None = None
    """[..., D] float32: how much the own move sways what each of them does next, in nats"""


Observation = dict[str, Percept]
"""What a world shows: one percept with leading axes [L, N] for each channel of its spec."""


@dataclass(frozen=True)
class Outcome:
    """What the rules answer to a joint move."""

    rewards: Tensor
    """[L, N] float32"""
    terminated: Tensor
    """[L] bool: nothing follows"""
    dyads: Tensor | None = None
    """[L, E] float32: what each link paid its source, in dyadic worlds"""
    played: Tensor | None = None
    """as the moves: what was done, in worlds that may cut off or upset what was tried"""


@dataclass(frozen=True)
class Experience:
    """One step as the society lives through it."""

    observation: Observation
    """what was seen before the moves"""
    moves: Tensor
    """[L, N] int64, or [L, N, size] float32 in continuous worlds: what was tried"""
    outcome: Outcome
    following: Observation
    """what the same lanes show after the moves, before any restart"""
    truncated: Tensor
    """[L] bool: we stopped looking, so values are bootstrapped"""
    progress: float
    """share of the planned run that lies behind when this step is over, in [0, 1]"""

    @property
    def played(self) -> Tensor:
        """What was done, as everybody saw it; the moves, where the rules do not change them."""
        return self.moves if self.outcome.played is None else self.outcome.played

    @property
    def ended(self) -> Tensor:
        """[L] bool: lanes that restart after this step."""
        return self.outcome.terminated | self.truncated


@dataclass(frozen=True)
class Layer:
    """One value for each agent, to be drawn on the graph or kept in a snapshot."""

    values: Tensor
    """[L, N]"""
    low: float
    high: float
    labels: tuple[str, ...] = ()
    """names of the values 0, 1, ... where they are categories"""


@dataclass(frozen=True)
class Mark:
    """One thing in a picture of a world."""

    x: float
    """to the right"""
    y: float
    """downwards"""
    size: float
    """diameter, in units of the picture"""
    shape: str
    """``disc``, ``square`` or ``diamond``"""
    label: str
    """what it is, for the legend"""
    agent: int = -1
    """node of the agent; -1 for things"""


@dataclass(frozen=True)
class Sketch:
    """A picture of one lane of a world that has places of its own, beside the graph."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    """those below first"""
    cells: bool = False
    """whether it is divided into squares of side 1, the first one centred at (0.5, 0.5)"""


Indicators = dict[str, tuple[Tensor, Tensor]]
"""name -> (numerator [L], denominator [L]); the mean over any lanes and rounds is the ratio
of their sums, so a mean over cooperators stays right when their number changes."""


class Population(Protocol):
    """Those who live in a world: they decide, and they receive what came of it."""

    senses: set[str]
    """channels that somebody reads"""
    people: list
    """the agent objects in the order of their nodes"""

    def decide(self, observation: Observation) -> Tensor:
        """Joint move, [L, N] or [L, N, size]."""

    def receive(self, experience: Experience) -> None:
        """Judge, give, want and learn."""

    def restart(self, over: Tensor, standing: Tensor | None) -> None:
        """Forget what does not outlive an episode, in the lanes ``over`` [L]."""

    def meet(self, near: Any) -> None:
        """Take up the index tables of a graph that was redrawn."""

    def indicators(self) -> Indicators:
        """What the population measures of the last step."""

    def layers(self) -> dict[str, Layer]:
        """What can be drawn of it."""

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
