"""Differentiable games for tests, without anybody who plays them."""

import networkx as nx
import torch

from commonweal.randomness import Streams
from commonweal.worlds import WORLDS
from commonweal.worlds.differentiable import DifferentiableGame


class Squares(DifferentiableGame):
    """Everybody earns the sum of all squares."""

    def payoffs(self, actions):
        total = (actions**2).sum((-1, -2))
        return total.unsqueeze(-1).expand(actions.shape[:-1])


def game(kind=Squares, graph=2, lanes=1, **settings) -> DifferentiableGame:
    """A game, by class or name, on a graph or among so many players who all know each other."""
    kind = WORLDS[kind] if isinstance(kind, str) else kind
    graph = nx.complete_graph(graph) if isinstance(graph, int) else graph
    return kind(kind.Config(**settings), lambda: graph, Streams(0), lanes=lanes)


def paying(payoffs, **attributes):
    """A kind of game with these payoffs, a function of joint actions."""
    rule = {"payoffs": lambda self, actions: payoffs(actions), "__module__": __name__}
    return type("Paying", (DifferentiableGame,), rule | attributes)


def tried(world, *rounds):
    """States and outcomes as joint actions are tried in all lanes, one after another."""
    state, trace = world.state, []
    for actions in rounds:
        moves = torch.tensor(actions, dtype=torch.float32).view(-1, world.size)
        state, outcome = world.transition(state, moves.repeat(world.lanes, 1, 1))
        trace.append((state, outcome))
    return trace


def played(world, *rounds):
    """What is really played in the first lane, round by round."""
    return [outcome.played[0].flatten().tolist() for _, outcome in tried(world, *rounds)]


def rewards(world, actions):
    """What a joint action, given as a flat list, pays."""
    joint = torch.tensor(actions, dtype=torch.float64).view(-1, world.size)
    return world.payoffs(joint).tolist()


def slopes(world, actions):
    """Derivatives of each player's reward by each number, [N, N * size], in float64."""
    joint = torch.tensor(actions, dtype=torch.float64).view(-1, world.size)
    return torch.autograd.functional.jacobian(world.payoffs, joint).flatten(1)
