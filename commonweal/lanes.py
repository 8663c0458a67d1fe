"""Records of tensors whose first axis is the lane."""

from dataclasses import fields, replace
from typing import TypeVar

import torch
from torch import Tensor

Record = TypeVar("Record")


def choose(over: Tensor, fresh: Record, stale: Record) -> Record:
    """The record that is ``fresh`` in the lanes ``over`` [L] and ``stale`` elsewhere."""

    def pick(new: Tensor, old: Tensor) -> Tensor:
        return torch.where(over.view(-1, *[1] * (new.dim() - 1)), new, old)

    return replace(
        stale,
        **{f.name: pick(getattr(fresh, f.name), getattr(stale, f.name)) for f in fields(stale)},
    )


def to_dict(record: object) -> dict[str, Tensor]:
    """The tensors of a record by field name, for checkpoints."""
    return {f.name: getattr(record, f.name) for f in fields(record)}


def mean(values: Tensor) -> tuple[Tensor, Tensor]:
    """Numerator and denominator [L] of the mean of ``values`` [L, N]."""
    return values.sum(-1), torch.full_like(values[:, 0], values.shape[-1])


def mean_by_action(name: str, values: Tensor, good: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Indicators ``name``, ``name_C`` and ``name_D``: means over all, cooperators and defectors.

    ``values`` and ``good`` are [L, N] float; ``good`` is 1 for those who cooperated, else 0.
    """
    total, number = mean(values), good.sum(-1)
    return {
        name: total,
        f"{name}_C": ((values * good).sum(-1), number),
        f"{name}_D": ((values * (1 - good)).sum(-1), total[1] - number),
    }
