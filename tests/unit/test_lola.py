"""LOLA: its direction by hand and by finite differences, estimates, habits, and whole pairs."""

import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.learners.habits import Habits
from commonweal.agents.learners.lola import lola_direction
from commonweal.agents.learners.lola_sampled import dice, log_chance, surplus
from commonweal.errors import BadSetting
from commonweal.memory_one import OTHER_SIDE, exact_values
from commonweal.simulation.conformance.tools import differences, saved
from commonweal.simulation.experiment import Share
from commonweal.spaces import Discrete, WorldSpec
from tests.societies import society

PAYOFFS = {"reward": -1, "sucker": -3, "temptation": 0, "punishment": -2}
"""those of Foerster et al. 2018"""
MATRIX = ((-1, -3), (0, -2))
DISCOUNT = 0.96


def pair(*shares, world=PAYOFFS, lanes=2, replicates=3, **more):
    """Two agents in the iterated dilemma."""
    world = {"kind": "iterated_dilemma"} | world
    more = {"agents": 2, "network": {"kind": "pairs"}, "steps": 10**6} | more
    return society(*shares, world=world, lanes=lanes, replicates=replicates, **more)


def lola(kind="lola", count=0, **settings):
    return Share(kind=kind, count=count, settings={"move": {"rollout": 4} | settings})


def mind_of(village, cohort=0):
    return village.society.cohorts[cohort].minds["move"]


def rounds(village, number):
    for _ in range(number):
        village.step()


def logits(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, 5, generator=rng, dtype=torch.float64)


def dilemma(own, other):
    return exact_values(own.sigmoid(), other.sigmoid(), MATRIX, DISCOUNT)


# ---- the direction ---------------------------------------------------------------------------


def test_the_direction_by_hand():
    """V1 = -x^2 + 2xy + 3y and V2 = x y^2, at x = 1 and y = 2.

    dV1/dx = -2 + 4 = 2, dV1/dy = 2 + 3 = 5, dV2/dy = 2xy, which changes by 2y = 4 with x.
    """

    def values(x, y):
        return torch.cat([-(x**2) + 2 * x * y + 3 * y, x * y**2], -1)

    x, y = torch.tensor([1.0]), torch.tensor([2.0])
    assert lola_direction(x, y, values, 0.0).tolist() == [2]
    assert lola_direction(x, y, values, 0.5).tolist() == [2 + 0.5 * 5 * 4]


def test_the_direction_is_that_of_the_value_after_a_naive_step():
    """Central differences of V1(th1, th2 + h * step(x)) by th1 and by the x within the step.

    The correction is what the latter adds to the former, per unit of h, as h becomes small.
    """
    own, other = logits(), logits(seed=1)

    def naive(x):
        at = other.clone().requires_grad_()
        return torch.autograd.grad(dilemma(x, at)[1], at)[0]

    def after(x, h):
        return dilemma(own, other + h * naive(x))[0]

    h, e = 1e-6, 1e-4
    plain, shaped = torch.zeros(5, dtype=torch.float64), torch.zeros(5, dtype=torch.float64)
    for i, unit in enumerate(torch.eye(5, dtype=torch.float64)):
        ahead, behind = own + e * unit, own - e * unit
        plain[i] = (dilemma(ahead, other)[0] - dilemma(behind, other)[0]) / (2 * e)
        shaped[i] = (after(ahead, h) - after(behind, h)) / (2 * e * h)
    found = [lola_direction(own, other, dilemma, size) for size in (0.0, 1.0, 2.5)]
    torch.testing.assert_close(found[0], plain, rtol=1e-6, atol=1e-6)
    assert (shaped.abs() > 0.1).any()
    torch.testing.assert_close(found[1] - found[0], shaped, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found[2] - found[0], 2.5 * (found[1] - found[0]))


def test_rows_do_not_mix():
    own, other = logits(4), logits(4, seed=1)
    together = lola_direction(own, other, dilemma, 1.0)
    for row in range(4):
        alone = lola_direction(own[row], other[row], dilemma, 1.0)
        torch.testing.assert_close(together[row], alone)


# ---- habits ----------------------------------------------------------------------------------


def test_habits_by_hand():
    """Two rounds in CC, once C and once D; one in DD, D."""
    habits = Habits(1, 0.5, torch.device("cpu"))
    assert habits.logits().tolist() == [[0] * 5]
    states = torch.eye(5)[torch.tensor([[1, 1, 4]])]
    habits.observe(states, torch.tensor([[0, 1, 1]]))
    assert habits.counts[0].tolist() == [[0, 0], [1, 1], [0, 0], [0, 0], [0, 1]]
    # Laplace: (1 + 1) / (2 + 2) and (0 + 1) / (1 + 2).
    assert habits.logits().sigmoid()[0].tolist() == pytest.approx(
        [1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 3]
    )
    habits.fade()
    habits.observe(states, torch.tensor([[0, 0, 1]]))
    assert habits.counts[0].tolist() == [[0, 0], [2.5, 0.5], [0, 0], [0, 0], [0, 1.5]]


def test_a_partner_of_another_kind_is_seen_from_its_own_side():
    """Tit for tat cooperates after CC and DC as it sees them, and first of all."""
    village = pair(
        lola(count=1, rollout=400, memory=1), "tit_for_tat", world=PAYOFFS | {"horizon": 5}
    )
    rounds(village, 200)
    mind = mind_of(village)
    assert not mind.known
    found = mind.other().sigmoid()
    assert found.shape == (3, 5)
    torch.testing.assert_close(found.round(), torch.tensor([[1.0, 1, 0, 1, 0]] * 3))
    # Every replicate counts what happened in its own lanes.
    assert mind.habits.counts.sum((1, 2)).tolist() == [400] * 3
    assert len({tuple(counts.flatten().tolist()) for counts in mind.habits.counts}) == 3


def test_a_partner_of_its_own_kind_is_known_unless_it_is_to_be_modelled():
    village = pair(lola())
    mind = mind_of(village)
    expected = mind.logits.view(3, 2, 5)[:, [1, 0]].reshape(6, 5)
    assert torch.equal(mind.other(), expected)
    rounds(village, 3)
    assert not mind.habits.counts.any()
    mind = mind_of(pair(lola(opponent="modelled")))
    assert not mind.other().any()


# ---- estimates -------------------------------------------------------------------------------


def test_chances_by_hand():
    state = torch.eye(5)[torch.tensor([[[0, 3]]])]
    own = torch.tensor([[0.0, 0, 0, 2, 0]])
    found = log_chance(state, torch.tensor([[[0, 1]]]), own)
    assert found.flatten().tolist() == pytest.approx([-0.693147, -2.126928], abs=1e-5)


def test_what_others_earned_is_taken_off():
    payoffs = torch.tensor([1.0, 2, 6]).view(1, 1, 3, 1)
    assert surplus(payoffs).flatten().tolist() == pytest.approx([1 - 4, 2 - 3.5, 6 - 1.5])
    assert surplus(payoffs[:, :, :1]).item() == 1


def test_sampled_sums_by_hand():
    """Five rounds of one lane that paid 1, 2, 3, 4 and 5; the third was the last of its episode."""
    chances = torch.zeros(5, 1, 1, requires_grad=True)
    payoffs = torch.arange(1.0, 6).view(5, 1, 1, 1).expand(5, 1, 1, 2)
    ended = torch.tensor([0, 0, 1, 0, 0]).bool().view(5, 1, 1)
    found = dice(chances, payoffs, ended, 0.5)
    assert found.tolist() == [[(1 + 1 + 0.75 + 4 + 2.5) / 2] * 2]
    (slope,) = torch.autograd.grad(found[0, 0], chances)
    # A move matters to all that its episode pays from then on.
    assert slope.flatten().tolist() == [2.75 / 2, 1.75 / 2, 0.75 / 2, 6.5 / 2, 2.5 / 2]


def test_estimated_directions_are_right_on_average():
    """100,000 episodes of eight rounds against exact derivatives; later rounds count 1 in 6,000."""
    rng, lanes, length, discount = torch.Generator().manual_seed(0), 100_000, 8, 1 / 3
    own, other = logits(1), logits(1, seed=1)
    matrix = torch.tensor(MATRIX, dtype=torch.float64)
    eye = torch.eye(5, dtype=torch.float64)
    state = torch.zeros(lanes, dtype=torch.int64)
    states, moves, paid = [], [], []
    for _ in range(length):
        theirs = torch.tensor(OTHER_SIDE)[state]
        spin = torch.rand(2, lanes, generator=rng, dtype=torch.float64)
        a = (spin[0] >= own[0].sigmoid()[state]).long()
        b = (spin[1] >= other[0].sigmoid()[theirs]).long()
        states.append(eye[state])
        moves.append(torch.stack([a, b]))
        paid.append(torch.stack([matrix[a, b], matrix[b, a]], -1))
        state = 1 + 2 * a + b
    seen, deeds = torch.stack(states)[:, None], torch.stack(moves)[:, :, None]
    payoffs = surplus(torch.stack(paid)[:, None])
    ended = torch.zeros(length, 1, lanes, dtype=torch.bool)

    def estimate(x, y):
        chances = log_chance(seen, deeds[:, 0], x) + log_chance(
            seen[..., OTHER_SIDE], deeds[:, 1], y
        )
        return dice(chances, payoffs, ended, discount)

    def exact(x, y):
        return exact_values(x.sigmoid(), y.sigmoid(), matrix, discount)

    found, expected = (
        [lola_direction(own, other, value, size) for size in (0.0, 100.0)]
        for value in (estimate, exact)
    )
    assert expected[0].abs().max() > 0.1
    assert (found[0] - expected[0]).abs().max() < 0.01
    shaping = expected[1] - expected[0]
    assert shaping.abs().max() > 1
    assert (found[1] - found[0] - shaping).abs().max() < 0.1


# ---- learning --------------------------------------------------------------------------------


def test_both_players_step_at_once():
    village = pair(lola(learning_rate=0.5, correction=0.7))
    mind = mind_of(village)
    before = mind.logits.clone()
    rounds(village, 3)
    assert torch.equal(mind.logits, before)
    rounds(village, 1)
    for replicate in range(3):
        for member in range(2):
            own, other = before[2 * replicate + member], before[2 * replicate + 1 - member]
            step = 0.5 * lola_direction(own, other, dilemma, 0.7)
            torch.testing.assert_close(mind.logits[2 * replicate + member], own + step)


@pytest.mark.parametrize("settings", [{}, {"opponent": "modelled"}])
@pytest.mark.parametrize("kind", ["lola", "lola_sampled"])
def test_replicates_learn_apart(kind, settings):
    """Another start in the first replicate leaves all others as they are."""
    ends = []
    for bonus in (0.0, 1.0):
        village = pair(lola(kind, **settings))
        mind_of(village).logits[:2] += bonus
        rounds(village, 8)
        ends.append(mind_of(village).logits.clone())
    assert torch.equal(ends[0][2:], ends[1][2:])
    assert not torch.equal(ends[0][:2], ends[1][:2])


def test_policies_answer_the_state_of_the_link():
    """Logits that say who cooperates after what: here, do what the other did."""
    village = pair(lola(rollout=100), lanes=20)
    mind = mind_of(village)
    mind.logits.copy_(torch.tensor([0.0, 50, -50, 50, -50]))
    rounds(village, 1)
    last = village.state.last.clone()
    rounds(village, 1)
    assert torch.equal(village.state.last, last.flip(1))


def test_a_sampled_step_uses_the_rollout_and_forgets_it():
    village = pair(lola("lola_sampled", rollout=3))
    mind = mind_of(village)
    before = mind.logits.clone()
    rounds(village, 2)
    assert len(mind.notes) == 2
    note = mind.notes[-1]
    # The two of a replicate saw the same round from both sides.
    assert torch.equal(note["others"].view(3, 2, 2), note["acts"].view(3, 2, 2).flip(1))
    assert torch.equal(
        note["payoffs"].view(3, 2, 2, 2), note["payoffs"].view(3, 2, 2, 2).flip(1, 3)
    )
    mine, theirs = note["acts"], note["others"]
    assert torch.equal(note["payoffs"][..., 0], torch.tensor(MATRIX).float()[mine, theirs])
    rounds(village, 1)
    assert mind.notes == []
    assert (mind.logits != before).any(1).all()


@pytest.mark.parametrize("shares", ["pair", "modelled", "beside another"])
@pytest.mark.parametrize("kind", ["lola", "lola_sampled"])
def test_a_pair_comes_back_amid_a_rollout(kind, shares):
    people = {
        "pair": [lola(kind)],
        "modelled": [lola(kind, opponent="modelled")],
        "beside another": [lola(kind, 1), "tit_for_tat"],
    }[shares]
    village, fresh = pair(*people, seed=1), pair(*people, seed=1)
    rounds(village, 6)
    fresh.load_state_dict(saved(village.state_dict()))
    rounds(village, 7)
    rounds(fresh, 7)
    assert not list(differences(fresh.state_dict(), village.state_dict()))


# ---- where it cannot live --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lola", "lola_sampled"])
def test_three_are_a_crowd(kind):
    with pytest.raises(BadSetting, match="2 agents"):
        pair(lola(kind), agents=4)


def test_a_game_without_a_matrix_is_refused():
    spec = WorldSpec(Discrete(2), {"state": 5})
    with pytest.raises(BadSetting, match="agent lola cannot play in world w: .* matrix"):
        AGENTS["lola"].accepts(spec, "lola", "w", ())
    AGENTS["lola_sampled"].accepts(spec, "lola_sampled", "w", ())


@pytest.mark.parametrize("kind", ["lola", "lola_sampled"])
def test_three_moves_are_refused(kind):
    spec = WorldSpec(Discrete(3), {"state": 5}, matrix=((1, 2, 3),) * 3)
    with pytest.raises(BadSetting, match="2 actions"):
        AGENTS[kind].accepts(spec, kind, "w", ())
