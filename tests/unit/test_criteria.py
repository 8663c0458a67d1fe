"""What a community may want, by hand."""

import pytest
import torch

from commonweal.agents.learners.criteria import egalitarian, utilitarian

REWARDS = torch.tensor([[0.0, 3.0, 6.0], [3.0, 0.0, 0.0]])
"""[T, N]"""


@pytest.mark.parametrize(("how", "expected"), [("mean", [3, 1]), ("sum", [9, 3])])
def test_what_serves_all(how, expected):
    assert utilitarian(REWARDS, how).tolist() == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("variance", [-6, -2]),  # of the population, round by round
        ("returns", [-(6**0.5), -(2**0.5)]),  # of 0, 3, 6, then of 3, 3, 6
        ("rewards", [-3, -(3**0.5)]),  # of a sample
    ],
)
def test_what_treats_all_alike(how, expected):
    assert egalitarian(REWARDS, how).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("how", ["variance", "returns", "rewards"])
def test_equal_shares_are_best(how):
    assert egalitarian(torch.full((4, 2, 3), 0.5), how).tolist() == [[0, 0]] * 4
    assert egalitarian(torch.rand(4, 2, 1), how).tolist() == [[0, 0]] * 4
    assert (egalitarian(torch.eye(3).repeat(2, 1).unsqueeze(1), how) <= 0).all()


def test_turns_make_up_for_each_other_only_in_returns():
    turns = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert egalitarian(turns, "returns").tolist() == [-0.5, 0]
    assert egalitarian(turns, "variance").tolist() == [-0.25, -0.25]


@pytest.mark.parametrize("how", ["variance", "returns", "rewards"])
def test_copies_keep_apart(how):
    """[T, R, B, N] to [T, R, B]."""
    rewards = torch.rand(5, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    found = egalitarian(rewards, how)
    assert found.shape == (5, 2, 3)
    assert torch.allclose(found[:, 1, 2], egalitarian(rewards[:, 1, 2], how))
