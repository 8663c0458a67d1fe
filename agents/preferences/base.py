"""The contract of a preference: what an agent makes of its rewards."""

from abc import ABC, abstractmethod
from typing import ClassVar, final

import torch
from torch import Tensor

from commonweal.settings import Settings


class Preference(ABC):
    """Turns rewards into the utility that a cohort's move learner maximises.

    Args:
        config: settings.
        members: M, agents of the cohort.
        generator: a stream for choices made once, at construction.
    """

    Config: ClassVar[type[Settings]]
    ledgers: ClassVar[tuple[str, ...]] = ()
    """ledgers whose standing it reads"""

    def __init__(self, config: Settings, members: int, generator: torch.Generator) -> None:
        self.config = config

    @abstractmethod
    def utility(self, rewards: Tensor, moved: Tensor, standing: dict[str, Tensor]) -> Tensor:
        """Utility [L, M] of what the rules paid, ``rewards``, and what ledgers moved, ``moved``.

        ``standing``: ledger -> own standing; all [L, M].
        """


@final
class Selfish(Preference):
    """What the agent itself gets, nothing else."""

    Config = Settings

    def utility(self, rewards: Tensor, moved: Tensor, standing: dict[str, Tensor]) -> Tensor:
        """The sum of both."""
        return rewards + moved
