"""Fixed assessment norms: nothing is learned, the verdict follows from deed and standings."""

from typing import final

import torch
from torch import Tensor

from commonweal.agents.learners.base import Bystander, SocialMind
from commonweal.networks.ledgers import Ledger, Question
from commonweal.records import Experience


def norm_verdict(defects: Tensor, good: Tensor, table: tuple[int, int, int, int]) -> Tensor:
    """Verdict 0 or 1, [...]: ``table`` lists C to good, C to bad, D to good, D to bad.

    ``good`` says whether the assessor's own standing is at least 0.5, ``defects`` what the
    neighbour did.  Source: Ren et al. 2025, norm baselines.
    """
    return torch.tensor(table, device=defects.device)[2 * defects.long() + (~good).long()]


@final
class Norm(Bystander, SocialMind):
    """Judges by the ``norm`` of its kind: four verdicts, for C to good, C to bad, D to good, D to bad."""

    def answer(self, question: Question) -> Tensor:
        """Verdicts [L, N, D] of all agents on the neighbours they see."""
        deeds = question.near.met(question.moves) == 1
        good = (question.standing >= 0.5).unsqueeze(-1).expand_as(deeds)
        return norm_verdict(deeds, good, self.kind.norm)

    def credit(self, acts: Tensor, ledger: Ledger, experience: Experience) -> tuple[Tensor, Tensor]:
        """Nothing is learned, so nothing is credited."""
        return torch.zeros_like(acts), torch.zeros_like(acts)
