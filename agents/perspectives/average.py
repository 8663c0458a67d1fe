"""Statistics of the past: each neighbour goes on as it did on average (Brown 1951, fictitious play)."""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from commonweal.agents.learners.stacked import restore
from commonweal.agents.perspectives.base import Lens, Perspective
from commonweal.agents.scene import Scene
from commonweal.records import Beliefs
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class AverageConfig(Settings):
    """Settings of the running average."""

    forgetting: float = setting(
        0.01,
        "weight of a new round once many have been seen; 0 = all rounds count alike, 1 = only the last",
        low=0,
        high=1,
    )


def counted(counts: Tensor, deeds: Tensor, forgetting: float) -> Tensor:
    """Counts of moves after a round: ``(1 - forgetting) counts + deeds``, all [..., A]."""
    return (1 - forgetting) * counts + deeds


def frequencies(counts: Tensor) -> Tensor:
    """Shares [..., A] float32 of the moves counted, [..., A]; equal where nothing was."""
    total = counts.sum(-1, keepdim=True)
    even = torch.full_like(counts, 1 / counts.shape[-1])
    return torch.where(total > 0, counts / total.clamp(min=1e-12), even).float()


@final
class RunningAverage(Perspective):
    """How often each neighbour made each move, whatever was seen, in all lanes of a replicate.

    A round is the mean over the lanes.  Early rounds are averaged evenly even with forgetting, so
    that nothing of an arbitrary start lasts.
    """

    Config = AverageConfig
    identities = True

    def __init__(self, config: AverageConfig, **about: Any) -> None:
        super().__init__(config, **about)
        shape = (self.slots, self.neighbours, self.actions)
        # Rounds are counted to beyond what single precision tells apart.
        self.counts = torch.zeros(shape, dtype=torch.float64, device=self.device)
        """[K, D, A]: rounds in which each neighbour made each move; 0 where none stands"""

    def imagine(self, scene: Scene, lens: Lens | None) -> Beliefs:
        """The same in every lane."""
        lanes = scene.moves.shape[1]
        return Beliefs(frequencies(self.counts).unsqueeze(1).expand(-1, lanes, -1, -1))

    def remember(self, scene: Scene, ended: Tensor) -> None:
        """Count the moves of the round."""
        deeds = one_hot(scene.others, self.actions) * scene.mask.unsqueeze(-1)
        self.counts = counted(self.counts, deeds.double().mean(1), self.config.forgetting)

    def state(self) -> dict[str, Any]:
        """The counts."""
        return {"counts": self.counts}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        restore(self.counts, state["counts"], "counts")
