"""Returns and advantages: hand-worked tables and a naive loop."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from commonweal.agents.learners.returns import discounted, generalised_advantages


def test_advantages_by_hand():
    # Episode of two steps, then a third step of the next episode; discount 1/2, trace 1/2.
    rewards = torch.tensor([1.0, 2.0, 4.0])
    values = torch.tensor([3.0, 5.0, 7.0])
    ended = torch.tensor([False, True, False])
    advantages, returns = generalised_advantages(
        rewards, values, torch.tensor(9.0), ended, 0.5, 0.5
    )
    # deltas: 1 + 5/2 - 3 = 1/2;  2 - 5 = -3;  4 + 9/2 - 7 = 3/2.
    assert advantages.tolist() == [0.5 + 0.25 * -3, -3, 1.5]
    assert returns.tolist() == [2.75, 2, 8.5]


def test_discounted_by_hand():
    rewards = torch.tensor([1.0, 2.0, 4.0, 8.0])
    ended = torch.tensor([False, True, False, False])
    assert discounted(rewards, torch.tensor(16.0), ended, 0.5).tolist() == [2, 2, 12, 16]


def test_trailing_axes_are_independent():
    rewards, values = torch.rand(4, 2, 3), torch.rand(4, 2, 3)
    ended = torch.rand(4, 2, 3) < 0.5
    bootstrap = torch.rand(2, 3)
    both = generalised_advantages(rewards, values, bootstrap, ended, 0.9, 0.8)
    one = generalised_advantages(
        rewards[:, 1, 2], values[:, 1, 2], bootstrap[1, 2], ended[:, 1, 2], 0.9, 0.8
    )
    for all_of_them, single in zip(both, one, strict=True):
        torch.testing.assert_close(all_of_them[:, 1, 2], single)


step = st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.booleans())


@given(st.lists(step, min_size=1, max_size=12), st.floats(-9, 9), st.floats(0, 1), st.floats(0, 1))
def test_equal_to_a_naive_loop(steps, bootstrap, discount, trace):
    rewards, values, ended = zip(*steps, strict=True)
    advantage, following, total = 0.0, bootstrap, bootstrap
    naive, sums = [], []
    for reward, value, end in reversed(steps):
        alive = 0.0 if end else 1.0
        delta = reward + discount * following * alive - value
        advantage = delta + discount * trace * alive * advantage
        total = reward + discount * alive * total
        following = value
        naive.append(advantage)
        sums.append(total)

    def tensor(numbers):
        return torch.tensor(numbers, dtype=torch.float64)

    given_advantages, given_returns = generalised_advantages(
        tensor(rewards),
        tensor(values),
        tensor(bootstrap),
        torch.tensor(ended),
        discount,
        trace,
    )
    torch.testing.assert_close(given_advantages, tensor(naive[::-1]))
    torch.testing.assert_close(given_returns, tensor(naive[::-1]) + tensor(values))
    torch.testing.assert_close(
        discounted(tensor(rewards), tensor(bootstrap), torch.tensor(ended), discount),
        tensor(sums[::-1]),
    )
