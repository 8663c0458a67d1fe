"""What can be done and what is seen in a world, described before either exists."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Discrete:
    """One of ``n`` actions, written 0 .. n - 1; ``labels`` name them in pictures."""

    n: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """Real numbers between ``low`` and ``high``, ``size`` of them."""

    low: float = 0.0
    high: float = 1.0
    size: int = 1


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
    payoffs    mean payoff per link in the last round:      1 + D
               own, then that of the neighbours seen
    ========== ============================================ =========

    A channel shows zeros where a neighbour is missing.
    """

    actions: Discrete | Box
    """what one agent may do in one round"""
    channels: dict[str, int] = field(default_factory=dict)
    """channel -> width"""
    horizon: int = 0
    """rounds until an episode is truncated; 0 means never"""
    dyadic: bool = False
    """whether payoffs are known link by link (``Outcome.dyads``)"""
