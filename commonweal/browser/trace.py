"""Where the joint action of two players went since their episode began, in bounded memory."""

import numpy as np

POINTS = 240
"""Most rounds of a trace that are kept; beyond, every second one is let go."""


class Trace:
    """Paths of several lanes over the plane of two actions; a lane that restarts begins anew.

    The first and the newest place of every lane are kept whatever lies between is let go.
    """

    def __init__(self, points: int = POINTS) -> None:
        """Keep at most ``points`` places of a path."""
        self.points = points
        self.stride = 1
        """rounds from one kept place to the next"""
        self.start: np.ndarray | None = None
        """[lanes, 2]; None before the first round"""
        self.now: np.ndarray | None = None
        """[lanes, 2]"""
        self._rows: list[np.ndarray] = []
        self._rounds = 0
        self._over = np.zeros(0, bool)

    def note(self, places: np.ndarray, ended: np.ndarray) -> None:
        """Add a round: ``places`` [lanes, 2], and which lanes [lanes] restart before the next."""
        places = places.astype(float)
        if self.now is None or self._over.all():
            self.start, self._rows, self.stride, self._rounds = places, [], 1, 0
        elif self._over.any():
            again = self._over[:, None]
            self.start = np.where(again, places, self.start)
            self._rows = [np.where(again, np.nan, row) for row in self._rows]
        if self._rounds % self.stride == 0:
            self._rows.append(places)
        if len(self._rows) == self.points:
            self._rows, self.stride = self._rows[::2], 2 * self.stride
        self.now, self._over, self._rounds = places, ended, self._rounds + 1

    def paths(self) -> np.ndarray:
        """Places [T, lanes, 2] from start to now; nan where a lane had not begun."""
        if self.now is None:
            return np.zeros((0, 0, 2))
        return np.stack([self.start, *self._rows, self.now])

    def marks(self, every: int) -> np.ndarray:
        """Places [T, lanes, 2] after every so many rounds, as far as every round is kept."""
        kept = self._rows[every::every] if self.stride == 1 else []
        return np.stack(kept) if kept else np.zeros((0, 0, 2))
