"""Codes for views that consist of a few binary signs.

A row of D signs, each 0 or 1, is shown one-hot: sign 0 as (1, 0), sign 1 as (0, 1) and a
missing neighbour as (0, 0).  Signs of a regular graph fill the row; on other graphs the
first d of D places are filled, d differing from agent to agent.
"""

import torch
from torch import Tensor

LIMIT = 512
"""largest codebook that is worth tabulating"""


def codebook(width: int, regular: bool) -> Tensor | None:
    """All rows of ``width`` signs one-hot, [C, 2 * width], or None beyond the limit.

    C = 2**D where all rows are full, else 2**(D + 1) - 1: rows with fewer neighbours first.
    """
    filled = [width] if regular else range(width + 1)
    if sum(2**d for d in filled) > LIMIT:
        return None
    rows = []
    for d in filled:
        signs = (torch.arange(2**d)[:, None] >> torch.arange(d)) & 1
        row = torch.zeros(2**d, width, 2)
        row[:, :d] = torch.nn.functional.one_hot(signs, 2).float()
        rows.append(row.view(2**d, 2 * width))
    return torch.cat(rows)


def encode(signs: Tensor, mask: Tensor, regular: bool) -> Tensor:
    """Codes [...] of ``signs`` [..., D] (bool or 0/1) whose filled places are ``mask`` [..., D]."""
    powers = 1 << torch.arange(signs.shape[-1], device=signs.device)
    if regular:
        return (signs * powers).sum(-1)
    return (signs * mask * powers).sum(-1) + (1 << mask.sum(-1)) - 1


def one_hot(signs: Tensor, mask: Tensor) -> Tensor:
    """The same views written out, [..., 2 * D] float32."""
    signs = signs.bool()
    return torch.stack((~signs & mask, signs & mask), -1).flatten(-2).float()
