"""Minds that follow a rule: vectorised rules for all rows at once, and rules written by hand."""

from copy import deepcopy
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.learners.base import Mind, Seat, draw
from commonweal.errors import BrokenContract
from commonweal.records import Percept
from commonweal.settings import Settings
from commonweal.spaces import Box


@final
class Scripted(Mind):
    """Follows ``kind.plan`` on all rows: seen features and memory to probabilities and memory.

    Where actions are continuous a plan gives the actions themselves, and in place of their
    number it is given the `Box` they lie in.  Memory is one number per row, 0 at the start of every episode.
    """

    def __init__(self, config: Settings, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.memory = torch.zeros(seat.slots, seat.lanes, device=seat.device)
        space = seat.company.spec.actions
        self.continuous = isinstance(space, Box)
        self.actions = space if self.continuous else seat.actions

    def _plan(self, seen: dict[str, Percept]) -> tuple[Tensor, Tensor]:
        features = {name: percept.features for name, percept in seen.items()}
        return self.kind.plan(self.config, features, self.memory, self.actions)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions [K, B, A], or the actions."""
        return self._plan(seen)[0]

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions; what is worth remembering is remembered."""
        plan, self.memory = self._plan(seen)
        return plan if self.continuous else draw(plan, self.seat.generator)

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from what it alone sees and remembers."""
        features = {n: p.features[slot : slot + 1, row : row + 1] for n, p in seen.items()}
        memory = self.memory[slot : slot + 1, row : row + 1]
        return self.kind.plan(self.config, features, memory, self.actions)[0][0, 0]

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

    The answer is the number of an action; where actions are continuous it is the action, a
    number or a list of numbers.  ``percept`` maps each channel to a list of floats, ``memory`` is a dict of plain values that
    is empty at the start of every episode.
    """

    def __init__(self, config: Settings, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.memory = [[{} for _ in range(seat.lanes)] for _ in range(seat.slots)]
        self.continuous = isinstance(seat.company.spec.actions, Box)

    def _decide(self, slot: int, row: int, seen: dict[str, Percept], memory: dict) -> Any:
        plain = {name: percept.features[slot, row].tolist() for name, percept in seen.items()}
        choice = self.kind.decide(self.config, plain, memory)
        if not self.continuous:
            return int(choice)
        numbers = [float(part) for part in (choice if isinstance(choice, list) else [choice])]
        if len(numbers) != self.seat.actions:
            raise BrokenContract(
                f"agent {self.kind.__name__} decides {numbers}, but an action here is "
                f"{self.seat.actions} number{'s' * (self.seat.actions > 1)}"
            )
        return numbers

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B], or [K, B, size]."""
        rows = [
            [self._decide(slot, row, seen, memory) for row, memory in enumerate(memories)]
            for slot, memories in enumerate(self.memory)
        ]
        return torch.tensor(rows, device=self.seat.device)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """1 for what each row would do [K, B, A], or that; memories are left as they are."""
        slots, lanes = self.seat.slots, self.seat.lanes
        rows = [[self.alone(k, b, seen) for b in range(lanes)] for k in range(slots)]
        return torch.stack([torch.stack(row) for row in rows])

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """1 for what one agent would do [A], or that."""
        choice = self._decide(slot, row, seen, deepcopy(self.memory[slot][row]))
        if self.continuous:
            return torch.tensor(choice, device=self.seat.device)
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
