"""The acting learner: how it explores, and that its gradient is that of what it acts from."""

from types import SimpleNamespace

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.a2c import A2C, A2CConfig, rollout_of
from commonweal.agents.learners.exploration import Exploration, decayed, exploring
from commonweal.agents.learners.objective import gradient
from commonweal.agents.learners.stacked import forward
from commonweal.errors import BadSetting
from commonweal.settings import Settings
from tests.seats import noted, seat, views

BOOK = torch.eye(4, 3) + 0.5 * torch.eye(4, 3).roll(1, 0)
SLOTS, LANES, ROUNDS = 3, 2, 5


def test_the_mixture_by_hand():
    policy = torch.tensor([[0.9, 0.1], [0.5, 0.5]])
    found = exploring(policy, torch.tensor([[0.2], [1.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.82, 0.18], [0.5, 0.5]]))
    three = exploring(torch.tensor([1.0, 0.0, 0.0]), torch.tensor(0.3))
    torch.testing.assert_close(three, torch.tensor([0.8, 0.1, 0.1]))


@pytest.mark.parametrize(
    ("episodes", "share"), [(0, 0.5), (500, 0.3875), (1000, 0.275), (2000, 0.05), (9999, 0.05)]
)
def test_exploration_falls_linearly_and_then_stays(episodes, share):
    assert decayed(0.5, 0.05, 2000, torch.tensor(episodes)).item() == pytest.approx(share)


def test_each_slot_counts_its_own_episodes_and_explores_less_after_an_update():
    config = A2CConfig(explore_start=0.8, explore_end=0.0, explore_episodes=8)
    found = Exploration(config, seat(3, slots=2, lanes=3))
    found.count(torch.tensor([[True, False, True], [False, False, False]]))
    found.count(torch.tensor([[True, False, False], [True, False, False]]))
    assert found.share.flatten().tolist() == pytest.approx([0.8, 0.8])
    found.renew()
    assert found.share.flatten().tolist() == pytest.approx([0.5, 0.7])


def test_the_factor_of_the_policy_by_hand():
    exploration = Exploration(A2CConfig(explore_start=0.5), seat(3, slots=1))
    taken = torch.tensor([[0.8, 0.1]]).log()
    # 0.4 of 0.4 + 0.25, and 0.05 of 0.05 + 0.25
    expected = torch.tensor([[0.4 / 0.65, 0.05 / 0.3]])
    torch.testing.assert_close(exploration.scale(taken, slice(None)), expected)
    alone = Exploration(A2CConfig(explore_start=0.5), seat(3, slots=1), "policy")
    assert alone.scale(taken, slice(None)).tolist() == [[1, 1]]


def test_an_episode_is_a_rollout_where_episodes_end():
    there = seat(3)
    for horizon, given, expected in ((100, 0, 100), (100, 7, 7), (0, 7, 7)):
        company = SimpleNamespace(spec=SimpleNamespace(horizon=horizon))
        assert rollout_of(given, SimpleNamespace(company=company)) == expected
    company = SimpleNamespace(spec=SimpleNamespace(horizon=0))
    with pytest.raises(BadSetting, match="episodes of this world have no end"):
        rollout_of(0, SimpleNamespace(company=company))
    assert A2C(A2CConfig(rollout=7), there, object).rollout == 7


# ---- the gradient ------------------------------------------------------------------------------


def lived(dense, **settings):
    """A mind with one rollout behind it, and its tensors: codes, acts, utility, ended, truncated."""
    there = seat(3, actions=2, slots=SLOTS, lanes=LANES, seed=4)
    mind = A2C(A2CConfig(rollout=ROUNDS, hidden=(8,), **settings), there, object)
    rng = torch.Generator().manual_seed(7)
    mind.policy.parameters += 0.4 * torch.randn(mind.policy.parameters.shape, generator=rng)
    shape = ROUNDS, SLOTS, LANES
    codes = torch.randint(4, shape, generator=rng)
    following = torch.randint(4, shape, generator=rng)
    acts = torch.randint(2, shape, generator=rng)
    utility = torch.randn(shape, generator=rng)
    ended = torch.zeros(shape, dtype=torch.bool)
    ended[1, :, 0], ended[3, :, 1] = True, True
    truncated = ended.clone()
    truncated[3] = False
    following[:-1] = torch.where(ended[:-1], following[:-1], codes[1:])
    for t in range(ROUNDS):
        mind.remember(
            noted(
                views(dense, BOOK, codes[t]),
                acts[t],
                utility[t],
                ended[t],
                truncated[t],
                views(dense, BOOK, following[t]),
            )
        )
    return mind, codes, following, acts, utility, ended, truncated


def judged(values, following, utility, ended, truncated, discount, trace):
    """Advantages and returns of one lane, [T], written as a loop over rounds and what follows."""
    rounds, advantages = len(utility), []
    for t in range(rounds):
        advantage, weight = 0.0, 1.0
        for s in range(t, rounds):
            goes_on = truncated[s] or not ended[s]
            error = utility[s] + discount * following[s] * goes_on - values[s]
            advantage, weight = advantage + weight * error, weight * discount * trace
            if ended[s]:
                break
        advantages.append(advantage)
    advantages = torch.stack(advantages)
    return advantages, advantages + values


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("trace", [0.0, 1.0])
@pytest.mark.parametrize("gradient_of", ["mixture", "policy"])
def test_the_gradient_is_that_of_what_acts(gradient_of, trace, dense):
    settings = {"trace": trace, "gradient_of": gradient_of, "entropy": 0.03, "discount": 0.9}
    mind, codes, after, acts, utility, ended, truncated = lived(dense, **settings)
    shape, share = mind.policy.shape, 0.5 if gradient_of == "mixture" else 0.0
    parameters = mind.policy.parameters.double()

    def read(parameters, codes):
        """Log of the policy [T, K, B, A] and values [T, K, B]."""
        logits, values = forward(parameters, shape, BOOK.double().T)
        log = logits.log_softmax(1).mT
        slot = torch.arange(SLOTS).view(-1, 1)
        return log[slot, codes], values[slot, codes]

    _, values = read(parameters, codes)
    _, following = read(parameters, after)
    advantages, returns = torch.empty_like(values), torch.empty_like(values)
    for k in range(SLOTS):
        for b in range(LANES):
            lane = (x[:, k, b] for x in (values, following, utility.double(), ended, truncated))
            advantages[:, k, b], returns[:, k, b] = judged(*lane, 0.9, trace)

    def loss(parameters):
        log, values = read(parameters, codes)
        mixture = (1 - share) * log.exp() + share / 2
        taken = mixture.log().gather(-1, acts.unsqueeze(-1)).squeeze(-1)
        entropy = -(log.exp() * log).sum(-1)
        each = -advantages * taken + 0.5 * (values - returns) ** 2 - 0.03 * entropy
        return each.mean((0, 2))

    (batch,) = mind.core.batches(slice(0, SLOTS), 0.0)
    found = gradient(mind.policy.parameters, shape, batch, mind.config.hyper()).double()
    rng, step = torch.Generator().manual_seed(1), 1e-5
    for _ in range(5):
        way = torch.randn(parameters.shape, generator=rng, dtype=torch.float64)
        slope = (loss(parameters + step * way) - loss(parameters - step * way)) / (2 * step)
        torch.testing.assert_close((found * way).sum(1), slope, rtol=1e-4, atol=1e-4)


def test_an_update_is_a_step_of_adam_after_which_less_is_explored():
    mind, *_ = lived(False, learning_rate=0.01)
    before = mind.policy.parameters.clone()
    for _ in range(500):
        mind.watch({}, torch.ones(SLOTS, LANES, dtype=torch.bool))
    assert mind.exploration.share.flatten().tolist() == pytest.approx([0.5] * SLOTS)
    mind.study(0.0, Own(Settings()))
    moved = (mind.policy.parameters - before).abs()
    # Adam's first step is the step size wherever there is a slope that is not tiny.
    assert moved.amax(1).tolist() == pytest.approx([0.01] * SLOTS, rel=1e-2)
    assert mind.exploration.share.flatten().tolist() == pytest.approx([0.275] * SLOTS)
    assert not mind.core.notes and mind.adam.steps.tolist() == [1] * SLOTS
