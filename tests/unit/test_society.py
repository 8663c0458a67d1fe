"""Societies: who they are, what they measure, and that no order among them matters."""

from dataclasses import dataclass

import networkx as nx
import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.dd import DD
from commonweal.agents.gradients.altruistic import Altruistic, AltruisticConfig
from commonweal.agents.learners.team_ppo import TeamPPO, TeamPPOConfig
from commonweal.agents.learners.verdicts import Verdicts
from commonweal.agents.lr2 import LR2, LR2Config
from commonweal.errors import BadSetting, UnknownName
from commonweal.settings import setting
from commonweal.simulation.conformance.tools import differences, saved
from commonweal.simulation.experiment import Share
from tests.societies import registered, society


class Mirror(Agent):
    """Plays what most neighbours played: written by hand, on plain values."""

    senses = ("opening", "actions")

    @staticmethod
    def decide(config, percept, memory):
        defected = sum(percept["actions"][1::2])
        return int(not percept["opening"][0] and defected > sum(percept["actions"][0::2]))


def test_a_kind_by_hand_plays_like_its_vectorised_twin():
    with registered(AGENTS, "mirror", Mirror):
        traces = []
        for kind in ("mirror", "tit_for_tat"):
            world = society(Share(kind="random", count=6), kind, agents=16)
            moves = []
            for _ in range(25):
                world.step()
                moves.append(world.society.experience.moves.clone())
            traces.append(torch.stack(moves))
    assert torch.equal(*traces)
    assert 0 < traces[0].float().mean() < 1


def test_people_stand_at_their_nodes():
    graph = nx.star_graph(3)
    world = society(Share(kind="lr2", count=2), "random", graph=graph)
    assert [agent.node for agent in world.people] == [0, 1, 2, 3]
    assert [other.node for other in world.people[0].neighbours] == [1, 2, 3]
    assert [other.node for other in world.people[2].neighbours] == [0]
    agent = next(agent for agent in world.people if agent.kind == "lr2")
    assert agent.name == f"lr2 {agent.node}"
    assert set(agent.parameters) == set(agent.learner) == {"move", "assess"}
    assert set(world.agents) == set(world.people)


def test_parameters_of_the_focus_lanes_replicate_are_shown():
    world = society("dd", agents=16, lanes=2, replicates=2)
    agent = world.people[7]
    shown = []
    for world.focus in range(4):
        shown.append(agent.parameters["move"]["actor.0.weight"].clone())
    assert torch.equal(shown[0], shown[1]) and torch.equal(shown[2], shown[3])
    assert not torch.equal(shown[0], shown[2])


def run(*shares, rounds=45, **changes):
    world = society(*shares, agents=16, **changes)
    for _ in range(rounds):
        world.step()
    return world


def test_each_kind_is_measured_apart():
    world = run(Share(kind="always_defect", count=4), "always_cooperate", rounds=2)
    measured = {
        name: (above.sum() / below.sum()).item() for name, (above, below) in world.measured.items()
    }
    assert measured["cooperation"] == 0.75
    assert measured["cooperation/always_defect"] == 0
    assert measured["cooperation/always_cooperate"] == 1
    assert measured["reward/always_defect"] == pytest.approx(measured["reward_D"])
    assert measured["reward/always_cooperate"] == pytest.approx(measured["reward_C"])
    labels = world.layers()["kind"].labels
    shown = [labels[int(kind)] for kind in world.layers()["kind"].values[0]]
    assert shown == [agent.kind for agent in world.people]


def test_utilities_are_measured_beside_rewards():
    world = run("lr2", rounds=1)
    experience, rho = world.society.experience, world.society.ledger("reputation").standing()
    expected = (experience.outcome.rewards * (0.6 + 0.4 * rho)).sum(-1)
    torch.testing.assert_close(world.measured["utility"][0], expected)
    selfish = run("lr2_unrewarded", rounds=1)
    torch.testing.assert_close(selfish.measured["utility"][0], selfish.measured["reward"][0])


def test_what_is_foreseen_does_not_depend_on_the_order_of_kinds():
    """While a cohort looks ahead, no other may have begun anew or learned already."""
    late = type("Late", (DD,), {"turns": ("rest", "move")})  # learns when lr2 learns to judge
    with registered(AGENTS, "late", late):
        world = society(Share(kind="grim", count=8), Share(kind="late", count=4), "lr2", agents=16)
        grim, learner, _ = world.society.cohorts
        seen = []

        def foresee(observation, foresee=grim.foresee):
            steps = learner.minds["move"].adam.steps
            seen.append((grim.minds["move"].memory.clone(), steps.clone()))
            return foresee(observation)

        grim.foresee = foresee
        for _ in range(40):
            world.step()
    memory, steps = seen[-1]
    assert memory.any() and not steps.any()
    assert not grim.minds["move"].memory.any() and learner.minds["move"].adam.steps.all()


def test_a_well_mixed_society_meets_others_every_round():
    world = society("lr2", agents=16, network={"kind": "well_mixed"})
    graphs = set()
    for _ in range(45):
        world.step()
        graphs.add(frozenset(frozenset(edge) for edge in world.graph.edges))
        assert all(degree == 4 for _, degree in world.graph.degree)
    assert len(graphs) == 45
    other = next(iter(world.graph[3]))
    assert other in world.people[3].page().received
    assert world.people[other] in world.people[3].neighbours


def test_a_well_mixed_society_goes_on_after_a_checkpoint():
    worlds = [society("lr2", agents=16, network={"kind": "well_mixed"}) for _ in range(2)]
    for _ in range(25):
        worlds[0].step()
    worlds[1].load_state_dict(saved(worlds[0].state_dict()))
    for _ in range(25):
        for world in worlds:
            world.step()
    assert not list(differences(*(world.state_dict() for world in worlds)))


@pytest.mark.parametrize("kind", ["lr2", "dd", "image_scoring", "fermi"])
def test_where_nobody_meets_anybody_life_goes_on(kind):
    world = society(kind, graph=nx.empty_graph(4))
    for _ in range(45):
        world.step()
    assert not world.measured["reward"][0].any()


def test_one_lane_and_one_agent_suffice():
    for graph in (nx.empty_graph(1), nx.path_graph(2)):
        world = society("lr2", graph=graph, lanes=1)
        for _ in range(45):
            world.step()
        assert torch.isfinite(world.measured["cooperation"][0]).all()


def test_a_ledger_that_nobody_keeps_is_unknown():
    with pytest.raises(UnknownName, match="keeps no ledger 'reputation'"):
        society("dd", agents=16).people[0].page()


def test_who_cannot_see_what_it_needs_is_told_before_anything_runs():
    kind = type("Blindfolded", (Mirror,), {"senses": ("stars",)})
    with (
        registered(AGENTS, "blindfolded", kind),
        pytest.raises(BadSetting, match="needs to see 'stars', the world shows actions, "),
    ):
        society("blindfolded", agents=16)


def test_replicates_learn_apart_and_lanes_together():
    world = run("dd", rounds=20, replicates=2)
    first, second = world.society.cohorts[0].minds["move"].policy.parameters.view(2, 16, -1)
    assert not torch.isclose(first, second).all(1).any()
    assert world.lanes == 4 and world.steps_taken == 40


@dataclass(frozen=True, kw_only=True)
class AlignedConfig(LR2Config):
    """Settings of LR2 whose dilemma policy is adjusted."""

    move: TeamPPOConfig = setting(TeamPPOConfig, "how the dilemma policy learns")
    rule: AltruisticConfig = setting(AltruisticConfig, "how its gradients are aligned")


class Aligned(LR2):
    """LR2 whose dilemma policies follow an adjusted gradient (Author 2024)."""

    Config = AlignedConfig
    heads = {"move": TeamPPO, "assess": Verdicts}
    gradient_rule = Altruistic


def test_a_gradient_rule_is_a_part_that_any_kind_can_have():
    """The rule adjusts the mind that knows what the community wants, and leaves the other alone."""
    with registered(AGENTS, "aligned", Aligned):
        world = society("aligned", agents=16)
        for _ in range(40):
            world.step()
        minds = world.society.cohorts[0].minds
        assert world.measured["sign"][0].abs().max() > 0
        assert world.society.ledger("reputation").standing().std() > 0
        assert {head: mind.joint for head, mind in minds.items()} == {"move": True, "assess": False}
