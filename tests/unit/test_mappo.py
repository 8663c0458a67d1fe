"""Central critics: what they see, and that they know what no agent sees."""

from dataclasses import replace

import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.mappo import MAPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig, foretold
from commonweal.records import Percept
from commonweal.settings import Settings
from tests.dilemmas import cooperation, pair
from tests.seats import noted, seat

SLOTS, LANES, WORLD = 4, 2, 3
RULE = Own(Settings())


def mind(**settings):
    """Two replicates of two agents beside a third, in a world of three numbers."""
    there = seat(5, slots=SLOTS, lanes=LANES, replicates=2, others=1)
    there = replace(there, company=replace(there.company, overview=WORLD))
    return MAPPO(SplitPPOConfig(hidden=(8,), **settings), there, object)


def live(made, overview, rewards, utility, ended=False, x=None):
    """A round of one mind: ``overview`` [R, B, S], ``rewards`` [L, N], ``utility`` [K, B]."""
    x = torch.zeros(SLOTS, LANES, 5) if x is None else x
    whole = overview.repeat_interleave(2, 0)
    made.remember(
        noted(
            Percept(dense=x),
            torch.zeros(SLOTS, LANES, dtype=torch.int64),
            utility,
            torch.full((SLOTS, LANES), ended),
            rewards=rewards,
            overview=whole,
            overview_after=lambda: whole + 1,
        )
    )


def test_critics_see_the_world_how_all_fare_and_what_all_would_do():
    made = mind(rollout=2, inputs="none")
    assert made.width() == WORLD + 3 + 2 * 2
    rng = torch.Generator().manual_seed(0)
    worlds = torch.randn(2, 2, LANES, WORLD, generator=rng)
    x = torch.randn(2, SLOTS, LANES, 5, generator=rng)
    rewards = torch.zeros(4, 3)
    rewards[1] = torch.tensor([0.0, 3.0, 6.0])  # second lane of the first replicate
    for t in range(2):
        live(made, worlds[t], rewards, torch.zeros(SLOTS, LANES), x=x[t])
    window = made.window()
    seen = made.judge(window.rows).unflatten(1, (2, LANES))
    # In the second round, the first replicate, the second lane; the same for both agents.
    for slot in (0, 1):
        row = seen[slot, 1, 1]
        torch.testing.assert_close(row[:3], worlds[1, 0, 1])
        torch.testing.assert_close(row[3:6], torch.tensor([-(1.5**0.5), 0.0, 1.5**0.5]))
        torch.testing.assert_close(row[6:8], made.chances(x[1])[0, 1])
        torch.testing.assert_close(row[8:], made.chances(x[1])[1, 1])
    assert seen[2:, 1, :, 3:6].eq(0).all()  # nobody is ahead in the other replicate
    after = made.judge(window.after[1])
    torch.testing.assert_close(after[0, 1, :3], worlds[1, 0, 1] + 1)


def test_an_episode_that_ends_is_forgotten():
    made = mind(rollout=9)
    nothing = torch.zeros(SLOTS, LANES)
    for ended in (False, True, False):
        live(made, torch.zeros(2, LANES, WORLD), torch.ones(4, 3), nothing, ended)
    assert made.whole.so_far.eq(1).all()


def test_critics_of_one_replicate_are_copies_of_their_own():
    made = mind(rollout=1)
    live(made, torch.ones(2, LANES, WORLD), torch.ones(4, 3), torch.zeros(SLOTS, LANES))
    values = foretold(made.critics, made.judge(made.window().rows))
    assert not torch.allclose(values[0], values[1])


def test_a_critic_learns_what_its_agent_cannot_see():
    made = mind(rollout=4, critic_rate=0.02, discount=0.0, trace=0.0)
    rng = torch.Generator().manual_seed(3)
    errors = []
    for _ in range(150):
        paid = []
        for _ in range(4):
            worlds = torch.randn(2, LANES, WORLD, generator=rng)
            paid.append(worlds[..., 0].repeat_interleave(2, 0))
            live(made, worlds, torch.zeros(4, 3), paid[-1])
        values = foretold(made.critics, made.judge(made.window().rows))
        paid = torch.stack(paid, 1).flatten(1)
        errors.append((values - paid).square().mean().item())
        made.study(0.0, RULE)
    # Agents see zeros throughout; without the world nothing under the variance of 1 can be had.
    assert sum(errors[-20:]) / 20 < 0.1 < sum(errors[:5]) / 5


def test_the_kind_learns_from_the_mean_of_all():
    village = pair("mappo", 10)
    village.step()
    rewards = village.society.experience.outcome.rewards
    wanted = village.society.cohorts[0].utility
    torch.testing.assert_close(wanted, rewards.mean(1, keepdim=True).expand(-1, 2))


def test_it_cooperates_in_a_dilemma():
    assert cooperation("mappo") > 0.7
