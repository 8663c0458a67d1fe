"""Records of tensors whose first axis is the lane."""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.lanes import choose, mean, mean_by_action, to_dict


@dataclass(frozen=True)
class Pair:
    flat: Tensor
    deep: Tensor


def pair(value):
    return Pair(torch.full((3,), value), torch.full((3, 2, 2), float(value)))


def test_choose_takes_whole_lanes():
    chosen = choose(torch.tensor([True, False, True]), pair(1), pair(0))
    assert chosen.flat.tolist() == [1, 0, 1]
    assert chosen.deep.mean((1, 2)).tolist() == [1, 0, 1]
    assert chosen.deep.shape == (3, 2, 2)


def test_choose_leaves_both_records_as_they_are():
    fresh, stale = pair(1), pair(0)
    choose(torch.tensor([True, False, True]), fresh, stale).flat.fill_(7)
    assert fresh.flat.tolist() == [1, 1, 1] and stale.flat.tolist() == [0, 0, 0]


def test_a_record_becomes_a_table_of_its_tensors():
    assert {name: tuple(value.shape) for name, value in to_dict(pair(2)).items()} == {
        "flat": (3,),
        "deep": (3, 2, 2),
    }


def test_means_are_kept_as_sums_and_counts():
    values = torch.tensor([[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]])
    good = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert [part.tolist() for part in mean(values)] == [[9, 6], [3, 3]]
    found = mean_by_action("reward", values, good)
    assert {name: [part.tolist() for part in parts] for name, parts in found.items()} == {
        "reward": [[9, 6], [3, 3]],
        "reward_C": [[6, 0], [2, 0]],
        "reward_D": [[3, 6], [1, 3]],
    }
