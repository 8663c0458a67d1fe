"""Square boards that agents walk on: who may step where, and what each sees around it.

A board of ``side`` x ``side`` cells lies in a larger array with a rim, so that a window around any
cell stays inside the array.  A cell is one number, ``row * width + column`` of that array.

Moves are 0 stay, 1 row - 1, 2 row + 1, 3 column - 1, 4 column + 1.  Agents move one after the
other.  A step off the board, or onto a cell that is marked as occupied, is not made.  Every cell
stepped on is marked at once, and **the cells that agents start from stay marked until all have
moved**: nobody can follow into a cell that is being left, and nobody can swap.  So a cell that
was occupied when the round began is closed to all, and of those who want the same open cell the
first in the order of moves gets it; this is what `Board.walk` works out, for everybody at once.

Letters: L lanes, N agents, M things seen, C cells of the array.
Source: Jiang and Lu 2019 for these moves, as Dong et al. 2025 use them.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

MOVES = ("stay", "up", "down", "left", "right")
"""Names of the moves on a board; row 1 is at the top."""


@dataclass(frozen=True)
class Board:
    """A square of ``side`` x ``side`` cells whose rows and columns count from ``low``."""

    side: int
    low: int
    """width of the rim above and to the left"""
    width: int
    """cells on each side of the array"""
    device: torch.device

    @property
    def cells(self) -> int:
        """C."""
        return self.width**2

    def square(self, rim: int = 0) -> Tensor:
        """Cells at least ``rim`` away from the edge of the board, row by row."""
        line = torch.arange(self.low + rim, self.low + self.side - rim, device=self.device)
        return (line[:, None] * self.width + line).flatten()

    @cached_property
    def _places(self) -> Tensor:
        cell = torch.arange(self.cells, device=self.device)
        return torch.stack((cell // self.width, cell % self.width), -1).float()

    @cached_property
    def _steps(self) -> Tensor:
        row, column = self._places.long().unsqueeze(1).unbind(-1)
        step = torch.tensor([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)], device=self.device)
        low, high = self.low, self.low + self.side - 1
        way = step[:, 0] * self.width + step[:, 1]
        row, column = row + step[:, 0], column + step[:, 1]
        inside = (row >= low) & (row <= high) & (column >= low) & (column <= high)
        return (way * inside).flatten()

    def places(self, cell: Tensor) -> Tensor:
        """Row and column of cells, [..., 2] float32."""
        return self._places.index_select(0, cell.flatten()).view(*cell.shape, 2)

    def spots(self, cell: Tensor) -> list[list[float]]:
        """Centres (x, y) of cells [M] in a picture of the board, x to the right, y downwards."""
        return (self.places(cell).flip(-1) - self.low + 0.5).tolist()

    def walk(self, cell: Tensor, moves: Tensor, order: Tensor) -> Tensor:
        """Where agents at ``cell`` [L, N] stand after ``moves`` [L, N], made in ``order``.

        ``order`` [L, N] int32 is each agent's place in the order of moves, from 0.
        """
        step = self._steps.index_select(0, torch.add(moves, cell, alpha=len(MOVES)).flatten())
        step = step.view(cell.shape)
        target = cell + step
        first = order.new_full((len(cell), self.cells), cell.shape[1])
        first.scatter_reduce_(1, target, order, "amin")
        # With a tensor in place of the number -1 this is many times quicker.
        first.scatter_(1, cell, order.new_full(cell.shape, -1))
        # So is a product in place of `torch.where`, which stumbles over what chance decides.
        return cell + step * (first.gather(1, target) == order)

    def crowd(self, cell: Tensor) -> Tensor:
        """Who stands in the 3 x 3 cells around agents at ``cell`` [L, N], as numbers below 512.

        Bit i of [L, N] int32 is that of the cell i of them, row by row.
        """
        # All boards lie in one line, so that what is beside a cell is a shifted line.
        width, margin = self.width, self.width + 1
        size = len(cell) * self.cells + 2 * margin
        line = torch.zeros(size, dtype=torch.int16, device=cell.device)
        boards = line[margin:-margin].view(len(cell), -1)
        boards.scatter_(1, cell, line.new_ones(cell.shape))
        line = line[:-2].add(line[1:-1], alpha=2).add_(line[2:], alpha=4)
        line = line[: -2 * width].add(line[width:-width], alpha=8).add_(line[2 * width :], alpha=64)
        return line.view(len(cell), -1).gather(1, cell).int()

    def window(self, reach: int, first: int, kinds: int = 1) -> Tensor:
        """Columns of a row of features that show a window, for `look`.

        The window reaches ``reach`` cells to every side and is shown row by row, ``kinds``
        columns for a cell, beginning at column ``first``.  Whatever is out of sight has column 0.
        """
        # A difference of cells means one way on the board only while this holds.
        assert self.width >= self.side + reach
        span = range(-reach, reach + 1)
        table = torch.zeros(2 * self.cells - 1, kinds, dtype=torch.int64)
        slots = torch.arange(first, first + len(span) ** 2 * kinds).view(-1, kinds)
        ways = [row * self.width + column for row in span for column in span]
        table[torch.tensor(ways) + self.cells - 1] = slots
        return table.flatten().to(self.device)


def look(window: Tensor, here: Tensor, there: Tensor, kinds: int = 1) -> Tensor:
    """The column in which each agent at ``here`` [L, N] sees each thing, [L, N, M]; 0 = not at all.

    ``window`` is that of `Board.window`, ``there`` [L, M] is ``cell * kinds + kind`` of things.
    """
    middle = (len(window) // kinds - 1) // 2
    way = there.unsqueeze(1) - ((here - middle) * kinds).unsqueeze(2)
    return window.index_select(0, way.flatten()).view(way.shape)


def nearest(things: Tensor, distance: Tensor) -> Tensor:
    """Where the nearest of ``things`` [2, M, L] lie, by ``distance`` [M, N, L], as [2, N, L].

    Of several that are equally near it is the first.
    """
    number, lanes = things.shape[1:]
    spots = torch.arange(number * lanes, dtype=torch.int32, device=things.device)
    # Many times quicker than `min`, which stumbles over what chance decides.
    farther = distance > distance.amin(0)
    spot = torch.add(spots.view(number, 1, lanes), farther, alpha=number * lanes).amin(0)
    return things.flatten(1).index_select(1, spot.flatten()).view(2, *spot.shape)


def scattered(lanes: int, number: int, cells: Tensor, generator: torch.Generator) -> Tensor:
    """So many distinct ``cells`` [C], drawn for each lane, [L, number]."""
    lots = torch.rand(lanes, len(cells), generator=generator, device=cells.device)
    return cells[lots.topk(number).indices]
