"""Inequity aversion, by hand: who is compared, with what, and since when."""

import networkx as nx
import pytest
import torch

from commonweal.agents.preferences.base import Income
from commonweal.agents.preferences.inequity import (
    InequityAversion,
    InequityConfig,
    averse,
    reversed_aversion,
)
from commonweal.errors import BrokenContract
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.simulation.experiment import Share
from tests.societies import society

EVERYONE = torch.ones(2, dtype=torch.bool)


def preference(agents, **settings):
    return InequityAversion(InequityConfig(**settings), agents, agents, torch.Generator())


def income(everyone, graph, moved=None, ended=None, members=None):
    """What a step brought to ``members``, all unless said otherwise."""
    rewards = torch.tensor(everyone)
    members = torch.arange(rewards.shape[1]) if members is None else torch.tensor(members)
    moved = torch.zeros(len(rewards), len(members)) if moved is None else torch.tensor(moved)
    ended = torch.zeros(len(rewards)) if ended is None else torch.tensor(ended)
    return Income(rewards, members, moved, {}, neighbourhoods(graph), ended.bool())


@pytest.mark.parametrize(
    ("alpha", "beta", "expected"),
    [
        (5.0, 0.0, 1 - 5 * 3 / 2),  # behind the first by 3
        (0.0, 0.05, 1 - 0.05 * 1 / 2),  # ahead of the second by 1
        (5.0, 0.05, 1 - (15 + 0.05) / 2),
    ],
)
def test_the_published_formula_by_hand(alpha, beta, expected):
    found = averse(
        torch.tensor(1.0), torch.tensor(2.0), torch.tensor([5.0, 1.0]), EVERYONE, alpha, beta
    )
    assert found.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("alpha", "beta", "expected"),
    [
        (5.0, 0.0, 3 - 5 * 2 / 2),
        (0.0, 0.05, 3 + 0.05 * 2 / 2),  # being ahead by 2 pays
        (5.0, 0.05, 3 - (5 * 2 + 0.05 * -2) / 2),
    ],
)
def test_the_variant_of_the_public_code_by_hand(alpha, beta, expected):
    found = reversed_aversion(torch.tensor(3.0), torch.tensor([1.0, 5.0]), EVERYONE, alpha, beta)
    assert found.item() == pytest.approx(expected)


def test_places_where_nobody_stands_are_not_compared_with():
    there = torch.tensor([[True, False], [False, False]])
    own, others = torch.tensor([2.0, 2.0]), torch.tensor([[5.0, 9.0], [9.0, 9.0]])
    found = averse(own, own, others, there, 1.0, 1.0)
    assert found.tolist() == [2 - 3 / 1, 2.0]


def test_on_a_path_only_neighbours_count():
    rewards = [[1.0, 3.0, 0.0, 100.0]]  # 0 - 1 - 2 - 3
    liking = preference(4, alpha=1, beta=0.5)
    found = liking.utility(income(rewards, nx.path_graph(4)))
    expected = [
        1 - 2,  # 2 less than its only neighbour
        3 - 0.5 * (2 + 3) / 2,
        0 - (3 + 100) / 2,
        100 - 0.5 * 100,
    ]
    assert found[0].tolist() == pytest.approx(expected)


def test_on_a_complete_graph_the_others_are_all():
    rewards = torch.tensor([[1.0, 3.0, 0.5, -2.0]])
    found = preference(4, alpha=2, beta=0.3).utility(income(rewards.tolist(), nx.complete_graph(4)))
    gap = rewards - rewards.T  # [i, j]: e_j - e_i
    expected = rewards - (2 * gap.clamp(min=0).sum(1) + 0.3 * (-gap).clamp(min=0).sum(1)) / 3
    torch.testing.assert_close(found, expected)


def test_what_was_moved_is_enjoyed_and_not_compared():
    pair = nx.complete_graph(2)
    found = preference(2, alpha=1).utility(income([[1.0, 1.0]], pair, moved=[[-0.5, 0.5]]))
    assert found.tolist() == [[0.5, 1.5]]


def test_members_are_compared_with_neighbours_of_other_kinds():
    rewards = [[1.0, 3.0, 0.0]]
    found = preference(3, alpha=1, beta=0).utility(income(rewards, nx.path_graph(3), members=[2]))
    assert found.tolist() == [[-3.0]]


def test_traces_build_up_and_begin_anew_where_an_episode_ends():
    pair = nx.complete_graph(2)
    liking = preference(2, alpha=1, beta=0.1, discount=0.5, trace=0.8)  # e <- 0.4 e + r
    first = liking.utility(income([[1.0, 0.0]] * 2, pair, ended=[True, False]))
    assert first[0].tolist() == pytest.approx([1 - 0.1, -1])
    second = liking.utility(income([[0.0, 0.25]] * 2, pair))
    assert second[0].tolist() == pytest.approx([-0.25, 0.25 - 0.025])  # a new episode
    assert second[1].tolist() == pytest.approx([-0.1 * 0.15, 0.25 - 0.15])  # traces 0.4 and 0.25


def test_the_public_code_keeps_no_traces():
    pair = nx.complete_graph(2)
    liking = preference(2, beta=0.1, variant="open_source")
    for _ in range(2):
        found = liking.utility(income([[1.0, 0.0]], pair))
        assert found[0].tolist() == pytest.approx([1.1, 0.0])


def test_traces_are_saved():
    pair = nx.complete_graph(2)
    one, other = preference(2), preference(2)
    one.utility(income([[1.0, 0.0]], pair))
    other.load(one.state())
    after = income([[0.0, 0.0]], pair)
    known, fresh = one.utility(after), preference(2).utility(after)
    assert known.tolist() == other.utility(after).tolist() != fresh.tolist()


def test_it_needs_neighbours_and_rounds():
    with pytest.raises(BrokenContract, match="from round to round"):
        preference(2).utility(Income(torch.zeros(1, 2), torch.arange(2), torch.zeros(1, 2)))


def test_agents_learn_from_what_they_mind():
    settings = {"preference": {"beta": 0.5, "trace": 1.0, "discount": 0.5}}
    village = society(
        Share(kind="inequity_averse", settings=settings),
        world={"kind": "iterated_dilemma", "horizon": 3},
        agents=2,
    )
    traces = torch.zeros(2, 2)
    for turn in range(7):
        village.step()
        rewards = village.society.experience.outcome.rewards
        traces = traces * (0.5 if turn % 3 else 0.0) + rewards
        ahead = (traces - traces.flip(1)).clamp(min=0)
        torch.testing.assert_close(village.society.cohorts[0].utility, rewards - 0.5 * ahead)
