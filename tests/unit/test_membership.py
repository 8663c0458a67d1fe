"""Who takes part: each rule by hand, and what is refused."""

import math

import networkx as nx
import pytest
import torch

from commonweal.errors import BadSetting, BrokenContract
from commonweal.networks.federations import Roll
from commonweal.networks.membership import FADING, MEMBERSHIPS, Called, MembershipConfig
from commonweal.networks.neighbourhoods import neighbourhoods


def roll(members=6, replicates=4, nodes=None, seed=0):
    nodes = torch.arange(members) if nodes is None else torch.tensor(nodes)
    near = neighbourhoods(nx.cycle_graph(max(3, int(nodes.max()) + 1)))
    return Roll(nodes, replicates, near, torch.Generator().manual_seed(seed))


def rule(name, among=None, **settings):
    return MEMBERSHIPS[name](MembershipConfig(members=name, **settings), among or roll())


def masks(membership, meetings, members=6, replicates=4):
    """[meetings, R, M]: who takes part when nobody earns anything."""
    found = []
    for _ in range(meetings):
        found.append(membership.volunteers(torch.zeros(replicates, members)))
        membership.note(found[-1])
    return torch.stack(found)


def test_everyone():
    assert masks(rule("everyone"), 2).all()


def test_half_is_drawn_once_and_anew_in_each_replicate():
    found = masks(rule("half", roll(20, 8)), 3, 20, 8)
    assert (found.sum(-1) == 10).all()
    assert (found == found[0]).all()
    assert len({tuple(row) for row in found[0].tolist()}) == 8
    other = masks(rule("half", roll(20, 8, seed=1)), 1, 20, 8)
    assert (other != found[0]).any()


@pytest.mark.parametrize(
    ("share", "members", "count"), [(0.5, 5, 2), (0.29, 100, 29), (1.0, 5, 5), (0.2, 5, 1)]
)
def test_a_share_is_rounded_down_but_not_by_rounding_errors(share, members, count):
    found = masks(rule("half", roll(members), share=share), 1, members)
    assert (found.sum(-1) == count).all()


def test_half_prefers_no_place():
    found = masks(rule("half", roll(4, 4000)), 1, 4, 4000)[0]
    # Standard error of a share of a half in 4000: 0.008.
    assert (found.float().mean(0) - 0.5).abs().max() < 0.032


@pytest.mark.parametrize(("members", "count"), [(4, 3), (10, 6), (5, 3), (3, 2), (1, 1)])
def test_lowest_are_half_and_one_more(members, count):
    first = [i < count for i in range(members)]
    assert masks(rule("lowest", roll(members)), 1, members)[0].tolist() == [first] * 4


def test_nodes_are_those_of_the_world():
    found = masks(rule("nodes", roll(nodes=[2, 3, 5, 7]), nodes=(7, 3)), 2, 4)
    assert found.tolist() == [[[False, True, False, True]] * 4] * 2


def test_strangers_are_named_with_those_who_exist():
    says = "names strangers, 0, 4; those who may federate are 2-3, 5, 7-9"
    with pytest.raises(BadSetting, match=says):
        rule("nodes", roll(nodes=[2, 3, 5, 7, 8, 9]), nodes=(4, 2, 0))


def test_bernoulli_draws_anew_at_each_meeting():
    found = masks(rule("bernoulli", roll(10, 10), share=0.3), 400, 10, 10)
    # Standard error over 40,000 draws: 0.0023.
    assert abs(float(found.float().mean()) - 0.3) < 0.0092
    assert (found[0] != found[1]).any()
    # Agents choose apart: the chance that two of a replicate take part is that of both.
    together = (found[..., 0] & found[..., 1]).float().mean()
    assert abs(float(together) - 0.09) < 0.018  # standard error 0.0045


def test_bernoulli_of_all_is_everyone_and_of_few_may_be_nobody():
    assert masks(rule("bernoulli", share=1.0), 5).all()
    assert not masks(rule("bernoulli", share=0.01), 5).any(-1).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"members": "nodes"}, "empty list of nodes is a federation of nobody"),
        ({"nodes": (1,)}, "members = 'everyone' does not ask for them"),
        ({"members": "nodes", "nodes": (1, 2, 1)}, r"nodes = \[1, 2, 1\] names one more than once"),
        ({"members": "bernoulli", "share": 0.0}, "share = 0 is a federation of nobody"),
        ({"members": "hlaf"}, "did you mean 'half'"),
        ({"share": 1.5}, r"share = 1.5 lies outside \[0, 1\]"),
        ({"temperature": 0.0}, "temperature = 0.0 lies outside"),
    ],
)
def test_settings_at_odds_are_refused(settings, says):
    with pytest.raises(BadSetting, match=says):
        MembershipConfig(**settings)


def test_a_share_too_small_for_a_member_is_refused():
    says = "share = 0.15 of 6 agents is a federation of nobody; the share must be at least 1 / 6"
    with pytest.raises(BadSetting, match=says):
        rule("half", share=0.15)


# ---- learned by expected return -------------------------------------------------------------


def test_returns_are_learned_inside_and_outside():
    among = roll(1, 1)
    membership = rule("returns", among, temperature=0.5)

    def ask(value):
        mask = membership.volunteers(torch.tensor([[value]]))
        membership.note(mask)
        return bool(mask)

    assert ask(2.0)  # the first returns were earned outside; inside has not been tried
    assert membership.earned.tolist() == [[[2.0, 0.0]]]
    chance = torch.Generator()
    chance.set_state(among.generator.get_state())
    drawn = float(torch.rand(1, 1, generator=chance))
    stays = ask(1.0)  # now both are known
    assert membership.earned.tolist() == [[[2.0, 1.0]]]
    assert stays == (drawn < 1 / (1 + math.exp((2.0 - 1.0) / 0.5)))
    where = int(stays)
    ask(7.0)
    expected = [2.0, 1.0]
    expected[where] += FADING * (7.0 - expected[where])
    assert membership.earned[0, 0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("inside", "expected"), [(1.0, 1.0), (-1.0, 0.0)])
def test_they_stay_where_they_earn_more(inside, expected):
    membership, members = rule("returns", temperature=0.1), torch.zeros(4, 6, dtype=torch.bool)
    found = []
    for _ in range(50):
        returns = torch.where(members, inside, 0.0)
        members = membership.volunteers(returns)
        membership.note(members)
        found.append(members)
    assert found[0].all()
    assert torch.stack(found[1:]).float().mean() == expected


def test_at_a_temperature_they_choose_by_a_softmax():
    members = torch.zeros(40, 50, dtype=torch.bool)
    membership = rule("returns", roll(50, 40), temperature=0.5)
    found = []
    for _ in range(41):
        members = membership.volunteers(torch.where(members, 1.0, 0.5))
        membership.note(members)
        found.append(members)
    # A difference of one temperature: 1 / (1 + e^-1); standard error over 80,000 draws 0.0016.
    share = float(torch.stack(found[1:]).float().mean())
    assert abs(share - 1 / (1 + math.exp(-1))) < 0.0064


def test_what_somebody_else_decided_counts():
    membership, inside = rule("returns"), torch.ones(4, 6, dtype=torch.bool)
    membership.volunteers(torch.zeros(4, 6))
    membership.note(~inside)  # all were told to stay out
    assert membership.volunteers(torch.full((4, 6), 3.0)).all()  # so inside is still to be tried
    assert torch.equal(membership.earned[..., 0], torch.full((4, 6), 3 * FADING))
    assert not membership.tried[..., 1].any()


# ---- functions ------------------------------------------------------------------------------


def test_a_function_is_asked_with_meetings_and_returns():
    asked = []

    def function(meeting, returns):
        asked.append((meeting, returns.tolist()))
        return returns[0] > 0

    membership = Called(roll(2, 3), function)
    returns = torch.tensor([[1.0, -1.0]] * 3)
    assert membership.volunteers(returns).tolist() == [[True, False]] * 3
    membership.volunteers(returns)
    assert asked == [(0, returns.tolist()), (1, returns.tolist())]
    again = Called(roll(2, 3), function)
    again.load(membership.state())
    again.volunteers(returns)
    assert asked[-1][0] == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (torch.ones(2), r"function named names members as torch.float32 \(2,\)"),
        (
            torch.ones(3, dtype=torch.bool),
            r"bool \(3,\); it must be a mask of bools \(3, 2\) or \(2,\)",
        ),
        ([True, False], r"as \[True, False\]"),
    ],
)
def test_answers_that_are_no_mask_are_refused(answer, says):
    def named(meeting, returns):
        return answer

    with pytest.raises(BrokenContract, match=says):
        Called(roll(2, 3), named).volunteers(torch.zeros(3, 2))
