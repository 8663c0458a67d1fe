"""A world of a few tensors, for tests of what surrounds a world and not of worlds."""

import os
from dataclasses import replace
from types import SimpleNamespace

import networkx as nx
import torch

from commonweal.errors import Diverged
from commonweal.records import Layer
from commonweal.simulation import assembly
from commonweal.simulation.experiment import Experiment, Share

HORIZON = 5
AGENTS = 4

EXPERIMENT = Experiment(
    steps=120,
    agents=AGENTS,
    lanes=2,
    seed=3,
    checkpoint_every=3600.0,
    population=[Share(kind="lr2")],
)
"""60 rounds, 12 episodes"""


class TinyWorld:
    """Agents whose leaning drifts at random and who cooperate when it is positive."""

    closing = 10

    def __init__(self, experiment: Experiment) -> None:
        self.replicates = experiment.replicates
        self.lanes = experiment.lanes * self.replicates
        self.lanes_each = experiment.lanes
        self.horizon = HORIZON
        self.tick = self.focus = 0
        self.society = SimpleNamespace(ledgers={}, federations={})
        self.graph = nx.cycle_graph(AGENTS)
        self.generator = torch.Generator().manual_seed(experiment.seed)
        self.leaning = torch.zeros(self.lanes, AGENTS)
        self.measured = {}
        self.hooks = {}
        """round -> what happens in the middle of it"""
        self.closed = False

    def measures(self):
        return "cooperation", "reputation"

    @property
    def steps_taken(self) -> int:
        return self.tick * self.lanes_each

    def step(self) -> None:
        self.tick += 1
        if self.tick in self.hooks:
            self.hooks[self.tick]()
        self.leaning += torch.randn(self.leaning.shape, generator=self.generator) * 0.3
        cooperates = (self.leaning > 0).float()
        self.measured = {
            "cooperation": (cooperates.sum(1), torch.full((self.lanes,), float(AGENTS))),
            "reputation": (self.leaning.sum(1), torch.full((self.lanes,), AGENTS)),
        }

    def layers(self) -> dict[str, Layer]:
        return {"leaning": Layer(values=self.leaning, low=-1.0, high=1.0)}

    def state_dict(self) -> dict:
        return {
            "tick": self.tick,
            "leaning": self.leaning,
            "streams": {"agents/drift": self.generator.get_state()},
        }

    def load_state_dict(self, state: dict) -> None:
        self.tick = state["tick"]
        self.leaning = state["leaning"].clone()
        self.generator.set_state(state["streams"]["agents/drift"])

    def close(self) -> None:
        self.closed = True


def move_in(monkeypatch, hooks=None, for_seed=None) -> list[TinyWorld]:
    """Let every experiment run on a `TinyWorld`, without figures; return those built so far.

    ``hooks`` go to worlds of the seed ``for_seed``, or to all.
    """
    built = []

    def assemble(experiment: Experiment) -> TinyWorld:
        world = TinyWorld(experiment)
        if for_seed in (None, experiment.seed):
            world.hooks = dict(hooks or {})
        built.append(world)
        return world

    monkeypatch.setattr(assembly, "assemble", assemble)
    monkeypatch.setattr("commonweal.analysis.figures.run_figures", lambda recording, folder: [])
    return built


def diverge() -> None:
    raise Diverged("lr2: move policy of agent 2 is not finite at round 31")


def send(number: int):
    """Return a hook that sends this process a signal."""
    return lambda: os.kill(os.getpid(), number)


def changed(**values) -> Experiment:
    return replace(EXPERIMENT, **values)
