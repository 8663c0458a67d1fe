"""Dong et al. 2025: what federations must not change, what only members reach, and what they share."""

from collections.abc import Callable

import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.dnf import DNF
from commonweal.agents.fpf import FPF
from commonweal.agents.ippo import IPPO
from commonweal.agents.lmf import LMF
from commonweal.simulation.conformance.tools import differences
from commonweal.simulation.experiment import Share
from tests.societies import registered, society

R, N, ROLLOUT = 2, 4, 5
SHARED = {"move": {"start": "shared"}}


def village(kind, seed=0, **settings):
    """Agents of a kind about one resource; kinds that are compared have the same name, so streams."""
    move = {"hidden": [8], "rollout": ROLLOUT, "learning_rate": 0.01} | settings.pop("move", {})
    share = Share(kind="members", settings={"move": move} | settings)
    with registered(AGENTS, "members", type("Members", (kind,), {})):
        return society(
            share,
            world={"kind": "job_scheduling", "horizon": 15},
            agents=N,
            lanes=3,
            replicates=R,
            seed=seed,
        )


def lived(rounds, kind, prepare: Callable = lambda mind: None, **settings):
    """A village after so many rounds, and all moves that were made in it."""
    world, moves = village(kind, **settings), []
    prepare(world.society.cohorts[0].minds["move"])
    for _ in range(rounds):
        world.step()
        moves.append(world.society.experience.moves.clone())
    return world, torch.stack(moves)


def mind_of(world):
    return world.society.cohorts[0].minds["move"]


def assert_same_agents(one, other):
    (world, moves), (twin, theirs) = one, other
    assert torch.equal(moves, theirs)
    for name in ("actors", "critics", "inputs"):
        mine, own = (getattr(mind_of(w), name).state() for w in (world, twin))
        assert not list(differences(mine, own, name))


# ---- what is not changed -----------------------------------------------------------------------


@pytest.mark.parametrize("what", ["parameters", "gradients", "gradients_in_turn"])
def test_members_that_listen_to_nobody_learn_alone_bit_for_bit(what):
    alone = lived(8 * ROLLOUT, IPPO, **SHARED)
    members = lived(8 * ROLLOUT, LMF, charter={"shape": "none"}, exchange={"what": what})
    assert members[0].society.federations["members"].meetings == 8
    assert_same_agents(alone, members)


@pytest.mark.parametrize("proximal", ["post_step", "in_loss"])
def test_without_pulls_agents_learn_alone_bit_for_bit(proximal):
    weak = {"utilitarian": 0.0, "egalitarian": 0.0, "proximal": proximal}
    alone = lived(8 * ROLLOUT, IPPO, **SHARED)
    drawn = lived(8 * ROLLOUT, FPF, exchange=weak)
    assert_same_agents(alone, drawn)
    moved = lived(
        8 * ROLLOUT, FPF, exchange={"proximal": proximal, "rate": 0.1, "utilitarian": 9.0}
    )
    assert not torch.equal(mind_of(moved[0]).travelling(), mind_of(alone[0]).travelling())


def test_half_of_all_is_voluntary_and_all_of_all_is_mandatory():
    mandatory, _ = lived(8 * ROLLOUT, DNF)
    voluntary, _ = lived(8 * ROLLOUT, FPF, charter={"members": "everyone"})
    half, _ = lived(8 * ROLLOUT, FPF)
    assert not list(differences(mandatory.state_dict(), voluntary.state_dict()))
    assert mandatory.society.federations["members"].members.all()
    assert half.society.federations["members"].members.sum(1).tolist() == [N // 2] * R
    assert not torch.equal(mind_of(half).commons(), mind_of(mandatory).commons())


# ---- who reaches whom --------------------------------------------------------------------------


def disturbed(kind, who, **settings):
    """Common models after a first meeting before which ``who`` of the first replicate learned otherwise.

    ``who(members)``: one of M agents, given who takes part.
    """
    world = village(kind, **settings)
    mind, federation = mind_of(world), world.society.federations["members"]
    study = mind.study

    def other(progress, rule):
        study(progress, rule)
        charter = federation.charter.volunteers(torch.zeros(R, N))
        agent = who(charter[0])
        if agent is not None:
            mind.travelling()[agent] += 1.0

    mind.study = other
    for _ in range(ROLLOUT):
        world.step()
    assert federation.meetings == 1
    return mind.commons().clone()


def outsider(members):
    return int((~members).nonzero()[0])


def member(members):
    return int(members.nonzero()[0])


@pytest.mark.parametrize("upload", ["omega_up", "theta"])
def test_outsiders_never_reach_the_common_models(upload):
    given = {"exchange": {"upload": upload, "rate": 0.1}}
    calm = disturbed(FPF, lambda members: None, **given)
    assert torch.equal(disturbed(FPF, outsider, **given), calm)
    stirred = disturbed(FPF, member, **given)
    assert not torch.equal(stirred[0, 0], calm[0, 0])
    # Omega bar learns from what all did, and nobody's parameters move it.
    assert torch.equal(stirred[0, 1], calm[0, 1]) and torch.equal(stirred[1], calm[1])


def test_where_all_must_take_part_all_reach_them():
    given = {"exchange": {"rate": 0.1}}
    calm = disturbed(DNF, lambda members: None, **given)
    for agent in range(N):
        assert not torch.equal(disturbed(DNF, lambda members, agent=agent: agent, **given), calm)


def test_all_are_drawn_to_the_models_that_came_to_the_meeting():
    """Equation 9 twice, from the start that all share; members or not."""
    rate = 0.1
    begun = mind_of(village(FPF)).commons().clone()
    alone, _ = lived(ROLLOUT, FPF, exchange={"rate": 0.0})
    drawn, _ = lived(ROLLOUT, FPF, exchange={"rate": rate})
    theta = mind_of(alone).travelling().view(R, N, -1)
    omega, omega_bar = begun.unsqueeze(2).unbind(1)
    expected = (1 - rate) * ((1 - rate) * theta + rate * omega) + rate * omega_bar
    torch.testing.assert_close(mind_of(drawn).travelling().view(R, N, -1), expected)
    only, _ = lived(ROLLOUT, FPF, exchange={"rate": rate, "pulled": "members"})
    inside = only.society.federations["members"].members.unsqueeze(-1)
    found = mind_of(only).travelling().view(R, N, -1)
    torch.testing.assert_close(found, torch.where(inside, expected, theta))


def test_common_models_learn_from_every_rollout_whether_members_meet_or_not():
    given = {"exchange": {"rate": 0.0}, "charter": {"every": 3}}  # nothing moves them but learning
    world = village(FPF, **given)
    mind, before = mind_of(world), mind_of(world).commons().clone()
    for update in range(1, 4):
        for _ in range(ROLLOUT):
            world.step()
        assert (mind.commons() != before).any(-1).all()
        assert mind.models.adam.steps.tolist() == [update] * 2 * R
        before = mind.commons().clone()
    assert not torch.equal(before[:, 0], before[:, 1])


# ---- what is shared ----------------------------------------------------------------------------


def test_gradients_travel_as_copies_and_are_steps_of_their_own():
    """Adam's first moments tell whose gradients each agent stepped down, in which order."""
    alone, _ = lived(ROLLOUT, IPPO, **SHARED)
    members, _ = lived(ROLLOUT, LMF, exchange={"what": "gradients_in_turn"})
    gradients = 10 * mind_of(alone).actors.adam.first.view(R, N, -1)
    adam = mind_of(members).actors.adam
    assert adam.steps.tolist() == [N] * R * N
    for replicate in range(R):
        for agent in range(N):
            moment = torch.zeros_like(gradients[0, 0])
            for source in (agent, *(other for other in range(N) if other != agent)):
                moment = 0.9 * moment + 0.1 * gradients[replicate, source]
            found = adam.first.view(R, N, -1)[replicate, agent]
            torch.testing.assert_close(found, moment, rtol=1e-4, atol=1e-6)


def test_mixed_gradients_are_one_step():
    """Equation 14 on a complete graph: all step down the mean gradient of their replicate."""
    alone, _ = lived(ROLLOUT, IPPO, **SHARED)
    members, _ = lived(ROLLOUT, LMF)
    own = mind_of(alone).actors.adam.first.view(R, N, -1)
    adam = mind_of(members).actors.adam
    assert adam.steps.tolist() == [1] * R * N
    mean = own.mean(1, keepdim=True).expand_as(own)
    torch.testing.assert_close(adam.first.view(R, N, -1), mean, rtol=1e-4, atol=1e-7)
    rows = mind_of(members).travelling().view(R, N, -1)
    torch.testing.assert_close(rows, rows[:, :1].expand_as(rows))


def test_parameters_travel_without_optimisers_and_critics():
    """Equation 13 on a ring: a tenth comes from the neighbours, then what was just learned."""
    given = {"move": {"start": "independent"}}
    alone, _ = lived(ROLLOUT, IPPO, **given)
    begun = mind_of(village(IPPO, **given)).travelling().view(R, N, -1)
    members, _ = lived(
        ROLLOUT, LMF, charter={"shape": "ring"}, exchange={"what": "parameters"}, **given
    )
    mine, theirs = mind_of(members), mind_of(alone)
    assert not list(differences(mine.actors.adam.state(), theirs.actors.adam.state()))
    assert not list(differences(mine.critics.state(), theirs.critics.state()))
    # Four on a ring: the one across is listened to from both sides.
    weights = torch.tensor([[0.9, 0.025, 0.05, 0.025]])
    weights = torch.cat([weights.roll(i, 1) for i in range(N)])
    after = theirs.travelling().view(R, N, -1)
    expected = weights @ begun + (after - begun)
    torch.testing.assert_close(mine.travelling().view(R, N, -1), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("what", ["parameters", "gradients"])
def test_members_come_closer_than_agents_that_learn_alone(what):
    gaps = []
    for shape in ("ring", "none"):
        world, _ = lived(
            12 * ROLLOUT, LMF, charter={"shape": shape, "weight": 0.5}, exchange={"what": what}
        )
        above, below = world.measured["consensus_gap"]
        assert (below == 1).all() and (above > 0).all()
        gaps.append(above)
    assert (gaps[0] < gaps[1]).all()


def test_members_far_apart_come_to_a_consensus():
    """From networks of their own, what is left between them shrinks, and without mixing it does not."""
    gaps = {}
    for shape in ("complete", "ring", "none"):
        given = {"charter": {"shape": shape, "weight": 0.5}, "exchange": {"what": "parameters"}}
        world, _ = lived(8 * ROLLOUT, LMF, move={"start": "independent"}, **given)
        gaps[shape] = float(world.measured["consensus_gap"][0].mean())
    assert gaps["complete"] < gaps["ring"] < 0.01 * gaps["none"]
