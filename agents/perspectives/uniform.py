"""No idea of anybody: every move of every neighbour is as likely (Kong et al. 2024, "w/o")."""

from typing import final

import torch

from commonweal.agents.perspectives.base import Lens, Perspective
from commonweal.agents.scene import Scene
from commonweal.records import Beliefs


@final
class Uniform(Perspective):
    """Expects 1 / |A| of every move: the ablation without perspective taking."""

    def imagine(self, scene: Scene, lens: Lens | None) -> Beliefs:
        """Uniform probabilities."""
        rows = (*scene.moves.shape, self.neighbours, self.actions)
        return Beliefs(torch.full(rows, 1 / self.actions, device=self.device))
