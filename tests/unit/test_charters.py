"""The voluntary charter: memberships and shapes put together, and those who only listen."""

import networkx as nx
import pytest
import torch

from commonweal.errors import BadSetting
from commonweal.networks import consensus
from commonweal.networks.charters import Voluntary, VoluntaryConfig, chosen_by, unheard
from commonweal.networks.federations import Federation, Roll
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.settings import flags, from_table, to_table


def roll(members=6, replicates=3, seed=0):
    near = neighbourhoods(nx.cycle_graph(members))
    return Roll(torch.arange(members), replicates, near, torch.Generator().manual_seed(seed))


def charter(among=None, kind=Voluntary, **settings):
    return kind(VoluntaryConfig(**settings), among or roll())


NOTHING = torch.zeros(3, 6)


def test_by_default_all_listen_to_all_at_every_update():
    voluntary = charter()
    members = voluntary.volunteers(NOTHING)
    assert members.all() and voluntary.every == 1
    torch.testing.assert_close(voluntary.weigh(members), torch.full((3, 6, 6), 1 / 6))


def test_members_and_shape_are_put_together():
    voluntary = charter(members="nodes", nodes=(0, 2, 3, 5), shape="ring", reach=1, every=7)
    members = voluntary.volunteers(NOTHING)
    assert voluntary.every == 7
    weights = voluntary.weigh(members)[1]
    torch.testing.assert_close(weights[5], torch.tensor([0.05, 0, 0, 0.05, 0, 0.9]))
    torch.testing.assert_close(weights[1], torch.tensor([0.0, 1, 0, 0, 0, 0]))


def test_settings_read_as_flags_and_tables():
    names = [flag.name for flag in flags(VoluntaryConfig, "charter")]
    assert {"charter.members", "charter.shape", "charter.every", "charter.riders"} <= set(names)
    config = VoluntaryConfig(members="half", shape="overlapping", share=0.25, groups=3)
    assert from_table(VoluntaryConfig, to_table(config), "charter") == config


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"riders": 1, "shape": "none"}, "nobody listens to anybody"),
        ({"members": "nodes"}, "federation of nobody"),  # the checks of both parents are made
        ({"every": 0}, "every = 0 lies outside"),
        ({"shape": "rign"}, "did you mean 'ring'"),
    ],
)
def test_settings_at_odds_are_refused(settings, says):
    with pytest.raises(BadSetting, match=says):
        VoluntaryConfig(**settings)


# ---- riders ---------------------------------------------------------------------------------


def test_unheard_by_hand():
    weights = torch.tensor([[[0.5, 0.25, 0.25], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]]])
    riders = torch.tensor([[False, True, False]])
    expected = torch.tensor([[[0.75, 0, 0.25], [0.2, 0.5, 0.3], [0.1, 0, 0.9]]])
    torch.testing.assert_close(unheard(weights, riders), expected)
    assert torch.equal(unheard(weights, torch.zeros_like(riders)), weights)


def test_riders_listen_and_nobody_listens_to_them():
    voluntary = charter(riders=2)
    members = voluntary.volunteers(NOTHING)
    weights = voluntary.weigh(members)
    consensus.check_shares(weights)
    assert (voluntary.riders.sum(-1) == 2).all()
    own = torch.eye(6)
    for table, riders in zip(weights, voluntary.riders, strict=True):
        alone = own[:, riders] * table.diagonal()[riders]
        assert torch.equal(table[:, riders], alone)  # nothing but the diagonal
        # Riders hear all four others, and keep what was for the other rider.
        torch.testing.assert_close(table[riders][:, ~riders], torch.full((2, 4), 1 / 6))
        torch.testing.assert_close(table[riders][:, riders], torch.eye(2) / 3)
        torch.testing.assert_close(table[~riders].sum(0)[riders], torch.zeros(2))
        torch.testing.assert_close(table.diagonal()[~riders], torch.full((4,), 1 / 2))
    again = voluntary.weigh(voluntary.volunteers(NOTHING))
    assert torch.equal(again, weights)


def test_riders_are_drawn_among_those_who_may_take_part():
    found = set()
    for seed in range(20):
        voluntary = charter(roll(seed=seed), members="nodes", nodes=(1, 4, 5), riders=1)
        found |= {tuple(place) for place in voluntary.riders.nonzero().tolist()}
    assert {agent for _, agent in found} == {1, 4, 5}
    assert len(found) == 9  # each of them in each replicate


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"riders": 6}, "riders = 6 of 6 members leave nobody to listen to; at most 5 can ride"),
        ({"riders": 3, "members": "half"}, "riders = 3 of 3 members"),
    ],
)
def test_too_many_riders_are_refused(settings, says):
    with pytest.raises(BadSetting, match=says):
        charter(**settings)


# ---- functions ------------------------------------------------------------------------------


def test_members_that_a_function_names():
    kind = chosen_by(lambda meeting, returns: torch.arange(6) == meeting)
    federation = Federation(charter(kind=kind, shape="complete"), roll())
    met = [federation.meet(NOTHING, "move", "parameters").members for _ in range(3)]
    assert [mask.nonzero()[:, 1].tolist() for mask in met] == [[0] * 3, [1] * 3, [2] * 3]


def test_members_that_a_function_chooses_by_returns():
    kind = chosen_by(lambda meeting, returns: returns > returns.mean(1, keepdim=True))
    returns = torch.arange(18.0).view(3, 6)
    members = charter(kind=kind).volunteers(returns)
    assert members.tolist() == [[False] * 3 + [True] * 3] * 3


# ---- in a federation ------------------------------------------------------------------------


def test_a_federation_that_is_empty_for_once_leaves_all_alone():
    kind = chosen_by(lambda meeting, returns: torch.zeros(6, dtype=torch.bool))
    meeting = Federation(charter(kind=kind, riders=1), roll()).meet(NOTHING, "move", "parameters")
    assert torch.equal(meeting.weights, torch.eye(6).expand(3, -1, -1))


def test_somebody_told_to_join_is_listened_to():
    federation = Federation(charter(members="nodes", nodes=(0, 1)), roll())
    federation.join(4)
    federation.leave(0)
    weights = federation.meet(NOTHING, "move", "parameters").weights[2]
    half = 0.5
    torch.testing.assert_close(weights[4], torch.tensor([0, half, 0, 0, half, 0]))
    torch.testing.assert_close(weights[0], torch.tensor([1.0, 0, 0, 0, 0, 0]))


def test_learned_membership_knows_what_it_was_told_otherwise():
    federation = Federation(charter(members="returns"), roll())
    federation.leave(3)
    for _ in range(3):
        federation.meet(NOTHING, "move", "parameters")
    tried = federation.charter.membership.tried
    assert tried[:, 3].tolist() == [[True, False]] * 3
    assert tried[:, :3].all()


def test_the_same_stream_founds_the_same_federation_and_others_another():
    settings = {"members": "half", "shape": "overlapping", "riders": 1, "group_size": 2}

    def meet(seed):
        federation = Federation(charter(roll(seed=seed), **settings), roll(seed=seed))
        return federation.meet(NOTHING, "move", "parameters").weights

    assert torch.equal(meet(3), meet(3))
    assert not torch.equal(meet(3), meet(4))
