"""Minds that follow a rule: vectorised rules for all rows at once, and rules written by hand."""

from copy import deepcopy
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.learners.base import Mind, Seat, draw
from commonweal.records import Percept
from commonweal.settings import Settings


@final
class Scripted(Mind):
    """Follows ``kind.plan`` on all rows: seen features and memory to probabilities and memory.

    Memory is one number per row, 0 at the start of every episode.
    """

    def __init__(self, config: Settings, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.memory = torch.zeros(seat.slots, seat.lanes, device=seat.device)

    def _plan(self, seen: dict[str, Percept]) -> tuple[Tensor, Tensor]:
        features = {name: percept.features for name, percept in seen.items()}
        return self.kind.plan(self.config, features, self.memory, self.seat.actions)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions, [K, B, A]."""
        return self._plan(seen)[0]

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B]; what is worth remembering is remembered."""
        probabilities, self.memory = self._plan(seen)
        return draw(probabilities, self.seat.generator)

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from what it alone sees and remembers."""
        features = {n: p.features[slot : slot + 1, row : row + 1] for n, p in seen.items()}
        memory = self.memory[slot : slot + 1, row : row + 1]
        return self.kind.plan(self.config, features, memory, self.seat.actions)[0][0, 0]

    def watch(self, seen: dict[str, Percept], ended: Tensor) -> None:
        """Forget where an episode is over."""
        self.memory = self.memory.masked_fill(ended, 0.0)

    def state(self) -> dict[str, Any]:
        """The memory."""
        return {"memory": self.memory}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.memory = state["memory"].to(self.seat.device)


@final
class ByHand(Mind):
    """Asks ``kind.decide(percept, memory)`` on plain values, row by row: simple and slow.

    ``percept`` maps each channel to a list of floats, ``memory`` is a dict of plain values that
    is empty at the start of every episode.
    """

    def __init__(self, config: Settings, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.memory = [[{} for _ in range(seat.lanes)] for _ in range(seat.slots)]

    def _decide(self, slot: int, row: int, seen: dict[str, Percept], memory: dict) -> int:
        plain = {name: percept.features[slot, row].tolist() for name, percept in seen.items()}
        return int(self.kind.decide(self.config, plain, memory))

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B]."""
        rows = [
            [self._decide(slot, row, seen, memory) for row, memory in enumerate(memories)]
            for slot, memories in enumerate(self.memory)
        ]
        return torch.tensor(rows, device=self.seat.device)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """1 for what each row would do, [K, B, A]; memories are left as they are."""
        slots, lanes = self.seat.slots, self.seat.lanes
        rows = [[self.alone(k, b, seen) for b in range(lanes)] for k in range(slots)]
        return torch.stack([torch.stack(row) for row in rows])

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """1 for what one agent would do, [A]."""
        choice = self._decide(slot, row, seen, deepcopy(self.memory[slot][row]))
        result = torch.zeros(self.seat.actions, device=self.seat.device)
        result[choice] = 1.0
        return result

    def watch(self, seen: dict[str, Percept], ended: Tensor) -> None:
        """Forget where an episode is over."""
        for slot, row in ended.nonzero().tolist():
            self.memory[slot][row] = {}

    def state(self) -> dict[str, Any]:
        """The memories, plain values."""
        return {"memory": deepcopy(self.memory)}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.memory = deepcopy(state["memory"])
