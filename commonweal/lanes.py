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


def mean_where(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Numerator and denominator [L] of the mean of ``values`` [L, N] where ``mask`` [L, N]."""
    weight = mask.to(values.dtype)
    return (values * weight).sum(-1), weight.sum(-1)


def mean(values: Tensor) -> tuple[Tensor, Tensor]:
    """Numerator and denominator [L] of the mean of ``values`` [L, N]."""
    return values.sum(-1), torch.full_like(values[:, 0], values.shape[-1])
