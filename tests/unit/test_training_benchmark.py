"""The naive loop of the benchmark learns what the stack learns, number by number."""

import pytest
import torch

from benchmarks import naive_ppo as naive
from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig
from commonweal.records import Percept
from commonweal.settings import Settings
from tests import naive_ppo as plain
from tests.seats import noted, seat

ROUNDS, LANES, FEATURES, SLOTS, HIDDEN = 6, 3, 4, 2, 8


@pytest.fixture
def pair():
    """A stack, and loose learners that start alike."""
    there = seat(FEATURES, naive.ACTIONS, SLOTS, LANES, seed=3)
    config = SplitPPOConfig(hidden=(HIDDEN, HIDDEN), rollout=ROUNDS)
    mind = SplitPPO(config, there, object)
    learners = [naive.Learner(FEATURES, HIDDEN) for _ in range(SLOTS)]
    for slot, learner in enumerate(learners):
        for name, stack in (("actor", mind.actors), ("critic", mind.critics)):
            like = plain.network(stack, name, slot)
            getattr(learner, name).load_state_dict(like.state_dict())
    return mind, learners


def test_both_end_with_the_same_networks(pair):
    mind, learners = pair
    rng = torch.Generator().manual_seed(0)
    never = torch.zeros(SLOTS, LANES, dtype=torch.bool)
    for _ in range(3):
        seen = 5 * torch.randn(ROUNDS + 1, SLOTS, LANES, FEATURES, generator=rng) + 2
        acts = torch.randint(naive.ACTIONS, (ROUNDS, SLOTS, LANES), generator=rng)
        rewards = torch.rand(ROUNDS, SLOTS, LANES, generator=rng)
        for t in range(ROUNDS):
            now, after = Percept(dense=seen[t]), Percept(dense=seen[t + 1])
            mind.remember(noted(now, acts[t], rewards[t], never, never, after))
        mind.study(0.0, Own(Settings()))
        for slot, learner in enumerate(learners):
            inputs = [learner.look(seen[t, slot]) for t in range(ROUNDS - 1)]
            # The stack looks ahead before what it sees now counts.
            last = learner.normalised(seen[ROUNDS, slot])
            inputs = torch.stack([*inputs, learner.look(seen[ROUNDS - 1, slot])])
            learner.study(inputs, acts[:, slot], rewards[:, slot], last, ROUNDS * LANES)
    for slot, learner in enumerate(learners):
        for name, stack in (("actor", mind.actors), ("critic", mind.critics)):
            found = plain.flat(getattr(learner, name))
            torch.testing.assert_close(found, stack.parameters[slot], atol=2e-6, rtol=1e-4)
