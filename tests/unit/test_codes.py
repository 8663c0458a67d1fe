"""Codes of views: the table, by hand."""

import torch

from commonweal import codes


def test_full_views_of_two_neighbours():
    assert codes.codebook(2, regular=True).tolist() == [
        [1, 0, 1, 0],
        [0, 1, 1, 0],
        [1, 0, 0, 1],
        [0, 1, 0, 1],
    ]


def test_views_with_missing_neighbours_come_first():
    assert codes.codebook(2, regular=False).tolist() == [
        [0, 0, 0, 0],  # nobody
        [1, 0, 0, 0],  # one neighbour
        [0, 1, 0, 0],
        [1, 0, 1, 0],  # two
        [0, 1, 1, 0],
        [1, 0, 0, 1],
        [0, 1, 0, 1],
    ]


def test_codes_by_hand():
    signs = torch.tensor([[1, 0, 1], [1, 1, 1], [0, 1, 1]])
    full = torch.ones_like(signs).bool()
    assert codes.encode(signs, full, regular=True).tolist() == [5, 7, 6]
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0]]).bool()
    # 7 rows with fewer than three neighbours precede; 1 row with none precedes those with one.
    assert codes.encode(signs, mask, regular=False).tolist() == [7 + 5, 1 + 1, 0]


def test_large_tables_are_not_made():
    assert len(codes.codebook(9, regular=True)) == codes.LIMIT == 512
    assert codes.codebook(10, regular=True) is None
    assert len(codes.codebook(8, regular=False)) == 511
    assert codes.codebook(9, regular=False) is None
