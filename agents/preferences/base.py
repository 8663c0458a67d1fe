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
        agents: N, agents of the world.
        generator: a stream for choices made once, at construction.
    """

    Config: ClassVar[type[Settings]]
    ledgers: ClassVar[tuple[str, ...]] = ()
    """ledgers whose standing it reads"""
    local: ClassVar[bool] = False
    """whether it never looks at the rewards of others"""

    def __init__(
        self, config: Settings, members: int, agents: int, generator: torch.Generator
    ) -> None:
        self.config, self.agents = config, agents

    @abstractmethod
    def utility(
        self, rewards: Tensor, welfare: Tensor, moved: Tensor, standing: dict[str, Tensor]
    ) -> Tensor:
        """Utility [L, M] of what the rules paid, ``rewards``, and what ledgers moved, ``moved``.

        ``welfare`` [L, 1]: sum of everybody's rewards in the lane; ``standing``: ledger -> own
        standing [L, M].  Differentiable in rewards and welfare.
        """


@final
class Selfish(Preference):
    """What the agent itself gets, nothing else."""

    Config = Settings
    local = True

    def utility(
        self, rewards: Tensor, welfare: Tensor, moved: Tensor, standing: dict[str, Tensor]
    ) -> Tensor:
        """The own reward and what was moved."""
        return rewards + moved
