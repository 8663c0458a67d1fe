"""Small worlds and kinds that tests share."""

from contextlib import contextmanager

import networkx as nx
import torch

from commonweal.agents.exchanges.base import Exchange
from commonweal.networks.consensus import uniform_cliques
from commonweal.networks.federations import Charter
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share
from commonweal.worlds.base import World


def society(*shares: Share | str, graph: nx.Graph | None = None, world=None, **changes) -> World:
    """A small world of these shares, two lanes unless said otherwise."""
    people = [share if isinstance(share, Share) else Share(kind=share) for share in shares]
    given = {"lanes": 2, "steps": 2000} | changes
    if graph is not None:
        given["agents"] = len(graph)
    return assemble(Experiment(world=world or {}, population=people, **given), graph)


@contextmanager
def registered(registry, name, kind):
    """A kind that is known only for a while."""
    registry.names()
    registry.register(name)(kind)
    try:
        yield kind
    finally:
        del registry._kinds[name]


class Averaging(Charter):
    """All take part and listen equally to all, at every meeting."""

    def volunteers(self, returns):
        return torch.ones_like(returns, dtype=torch.bool)

    def weigh(self, members):
        return uniform_cliques(torch.zeros_like(members, dtype=torch.int64), members).float()


class EveryThird(Averaging):
    """The same, but only every third time."""

    every = 3


class Mixing(Exchange):
    """Parameters become the weighted means of those listened to (McMahan et al. 2017)."""

    def apply(self, before, after, commons, meeting):
        return meeting.weights @ after, commons
