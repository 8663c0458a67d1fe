"""The contract of an exchange: what members of a federation do to each other's learning.

Letters: R replicates, M agents of the cohort, P parameters of one agent, C common models.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

from torch import Tensor

from commonweal.networks.federations import Meeting
from commonweal.settings import Settings


class Exchange(ABC):
    """An act on what members have learned, or on what they are about to learn.

    Optimiser state never travels, and nothing passes from one replicate to another.  Without common
    models, agents to whom a meeting gives no one else's weight keep every bit.
    """

    Config: ClassVar[type[Settings]] = Settings
    commons: ClassVar[int] = 0
    """common models C that the learners must keep beside those of the agents"""

    def __init__(self, config: Settings) -> None:
        self.config = config

    @property
    def what(self) -> str:
        """What is shared: ``parameters`` or ``gradients``."""
        return "parameters"

    @property
    def steers(self) -> bool:
        """Whether it has a say in gradients, which not all learners let others see."""
        return self.what == "gradients"

    def gradients(
        self, own: Tensor, parameters: Tensor, meeting: Meeting | None
    ) -> tuple[Tensor, ...]:
        """Gradients to step down, one after another, in place of ``own`` [R, M, P].

        Called for every gradient at ``parameters`` [R, M, P], with the meeting if one is on.
        """
        return (own,)

    @abstractmethod
    def apply(
        self, before: Tensor, after: Tensor, commons: Tensor, meeting: Meeting
    ) -> tuple[Tensor, Tensor]:
        """Parameters [R, M, P] and common models [R, C, P] when a meeting is over.

        Args:
            before: [R, M, P] parameters before the members last learned.
            after: [R, M, P] the same when they had learned.
            commons: [R, C, P].
            meeting: who takes part and who listens to whom.
        """

    def state(self) -> dict[str, Any]:
        """What a resumed run needs to know; nothing for an exchange without memory."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Inverse of `state`."""


@final
class NoExchange(Exchange):
    """Nobody shares anything."""

    def apply(
        self, before: Tensor, after: Tensor, commons: Tensor, meeting: Meeting
    ) -> tuple[Tensor, Tensor]:
        """What they had learned, untouched."""
        return after, commons
