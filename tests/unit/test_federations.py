"""Federations as records: who takes part, who came and went, and who shared what with whom."""

import networkx as nx
import pytest
import torch

from commonweal.errors import BadSetting
from commonweal.networks import federations
from commonweal.networks.charters import Voluntary, VoluntaryConfig
from commonweal.networks.federations import Alone, Charter, Federation, Roll, identity
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.settings import Settings
from commonweal.simulation.conformance.tools import differences, saved
from tests.societies import Averaging, EveryThird

NODES = [2, 3, 5, 7]
NOTHING = torch.zeros(2, 4)


def roll(nodes=NODES, replicates=2, graph=None, seed=0):
    near = neighbourhoods(graph or nx.cycle_graph(9))
    return Roll(torch.tensor(nodes), replicates, near, torch.Generator().manual_seed(seed))


def federation(charter=Averaging, among=None):
    among = among or roll()
    return Federation(charter(charter.Config(), among), among)


def voluntary(**settings):
    among = roll()
    return Federation(Voluntary(VoluntaryConfig(**settings), among), among)


def meet(one, returns=NOTHING, head="move", what="parameters"):
    return one.meet(returns, head, what)


# ---- who could take part --------------------------------------------------------------------


def test_a_roll_knows_who_meets_whom_among_its_agents():
    graph = roll(graph=nx.cycle_graph(8)).graph()  # 2 - 3 . 5 . 7, and 7 - 0 outside
    assert list(graph) == [0, 1, 2, 3]
    assert sorted(map(tuple, map(sorted, graph.edges))) == [(0, 1)]
    assert roll(graph=nx.complete_graph(8)).graph().number_of_edges() == 6


def test_a_roll_keeps_the_order_of_its_nodes():
    assert set(roll([7, 2, 3], graph=nx.cycle_graph(8)).graph().edges) == {(1, 2)}


def test_a_charter_must_say_who_meets():
    with pytest.raises(TypeError):
        Charter(Settings(), roll())


def test_alone_never_meets():
    one = federation(Alone)
    assert not one.active
    assert not any(one.due("move") for _ in range(5))
    assert one.graph().number_of_edges() == 0
    assert dict(one.graph().nodes(data="member")) == dict.fromkeys(NODES, False)


def test_many_who_learn_alone_need_no_table_of_each_other():
    near = neighbourhoods(nx.cycle_graph(50_000))
    among = Roll(torch.arange(50_000), 1, near, torch.Generator())
    state = Federation(Alone(Settings(), among), among).state()
    assert sum(v.numel() for v in state.values() if isinstance(v, torch.Tensor)) < 200_000


# ---- when they meet -------------------------------------------------------------------------


def test_a_period_counts_the_updates_of_each_head():
    one = federation(EveryThird)
    assert [one.due("move") for _ in range(7)] == [False, False, True, False, False, True, False]
    assert [one.due("assess") for _ in range(3)] == [False, False, True]
    assert one.updates == {"move": 7, "assess": 3}


def test_a_meeting_says_who_listens_to_whom():
    one = federation()
    assert not one.members.any()
    assert torch.equal(one.weights, torch.eye(4).expand(2, -1, -1))
    meeting = meet(one)
    assert meeting.members.all()
    assert torch.equal(meeting.weights, torch.full((2, 4, 4), 0.25))
    assert one.members is meeting.members and one.weights is meeting.weights
    assert one.meetings == 1


def test_a_charter_is_asked_with_returns():
    asked = []

    class Witness(Averaging):
        def volunteers(self, returns):
            asked.append(returns)
            return returns > 0

    returns = torch.tensor([[1.0, -1, 1, 1], [-1, -1, -1, 1]])
    meeting = meet(federation(Witness), returns)
    assert asked[0] is returns
    assert torch.equal(meeting.members, returns > 0)


class Greedy(Averaging):
    """Weights of which one row sums to a half more."""

    def weigh(self, members):
        weights = super().weigh(members)
        weights[1, 2] *= 1.5
        return weights


def test_weights_that_do_not_sum_to_one_are_refused():
    says = "^charter Greedy: weights of row 2 sum to 1.5; they must sum to 1$"
    with pytest.raises(BadSetting, match=says):
        meet(federation(Greedy))


# ---- entering and leaving -------------------------------------------------------------------


def test_agents_join_leave_and_follow_again():
    one = voluntary(members="nodes", nodes=(2, 3))

    def who():
        masks = meet(one).members
        assert torch.equal(masks[0], masks[1])
        return [node for node, inside in zip(NODES, masks[0].tolist(), strict=True) if inside]

    assert who() == [2, 3]
    one.join(7)
    assert dict(one.graph().nodes(data="member"))[7] is False  # from the next meeting on
    assert who() == [2, 3, 7]
    one.leave(2)
    assert who() == [3, 7]
    assert who() == [3, 7]
    one.follow(7)
    one.join(2)
    assert who() == [2, 3]
    one.follow(2)
    assert who() == [2, 3]


def test_the_last_one_cannot_leave():
    one = voluntary()
    for node in (2, 3, 5):
        one.leave(node)
    with pytest.raises(BadSetting, match="agent 7 cannot leave: it is the last that may take part"):
        one.leave(7)
    assert meet(one).members[1].tolist() == [False, False, False, True]


def test_who_cannot_leave_goes_on_as_it_was_told():
    one = voluntary(members="nodes", nodes=(2, 3))
    one.join(7)
    for node in (2, 3, 5):
        one.leave(node)
    with pytest.raises(BadSetting, match="cannot leave"):
        one.leave(7)
    assert meet(one).members[0].tolist() == [False, False, False, True]


@pytest.mark.parametrize("act", ["join", "leave", "follow"])
def test_strangers_are_refused(act):
    with pytest.raises(
        BadSetting, match="agent 4 is a stranger to this federation of agents 2, 3, 5, 7"
    ):
        getattr(voluntary(), act)(4)


# ---- reading --------------------------------------------------------------------------------


def test_the_graph_says_who_listened_to_whom_and_how_often():
    one = voluntary(members="nodes", nodes=(2, 3))
    meet(one)
    one.join(7)
    meet(one)
    graph = one.graph(replicate=1)
    assert graph.graph == {"meetings": 2}
    assert dict(graph.nodes(data="member")) == {2: True, 3: True, 5: False, 7: True}
    assert set(graph.edges) == {(a, b) for a in (2, 3, 7) for b in (2, 3, 7) if a != b}
    assert graph.edges[2, 3]["weight"] == pytest.approx(1 / 3)
    assert graph.edges[2, 3]["shared"] == pytest.approx(1 / 2 + 1 / 3)
    assert graph.edges[7, 3]["shared"] == pytest.approx(1 / 3)
    one.leave(3)
    one.leave(7)
    meet(one)
    edge = one.graph(replicate=1).edges[3, 2]
    assert edge["weight"] == 0 and edge["shared"] == pytest.approx(1 / 2 + 1 / 3)


class OneWay(Averaging):
    """The second agent listens to the first, and all others to themselves."""

    def weigh(self, members):
        weights = identity(members)
        weights[0, 1, :2] = torch.tensor([0.75, 0.25])
        return weights


def test_an_edge_runs_from_the_one_who_is_heard():
    one = federation(OneWay)
    meet(one)
    edges = [(a, b, data["weight"]) for a, b, data in one.graph(0).edges(data=True)]
    assert edges == [(2, 3, 0.75)]
    assert one.graph(1).number_of_edges() == 0


def test_sums_count_meetings_of_members_only():
    one = voluntary(members="nodes", nodes=(2, 3))
    meet(one)
    meet(one)
    assert one.shared.sum(-1).tolist() == [[2, 2, 0, 0]] * 2


def test_the_history_says_who_shared_what_with_whom_and_when():
    one = voluntary(members="nodes", nodes=(2, 3))
    one.rounds = 40
    meet(one)
    one.leave(2)
    one.rounds = 80
    meet(one, head="assess", what="gradients")
    first, second = one.history
    assert (first.round, first.head, first.what) == (40, "move", "parameters")
    assert (second.round, second.head, second.what) == (80, "assess", "gradients")
    assert first.members[0].tolist() == [True, True, False, False]
    assert second.members[0].tolist() == [False, True, False, False]
    assert first.weights[0, 0].tolist() == [0.5, 0.5, 0, 0]
    assert second.weights[0, 0].tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(("weights", "kept"), [(10**6, 5), (3 * 2 * 16, 3), (1, 1)])
def test_the_history_is_bounded_by_meetings_and_by_weights(monkeypatch, weights, kept):
    monkeypatch.setattr(federations, "REMEMBERED", 5)
    monkeypatch.setattr(federations, "WEIGHTS_REMEMBERED", weights)
    one = federation()
    for one.rounds in range(8):
        meet(one)
    assert [entry.round for entry in one.history] == list(range(8))[-kept:]
    assert one.meetings == 8 and float(one.shared[0, 0].sum()) == 8


# ---- saving ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"members": "half", "shape": "halves", "riders": 1, "every": 3},
        {"members": "bernoulli", "shape": "overlapping"},
        {"members": "returns", "shape": "birkhoff"},
    ],
)
def test_a_federation_goes_on_after_a_checkpoint(settings):
    def founded(seed):
        among = roll(seed=seed)
        return Federation(Voluntary(VoluntaryConfig(**settings), among), among)

    def live(one, times, start):
        rng = torch.Generator().manual_seed(start)
        for one.rounds in range(start, start + times):
            if one.due("move"):
                meet(one, torch.randn(2, 4, generator=rng))

    one, other = founded(0), founded(1)
    one.join(5)
    live(one, 8, 0)
    one.leave(2)
    other.load(saved(one.state()))
    assert not list(differences(saved(one.state()), saved(other.state())))
    other.roll.generator.set_state(one.roll.generator.get_state())
    for each in (one, other):
        live(each, 8, 8)
    assert one.meetings == (5 if settings.get("every") else 16)
    assert not list(differences(one.state(), other.state()))


def test_a_saved_state_does_not_change_with_what_comes_after():
    one = voluntary()
    meet(one)
    state = one.state()
    kept = saved(state)
    one.leave(3)
    meet(one)
    assert not list(differences(saved(state), kept))
