"""A buffer of stretches of experience, of which the oldest give way to new ones.

A stretch is what one lane lived through in one rollout, an episode where rollouts are episodes.
"""

from typing import Any

import torch
from torch import Tensor


class Replay:
    """The last ``capacity`` stretches of every slot: name -> [K, S, T, ...], S filled one by one."""

    def __init__(self, capacity: int, device: torch.device) -> None:
        self.capacity, self.device = capacity, device
        self.fields: dict[str, Tensor] = {}
        self.seen = 0
        """stretches that were ever added to each slot"""

    @property
    def filled(self) -> int:
        """Stretches that each slot can look back on."""
        return min(self.seen, self.capacity)

    def add(self, stretches: dict[str, Tensor]) -> None:
        """Keep new stretches, name -> [K, B, T, ...]; of more than the capacity, the last ones."""
        count = next(iter(stretches.values())).shape[1]
        places = torch.arange(self.seen, self.seen + count, device=self.device)[-self.capacity :]
        for name, values in stretches.items():
            if name not in self.fields:
                shape = (len(values), self.capacity, *values.shape[2:])
                self.fields[name] = torch.zeros(shape, dtype=values.dtype, device=self.device)
            self.fields[name][:, places % self.capacity] = values[:, -self.capacity :]
        self.seen += count

    def sample(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """``count`` stretches of every slot, drawn with replacement by each; name -> [K, n, T, ...].

        If there are no more than that, all there are, and nothing is drawn.
        """
        if self.filled <= count:
            return {name: values[:, : self.filled] for name, values in self.fields.items()}
        slots = len(next(iter(self.fields.values())))
        index = torch.randint(self.filled, (slots, count), generator=generator, device=self.device)
        rows = torch.arange(slots, device=self.device).unsqueeze(1)
        return {name: values[rows, index] for name, values in self.fields.items()}

    def state(self) -> dict[str, Any]:
        """What is filled, slot by slot."""
        filled = {name: values[:, : self.filled] for name, values in self.fields.items()}
        return {"fields": filled, "seen": self.seen}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.fields, self.seen = {}, state["seen"]
        for name, values in state["fields"].items():
            shape = (len(values), self.capacity, *values.shape[2:])
            self.fields[name] = torch.zeros(shape, dtype=values.dtype, device=self.device)
            self.fields[name][:, : self.filled] = values.to(self.device)
