"""Runs in pairs: a federation of honest members, and the same with free riders among them.

For `exploitation`.  Letters: S seeds, N agents, L lanes.
"""

from dataclasses import dataclass

import numpy as np
import torch

from commonweal.simulation.engine import Simulation
from commonweal.simulation.experiment import Experiment, Share

WORLDS = ("job_scheduling", "matthew_effect")
KINDS = ("lmf", "fpf")
RIDERS = {"job_scheduling": 1, "matthew_effect": 2}
"""of 4 and of 10 agents"""
LANES = 10
LAST = 0.2
"""part of the run, its end, over which returns are measured"""


@dataclass(frozen=True)
class Length:
    """How much is run."""

    episodes: int
    """of each lane"""
    seeds: int
    hidden: int = 64
    """width of both hidden layers; 256 in Dong et al. 2025"""
    rate: float = 3e-4
    """step size of actors; 1e-4 in Dong et al. 2025"""

    @property
    def note(self) -> str:
        """As it stands in every output."""
        seeds = f"{self.seeds} seed{'s' * (self.seeds > 1)}"
        size = f"networks {self.hidden}-{self.hidden}, learning rate {self.rate:g}"
        return f"{self.episodes:,} episodes in each of {LANES} lanes, {seeds}, {size}"

    def settings(self, kind: str, riders: int) -> dict[str, dict[str, object]]:
        """Settings of a kind; pulls are to the learning rate as in the published runs."""
        charter = {"members": "everyone", "riders": riders}
        move = {"hidden": (self.hidden, self.hidden), "learning_rate": self.rate}
        exchange = {"rate": 10 * self.rate} if kind == "fpf" else {}
        return {"move": move, "charter": charter, "exchange": exchange}


@dataclass(frozen=True)
class Pair:
    """Returns per episode at the end of two runs with the same seeds."""

    honest: np.ndarray
    """[S, N] where nobody rides"""
    ridden: np.ndarray
    """[S, N] where riders do"""
    riders: np.ndarray
    """[S, N] bool: who they are"""

    @property
    def members(self) -> np.ndarray:
        """[S, N] what the others get beside riders; NaN for riders."""
        return np.where(self.riders, np.nan, self.ridden)


def ride(world: str, kind: str, length: Length, riders: int | None = None) -> Pair:
    """Run a federation of all agents without and with riders."""
    count = RIDERS[world] if riders is None else riders
    honest, _ = returns(experiment(world, kind, length, 0))
    ridden, who = returns(experiment(world, kind, length, count))
    return Pair(honest, ridden, who)


def experiment(world: str, kind: str, length: Length, riders: int) -> Experiment:
    """All agents are members, and no place in the order of moves is an advantage."""
    return Experiment(
        world={"kind": world, "activation": "random"},
        population=[Share(kind=kind, settings=length.settings(kind, riders))],
        replicates=length.seeds,
        lanes=LANES,
        steps=length.episodes * LANES * 200,
    )


def returns(plan: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """Mean return of each agent per episode at the end of a run, [S, N], and who rides, [S, N]."""
    with Simulation(plan, progress=False) as simulation:
        world = simulation.world
        episodes = simulation.experiment.steps // world.lanes_each // world.horizon
        first = int(episodes * (1 - LAST)) * world.horizon
        total, count = torch.zeros(world.lanes, world.neighbourhoods.agents), 0
        while not simulation.done:
            world.step()
            if world.episode_ended and world.tick > first:
                total, count = total + world.state.returns, count + 1
        (federation,) = world.society.federations.values()
        riding = federation.charter.riders if federation.charter.config.riders else None
        mean = total.unflatten(0, (world.replicates, -1)).mean(1) / count
        who = torch.zeros_like(mean, dtype=torch.bool) if riding is None else riding
        return mean.double().numpy(), who.cpu().numpy()
