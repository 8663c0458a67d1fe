"""What can be done and what is seen in a world, described before either exists."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Discrete:
    """One of ``n`` actions, written 0 .. n - 1; ``labels`` name them in pictures."""

    n: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """``size`` real numbers, each between ``low`` and ``high``."""

    low: float = 0.0
    high: float = 1.0
    size: int = 1


@dataclass(frozen=True)
class Shares:
    """One number for each neighbour: none negative, together at most 1; the rest is kept."""


@dataclass(frozen=True)
class WorldSpec:
    """The contract between a world and whoever lives in it.

    A kind of agent names the channels it reads (``Agent.senses``) and a world the channels
    it shows; neither knows the other.  Channels in use, each ``[L, N, width]``:

    ========== ============================================ =========
    channel    content                                      width
    ========== ============================================ =========
    opening    1 in the first round of an episode           1
    own        own last action, one-hot                     A
    actions    last actions of the neighbours seen, one-hot D * A
    mean       mean last action of all neighbours           A
    payoffs    mean payoff per link in the last round:      1 + D
               own, then that of the neighbours seen
    state      last round with each neighbour seen, own     D * 5
               action first, one-hot: start, CC, CD, DC, DD
    sight      the ordinary observation of a world with     own
               places
    bearing    way to the nearest resource: rows, columns   2
               or x, y; zeros where there is none
    overview   state of the whole world, the same for all   own
    ========== ============================================ =========

    Where actions are continuous, A stands for their size and they are shown as they are.  A
    channel shows zeros where a neighbour is missing.  The sense ``view`` stands for the channels
    that the world itself takes for the ordinary observation of its agents.

    ``payoffs``, ``groups`` and ``start`` describe a differentiable game, one whose rules all
    players know: Li et al. 2024 call the joint function of all actions the game itself.
    """

    actions: Discrete | Box
    """what one agent may do in one round"""
    channels: dict[str, int] = field(default_factory=dict)
    """channel -> width"""
    horizon: int = 0
    """rounds until an episode is truncated; 0 means never"""
    dyadic: bool = False
    """whether payoffs are known link by link (``Outcome.dyads``)"""
    view: tuple[str, ...] = ()
    """channels of the ordinary observation, which the sense ``view`` stands for"""
    matrix: tuple[tuple[float, ...], ...] = ()
    """payoffs [A, A] of a matrix game, own action first; empty where there is no matrix"""
    cooperative: bool = True
    """whether action 0 of a discrete world is its cooperative one"""
    lasting: bool = True
    """whether neighbours are the same from round to round, so that they can be known"""
    payoffs: Callable[[Tensor], Tensor] | None = None
    """rewards [..., N] of joint actions [..., N, size], twice differentiable; None if unknown"""
    groups: tuple[int, ...] = ()
    """group of each node: players of one group do not enter each other's payoffs; empty means
    that everybody may matter to everybody"""
    start: tuple[float, ...] = ()
    """joint action to begin with, N * size numbers node by node; empty = drawn uniformly"""
