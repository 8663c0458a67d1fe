"""End a run whose cooperation has settled near none or near all.

Source: the published code of Ren et al. 2025 (LR2).  After each episode from the second
on, a counter rises when the episode's cooperation, rounded to two decimals, lies outside
the open interval (0.04, 0.96), and falls to zero when not; above ten the run is over.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from commonweal.errors import BadSetting

INDICATOR = "cooperation"
LOW, HIGH, PATIENCE = 0.04, 0.96, 10


class EarlyStop:
    """Counts settled episodes of each replicate; over when every one has had enough."""

    def __init__(self, replicates: int, measures: Iterable[str] = (INDICATOR,)) -> None:
        """Watch a world of ``replicates`` independent repetitions that ``measures`` these."""
        measures = list(measures)
        if INDICATOR not in measures:
            raise BadSetting(
                f"early_stop = true needs the indicator '{INDICATOR}'; "
                f"this world measures: {', '.join(measures)}"
            )
        self.counts = [0] * replicates
        """Settled episodes in a row, by replicate."""
        self._episodes = 0
        self._sums: Tensor | None = None
        """[2, L] float64: numerator and denominator of this episode"""

    @property
    def over(self) -> bool:
        """Whether the run should end."""
        return min(self.counts) > PATIENCE

    def note(self, world) -> None:
        """Take in one step; an episode is ``world.horizon`` rounds."""
        parts = torch.stack(world.measured[INDICATOR]).double()
        self._sums = parts if self._sums is None else self._sums.to(parts.device) + parts
        if world.tick % world.horizon == 0:
            self._end_episode()

    def state(self) -> dict:
        """Return what a checkpoint keeps."""
        return {"counts": list(self.counts), "episodes": self._episodes, "sums": self._sums}

    def load(self, state: dict) -> None:
        """Take over what ``state`` returned."""
        self.counts = list(state["counts"])
        self._episodes = state["episodes"]
        self._sums = state["sums"]

    def _end_episode(self) -> None:
        done, of = self._sums.reshape(2, len(self.counts), -1).sum(-1).tolist()
        self._sums = None
        self._episodes += 1
        if self._episodes > 1:
            self.counts = [
                0 if LOW < round(a / b, 2) < HIGH else count + 1
                for count, a, b in zip(self.counts, done, of, strict=True)
            ]
