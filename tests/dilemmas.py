"""A pair in a dilemma in which nobody loses, to see what learners come to."""

from typing import Any

from commonweal.simulation.experiment import Share
from commonweal.worlds.base import World
from tests.societies import society

DILEMMA = {"kind": "lattice", "reward": 0.8, "sucker": 0, "temptation": 1, "punishment": 0.2}
QUICK = {"hidden": [16], "rollout": 10, "learning_rate": 0.02, "critic_rate": 0.02, "entropy": 0.0}


def pair(kind: str, rounds: int, **settings: Any) -> World:
    """Two of a kind with quick learners of ``rounds`` in 8 lanes, and further settings of theirs."""
    narrow = {"team_hidden": [16]} if kind.startswith("soto") else {}
    share = Share(kind=kind, settings={"move": QUICK | narrow | settings})
    network = {"kind": "pairs"}
    return society(share, world=DILEMMA, agents=2, lanes=8, steps=8 * rounds, network=network)


def cooperation(kind: str, rounds: int = 300, last: int = 50, **settings: Any) -> float:
    """Share of cooperative moves of a pair in the last rounds of its life."""
    village, found = pair(kind, rounds, **settings), []
    for _ in range(rounds):
        village.step()
        above, below = village.measured["cooperation"]
        found.append((above.sum() / below.sum()).item())
    return sum(found[-last:]) / last
