"""A buffer of single transitions, of which the oldest give way to new ones."""

import torch
from torch import Tensor

from commonweal.agents.learners.replay import Replay


class Transitions(Replay):
    """The last ``capacity`` transitions of every row: name -> [X, S, ...], S filled one by one.

    A row is a slot, or a replicate for what all its agents share; buffers that are filled together
    can be read at the same places.
    """

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Places [X, n] of ``count`` transitions of every row, drawn with replacement by each.

        If there are no more than that, those of all there are, and nothing is drawn.
        """
        rows = len(next(iter(self.fields.values())))
        if self.filled <= count:
            return torch.arange(self.filled, device=self.device).expand(rows, -1)
        return torch.randint(self.filled, (rows, count), generator=generator, device=self.device)

    def at(self, places: Tensor) -> dict[str, Tensor]:
        """What stands at places [X, n], name -> [X, n, ...]."""
        rows = torch.arange(len(places), device=self.device).unsqueeze(1)
        return {name: values[rows, places] for name, values in self.fields.items()}

    def sample(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """``count`` transitions of every row, name -> [X, n, ...]; see `draw`."""
        return self.at(self.draw(count, generator))
