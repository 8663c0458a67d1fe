"""Worlds with known payoffs that break a clause are found out; those that keep all pass.

Family: broken.
"""

from dataclasses import replace

import pytest
import torch

from commonweal.errors import BrokenContract
from commonweal.simulation.conformance import check_world
from commonweal.worlds import WORLDS
from commonweal.worlds.differentiable import DifferentiableGame
from tests.societies import registered


class Broken(DifferentiableGame):
    """Everybody pulls towards the mean of all (Balduzzi et al. 2018)."""

    def payoffs(self, actions):
        own = actions[..., 0]
        return -((own - own.mean(-1, keepdim=True)) ** 2)


def cheating(self, state, moves):
    following, outcome = DifferentiableGame.transition(self, state, moves)
    return following, replace(outcome, rewards=outcome.rewards * 2)


def flat(self, state, moves):
    following, outcome = DifferentiableGame.transition(self, state, moves)
    return following, replace(outcome, played=outcome.played.flatten(1))


def together(self):
    return (0,) * self.neighbourhoods.agents


def clipping(self, actions):
    return torch.round(actions[..., 0])


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"transition": cheating}, "those that are paid"),
        ({"transition": flat}, "What was played|Rewards are"),
        ({"apart": together}, "others of its group matter to agent 0"),
        ({"apart": lambda self: (0, 1)}, "2 groups for"),
        ({"payoffs": clipping}, "jump by"),
    ],
)
def test_games(fault, says):
    kind = type("Faulty", (Broken,), {"__doc__": Broken.__doc__, "__module__": __name__} | fault)
    with registered(WORLDS, "broken", kind), pytest.raises(BrokenContract, match=says):
        check_world("broken")


def test_one_function_makes_a_whole_world():
    with registered(WORLDS, "broken", Broken):
        check_world("broken")
