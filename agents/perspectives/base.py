"""The contract of a perspective: what an agent believes the others would do, and how it learns to."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol, final

import torch
from torch import Tensor

from commonweal.agents.scene import Scene
from commonweal.records import Beliefs
from commonweal.settings import Settings


class Lens(Protocol):
    """Own eyes through which simulated observations are read; a mind of the same cohort."""

    def read(self, views: Tensor) -> Tensor:
        """Logits [K, X, A] of what the agent itself would do at ``views`` [K, X, F]; a gradient passes
        to the views, none to the parameters.
        """

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever what `read` answers may change."""

    @property
    def lessons(self) -> list[dict[str, Tensor]]:
        """Mini-batches it has just learned from: ``views`` [K, X, F], and how often each neighbour did
        what there, ``counts`` [K, X, D, A]; empty if it learned nothing now.
        """


class Perspective(ABC):
    """A theory of mind over all slots of a cohort; rows are [K, B, ...].

    Args:
        config: settings.
        inputs: F, width of what an agent sees.
        actions: A.
        slots, neighbours: K, and D, the most neighbours in view.
        generator: the cohort's stream.
        device: where tensors live.
    """

    Config: ClassVar[type[Settings]] = Settings
    identities: ClassVar[bool] = False
    """whether it tells neighbours apart, so that they have to be the same from round to round"""
    needs_lens: ClassVar[bool] = False
    """whether it puts itself in the others' place, which takes a mind that can be asked"""

    def __init__(
        self,
        config: Settings,
        *,
        inputs: int,
        actions: int,
        slots: int,
        neighbours: int,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        self.config, self.inputs, self.actions = config, inputs, actions
        self.slots, self.neighbours = slots, neighbours
        self.generator, self.device = generator, device

    @abstractmethod
    def imagine(self, scene: Scene, lens: Lens | None) -> Beliefs:
        """What each agent took its neighbours to be about to do, from what it saw.

        It must not look at what they then did, ``scene.others``.
        """

    def remember(self, scene: Scene, ended: Tensor) -> None:  # noqa: B027
        """Take in a round that is over; ``ended`` [K, B]: where nothing follows."""

    def study(self, lens: Lens | None) -> None:  # noqa: B027
        """Learn, when the minds of the cohort have learned."""

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]; empty for perspectives without."""
        return {}

    def broken(self) -> Tensor | None:
        """[K] bool: slots whose parameters are not finite; None for perspectives without any."""
        return None

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


@final
class Blind(Perspective):
    """No theory of mind: nothing is believed of anybody."""

    def imagine(self, scene: Scene, lens: Lens | None) -> Beliefs:
        """Empty beliefs."""
        return Beliefs()


def insight(beliefs: Tensor, others: Tensor) -> dict[str, Tensor]:
    """How well ``beliefs`` [..., D, A] foretold the moves ``others`` [..., D]; each [..., D].

    ``accuracy``: 1 where the likeliest move was made, and 1 / n where it was one of n that are
    equally likely; ``cross_entropy``: minus the log-probability of the move made, nats;
    ``predicted``: probability of action 0.
    """
    told = beliefs.gather(-1, others.unsqueeze(-1)).squeeze(-1)
    best = beliefs.amax(-1, keepdim=True)
    ties = (beliefs >= best).sum(-1)
    return {
        "accuracy": (told >= best.squeeze(-1)).float() / ties,
        "cross_entropy": -told.clamp(min=1e-6).log(),
        "predicted": beliefs[..., 0],
    }
