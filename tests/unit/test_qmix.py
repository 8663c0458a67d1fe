"""QMIX: the mixing network by hand, what a team learns together, and what it keeps from other teams."""

import math
from dataclasses import replace

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.dqn import DQN
from commonweal.agents.learners.multilayer import run
from commonweal.agents.learners.q_networks import QConfig
from commonweal.agents.learners.qmix import QMIX, Mixers, QMIXConfig
from commonweal.errors import BrokenContract
from commonweal.records import Percept
from commonweal.settings import Settings
from commonweal.simulation.assembly import assemble
from commonweal.simulation.conformance.tools import differences, saved
from commonweal.simulation.experiment import Experiment, Share
from tests.seats import noted, seat

MEMBERS, LANES, STATES = 2, 3, 4
SMALL = {"hidden": (8,), "warm_up": 1, "rollout": 1, "mixing": 6}


def mind(teams=2, lanes=LANES, inputs=3, actions=2, states=STATES, seed=4, **settings):
    slots = teams * MEMBERS
    there = seat(inputs, actions=actions, slots=slots, lanes=lanes, replicates=teams, seed=seed)
    there = replace(there, company=replace(there.company, overview=states))
    return QMIX(QMIXConfig(**SMALL | settings), there, object)


def rounds(count, teams=2, seed=7):
    """Steps that a mind may remember; states and ends are those of a lane of a team."""
    rng = torch.Generator().manual_seed(seed)

    def team(*shape, draw=torch.randn):
        return draw(teams, LANES, *shape, generator=rng).repeat_interleave(MEMBERS, 0)

    for _ in range(count):
        state, after = team(STATES), team(STATES)
        ended = team(draw=torch.rand) < 0.3
        shape = teams * MEMBERS, LANES
        yield noted(
            Percept(dense=torch.randn(*shape, 3, generator=rng)),
            torch.randint(2, shape, generator=rng),
            torch.randn(shape, generator=rng),
            ended,
            ended & (team(draw=torch.rand) < 0.5),
            Percept(dense=torch.randn(*shape, 3, generator=rng)),
            overview=state,
            overview_after=lambda after=after: after,
        )


def study(mind, notes):
    for note in notes:
        mind.remember(note)
        mind.study(0.0, Own(Settings()))
    return mind


def networks(mind):
    return {"q": mind.policy.parameters, "mixing": mind.mixers.networks.parameters}


def by_hand(mind, live, copied, mixing, mixing_copied):
    """Networks whose outputs are their last biases: values of moves, and numbers of the mixers."""
    for stack, values in ((mind.policy.parameters, live), (mind.target, copied)):
        stack.zero_()
        mind.policy.layers(stack, "q")[-1][:, -1] = torch.tensor(values)
    mixers = mind.mixers.networks
    for stack, values in ((mixers.parameters, mixing), (mind.mixing_target, mixing_copied)):
        stack.zero_()
        for name, value in values.items():
            mixers.layers(stack, name)[-1][:, -1] = torch.tensor(value)


# ---- the mixing network ------------------------------------------------------------------------


def mixers(states=1, members=2, width=2, teams=1, seed=0):
    return Mixers(states, members, width, teams, seat(1, seed=seed))


@pytest.mark.parametrize(
    ("utilities", "expected"),
    [
        # first: (3 |1| + 1 |0.5| - 1, 3 |-2| + 1 |3| + 0.5); last: (|-2 - 1|, |1|); bias 0.25
        ([3.0, 1.0], 3 * 2.5 + 1 * 9.5 + 0.25),
        # first: (1 - 1 - 1, 2 - 6 + 0.5), where elu(x) = exp(x) - 1
        ([1.0, -2.0], 3 * (math.exp(-1) - 1) + (math.exp(-3.5) - 1) + 0.25),
    ],
)
def test_the_value_of_a_joint_move_by_hand(utilities, expected):
    mixing = mixers()
    parameters = mixing.networks.parameters.zero_()
    biases = {
        "first": [1.0, -2.0, 0.5, 3.0],
        "first_bias": [-1.0, 0.5],
        "last": [-2.0, 1.0],
        "last_bias": [0.25],
    }
    for name, values in biases.items():
        mixing.networks.layers(parameters, name)[-1][:, -1] = torch.tensor(values)
    # One weight that depends on the state, which is -1.
    mixing.networks.layers(parameters, "last")[0][:, 0, 0] = 1.0
    found = mixing(parameters, torch.tensor([[utilities]]), -torch.ones(1, 1, 1))
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_the_team_is_never_worse_off_for_what_a_member_values_more():
    mixing = mixers(states=5, members=4, width=8, teams=3)
    rng = torch.Generator().manual_seed(1)
    state = torch.randn(3, 50, 5, generator=rng)
    utilities = torch.randn(3, 50, 4, generator=rng).requires_grad_()
    raw = run(mixing.networks.layers(mixing.networks.parameters, "first"), state)
    assert (raw < 0).float().mean() > 0.3  # weights that would make it fall
    total = mixing(mixing.networks.parameters, utilities, state)
    (slope,) = torch.autograd.grad(total.sum(), utilities)
    assert total.shape == (3, 50) and (slope > 0).all()
    elsewhere = mixing(mixing.networks.parameters, utilities, state.roll(1, 1))
    assert (elsewhere - total).abs().min() > 0  # the state matters


def test_each_team_has_a_mixing_network_of_its_own():
    mixing = mixers(states=2, teams=2)
    utilities, state = torch.ones(2, 1, 2), torch.ones(2, 1, 2)
    before = mixing(mixing.networks.parameters, utilities, state)
    mixing.networks.parameters[1] += 0.5
    after = mixing(mixing.networks.parameters, utilities, state)
    assert (before == after).flatten().tolist() == [True, False]


# ---- what is learned ---------------------------------------------------------------------------

PLAIN = {"first": [1.0] * 4, "first_bias": [0.0] * 2, "last": [1.0, 0.0], "last_bias": [0.0]}
OTHER = {"first": [2.0] * 4, "first_bias": [0.0] * 2, "last": [1.0, 0.0], "last_bias": [3.0]}


@pytest.mark.parametrize(
    ("double", "team", "ended", "truncated", "expected"),
    [
        # Copies say 4 of the move that each prefers, so elu(2 * 4 + 2 * 4) + 3 for both.
        (True, "mean", False, False, 3 + 0.5 * 19),
        (True, "sum", False, False, 6 + 0.5 * 19),
        # Each copy's best move is worth 10.
        (False, "mean", False, False, 3 + 0.5 * 43),
        (True, "mean", True, False, 3),
        (True, "mean", True, True, 3 + 0.5 * 19),
    ],
)
def test_targets_by_hand(double, team, ended, truncated, expected):
    there = mind(double=double, team=team, discount=0.5, mixing=2)
    by_hand(there, [1.0, 3.0], [10.0, 4.0], PLAIN, OTHER)
    one, state = torch.ones(4, LANES), torch.zeros(4, LANES, STATES)
    utility = torch.tensor([[1.0], [5.0]]).repeat(2, LANES)
    there.remember(
        noted(
            Percept(dense=torch.zeros(4, LANES, 3)),
            one.long(),
            utility,
            one * ended > 0,
            one * truncated > 0,
            overview=state,
            overview_after=lambda: state,
        )
    )
    own, common = (
        there.buffer.sample(9, there.seat.generator),
        there.common.at(torch.arange(3).expand(2, -1)),
    )
    targets = there.targets(own, common)
    torch.testing.assert_close(targets, torch.full((2, LANES), float(expected)))
    # Now the team is worth elu(3 + 3) = 6, and each member's own move counts once.
    gradient, mixing = there.gradient(own, common, targets)
    slope = there.policy.layers(gradient, "q")[-1][:, -1]
    torch.testing.assert_close(slope, torch.tensor([[0.0, 2.0 * (6 - expected)]] * 4))
    bias = there.mixers.networks.layers(mixing, "last_bias")[-1][:, -1]
    torch.testing.assert_close(bias, torch.full((2, 1), 2.0 * (6 - expected)))


def test_both_copies_are_renewed_at_the_nth_mini_batch_and_only_then():
    there = mind(target_every=3)
    start = there.target.clone(), there.mixing_target.clone()
    notes = list(rounds(4))
    study(there, notes[:2])
    assert torch.equal(there.target, start[0]) and torch.equal(there.mixing_target, start[1])
    study(there, notes[2:3])
    renewed = {name: stack.clone() for name, stack in networks(there).items()}
    study(there, notes[3:])
    assert torch.equal(there.target, renewed["q"])
    assert torch.equal(there.mixing_target, renewed["mixing"])
    assert not torch.equal(there.target, there.policy.parameters)


def play(there, reward, count=400):
    """The best moves of two agents, alike in what they see, after games of one round."""
    lanes = there.seat.lanes
    seen = {"seen": Percept(dense=torch.ones(2, lanes, 1))}
    state, over = torch.ones(2, lanes, 1), torch.ones(2, lanes, dtype=torch.bool)
    never = torch.zeros_like(over)
    for _ in range(count):
        acts = there.act(seen)
        there.remember(
            noted(
                *(seen["seen"], acts, reward(acts), over, never),
                overview=state,
                overview_after=lambda: state,
            )
        )
        there.study(0.0, Own(Settings()))
    return there.probabilities(seen)[:, 0].argmax(-1).tolist()


def dilemma(acts):
    """Rewards 3 and 1 for equal moves, 0 for who cooperates (0) alone and 5 for who defects."""
    other = acts.flip(0)
    return (torch.tensor([[3.0, 0.0], [5.0, 1.0]])[acts, other]).contiguous()


GAME = {"hidden": (16,), "learning_rate": 0.01, "warm_up": 8, "rollout": 1, "target_every": 20}


def test_a_team_cooperates_where_each_for_itself_defects():
    pair = {"slots": 2, "lanes": 8, "seed": 3}
    loners = DQN(QConfig(**GAME), seat(1, **pair), object)
    assert play(loners, dilemma) == [1, 1]
    team = mind(teams=1, lanes=8, inputs=1, states=1, **GAME)
    assert play(team, dilemma) == [0, 0]
    # The value of the joint move is what it pays the team, with the best moves 3.
    values = team.values(team.policy.parameters, torch.ones(2, 1, 1)).amax(-1).view(1, 1, 2)
    total = team.mixers(team.mixers.networks.parameters, values, torch.ones(1, 1, 1))
    assert total.item() == pytest.approx(3, abs=0.3)


def unlike(acts):
    """A reward for both if the first plays 0 and the second 1."""
    both = ((acts[0] == 0) & (acts[1] == 1)).float()
    return torch.stack((both, both))


def test_one_network_for_all_tells_who_asks():
    team = mind(teams=1, lanes=8, inputs=1, states=1, shared=True, **GAME)
    assert play(team, unlike) == [0, 1]
    assert torch.equal(team.policy.parameters[0], team.policy.parameters[1])


def test_a_shared_network_follows_the_sum_of_what_its_users_teach():
    there, apart = mind(shared=True), mind(shared=False, inputs=5)
    assert torch.equal(there.target, there.policy.parameters)
    label = torch.eye(2).repeat(2, 1).unsqueeze(1).expand(-1, LANES, -1)
    apart.policy.parameters.copy_(there.policy.parameters)
    apart.target.copy_(there.target)
    apart.mixers.networks.parameters.copy_(there.mixers.networks.parameters)
    apart.mixing_target.copy_(there.mixing_target)
    found = []
    for team, labelled in ((there, False), (apart, True)):
        for note in rounds(5):
            if labelled:
                x, y = (
                    Percept(dense=torch.cat((p["seen"].dense, label), -1))
                    for p in (note.seen, note.following())
                )
                note = replace(note, seen={"seen": x}, following=lambda y=y: {"seen": y})
            team.remember(note)
        own, common = team.buffer.sample(99, None), team.common.sample(99, None)
        found.append(team.gradient(own, common, team.targets(own, common)))
    (shared, mixing), (single, same) = found
    torch.testing.assert_close(mixing, same)
    together = single.unflatten(0, (2, 2)).sum(1).repeat_interleave(2, 0)
    torch.testing.assert_close(shared, together)
    assert not torch.allclose(single[0], single[1])


def test_units_of_the_state_of_the_world_do_not_matter():
    ends = []
    for unit, shift in ((1.0, 0.0), (100.0, 7.0)):
        notes = [
            replace(
                note,
                overview=note.overview * unit + shift,
                overview_after=lambda note=note, u=unit, s=shift: note.overview_after() * u + s,
            )
            for note in rounds(10)
        ]
        ends.append(networks(study(mind(), notes)))
    for name in ends[0]:
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=1e-3, atol=1e-4)


# ---- each team on its own ----------------------------------------------------------------------


def only(note, team):
    own = slice(team * MEMBERS, (team + 1) * MEMBERS)
    after = Percept(dense=note.following()["seen"].dense[own])
    overview = note.overview_after()[own]
    return noted(
        Percept(dense=note.seen["seen"].dense[own]),
        *(note.acts[own], note.utility[own], note.ended[own], note.truncated[own], after),
        overview=note.overview[own],
        overview_after=lambda: overview,
    )


def test_teams_in_one_stack_learn_what_they_learn_alone():
    # Mini-batches hold all there is, so that nothing is drawn.
    settings = {"batch": 1000, "target_every": 3, "max_norm": 0.1}
    there, notes = mind(**settings), list(rounds(10))
    found = []
    for team in range(2):
        alone, own = mind(teams=1, **settings), slice(team * MEMBERS, (team + 1) * MEMBERS)
        alone.policy.parameters.copy_(there.policy.parameters[own])
        alone.mixers.networks.parameters.copy_(there.mixers.networks.parameters[team : team + 1])
        alone.copy()
        found.append(networks(study(alone, [only(note, team) for note in notes])))
    study(there, notes)
    for name, stack in networks(there).items():
        alone = torch.cat([each[name] for each in found])
        torch.testing.assert_close(stack, alone, rtol=1e-4, atol=1e-6)


def test_what_one_member_earns_teaches_its_whole_team_and_no_other():
    ends = []
    for bonus in (0.0, 100.0):
        notes = list(rounds(8))
        for note in notes:
            note.utility[1] += bonus
        ends.append(networks(study(mind(batch=4), notes)))
    q, mixing = (
        [torch.equal(*rows) for rows in zip(ends[0][name], ends[1][name], strict=True)]
        for name in ("q", "mixing")
    )
    assert q == [False, False, True, True] and mixing == [False, True]


@pytest.mark.parametrize("shared", [False, True])
def test_a_saved_mind_goes_on_to_the_same_bits(shared):
    settings = {"batch": 4, "capacity": 10, "target_every": 3, "shared": shared}
    one, other = mind(**settings), mind(seed=5, **settings)
    notes = list(rounds(16))
    study(one, notes[:8])
    other.load(saved(one.state()))
    other.seat.generator.set_state(one.seat.generator.get_state())
    for twin in (one, other):
        study(twin, notes[8:])
    assert not list(differences(one.state(), other.state()))


def test_a_mixing_network_that_breaks_is_that_of_all_its_team():
    there = mind()
    there.mixers.networks.parameters[1, 0] = math.nan
    assert there.broken().tolist() == [False, False, True, True]


def test_kinds_that_do_not_oversee_the_world_cannot_mix():
    with pytest.raises(BrokenContract, match="does not oversee"):
        mind(states=0)


# ---- in a society ------------------------------------------------------------------------------


def test_members_and_their_team_remember_the_same_moments():
    """Without a channel for it, the state of the world is what everybody sees, side by side."""
    settings = {"move": {"capacity": 30, "warm_up": 10, "batch": 8}}
    made = assemble(
        Experiment(
            agents=4,
            lanes=4,
            replicates=2,
            steps=4000,
            world={"kind": "lattice"},
            network={"kind": "ring"},
            population=[Share(kind="qmix", settings=settings)],
        )
    )
    for _ in range(45):  # over the ends of episodes, and of the buffer
        made.step()
    there = made.society.cohorts[0].minds["move"]
    own, common = there.drawn()
    for name, state in (("seen", "state"), ("after", "after")):
        seen = there.codebook[own[name].long()].unflatten(0, (2, 4))
        assert torch.equal(common[state], seen.transpose(1, 2).flatten(2))
    assert common["state"].shape[:2] == (2, 8) and not torch.equal(*common["state"])
    assert there.updates > 0 and there.buffer.seen == 180
