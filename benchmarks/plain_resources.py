"""The three worlds about resources written plainly: one lane, lists and numbers, agent by agent.

The yardstick for `resources.py`, and the rules once more for tests: they were written from the
description of the worlds, moving one agent after the other.  Not tuned for or against.

Cells are pairs (row, column); moves are 0 stay, 1 and 2 back and forth along the first axis, 3 and 4
along the second.  ``order`` lists the agents as they act.  What chance decides during an episode
comes from ``fresh(number of the resource)``, so that a test can hand in what chance decided
elsewhere.
"""

from collections.abc import Callable, Iterable

STEPS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
RECIPES = ((2, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 0), (0, 1, 2))

Cell = tuple[int, int]


def walk(
    cells: list[Cell], moves: list[int], order: Iterable[int], low: int, high: int
) -> list[Cell]:
    """Where agents stand who move one after the other and leave their cells marked."""
    marked, reached = set(cells), list(cells)
    for agent in order:
        row = cells[agent][0] + STEPS[moves[agent]][0]
        column = cells[agent][1] + STEPS[moves[agent]][1]
        inside = low <= row <= high and low <= column <= high
        if inside and (row, column) not in marked:
            reached[agent] = row, column
            marked.add((row, column))
    return reached


class Job:
    """Job scheduling on rows and columns 1 to 5."""

    def __init__(self, cells: list[Cell], resource: Cell) -> None:
        self.cells, self.resource = cells, resource
        self.returns = [0.0] * len(cells)

    def step(self, moves: list[int], order: Iterable[int]) -> list[float]:
        """Everybody moves; who stands on the resource earns 1."""
        self.cells = walk(self.cells, moves, order, 1, 5)
        rewards = [1.0 if cell == self.resource else 0.0 for cell in self.cells]
        self.returns = [a + b for a, b in zip(self.returns, rewards, strict=True)]
        return rewards

    def sight(self) -> list[list[float]]:
        """Own place, way to the resource, who is near."""
        occupied, seen = set(self.cells), []
        for row, column in self.cells:
            view = [row, column, self.resource[0] - row, self.resource[1] - column]
            for i in range(row - 1, row + 2):
                for j in range(column - 1, column + 2):
                    view.append(1.0 if (i, j) in occupied else 0.0)
            seen.append(view)
        return seen

    def overview(self) -> list[float]:
        """All places, and the 8 x 8 array."""
        occupied = set(self.cells)
        array = [1.0 if (i, j) in occupied else 0.0 for i in range(8) for j in range(8)]
        return [n for cell in self.cells for n in cell] + list(self.resource) + array


class Matthew:
    """The Matthew effect in the unit square."""

    def __init__(
        self,
        places: list[list[float]],
        sizes: list[float],
        resources: list[list[float]],
        fresh: Callable[[int], list[float]],
    ) -> None:
        self.places, self.sizes, self.resources, self.fresh = places, sizes, resources, fresh
        self.returns = [0.0] * len(places)

    def step(self, moves: list[int], order: Iterable[int]) -> list[float]:
        """All move; each resource goes to the first who is near enough."""
        for agent, place in enumerate(self.places):
            speed = 0.01 + self.sizes[agent]
            for axis in (0, 1):
                place[axis] = min(max(place[axis] + STEPS[moves[agent]][axis] * speed, 0.0), 1.0)
        rewards = [0.0] * len(self.places)
        for number, (x, y) in enumerate(self.resources):
            for agent in order:
                place, size = self.places[agent], self.sizes[agent]
                if (x - place[0]) ** 2 + (y - place[1]) ** 2 < size**2:
                    rewards[agent] = 1.0
                    self.sizes[agent] = min(size + 0.005, 0.15)
                    self.resources[number] = self.fresh(number)
                    break
        self.returns = [a + b for a, b in zip(self.returns, rewards, strict=True)]
        return rewards

    def sight(self) -> list[list[float]]:
        """Own place, size and speed, and the nearest resource."""
        seen = []
        for (x, y), size in zip(self.places, self.sizes, strict=True):
            nearest, least = self.resources[0], float("inf")
            for there in self.resources:
                distance = (there[0] - x) ** 2 + (there[1] - y) ** 2
                if distance < least:
                    nearest, least = there, distance
            seen.append([x, y, size, 0.01 + size, *nearest])
        return seen

    def overview(self) -> list[float]:
        """Everybody, with ways and squared distances to all resources."""
        whole = []
        for (x, y), size in zip(self.places, self.sizes, strict=True):
            whole += [x, y, size, 0.01 + size]
            for there in self.resources:
                dx, dy = there[0] - x, there[1] - y
                whole += [dx, dy, dx * dx + dy * dy]
        return whole


class Plant:
    """The manufacturing plant on rows and columns 2 to 9."""

    def __init__(
        self,
        cells: list[Cell],
        gems: list[Cell],
        kinds: list[int],
        fresh: Callable[[int], tuple[Cell, int]],
    ) -> None:
        self.cells, self.gems, self.kinds, self.fresh = cells, gems, kinds, fresh
        self.held = [[0, 0, 0] for _ in cells]
        self.returns = [0.0] * len(cells)

    def step(self, moves: list[int], order: Iterable[int]) -> list[float]:
        """All move, collect and make products."""
        self.cells = walk(self.cells, moves, order, 2, 9)
        rewards = [0.0] * len(self.cells)
        for number in range(len(self.gems)):
            for agent in order:
                if self.cells[agent] == self.gems[number]:
                    rewards[agent] += 0.01
                    self.held[agent][self.kinds[number]] += 1
                    self.gems[number], self.kinds[number] = self.fresh(number)
                    break
        for agent, held in enumerate(self.held):
            recipe = RECIPES[agent % len(RECIPES)]
            made = min(held[kind] // recipe[kind] for kind in range(3) if recipe[kind])
            rewards[agent] += made
            for kind in range(3):
                held[kind] -= made * recipe[kind]
        self.returns = [a + b for a, b in zip(self.returns, rewards, strict=True)]
        return rewards

    def lying(self) -> list[list[list[float]]]:
        """Types that lie in each cell of the 12 x 12 array."""
        array = [[[0.0, 0.0, 0.0] for _ in range(12)] for _ in range(12)]
        for (row, column), kind in zip(self.gems, self.kinds, strict=True):
            array[row][column][kind] = 1.0
        return array

    def sight(self) -> list[list[float]]:
        """Own place, gems in hand, and the 5 x 5 cells around."""
        array, seen = self.lying(), []
        for (row, column), held in zip(self.cells, self.held, strict=True):
            view = [row, column, *held]
            for line in array[row - 2 : row + 3]:
                for cell in line[column - 2 : column + 3]:
                    view += cell
            seen.append(view)
        return seen

    def overview(self) -> list[float]:
        """All places and hands, and the whole array."""
        everyone = zip(self.cells, self.held, strict=True)
        whole = [n for cell, held in everyone for n in (*cell, *held)]
        return whole + [n for line in self.lying() for cell in line for n in cell]
