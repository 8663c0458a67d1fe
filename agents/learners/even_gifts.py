"""Even gifts: nothing is learned, everybody in view gets the same."""

from typing import final

from torch import Tensor

from commonweal.agents.learners.base import Bystander
from commonweal.networks.ledgers import Question


@final
class EvenGifts(Bystander):
    """Gives the ``share`` of its kind's settings, split evenly over the neighbours it sees."""

    def answer(self, question: Question) -> Tensor:
        """Shares [L, N, D] that all agents give to the neighbours they see."""
        there = question.near.mask.float()
        shares = self.config.share * there / there.sum(-1, keepdim=True).clamp(min=1)
        return shares.expand(len(question.moves), -1, -1)
