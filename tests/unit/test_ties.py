"""What ties a cohort: who meets when, what passes, what is measured of it, and what is refused."""

from dataclasses import dataclass
from types import SimpleNamespace

import networkx as nx
import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.dd import DD, DDConfig
from commonweal.agents.exchanges.base import Exchange, NoExchange
from commonweal.agents.exchanges.federal import Federal
from commonweal.agents.exchanges.mixing import Mixing, MixingConfig
from commonweal.agents.ippo import IPPO, IPPOConfig
from commonweal.agents.learners.base import unshared
from commonweal.agents.learners.federal_ppo import FederalPPO
from commonweal.agents.lr2 import LR2, LR2Config
from commonweal.agents.ties import Ties, consensus_gap
from commonweal.errors import BadSetting
from commonweal.networks.charters import Voluntary, VoluntaryConfig
from commonweal.networks.federations import Alone, Charter, identity
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.randomness import Streams
from commonweal.settings import Settings, setting
from commonweal.simulation.conformance.tools import differences, saved
from commonweal.simulation.experiment import Share
from tests.societies import Averaging, registered, society

R, M, N, LANES = 2, 2, 3, 2
NODES = [0, 2]


class Chosen(Charter):
    """Members as the test says, meeting by meeting; all of them listen to all."""

    every = 2

    def __init__(self, config, roll):
        super().__init__(config, roll)
        self.masks, self.told = [], []

    def volunteers(self, returns):
        self.told.append(returns)
        return torch.tensor(self.masks.pop(0))

    def weigh(self, members):
        return identity(members)


class Spy(Exchange):
    """Adds one to what members have, and ten to gradients."""

    def __init__(self, config):
        super().__init__(config)
        self.seen = []

    @property
    def what(self):
        return "gradients"

    def gradients(self, own, parameters, meeting):
        return own + 10, 2 * own

    def apply(self, before, after, commons, meeting):
        self.seen.append((before, after, commons, meeting))
        return after + meeting.members.unsqueeze(-1), commons + 5


class Stack:
    """Parameters of four slots, and perhaps common models."""

    learns = sees_gradients = True

    def __init__(self, commons=False):
        self.parameters = torch.arange(8.0).view(R * M, 2)
        self.models = torch.zeros(R, 2, 2) if commons else None
        self.sharing = unshared

    def travelling(self):
        return self.parameters

    def commons(self):
        return self.models


def ties(charter=Chosen, exchange=Spy, horizon=4, masks=()):
    place = SimpleNamespace(
        spec=SimpleNamespace(horizon=horizon),
        replicates=R,
        near=neighbourhoods(nx.complete_graph(N)),
        streams=Streams(0),
        device=torch.device("cpu"),
    )
    kind = SimpleNamespace(charter=charter, exchange=exchange)
    cohort = SimpleNamespace(
        name="us", place=place, kind=kind, config=Settings(), members=torch.tensor(NODES)
    )
    made = Ties(cohort)
    made.federation.charter.masks = list(masks)
    return made


def meet(tie, *heads, stack=None):
    """One study of each head."""
    for head in heads:
        with tie.studying(head, stack or Stack()):
            pass


ALL, FIRST = [[True, True], [True, True]], [[True, False], [False, True]]


# ---- meetings ----------------------------------------------------------------------------------


def test_what_was_earned_is_per_round_and_replicate_and_begins_anew_at_meetings():
    tie = ties(masks=[ALL, ALL])
    # [L, M], two lanes for each replicate.
    first = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 4.0], [0.0, 8.0]])
    tie.earn(first)
    meet(tie, "move")  # the first update, of which only every second is one of a meeting
    tie.earn(first)
    tie.earn(torch.zeros(4, 2))
    meet(tie, "move")
    (told,) = tie.federation.charter.told
    # Means over lanes are 2 and 6; two rounds of three had them.
    torch.testing.assert_close(told, torch.tensor([[4 / 3, 0], [0, 4]]))
    assert not tie.earned.any() and tie.met == tie.federation.rounds == 3
    for _ in range(2):
        tie.earn(torch.ones(4, 2))
        meet(tie, "move")
    assert torch.equal(tie.federation.charter.told[1], torch.ones(R, M))


def test_heads_that_learn_in_the_same_round_meet_once():
    tie = ties(masks=[FIRST, ALL])
    for _ in range(2):
        tie.earn(torch.ones(4, 2))
        meet(tie, "move", "assess")
    assert tie.federation.meetings == 1 and len(tie.federation.history) == 1
    assert len(tie.exchange.seen) == 2  # both were exchanged
    for *_, meeting in tie.exchange.seen:
        assert meeting.members.tolist() == FIRST
    tie.earn(torch.ones(4, 2))
    meet(tie, "assess")
    tie.earn(torch.ones(4, 2))
    meet(tie, "assess")
    assert tie.federation.meetings == 2
    # A head counts its own updates: this is the third of "move".
    meet(tie, "move")
    assert len(tie.exchange.seen) == 3


def test_what_passes_at_a_meeting_and_between():
    tie, stack = ties(masks=[FIRST]), Stack(commons=True)
    start, own = stack.parameters.clone(), torch.ones(R * M, 2)
    tie.earn(torch.ones(4, 2))
    with tie.studying("move", stack):
        # It has a say in every gradient, and is told whether members meet.
        assert [turn.unique().tolist() for turn in stack.sharing(own, own)] == [[11], [2]]
        stack.parameters += 1
    assert torch.equal(stack.parameters, start + 1) and not stack.models.any()
    assert stack.sharing is unshared
    live = stack.parameters
    tie.earn(torch.ones(4, 2))
    with tie.studying("move", stack):
        stack.parameters += 1
    ((before, after, commons, meeting),) = tie.exchange.seen
    assert torch.equal(before, (start + 1).view(R, M, 2))
    assert torch.equal(after, (start + 2).view(R, M, 2))
    assert commons.shape == (R, 2, 2) and not commons.any()
    assert meeting.members.tolist() == FIRST
    assert stack.parameters is live
    joined = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    assert torch.equal(live, start + 2 + joined) and (stack.models == 5).all()


def test_learners_without_common_models_have_none_to_exchange():
    tie = ties(masks=[ALL])
    for _ in range(2):
        tie.earn(torch.ones(4, 2))
        meet(tie, "move", stack=Stack())
    assert tie.exchange.seen[0][2].shape == (R, 0, 2)


def test_who_learns_alone_is_left_alone():
    tie, stack = ties(Alone, Spy), Stack()
    start = stack.parameters.clone()
    with tie.studying("move", stack):
        assert stack.sharing is unshared
    assert torch.equal(stack.parameters, start) and not tie.exchange.seen
    assert tie.indicators(torch.ones(R * LANES, N)) == {}


# ---- indicators --------------------------------------------------------------------------------


def read(tie, rewards):
    """Sums and counts [L] as lists."""
    found = tie.indicators(torch.tensor(rewards))
    return {name: (above.tolist(), below.tolist()) for name, (above, below) in found.items()}


REWARDS = [[1.0, 100.0, 2.0], [3.0, 100.0, 4.0], [5.0, 100.0, 6.0], [7.0, 100.0, 8.0]]


def test_indicators_by_hand():
    tie = ties(masks=[FIRST])
    tie.earn(torch.ones(4, 2))
    before = read(tie, REWARDS)
    # Nobody is a member before they have met; a return counts a quarter for each of four rounds.
    assert before["return_members"] == ([0] * 4, [0] * 4)
    assert before["return_outsiders"] == ([3, 7, 11, 15], [0.5] * 4)
    assert before["meetings"] == ([0] * 4, [0.25] * 4)
    assert before["membership"] == ([0] * 4, [1] * 4)
    meet(tie, "move")
    tie.earn(torch.ones(4, 2))
    meet(tie, "move")
    assert read(tie, REWARDS)["meetings"] == ([1] * 4, [0.25] * 4)
    tie.earn(torch.ones(4, 2))
    after = read(tie, REWARDS)
    # Nodes 0 and 2 are the cohort's; the first replicate's member is 0, the second's 2.
    assert after["return_members"] == ([1, 3, 6, 8], [0.25] * 4)
    assert after["return_outsiders"] == ([2, 4, 5, 7], [0.25] * 4)
    assert after["meetings"] == ([0] * 4, [0.25] * 4)
    assert after["membership"] == ([0.5] * 4, [1] * 4)
    assert after["consensus_gap"] == ([0] * 4, [1] * 4)


def test_what_is_earned_in_the_round_of_a_meeting_was_earned_before_it():
    tie = ties(masks=[FIRST, [[False, True], [True, False]]])
    for _ in range(2):
        tie.earn(torch.ones(4, 2))
        meet(tie, "move")
    assert read(tie, REWARDS)["return_members"] == ([0] * 4, [0] * 4)
    tie.earn(torch.ones(4, 2))
    meet(tie, "move")
    tie.earn(torch.ones(4, 2))
    meet(tie, "move")
    found = read(tie, REWARDS)
    assert found["return_members"][0] == [1, 3, 6, 8]
    tie.earn(torch.ones(4, 2))
    assert read(tie, REWARDS)["return_members"][0] == [2, 4, 5, 7]


def test_where_episodes_have_no_end_returns_and_meetings_are_per_round():
    tie = ties(masks=[ALL], horizon=0)
    for _ in range(2):
        tie.earn(torch.ones(4, 2))
        meet(tie, "move")
    tie.earn(torch.ones(4, 2))
    found = read(tie, REWARDS)
    assert found["return_members"] == ([3, 7, 11, 15], [2] * 4)
    assert found["meetings"] == ([0] * 4, [1] * 4)


def test_the_gap_by_hand():
    parameters = torch.tensor([[[0.0, 0.0], [4.0, 0.0], [50.0, 50.0]], [[1.0, 1.0]] * 3])
    members = torch.tensor([[True, True, False], [True, True, True]])
    assert consensus_gap(parameters, members).tolist() == [4, 0]
    # 0, 4 and 11: the mean is 5, and the last is 6 away from it.
    parameters[0, 2] = torch.tensor([11.0, 0.0])
    assert consensus_gap(parameters, torch.ones(2, 3, dtype=torch.bool)).tolist() == [36, 0]
    assert consensus_gap(parameters, torch.zeros(2, 3, dtype=torch.bool)).tolist() == [0, 0]


def test_the_gap_is_measured_after_the_exchange():
    tie = ties(masks=[ALL], exchange=type("Meet", (Spy,), {}))
    tie.exchange.apply = lambda before, after, commons, meeting: (
        torch.tensor([[[1.0, 0.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 8.0]]]),
        commons,
    )
    for _ in range(2):
        tie.earn(torch.ones(4, 2))
        meet(tie, "move")
    assert read(tie, REWARDS)["consensus_gap"][0] == [1, 1, 16, 16]


def test_ties_survive_a_checkpoint():
    one, other = (ties(masks=[FIRST, ALL]) for _ in range(2))
    for _ in range(3):
        one.earn(torch.rand(4, 2, generator=torch.Generator().manual_seed(1)))
        meet(one, "move")
    other.load(saved(one.state()))
    other.federation.charter.masks = [ALL]
    for tie in (one, other):
        tie.earn(torch.ones(4, 2))
        meet(tie, "move")
    assert not list(differences(one.state(), other.state()))
    assert torch.equal(one.federation.charter.told[-1], other.federation.charter.told[-1])
    assert read(one, REWARDS) == read(other, REWARDS)


# ---- refusals ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DDMixing(DDConfig):
    charter: VoluntaryConfig = setting(VoluntaryConfig, "who takes part")
    exchange: MixingConfig = setting(MixingConfig, "what they share")


@dataclass(frozen=True, kw_only=True)
class LR2Mixing(LR2Config):
    charter: VoluntaryConfig = setting(VoluntaryConfig(shape="graph"), "who takes part")
    exchange: MixingConfig = setting(MixingConfig(what="parameters"), "what they share")


def refused(base, **parts):
    kind = type("Members", (base,), parts)
    with registered(AGENTS, "members", kind):
        return society("members", agents=9, lanes=2)


def test_learners_that_show_no_gradients_cannot_exchange_them():
    parts = {"Config": DDMixing, "charter": Voluntary, "exchange": Mixing}
    with pytest.raises(BadSetting) as caught:
        refused(DD, **parts)
    assert str(caught.value) == (
        "agent members: its exchange needs gradients, and its learner PPO of 'move' has none to show; "
        "let it exchange parameters"
    )
    with registered(AGENTS, "members", type("Members", (DD,), parts)):
        society(
            Share(kind="members", settings={"exchange": {"what": "parameters"}}), agents=9, lanes=2
        )


def test_learners_without_common_models_cannot_exchange_them():
    with pytest.raises(BadSetting) as caught:
        refused(DD, charter=Averaging, exchange=Federal)
    assert str(caught.value) == (
        "agent members: its exchange Federal needs 2 common models, and its learner PPO of 'move' "
        "keeps none"
    )


def test_learners_without_parameters_cannot_share_any():
    kind = type("Members", (AGENTS["lase"],), {"charter": Averaging, "exchange": NoExchange})
    with (
        registered(AGENTS, "members", kind),
        pytest.raises(
            BadSetting, match=r"agent members: its learner \w+ of '\w+' has no parameters"
        ),
    ):
        society("members", agents=4, lanes=2, world={"kind": "iterated_dilemma"})


# ---- kinds of other worlds ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def federated():
    """LR2 on a lattice, with neighbours that mix what they know, among agents that learn alone."""
    parts = {"Config": LR2Mixing, "charter": Voluntary, "exchange": Mixing}
    with registered(AGENTS, "members", type("Members", (LR2,), parts)):
        yield lambda **changes: society(
            Share(kind="members", count=10), Share(kind="lr2"), agents=16, lanes=2, **changes
        )


def test_reputation_learners_meet_in_the_turns_of_their_heads(federated):
    world = federated()
    for _ in range(80):
        world.step()
    members, alone = world.society.cohorts
    held = [(entry.round, entry.head, entry.what) for entry in members.federation.history]
    turns = [(20, "move"), (40, "assess"), (60, "move"), (80, "assess")]
    assert held == [(*turn, "parameters") for turn in turns]
    assert set(world.society.federations) == {"members"} and not alone.ties.met
    named = {"return_members", "return_outsiders", "meetings", "membership", "consensus_gap"}
    measured = {name for name in world.measured if name.split("/")[0] in named}
    assert measured == {f"{name}/members" for name in named}
    graph = members.federation.graph()
    assert set(graph) == set(members.members.tolist())
    joined = {frozenset(edge) for edge in graph.edges}
    own = world.graph.subgraph(graph.nodes).edges
    assert joined == {frozenset(edge) for edge in own} and joined


def test_agents_that_learn_alone_are_not_in_the_mix(federated):
    """What they have learned is changed at the meeting, and members get the same as before."""
    outcomes = []
    for shift in (0.0, 3.0):
        world = federated()
        members, alone = world.society.cohorts
        for _ in range(19):
            world.step()
        study = members.minds["move"].study

        def disturbed(progress, rule, shift=shift, study=study, alone=alone):
            study(progress, rule)
            alone.minds["move"].policy.parameters += shift

        members.minds["move"].study = disturbed
        apart = alone.minds["move"].policy.parameters.clone()
        world.step()
        outcomes.append((members.minds["move"].travelling().clone(), alone, apart))
    (one, _, before), (other, alone, _) = outcomes
    assert torch.equal(one, other)
    assert not torch.equal(alone.minds["move"].policy.parameters, before)


def test_independent_learners_take_no_charter():
    world = society(Share(kind="ippo", settings={"move": {"hidden": [4]}}), agents=9, lanes=2)
    assert world.society.federations == {} and IPPO.charter is Alone and IPPO.Config is IPPOConfig


def test_unlike_networks_cannot_federate(monkeypatch):
    monkeypatch.setattr(FederalPPO, "commons", lambda self: torch.zeros(1, 2, 7))
    with pytest.raises(BadSetting) as caught:
        society("fpf", agents=9, lanes=2)
    assert str(caught.value) == (
        "agent fpf: its learner FederalPPO of 'move' has networks of 1794 parameters and common models "
        "of 7; only like networks can federate"
    )
