"""PPO with separate actors and critics equals one module and one optimiser for each, step by step."""

import math
from itertools import pairwise, product

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.batches import shuffles
from commonweal.agents.learners.multilayer import Perceptrons
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import (
    SplitPPOConfig,
    appraised,
    clipped_loss,
    standardised,
)
from commonweal.records import Percept
from commonweal.settings import Settings
from commonweal.simulation.conformance.tools import differences, saved
from tests import naive_ppo as naive
from tests.seats import noted, seat

SLOTS, LANES, ROUNDS, FEATURES, ACTIONS = 4, 2, 6, 3, 3
RATE = 1e-2


def learner(slots=SLOTS, lanes=LANES, replicates=2, **settings):
    given = {"hidden": (8, 5), "rollout": ROUNDS, "learning_rate": RATE, "critic_rate": RATE}
    there = seat(FEATURES, ACTIONS, slots, lanes, replicates=replicates, seed=5)
    mind = SplitPPO(SplitPPOConfig(**given | settings), there, object)
    rng = torch.Generator().manual_seed(11)
    # Far enough from the start that ratios leave the trusted interval.
    mind.actors.parameters += 0.3 * torch.randn(mind.actors.parameters.shape, generator=rng)
    return mind


def experience(seed, first=()):
    """One rollout [T, K, B, ...], with episodes that end and some that are cut off."""
    rng = torch.Generator().manual_seed(seed)
    shape = ROUNDS, SLOTS, LANES
    ended = torch.rand(shape, generator=rng) < 0.3
    ended[0] = False
    for slot, lane in first:
        ended[0, slot, lane] = True
    return {
        "seen": 3 * torch.randn(*shape, FEATURES, generator=rng) + torch.tensor([1.0, 50.0, -2.0]),
        "following": torch.randn(*shape, FEATURES, generator=rng),
        "acts": torch.randint(ACTIONS, shape, generator=rng),
        "utility": torch.randn(shape, generator=rng),
        "ended": ended,
        "truncated": ended & (torch.rand(shape, generator=rng) < 0.5),
    }


def remember(mind, lived):
    for seen, following, acts, utility, ended, truncated in zip(*lived.values(), strict=True):
        after = Percept(dense=following)
        mind.remember(noted(Percept(dense=seen), acts, utility, ended, truncated, after))


def study(mind, lived):
    remember(mind, lived)
    mind.study(0.0, Own(Settings()))


def compared(rollouts=3, first=(), **settings):
    """A mind and its plain twins after the same rollouts."""
    mind = learner(**settings)
    twins = [naive.Agent(mind, slot) for slot in range(SLOTS)]
    for seed in range(rollouts):
        lived, orders = experience(seed, first), None
        if settings.get("batch"):
            copy = torch.Generator()
            copy.set_state(mind.seat.generator.get_state())
            size = SLOTS, 1, ROUNDS * LANES
            orders = [shuffles(size, copy)[:, 0] for _ in range(mind.config.epochs)]
        study(mind, lived)
        for slot, twin in enumerate(twins):
            own = {name: rows[:, slot] for name, rows in lived.items()}
            twin.study(**own, orders=orders and [order[slot] for order in orders])
    return mind, twins


def assert_alike(mind, twins):
    for slot, twin in enumerate(twins):
        for stack, module in ((mind.actors, twin.actor), (mind.critics, twin.critic)):
            torch.testing.assert_close(
                stack.parameters[slot], naive.flat(module), rtol=0, atol=0.02 * RATE
            )


@pytest.mark.parametrize("inputs", ["feature", "none"])
@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("batch", [0, 5])
def test_it_equals_a_plain_implementation(batch, epochs, inputs):
    mind, twins = compared(batch=batch, epochs=epochs, inputs=inputs)
    assert_alike(mind, twins)
    steps = 3 * epochs * (3 if batch else 1)
    assert mind.actors.adam.steps.tolist() == mind.critics.adam.steps.tolist() == [steps] * SLOTS
    assert mind.notes == []


def test_a_rollout_may_begin_with_the_end_of_an_episode():
    mind, twins = compared(first=[(0, 1), (3, 0)], rollouts=2)
    assert_alike(mind, twins)


def test_gradients_may_be_stepped_one_rollout_late():
    mind = learner(delayed=True)
    before = mind.actors.parameters.clone(), mind.critics.parameters.clone()
    study(mind, experience(0))
    assert torch.equal(mind.actors.parameters, before[0])
    assert not mind.actors.adam.steps.any() and mind.pending.any(1).all()
    assert not torch.equal(mind.critics.parameters, before[1])
    late, twins = compared(delayed=True)
    assert_alike(late, twins)
    assert late.actors.adam.steps.tolist() == [2] * SLOTS
    prompt, _ = compared(rollouts=2)
    assert not torch.allclose(late.actors.parameters, prompt.actors.parameters, atol=RATE / 2)


def halfway(**settings):
    """A tolerance at which some agents stop before others, found from the first gradients."""
    mind, norms = learner(**settings), []
    mind.sharing = lambda own, at: norms.append(own.square().sum(1)) or (own,)
    study(mind, experience(0))
    return mind, torch.stack(norms)


@pytest.mark.parametrize("delayed", [False, True])
def test_who_has_little_left_to_learn_stops_and_others_go_on(delayed):
    several = {"epochs": 4, "batch": 0, "delayed": delayed}
    _, norms = halfway(**several)
    tolerance = float(norms[0].sort().values[1:3].mean())
    mind, twins = compared(tolerance=tolerance, **several)
    assert_alike(mind, twins)
    assert len(set(mind.actors.adam.steps.tolist())) > 1
    # Who stops after the first look has not moved at all, moments included.
    mind, _ = compared(rollouts=1, tolerance=tolerance, **several | {"delayed": False})
    still = norms[0] <= tolerance
    assert still.sum() == 2
    start = learner(**several).actors.parameters
    assert torch.equal(mind.actors.parameters[still], start[still])
    assert (mind.actors.parameters[~still] != start[~still]).any(1).all()
    assert mind.actors.adam.steps[still].tolist() == [0, 0]
    assert not mind.actors.adam.first[still].any()


def test_nobody_learns_less_because_others_stopped():
    _, norms = halfway(epochs=2)
    tolerance = float(norms[0].sort().values[:2].mean())
    free_to_go = (norms > tolerance).all(0)
    assert 0 < free_to_go.sum() < SLOTS
    mind, _ = compared(rollouts=1, epochs=2, tolerance=tolerance)
    free, _ = compared(rollouts=1, epochs=2)
    for stack, theirs in ((mind.actors, free.actors), (mind.critics, free.critics)):
        same = (stack.parameters == theirs.parameters).all(1)
        assert same[free_to_go].all() and not same.all()


def test_the_tolerance_is_that_of_what_would_be_stepped_down():
    """With pulls in the gradient nobody is at rest as long as they pull."""
    mind = learner(tolerance=1e6, epochs=2)
    before = mind.actors.parameters.clone()
    pulls = torch.zeros(SLOTS, 1)
    pulls[1] = 1e3
    mind.sharing = lambda own, at: (own + pulls, torch.ones_like(own))
    study(mind, experience(0))
    moved = (mind.actors.parameters != before).any(1)
    assert moved.tolist() == [False, True, False, False]


def test_gradients_received_are_steps_of_their_own():
    mind, plain = learner(), learner()
    received = torch.zeros_like(mind.actors.parameters)
    received[2] = 1.0
    mind.sharing = lambda own, at: (own, received)
    for one in (mind, plain):
        study(one, experience(0))
    assert mind.actors.adam.steps.tolist() == [1, 1, 2, 1]
    same = [0, 1, 3]
    assert torch.equal(mind.actors.parameters[same], plain.actors.parameters[same])
    own = plain.actors.adam.first[2]  # a tenth of the own gradient
    torch.testing.assert_close(mind.actors.adam.first[2], 0.9 * own + 0.1)


# ---- the start ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(3, 4, 2), (30, 256, 5)])
def test_the_public_code_draws_weights_and_biases_alike(sizes):
    made = Perceptrons({"actor": sizes}, 50, torch.Generator().manual_seed(0), start="glorot")
    views = made.views()
    for level, (inputs, outputs) in enumerate(pairwise(sizes)):
        for part, limit in (
            ("weight", math.sqrt(6 / (inputs + outputs))),
            ("bias", math.sqrt(3 / outputs)),
        ):
            drawn = views[f"actor.{level}.{part}"]
            assert drawn.abs().max() <= limit and drawn.abs().max() > 0.95 * limit
            assert drawn.var().item() == pytest.approx(limit**2 / 3, rel=0.2)
            assert drawn.mean().item() == pytest.approx(0, abs=0.1 * limit)
    # Five moves: the bias of an output lies within 0.77, so that policies begin far from even.
    assert math.sqrt(3 / 5) == pytest.approx(0.7746, abs=1e-4)


@pytest.mark.parametrize("weights", ["orthogonal", "glorot"])
def test_agents_of_a_replicate_may_start_alike(weights):
    for start in ("shared", "independent"):
        there = seat(FEATURES, ACTIONS, 6, replicates=2)
        mind = SplitPPO(SplitPPOConfig(hidden=(4,), start=start, weights=weights), there, object)
        for stack in (mind.actors, mind.critics):
            rows = stack.parameters.view(2, 3, -1)
            for one, other in ((0, 1), (0, 2), (1, 2)):
                same = torch.equal(rows[:, one], rows[:, other])
                assert same == (start == "shared")
            assert not torch.equal(rows[0, 0], rows[1, 0])


def test_orthogonal_policies_begin_nearly_even():
    there = seat(FEATURES, ACTIONS, 2)
    mind = SplitPPO(SplitPPOConfig(inputs="none"), there, object)
    seen = {"seen": Percept(dense=torch.randn(2, 5, FEATURES, generator=there.generator))}
    assert (mind.probabilities(seen) - 1 / ACTIONS).abs().max() < 0.02


# ---- by hand -----------------------------------------------------------------------------------


def test_the_clipped_objective_by_hand():
    half = torch.tensor([0.5]).log()
    old = torch.tensor([0.25, 0.5, 0.8, 1.0]).log()  # ratios 2, 1, 0.625, 0.5
    for credit, gains in ((1.0, [1.1, 1, 0.625, 0.5]), (-1.0, [-2, -1, -0.9, -0.9])):
        loss = clipped_loss(half, old, torch.tensor(credit), 0.1, 0.0)
        assert (-loss).tolist() == pytest.approx(gains)


@pytest.mark.parametrize("taken", [0, 1])
def test_only_the_action_taken_counts_for_the_entropy(taken):
    """A descent of ``c p log p`` for p = 0.2 or 0.8, whose slopes are c (1 + log p)."""
    chances = torch.tensor([0.2, 0.8])
    log = chances.log()[taken].requires_grad_()
    loss = clipped_loss(log, log.detach(), torch.tensor(0.0), 0.1, 0.03)
    p = chances[taken].item()
    assert loss.item() == pytest.approx(0.03 * p * math.log(p))
    (slope,) = torch.autograd.grad(loss, log)
    assert slope.item() == pytest.approx(0.03 * p * (1 + math.log(p)))


def test_advantages_are_standardised_in_every_slot():
    found = standardised(torch.tensor([[1.0, 3.0, 5.0, 7.0], [2.0, 2.0, 2.0, 2.0]]))
    assert found[0].tolist() == pytest.approx([-1.3416, -0.4472, 0.4472, 1.3416], abs=1e-4)
    assert found[1].tolist() == [0, 0, 0, 0]


def test_advantages_by_hand_bootstrap_where_time_was_up():
    """Values are what is seen; step 1 is cut off before a 10, step 2 ends, step 3 is the last."""
    there = seat(1, 2, slots=1, lanes=1)
    config = SplitPPOConfig(hidden=(), rollout=4, inputs="none", discount=0.5, trace=0.5)
    mind = SplitPPO(config, there, object)
    mind.critics.parameters[:] = torch.tensor([1.0, 0.0])
    ended, truncated = [False, True, True, False], [False, True, False, False]
    after = [99.0, 10.0, 77.0, 8.0]
    for t in range(4):
        now, then = (Percept(dense=torch.full((1, 1, 1), v)) for v in (t + 1.0, after[t]))
        flags = (torch.tensor([[flag[t]]]) for flag in (ended, truncated))
        mind.remember(
            noted(now, torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1), *flags, then)
        )
    window = mind.window()
    assert sorted(window.after) == [1, 2, 3]
    following = {t: mind.judge(rows) for t, rows in window.after.items()}
    found = appraised(mind.critics, mind.judge(window.rows), following, window, config)
    # delta: 1 + 1 - 1, 1 + 5 - 2, 1 - 3, 1 + 4 - 4; the first has a quarter of the second's.
    assert found[0].tolist() == [[2, 4, -2, 1]]
    assert found[1].tolist() == [[3, 6, 1, 5]]


def test_what_one_agent_does_alone_is_what_it_does_among_all():
    mind = learner()
    study(mind, experience(0))
    seen = {"seen": Percept(dense=experience(1)["seen"][0])}
    found = mind.probabilities(seen)
    for slot, row in product(range(SLOTS), range(LANES)):
        torch.testing.assert_close(mind.alone(slot, row, seen), found[slot, row])


@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize("noted_so_far", [0, 2])
def test_a_saved_learner_goes_on(noted_so_far, delayed):
    mind, fresh = learner(delayed=delayed), learner(delayed=delayed)
    study(mind, experience(0))
    lived = experience(1)
    remember(mind, {name: rows[:noted_so_far] for name, rows in lived.items()})
    fresh.load(saved(mind.state()))
    for one in (mind, fresh):
        study(one, {name: rows[noted_so_far:] for name, rows in lived.items()})
        study(one, experience(2))
    assert not list(differences(mind.state(), fresh.state()))
