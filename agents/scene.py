"""One round as the members of a cohort lived through it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from commonweal.records import Percept


@dataclass(eq=False)
class Scene:
    """What was seen and done; rows by slot, [K, B, ...].  What is asked for is worked out once."""

    seen: dict[str, Percept]
    """what the members saw before the moves"""
    moves: Tensor
    """[K, B] their own moves, as they were played"""
    mask: Tensor
    """[K, 1, D] bool: where a neighbour stands"""
    ask_others: Callable[[], Tensor]
    ask_outlook: Callable[[], Tensor]
    ask_truth: Callable[[], Tensor]

    @cached_property
    def others(self) -> Tensor:
        """[K, B, D] int64: moves of the neighbours in view; where none stands, the own."""
        return self.ask_others()

    @cached_property
    def outlook(self) -> Tensor:
        """[K, B, A]: probabilities of the own moves."""
        return self.ask_outlook()

    @cached_property
    def truth(self) -> Tensor:
        """[K, B, D, A]: probabilities with which the neighbours really moved; for oracles only."""
        return self.ask_truth()
