"""The contract of an exchange: what members of a federation do to each other's parameters."""

from abc import ABC, abstractmethod
from typing import final

from torch import Tensor


class Exchange(ABC):
    """An act on the stacked parameters of a cohort after its members have learned."""

    @abstractmethod
    def apply(self, parameters: Tensor, weights: Tensor) -> Tensor:
        """New parameters [R, M, P] of the M members in each replicate.

        ``weights`` [M, M]: row i holds how much member i listens to each.  Optimiser state
        never travels.
        """


@final
class NoExchange(Exchange):
    """Nobody shares anything."""

    def apply(self, parameters: Tensor, weights: Tensor) -> Tensor:
        """The same tensor, untouched."""
        return parameters
