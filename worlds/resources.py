"""What worlds about shared resources have in common: settings, order of agents, indicators.

All agents want the same few resources.  Utilitarian is how much all of them earn together, and
egalitarian how evenly it is spread.

================= ================================================================================
collective_return sum over agents of what they earn, per episode
std_over_mean     standard deviation over mean of the returns of all agents, in episodes that are
                  over and in which anybody earned anything: 0 if all have the same, and
                  ``sqrt(N - 1)`` if one of N has all.  The deviation is that of the population.
least_return      return of the worst off, in episodes that are over
================= ================================================================================

Source: Dong et al. 2025; the coefficient of variation after Jiang and Lu 2019, who divide by N - 1
in its place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import networkx as nx
import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.records import Indicators, Layer, Mark
from commonweal.settings import Settings, setting
from commonweal.spaces import Discrete, WorldSpec

PAPER = "Dong et al. 2025"

EPISODE, LANES = 200, 10


@dataclass(frozen=True, kw_only=True)
class ResourceConfig(Settings):
    """Settings of every world about resources."""

    horizon: int = setting(EPISODE, "rounds in an episode", low=1, source=f"{PAPER}, code")
    activation: str = setting(
        "index",
        "order in which agents act: index = that of their nodes, always; random = a fresh one for "
        "each lane and round",
        choices=("index", "random"),
        source=f"{PAPER}, code",
    )


LEARNERS = (
    *("ippo", "fpf", "dnf", "lmf", "mappo", "average_reward", "min_reward", "rmf"),
    *("fen", "fen_flat", "soto_ggf", "soto_alf"),
)
"""kinds that learn as those of the source did"""
FEDERATIONS = ("fpf", "dnf", "lmf")
STRETCHES = 40
"""rollouts of one lane from one meeting to the next"""


def usual(agents: int, episodes: int, rollout: int, most: float) -> dict[str, object]:
    """What is usual in a world of so many agents whose source trains for so many episodes.

    The source has one lane and learns from each of its rollouts, of ``rollout`` rounds, in one step.
    Here as many lanes as there are learn side by side, in mini-batches of as many samples: so an agent
    takes as many steps, and members meet as often, for as many episodes.  ``most`` is the mean reward
    of a round beyond which fair-efficient agents want no more.
    """
    settings: dict[str, object] = {
        "agents": agents,
        "network": "complete",
        "lanes": LANES,
        "rounds": episodes * EPISODE // LANES,
        "fen.move.most": most,
        "fen.move.decisions": EPISODE // rollout,
        "fen_flat.preference.most": most,
    }
    for kind in LEARNERS:
        settings |= {f"{kind}.move.rollout": rollout, f"{kind}.move.batch": rollout}
    settings |= {f"{kind}.charter.every": STRETCHES // LANES for kind in FEDERATIONS}
    averse = {
        # The source compares rewards of the round, summed over the others in place of their mean.
        "preference.alpha": 0.5 * (agents - 1),
        "preference.beta": 0.05 * (agents - 1),
        "preference.trace": 0.0,
        # The same learner as that of the others, but for one step per rollout, hence a longer one.
        "move.hidden": (256, 256),
        "move.rollout": rollout,
        "move.learning_rate": 1e-3,
        "move.discount": 0.98,
        "move.trace": 0.97,
        "move.entropy": 0.01,
        "move.explore_start": 0.0,
        "move.explore_end": 0.0,
    }
    return settings | {f"inequity_averse.{name}": value for name, value in averse.items()}


def spec(
    moves: tuple[str, ...], sight: int, overview: int, horizon: int, graph: nx.Graph
) -> WorldSpec:
    """Five moves; channels of these widths."""
    return WorldSpec(
        Discrete(len(moves), moves),
        {"sight": sight, "bearing": 2, "overview": overview},
        horizon,
        view=("sight",),
        cooperative=False,
        lasting=not graph.graph.get("redrawn", False),
    )


def refuse_crowds(world: str, what: str, number: int, room: int) -> None:
    """Raise `BadSetting` if more things than fit have to find a place of their own."""
    if number > room:
        raise BadSetting(f"world {world}: {number} {what} need as many cells, and there are {room}")


def order(
    lanes: int, agents: int, activation: str, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Each agent's place in the order of a round, [L, N] int32 from 0."""
    # Drawn even where it is not needed: with the same seed, what else chance decides is then the
    # same in both orders of activation, which can be compared round by round.
    lots = torch.rand(lanes, agents, generator=generator, device=device)
    if activation == "random":
        return lots.argsort(-1).int()
    return torch.arange(agents, dtype=torch.int32, device=device).expand(lanes, -1)


def indicators(
    returns: Tensor,
    rewards: Tensor,
    over: Tensor,
    horizon: int,
    **closing: Callable[[], Tensor],
) -> Indicators:
    """What is measured in all of these worlds.

    ``returns`` and ``rewards`` are [L, N], the former with the latter in them; ``over`` [L] says
    which episodes end now.  The sums of ``collective_return`` are over rounds, and an episode
    counts as ``horizon`` of them.  ``closing`` is what else is measured of episodes that are over,
    [L] each.
    """
    earned = rewards.sum(-1)
    found = {"collective_return": (earned, torch.full_like(earned, 1 / horizon))}
    # Most rounds end no episode, and deviations take longer than all the rules.
    if not bool(over.any()):
        nothing = torch.zeros_like(earned)
        return found | dict.fromkeys(
            ("std_over_mean", "least_return", *closing), (nothing, nothing)
        )
    mean, ended = returns.mean(-1), over.float()
    shared = (over & (mean > 0)).float()
    ratio = shared * returns.std(-1, correction=0) / torch.where(shared > 0, mean, 1.0)
    found |= {
        "std_over_mean": (ratio, shared),
        "least_return": (ended * returns.min(-1).values, ended),
    }
    return found | {name: (ended * value(), ended) for name, value in closing.items()}


def tally(values: Tensor) -> Layer:
    """A layer of amounts [L, N] that nothing but time limits, from none to the most anyone has."""
    return Layer(values, 0.0, max(1.0, values.max().item()))


def things(places: list[list[float]], size: float, shape: str, labels: list[str]) -> list[Mark]:
    """Marks at ``places`` (x, y)."""
    pairs = zip(places, labels, strict=True)
    return [Mark(x, y, size, shape, label) for (x, y), label in pairs]


def people(places: list[list[float]], sizes: list[float]) -> list[Mark]:
    """Discs at ``places`` (x, y), one for each agent in the order of the nodes."""
    pairs = enumerate(zip(places, sizes, strict=True))
    return [Mark(x, y, size, "disc", "agent", node) for node, ((x, y), size) in pairs]
