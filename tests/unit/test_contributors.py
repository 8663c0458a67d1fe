"""Scripted contributors, by hand."""

import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.contributors import (
    ConditionalCooperator,
    ConditionalCooperatorConfig,
    FreeRider,
    FullContributor,
)
from commonweal.agents.learners.scripted import ByHand
from commonweal.errors import BadSetting, BrokenContract
from commonweal.settings import Settings
from commonweal.simulation.experiment import Share
from commonweal.spaces import Box
from tests.societies import registered, society

BOX = Box(-1.0, 3.0, 2)


def test_those_who_give_nothing_and_those_who_give_all():
    memory = torch.zeros(4, 5)
    none, _ = FreeRider.plan(Settings(), {}, memory, BOX)
    everything, _ = FullContributor.plan(Settings(), {}, memory, BOX)
    assert none.shape == everything.shape == (4, 5, 2)
    assert none.unique().tolist() == [-1.0] and everything.unique().tolist() == [3.0]


def test_conditional_cooperation_by_hand():
    config = ConditionalCooperatorConfig(opening=0.25, matching=0.5)
    # First round; neighbours gave 2; gave nothing; gave more than can be given here.
    seen = {
        "opening": torch.tensor([[[1.0], [0.0], [0.0], [0.0]]]),
        "mean": torch.tensor([[[9.0, 9.0], [2.0, 1.0], [-1.0, -1.0], [9.0, -9.0]]]),
    }
    gift, _ = ConditionalCooperator.plan(config, seen, torch.zeros(1, 4), BOX)
    assert gift.tolist() == [[[0.0, 0.0], [0.5, 0.0], [-1.0, -1.0], [3.0, -1.0]]]


def test_a_conditional_cooperator_follows_its_neighbours():
    # A pair: what the one matches in full, the other halves.
    shares = (
        Share(kind="conditional_cooperator", count=1),
        Share(kind="conditional_cooperator", count=1, settings={"matching": 0.5}),
    )
    world = society(*shares, agents=2, world={"kind": "public_goods"}, lanes=1, replicates=1)
    course = []
    for _ in range(4):
        world.step()
        cohorts = world.society.cohorts
        played = world.society.experience.outcome.played[0, :, 0]
        course.append([played[cohort.members].item() for cohort in cohorts])
    assert course == [[1.0, 1.0], [1.0, 0.5], [0.5, 0.5], [0.5, 0.25]]


class Half(Agent):
    """Gives half of what it saw, by hand."""

    senses = ("mean",)
    heads = {}
    continuous = ByHand

    @staticmethod
    def decide(config, percept, memory):
        return percept["mean"][0] / 2


class Reckless(Half):
    """Gives more than there is."""

    @staticmethod
    def decide(config, percept, memory):
        return 1.5


class Garrulous(Half):
    """Gives two numbers where one is asked for."""

    @staticmethod
    def decide(config, percept, memory):
        return [0.5, 0.5]


def public(*kinds):
    return society(*kinds, agents=2, world={"kind": "public_goods"}, lanes=2, replicates=1)


def test_a_rule_written_by_hand_gives_numbers():
    with registered(AGENTS, "half", Half):
        world = public("half", "full_contributor")
        world.step()
        world.step()
        half = next(agent for agent in world.people if agent.kind == "half")
        assert half.probabilities == [0.5]
        assert world.society.experience.outcome.played[:, half.node, 0].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Reckless, r"agent wild: it does 1.5, which lies outside \[0, 1\]"),
        (Garrulous, "decides .0.5, 0.5., but an action here is 1 number"),
    ],
)
def test_moves_outside_the_budget_are_named(kind, message):
    with registered(AGENTS, "wild", kind):
        world = public("wild")
        with pytest.raises(BrokenContract, match=message):
            world.step()


def test_contributors_are_refused_where_there_is_a_choice_among_a_few():
    with pytest.raises(BadSetting, match="free_rider cannot play in world lattice: actions there"):
        society("free_rider", agents=16)


def test_those_who_choose_among_a_few_are_refused_where_actions_are_numbers():
    with pytest.raises(BadSetting, match="lr2 cannot play in world public_goods: .* continuous"):
        public("lr2")
