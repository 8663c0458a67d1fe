"""The contract of a perspective: what an agent believes the others see and would do."""

from abc import ABC, abstractmethod
from typing import final

from commonweal.records import Beliefs, Percept


class Perspective(ABC):
    """A theory of mind over all slots of a cohort; rows are [K, B, ...]."""

    @abstractmethod
    def imagine(self, seen: dict[str, Percept]) -> Beliefs:
        """What each agent takes its neighbours to be about to do, given what it sees."""

    @abstractmethod
    def study(self, seen: dict[str, Percept]) -> None:
        """Learn from what was seen in the round that is over."""


@final
class Blind(Perspective):
    """No theory of mind: nothing is believed of anybody."""

    def imagine(self, seen: dict[str, Percept]) -> Beliefs:
        """Empty beliefs."""
        return Beliefs()

    def study(self, seen: dict[str, Percept]) -> None:
        """Nothing to learn."""
