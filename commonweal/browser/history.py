"""What a society measured since its first round, in bounded memory."""

import math

import torch

from commonweal.records import Indicators

POINTS = 240
"""Most points of a curve; beyond, two neighbouring points become one."""


class History:
    """Sums of all indicators over windows of rounds; windows double when the room is used up.

    Numerators and denominators are kept apart, so that merging windows stays exact, and a
    mean over cooperators is right whatever their number was.
    """

    def __init__(self, points: int = POINTS) -> None:
        """Keep at most ``points`` windows."""
        self.points = points
        self.window = 1
        """rounds in a window"""
        self.names: list[str] = []
        self._ends: list[int] = []
        self._sums: list[torch.Tensor] = []
        self._open: torch.Tensor | None = None
        self._rounds = 0

    def note(self, tick: int, measured: Indicators) -> None:
        """Add one round, over all lanes."""
        self.names = self.names or list(measured)
        pairs = [torch.stack(pair).sum(-1) for pair in measured.values()]
        row = torch.stack(pairs).double().cpu()
        self._open = row if self._open is None else self._open + row
        self._rounds += 1
        if self._rounds == self.window:
            self._ends.append(tick)
            self._sums.append(self._open)
            self._open, self._rounds = None, 0
        if len(self._sums) == self.points:
            self._merge()

    def _merge(self) -> None:
        self._sums = [a + b for a, b in zip(self._sums[::2], self._sums[1::2], strict=True)]
        self._ends = self._ends[1::2]
        self.window *= 2

    def curve(self, name: str) -> list[tuple[int, float]]:
        """Points (last round of the window, mean); a mean over nobody is nan."""
        column = self.names.index(name)
        sums = [row[column].tolist() for row in self._sums]
        return [
            (end, top / bottom if bottom else math.nan)
            for end, (top, bottom) in zip(self._ends, sums, strict=True)
        ]
