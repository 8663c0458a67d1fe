"""What the dilemma learner is set to at each point of a run, and what it makes of time limits."""

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.actor_critic import epochs
from commonweal.agents.learners.ppo import PPO, PPOConfig
from commonweal.records import Percept
from commonweal.settings import Settings
from tests.seats import noted, seat, views
from tests.societies import society


@pytest.mark.parametrize(
    ("progress", "passes"),
    [(0, 1), (0.1, 1), (0.125, 2), (0.25, 2), (0.375, 2), (0.5, 3), (0.625, 4), (0.9, 5), (1, 5)],
)
def test_epochs_rise_from_one_to_five_and_half_goes_to_even(progress, passes):
    config = PPOConfig()
    assert epochs(config.first_epochs, config.last_epochs, progress) == passes


@pytest.mark.parametrize(
    ("kind", "inputs", "size"), [("lr2", 5, 2595), ("lr2_unrewarded", 5, 2595), ("dd", 8, 2787)]
)
def test_size_and_input_on_the_lattice(kind, inputs, size):
    world = society(kind, agents=16)
    policy = world.society.cohorts[0].minds["move"].policy
    assert (policy.shape.inputs, policy.shape.size) == (inputs, size)
    assert policy.parameters.shape == (16, size)
    towers = sum(view[0].numel() for view in policy.views().values())
    assert towers == size


def test_rates_fall_linearly():
    mind = society("lr2", agents=16).society.cohorts[0].minds
    for progress in (0.0, 0.25, 1.0):
        left = 1 - progress
        move, assess = (mind[head].hyper(progress) for head in ("move", "assess"))
        assert (move.learning_rate, move.entropy) == pytest.approx((0.01 * left, 0.1 * left))
        assert (assess.learning_rate, assess.entropy) == pytest.approx((0.01 * left, 0.0))
        assert (move.clip, move.value_weight, move.max_norm, move.eps) == (0.2, 0.5, 0.5, 1e-5)


def watched(kind, rounds, **changes):
    """When each head studied, and with which progress."""
    world, found = society(kind, agents=16, lanes=16, **changes), []
    for head, mind in world.society.cohorts[0].minds.items():

        def study(progress, rule, head=head, study=mind.study):
            found.append((world.tick, head, progress))
            study(progress, rule)

        mind.study = study
    for _ in range(rounds):
        world.step()
    return found


def test_roles_learn_in_turns_and_the_first_update_has_the_values_of_the_start():
    # 1600 steps of 16 lanes are 100 rounds, 5 rollouts.
    assert watched("lr2", 100, steps=1600) == [
        (20, "move", 0.0),
        (40, "assess", 0.2),
        (60, "move", 0.4),
        (80, "assess", 0.6),
        (100, "move", 0.8),
    ]


@pytest.mark.parametrize("kind", ["dd", "image_scoring"])
def test_others_rest_while_lr2_learns_to_judge(kind):
    assert [entry[:2] for entry in watched(kind, 60)] == [(20, "move"), (60, "move")]


def test_progress_ends_at_one():
    assert watched("dd", 60, steps=320)[-1] == (60, "move", 1.0)


def mind(**settings):
    return PPO(PPOConfig(**settings), seat(4), None)


def note(percept, ended, truncated, rng, after=None):
    acts = torch.randint(2, ended.shape, generator=rng)
    return noted(percept, acts, torch.randn(ended.shape, generator=rng), ended, truncated, after)


def test_a_cut_episode_is_worth_what_would_follow_and_a_finished_one_is_not():
    learner, rng = mind(rollout=2), torch.Generator().manual_seed(1)
    seen = [Percept(dense=torch.randn(3, 2, 4, generator=rng)) for _ in range(3)]
    ended = torch.tensor([[True, True]] * 3)
    truncated = torch.tensor([[True, False]] * 3)
    kept = [
        note(seen[0], ended, truncated, rng, seen[1]),
        note(seen[1], ~ended, ~ended & False, rng, seen[2]),
    ]
    for entry in kept:
        learner.remember(entry)
    utility, ends, last = learner.closing(slice(None))
    following = learner.policy.values(seen[1].dense.mT.contiguous())
    assert torch.allclose(utility[0, :, 0], kept[0].utility[:, 0] + 0.99 * following[:, 0])
    assert torch.equal(utility[0, :, 1], kept[0].utility[:, 1])
    assert torch.equal(utility[1], kept[1].utility)
    assert torch.equal(last, learner.policy.values(seen[2].dense.mT.contiguous()))
    assert torch.equal(ends[0], ended)


def taught(progress, dense):
    book, rng = torch.eye(4), torch.Generator().manual_seed(2)
    learner = mind(rollout=6, batch=5)
    for turn in range(6):
        percept = views(dense, book, torch.randint(4, (3, 2), generator=rng))
        ended = torch.full((3, 2), turn % 3 == 2)
        learner.remember(note(percept, ended, ended, rng))
    learner.study(progress, Own(Settings()))
    return learner.policy.parameters


def test_codes_of_views_teach_what_the_views_themselves_teach():
    torch.testing.assert_close(taught(0.5, dense=False), taught(0.5, dense=True), atol=2e-5, rtol=0)


def test_at_the_end_of_the_plan_nothing_moves_any_more():
    assert torch.equal(taught(1.0, dense=True), mind().policy.parameters)
    assert not torch.equal(taught(0.5, dense=True), mind().policy.parameters)
