"""Exact gradient play: steps by hand, among others, in many lanes, and from a checkpoint."""

import math
from dataclasses import replace

import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.lr2 import LR2Config
from commonweal.agents.preferences.reputation import ReputationReward
from commonweal.agents.simul_ind import SimulInd
from commonweal.errors import BadSetting, BrokenContract, Diverged
from commonweal.simulation.conformance.tools import differences, saved
from commonweal.simulation.experiment import Share
from commonweal.worlds import WORLDS
from commonweal.worlds.public_goods import PublicGoods
from tests.societies import registered, society

PAIR = {"kind": "public_goods", "start": (0.4, 0.6)}
NARROW = {"kind": "toy_game", "start": (), "low": -1.0, "high": 1.0}
"""starts from which nobody runs away"""


def game(*shares, world=None, **changes):
    given = {"agents": 2, "lanes": 1, "replicates": 1} | changes
    return society(*shares, world=world or PAIR, **given)


def played(world, rounds):
    """Joint actions of the first lane, round by round."""
    course = []
    for _ in range(rounds):
        world.step()
        course.append(world.society.experience.outcome.played[0, :, 0].tolist())
    return course


def ascent(kind, rate=0.1, **settings):
    return Share(kind=kind, settings={"continuous": {"learning_rate": rate}} | settings)


@pytest.mark.parametrize(
    ("share", "slope"),
    [
        # p_i = 1 - a_i / 4 + 3 a_j / 4: own slope -1/4, that of the sum 1/2.
        (ascent("simul_ind"), -0.25),
        (ascent("cga", rule={"strength": 3.0}), -0.25),
        (ascent("sga", rule={"strength": 3.0}), -0.25),
        (ascent("simul_co"), 0.5),
        (ascent("sl", preference={"share": 0.4}), -0.05),
        # g = 1/2 - s * 2 * 1/4 with s = 0, 1 and -1.
        (ascent("aga", rule={"strength": 2.0, "zero_sign": 0}), 0.5),
        (ascent("aga", rule={"strength": 2.0, "zero_sign": 1}), 0.0),
        (ascent("aga", rule={"strength": 2.0, "zero_sign": -1}), 1.0),
    ],
)
def test_every_method_climbs_the_linear_game_by_hand(share, slope):
    for course in zip(*played(game(share), 3), strict=True):
        first = course[0]
        assert course[1:] == pytest.approx([first + 0.1 * slope, first + 0.2 * slope], abs=1e-6)


def test_orientation_climbs_by_hand():
    # Rewards at (0.4, 0.6): 1 - .1 + .45 = 1.35 and 1 - .15 + .3 = 1.15.  For player 1 the angle is
    # t = atan2(1.15, 1.35), and with w = 1 and a target below it U = r1 - (t - target).
    # dr1 = -1/4, dr2 = 3/4 per unit of a1: dt = (1.35 * .75 + 1.15 * .25) / (1.35^2 + 1.15^2).
    world = game(ascent("svo", preference={"angle": 30.0, "weight": 1.0}))
    first, second = played(world, 2)
    turn = (1.35 * 0.75 + 1.15 * 0.25) / (1.35**2 + 1.15**2)
    assert math.atan2(1.15, 1.35) > math.radians(30)
    assert second[0] - first[0] == pytest.approx(0.1 * (-0.25 - turn), abs=1e-6)


def test_without_a_start_it_is_drawn_anew_in_every_lane_and_episode():
    world = game("simul_co", world={"kind": "public_goods", "horizon": 3}, lanes=500)
    starts = []
    for round in range(6):
        world.step()
        if round % 3 == 0:
            starts.append(world.society.experience.outcome.played.clone())
    for start in starts:
        assert 0 <= start.min() and start.max() <= 1
        assert start.mean().item() == pytest.approx(0.5, abs=0.04)
    assert not torch.equal(*starts)


def test_lanes_do_not_meet():
    """Each of a thousand games goes as if it were the only one."""
    many = game("aga", world=NARROW, lanes=1000)
    mind = many.society.cohorts[0].minds["move"]
    starts = mind.actions.clone()
    for _ in range(5):
        many.step()
    for lane in (0, 1, 999):
        alone = game("aga", world=NARROW)
        one = alone.society.cohorts[0].minds["move"]
        one.actions.copy_(starts[:, lane : lane + 1])
        for _ in range(5):
            alone.step()
        torch.testing.assert_close(one.actions[:, 0], mind.actions[:, lane], rtol=1e-5, atol=1e-6)


def test_replicates_are_lanes_with_slots_of_their_own():
    one, other = (game("aga", world=NARROW, **size) for size in ({"lanes": 6}, {"replicates": 6}))
    start = torch.linspace(-1, 1, 12).view(6, 2, 1)  # [L, M, size]
    one.society.cohorts[0].minds["move"].actions.copy_(start.transpose(0, 1))
    other.society.cohorts[0].minds["move"].actions.copy_(start.reshape(12, 1, 1))
    for _ in range(4):
        one.step()
        other.step()
    assert torch.equal(one.state.last, other.state.last)


def test_it_climbs_among_others_who_do_not():
    """The collective counts everybody, and only the learner moves."""
    world = game(
        ascent("simul_co"), "free_rider", world={"kind": "public_goods"}, agents=4, lanes=3
    )
    learners = world.society.cohorts[0].members
    course = []
    for _ in range(3):
        world.step()
        course.append(world.society.experience.outcome.played[..., 0].clone())
    # One pool of four: own slope 1.5 / 4 - 1, that of all 1.5 - 1.
    torch.testing.assert_close(course[1][:, learners] - course[0][:, learners],
                               torch.full((3, 2), 0.05), atol=1e-6, rtol=0)  # fmt: skip
    others = [node for node in range(4) if node not in learners.tolist()]
    assert course[2][:, others].abs().max() == 0


def test_two_kinds_of_learners_share_one_game():
    """Each differentiates the joint action that both played."""
    world = game(
        Share(kind="simul_ind", count=1, settings={"continuous": {"learning_rate": 0.1}}),
        Share(kind="simul_co", count=1, settings={"continuous": {"learning_rate": 0.1}}),
        world={"kind": "toy_game", "start": (0.3, 0.5)},
    )
    nodes = [cohort.members.item() for cohort in world.society.cohorts]
    first, second = played(world, 2)
    a = torch.tensor([0.3, 0.5], requires_grad=True)
    r1 = torch.sin(a[0] * a[1] + a[1] ** 2)
    r2 = torch.cos(1 + a[0] - (1 + a[1]) ** 2) + a[0] * a[1] ** 2
    rewards = (r1, r2)
    own = torch.autograd.grad(rewards[nodes[0]], a, retain_graph=True)[0][nodes[0]].item()
    both = torch.autograd.grad(r1 + r2, a)[0][nodes[1]].item()
    assert second[nodes[0]] - first[nodes[0]] == pytest.approx(0.1 * own, abs=1e-6)
    assert second[nodes[1]] - first[nodes[1]] == pytest.approx(0.1 * both, abs=1e-6)


def test_neighbours_of_neighbours_matter_and_others_do_not():
    """On a graph own gradients by groups are those of one player at a time."""
    world = game("simul_ind", world={"kind": "public_goods"}, agents=12, network={"kind": "ring"})
    mind = world.society.cohorts[0].minds["move"]
    assert 1 < int(mind.groups.max()) + 1 < 12
    world.step()
    found = mind.game()
    direction, _ = world.society.cohorts[0].rule.direction(found)
    for player in (0, 5):
        alone = torch.autograd.grad(found.losses[0, player], found.parameters, retain_graph=True)[0]
        assert direction[0, player].item() == pytest.approx(alone[0, player].item(), abs=1e-7)


def test_readings_are_indicators():
    world = game("aga", world={"kind": "toy_game"})
    world.step()
    names = ("sign", "collective_curvature", "own_curvature", "curvature_square")
    assert set(names) <= set(world.measured)
    a, b, c = (world.measured[name][0].item() for name in names[1:])
    assert world.measured["sign"][0].item() == math.copysign(1, a * (b + c))


def test_a_saved_game_goes_on_to_the_same_bits():
    def fresh():
        return game("aga", "simul_ind", world=NARROW, lanes=3)

    one, other = fresh(), fresh()
    for _ in range(7):
        one.step()
    other.load_state_dict(saved(one.state_dict()))
    for _ in range(50):  # beyond the end of the episode
        one.step()
        other.step()
    assert not list(differences(one.state_dict(), other.state_dict()))


def test_who_runs_away_is_named():
    world = game(ascent("simul_co", rate=1e6), world={"kind": "toy_game"}, replicates=2)
    with pytest.raises(Diverged, match=r"simul_co \d \(replicate \d\): .*'move'"):
        for _ in range(200):
            world.step()


class Secret(PublicGoods):
    """A game whose rules nobody is told (Author 2024)."""

    def describe(self):
        return replace(super().describe(), payoffs=None)


def test_an_exact_learner_needs_a_known_game():
    with registered(WORLDS, "secret", Secret):
        society("free_rider", agents=2, world={"kind": "secret"}, network={"kind": "complete"})
        with pytest.raises(BadSetting, match="aga cannot play in world secret: it follows exact"):
            society("aga", agents=2, world={"kind": "secret"}, network={"kind": "complete"})


class Vain(SimulInd):
    """Wants what its reputation makes of its reward (Author 2024)."""

    Config = LR2Config
    ledgers = ("reputation",)
    preference = ReputationReward


def test_a_preference_that_reads_a_ledger_has_no_exact_gradient():
    with (
        registered(AGENTS, "vain", Vain),
        pytest.raises(BrokenContract, match="vain: its preference ReputationReward reads"),
    ):
        game("vain")
