"""Worlds about resources: what random walkers and those who walk to the nearest resource earn.

Means over many episodes beside those of the code of Dong et al. 2025, in which the same policies
were played (3,000, 1,500 and 1,500 episodes of random walkers, 600 of the others); apart by at
most four standard errors, theirs and ours together.  And what the order of moves is worth: who
walks to the nearest earns the more the lower its number, unless the order is drawn in each round.
"""

import pytest
import torch

from tests.societies import society

AGENTS = {"job_scheduling": 4, "matthew_effect": 10, "manufacturing_plant": 5}
EPISODES = 1000


@pytest.fixture(scope="module")
def returns():
    """Returns [episodes, N] of a kind of agent in a world, played once for each order of moves."""
    played = {}

    def of(kind, world, activation="index"):
        case = kind, world, activation
        if case not in played:
            village = society(
                kind,
                agents=AGENTS[world],
                network={"kind": "complete"},
                lanes=EPISODES,
                world={"kind": world, "activation": activation},
                steps=10**9,
                seed=1,
            )
            for _ in range(village.horizon):
                village.step()
            assert village.episode_ended
            played[case] = village.state.returns
        return played[case]

    return of


def spread(earned):
    """Mean of standard deviation over mean in episodes in which anybody earned anything."""
    earned = earned[earned.sum(-1) > 0]
    return (earned.std(-1, correction=0) / earned.mean(-1)).mean().item()


def apart(earned, theirs, episodes):
    """Differences of the means [M] of ``earned`` [episodes, M] from theirs, in standard errors."""
    # Theirs were played with the same policy, so that one episode varies as much as one of ours.
    variance = earned.var(0) * (1 / len(earned) + 1 / episodes)
    return ((earned.mean(0) - torch.tensor(theirs)).abs() / variance.sqrt()).tolist()


RANDOM = {
    "job_scheduling": (31.5, 0.57, 3000),
    "matthew_effect": (4.9, 1.68, 1500),
    "manufacturing_plant": (13.8, 0.58, 1500),
}
NEAREST = {
    "job_scheduling": (199.6, 1.73),
    "matthew_effect": (131.6, 1.36),
    "manufacturing_plant": (143.9, 0.29),
}
BY_INDEX = {
    "job_scheduling": [56.2, 58.5, 45.6, 39.3],
    "matthew_effect": [28.3, 20.6, 16.7, 14.7, 11.5, 11.8, 7.9, 7.6, 6.9, 5.6],
    "manufacturing_plant": [22.0, 37.0, 34.9, 32.5, 17.4],
}


@pytest.mark.parametrize("world", RANDOM)
def test_random_walkers_together(world, returns):
    total, ratio, episodes = RANDOM[world]
    earned = returns("random", world)
    assert apart(earned.sum(-1, keepdim=True), [total], episodes)[0] < 4
    assert spread(earned) == pytest.approx(ratio, abs=0.03)


def test_random_walkers_one_by_one(returns):
    theirs = [1.95, 3.30, 3.30, 3.33, 1.91]
    assert max(apart(returns("random", "manufacturing_plant"), theirs, 1500)) < 4


@pytest.mark.parametrize("world", NEAREST)
def test_those_who_walk_to_the_nearest_together(world, returns):
    total, ratio = NEAREST[world]
    earned = returns("nearest", world)
    # Sums of job scheduling hardly vary, and theirs is printed with one digit.
    assert (
        apart(earned.sum(-1, keepdim=True), [total], 600)[0] < 4
        or abs(earned.sum(-1).mean().item() - total) < 0.05
    )
    assert spread(earned) == pytest.approx(ratio, abs=0.03)


@pytest.mark.parametrize("world", BY_INDEX)
def test_those_who_walk_to_the_nearest_one_by_one(world, returns):
    assert max(apart(returns("nearest", world), BY_INDEX[world], 600)) < 4


@pytest.mark.parametrize("world", ["job_scheduling", "matthew_effect"])
def test_low_numbers_are_better_off_in_order_of_numbers(world, returns):
    earned = returns("nearest", world).mean(0)
    assert earned[0] > 1.5 * earned[-1]


@pytest.mark.parametrize("world", ["job_scheduling", "matthew_effect"])
def test_numbers_do_not_matter_in_random_order(world, returns):
    earned = returns("nearest", world, "random")
    error = (earned - earned.mean(-1, keepdim=True)).std(0) / len(earned) ** 0.5
    assert ((earned.mean(0) - earned.mean()).abs() < 4 * error).all()


def test_random_order_leaves_only_what_recipes_explain(returns):
    """Recipes of two gems are worth the same, and so are those of three."""
    earned = returns("nearest", "manufacturing_plant", "random")
    mean, error = earned.mean(0), earned.std(0) / len(earned) ** 0.5
    assert (mean[0] - mean[4]).abs() < 4 * (error[0] + error[4])
    assert mean[1:4].max() - mean[1:4].min() < 8 * error.max()
    assert mean[1:4].min() > 1.5 * mean[[0, 4]].max()


def test_one_takes_all_where_there_is_one_resource(returns):
    earned = returns("nearest", "job_scheduling")
    assert spread(earned) == pytest.approx(3**0.5, abs=0.01)
