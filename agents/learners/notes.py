"""Rounds as learners keep them until they study, and as checkpoints keep them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from commonweal.records import Percept

Round = Mapping[str, Tensor]


def kept(percept: Percept) -> Tensor:
    """What was seen as it is kept: floats in memory of their own, or codes in two bytes."""
    if percept.codes is None:
        return percept.dense.contiguous()
    return percept.codes.to(torch.int16)


def saved(notes: Sequence[Round]) -> dict[str, Round]:
    """Rounds so far as a checkpoint takes them: number -> name -> tensor."""
    return {str(t): note for t, note in enumerate(notes)}


def restored(state: Mapping[str, Round], device: torch.device) -> list[dict[str, Tensor]]:
    """Inverse of `saved`."""
    return [
        {name: value.to(device) for name, value in state[str(t)].items()} for t in range(len(state))
    ]
