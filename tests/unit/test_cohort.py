"""Cohorts: the two orders of rows, federations, gradient rules, and who breaks is named."""

import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.cohort import Cohort
from commonweal.agents.dd import DD
from commonweal.agents.exchanges.base import NoExchange
from commonweal.agents.gradients.collective import Collective
from commonweal.agents.lr2 import LR2
from commonweal.agents.scripted import AlwaysCooperate
from commonweal.errors import BrokenContract, Diverged
from commonweal.networks.federations import Alone
from commonweal.simulation.conformance.tools import differences, saved
from tests.societies import Averaging, EveryThird, Mixing, registered, society


def few(replicates, lanes, members=(1, 3)):
    """A cohort of two among four agents."""
    world = society(
        "random", agents=4, lanes=lanes, replicates=replicates, network={"kind": "ring"}
    )
    kind = AlwaysCooperate
    return Cohort("few", kind, kind.Config(), torch.tensor(members), world.society.place)


def test_rows_of_a_slot_are_the_lanes_of_its_replicate():
    cohort = few(replicates=2, lanes=3)
    where = 10 * torch.arange(6)[:, None] + torch.arange(4)  # 10 * lane + node
    rows = cohort.gather(where)
    assert rows.tolist() == [[1, 11, 21], [3, 13, 23], [31, 41, 51], [33, 43, 53]]
    assert cohort.scatter(rows).tolist() == where[:, [1, 3]].tolist()
    assert cohort.gather_own(where[:, [1, 3]]).tolist() == rows.tolist()
    whole = torch.zeros(6, 4, dtype=torch.int64)
    assert (
        cohort.put(whole, cohort.scatter(rows)).tolist()
        == (where * torch.tensor([0, 1, 0, 1])).tolist()
    )


def test_facts_of_a_lane_reach_every_row():
    cohort = few(replicates=2, lanes=2)
    rows = cohort._lanes(torch.tensor([1, 2, 3, 4]), 2)
    assert rows.tolist() == [[1, 1, 2, 2]] * 2 + [[3, 3, 4, 4]] * 2


def federated(charter, exchange, rounds, base=DD, replicates=2):
    """A society under a charter, with the same streams whatever the charter."""
    kind = type("Members", (base,), {"charter": charter, "exchange": exchange})
    with registered(AGENTS, "members", kind):
        world = society(
            "members", agents=6, lanes=2, replicates=replicates, network={"kind": "ring"}
        )
        for _ in range(rounds):
            world.step()
    return world


def stacks(world, head="move"):
    mind = world.society.cohorts[0].minds[head]
    rows = mind.policy.parameters.view(2, 6, -1)
    return rows, mind.adam.first.view(2, 6, -1)


def test_members_mix_their_parameters_and_keep_their_optimisers():
    alone, alone_adam = stacks(federated(Alone, NoExchange, 20))
    mixed, mixed_adam = stacks(federated(Averaging, Mixing, 20))
    torch.testing.assert_close(mixed, alone.mean(1, keepdim=True).expand_as(alone))
    assert not torch.equal(mixed[0, 0], mixed[1, 0])  # replicates stay apart
    assert torch.equal(mixed_adam, alone_adam)
    assert not torch.equal(mixed_adam[0, 0], mixed_adam[0, 1])


def test_every_head_that_learned_is_exchanged_at_its_own_time():
    world = federated(Averaging, Mixing, 20, LR2)
    (move, _), (assess, _) = stacks(world), stacks(world, "assess")
    assert torch.equal(move[0, 0], move[0, 1])
    assert not torch.equal(assess[0, 0], assess[0, 1])
    for _ in range(20):
        world.step()
    assert torch.equal(assess[0, 0], assess[0, 1])


def test_a_period_is_respected():
    # D-D learns in every second rollout, so the third update falls into round 100.
    for rounds, together in ((80, False), (100, True)):
        rows, _ = stacks(federated(EveryThird, Mixing, rounds))
        assert torch.equal(rows[0, 0], rows[0, 1]) == together


def test_a_charter_goes_on_after_a_checkpoint():
    kind = type("Members", (DD,), {"charter": EveryThird, "exchange": Mixing})
    with registered(AGENTS, "members", kind):
        one, fresh = (
            society("members", agents=6, lanes=2, replicates=2, network={"kind": "ring"})
            for _ in range(2)
        )
        for _ in range(50):
            one.step()
        fresh.load_state_dict(saved(one.state_dict()))
        for _ in range(50):
            one.step()
            fresh.step()
    rows, _ = stacks(fresh)
    assert torch.equal(rows[0, 0], rows[0, 1])
    assert not list(differences(one.state_dict(), fresh.state_dict()))


def test_a_charter_is_told_what_each_member_earned_per_round_since_the_last_meeting():
    told = []

    class Witness(Averaging):
        def volunteers(self, returns):
            told.append(returns.clone())
            return super().volunteers(returns)

    kind = type("Members", (DD,), {"charter": Witness})
    earned = torch.zeros(2, 2, 6)
    with registered(AGENTS, "members", kind):
        world = society("members", agents=6, lanes=2, replicates=2, network={"kind": "ring"})
        for round in range(60):
            world.step()
            # The first update ends round 20, the second round 60.
            rewards = world.society.experience.outcome.rewards
            earned[int(round >= 20)] += rewards.view(2, 2, 6).mean(1)
    assert len(told) == 2
    for found, expected, rounds in zip(told, earned, (20, 40), strict=True):
        torch.testing.assert_close(found, expected / rounds)
    assert not torch.equal(told[0][0], told[0][1])


def test_membership_can_be_asked_of_an_agent():
    assert society("dd", agents=16).people[0].federations == []

    class Even(Averaging):
        """Agents 0, 2 and 4 in the first replicate, the others in the second."""

        def volunteers(self, returns):
            return torch.tensor([[True, False] * 3, [False, True] * 3])

    world = federated(Even, Mixing, 19)
    (cohort,) = world.society.cohorts
    assert [agent.federations for agent in world.people] == [[]] * 6
    world.step()
    assert world.society.federations == {"members": cohort.federation}
    for world.focus in range(4):  # lanes 2 and 3 are of the second replicate
        inside = [agent.federations == [cohort.federation] for agent in world.people]
        assert inside == [node % 2 == world.focus // 2 for node in range(6)]
    rows, _ = stacks(world)
    assert torch.equal(rows[0, 0], rows[0, 2]) and not torch.equal(rows[0, 1], rows[0, 3])
    assert torch.equal(rows[1, 1], rows[1, 3]) and not torch.equal(rows[1, 0], rows[1, 2])


def test_agents_enter_and_leave_while_they_learn():
    kind = type("Members", (DD,), {"charter": Averaging, "exchange": Mixing})
    with registered(AGENTS, "members", kind):
        world = society("members", agents=6, lanes=2, replicates=2, network={"kind": "ring"})
        federation, alike = world.society.federations["members"], []
        for act in (federation.leave, federation.follow):
            act(3)
            for _ in range(40):  # one update, and a rest
                world.step()
            rows, _ = stacks(world)
            alike.append([torch.equal(rows[1, 0], rows[1, i]) for i in (1, 3)])
    assert alike == [[True, False], [True, True]]


def test_a_rule_needs_a_learner_that_knows_what_the_community_wants():
    kind = type("Members", (DD,), {"gradient_rule": Collective})
    with (
        registered(AGENTS, "members", kind),
        pytest.raises(BrokenContract, match="members: its gradient rule Collective needs"),
    ):
        society("members", agents=6, network={"kind": "ring"})


def test_who_diverges_is_named():
    world = society("lr2", agents=16, lanes=2, replicates=2)
    for _ in range(19):
        world.step()
    world.society.cohorts[0].minds["move"].policy.parameters[16 + 5, 100] = float("nan")
    with pytest.raises(Diverged, match=r"lr2 5 \(replicate 1\).*'move'"):
        world.step()


def test_two_shares_of_one_kind_are_two_cohorts():
    world = society("dd", "dd", agents=16)
    assert [cohort.name for cohort in world.society.cohorts] == ["dd", "dd-2"]
    one, other = (cohort.minds["move"].policy.parameters for cohort in world.society.cohorts)
    assert not torch.equal(one, other)
