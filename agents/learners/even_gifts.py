"""Even gifts: nothing is learned, everybody in view gets the same."""

from typing import final

from torch import Tensor

from commonweal.agents.learners.base import Mind
from commonweal.networks.ledgers import Question
from commonweal.records import Percept


@final
class EvenGifts(Mind):
    """Gives the ``share`` of its kind's settings, split evenly over the neighbours it sees."""

    def answer(self, question: Question) -> Tensor:
        """Shares [L, N, D] that all agents give to the neighbours they see."""
        there = question.near.mask.float()
        shares = self.config.share * there / there.sum(-1, keepdim=True).clamp(min=1)
        return shares.expand(len(question.moves), -1, -1)

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """It answers questions instead (`answer`)."""
        raise NotImplementedError

    probabilities = act

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """It answers questions instead (`answer`)."""
        raise NotImplementedError
