"""What critics see that know the whole world: its state, how everybody fares, and what policies say.

The central critics of Dong et al. 2025 and of their baseline MAPPO (Yu et al. 2022).
"""

from typing import Any

import torch
from torch import Tensor

from commonweal.agents.learners.base import Note, Seat


class Whole:
    """Rows for central critics of R replicates, and the returns so far that they hold.

    A row is the state of the world [S], everybody's return so far in the episode, standardised over
    the N agents, and the probabilities of the A actions of all M members: G = S + N + M * A numbers.
    """

    def __init__(self, seat: Seat) -> None:
        company = seat.company
        self.members, self.replicates = len(company.members), company.replicates
        self.width = company.overview + company.agents + self.members * seat.actions
        self.so_far = torch.zeros(self.replicates, seat.lanes, company.agents, device=seat.device)
        """[R, B, N]: returns of the present episodes"""

    def replicate(self, rows: Tensor) -> Tensor:
        """What is the same for all members of a replicate: of [K, B, ...] the rows [R, B, ...]."""
        return rows.unflatten(0, (-1, self.members))[:, 0]

    def context(self, note: Note, after: bool) -> dict[str, Tensor]:
        """``overview`` [R, B, S] and ``so_far`` [R, B, N] before a step, or after it."""
        if not after:
            return {"overview": self.replicate(note.overview), "so_far": self.so_far}
        return {"overview": self.replicate(note.overview_after()), "so_far": self._earned(note)}

    def _earned(self, note: Note) -> Tensor:
        return self.so_far + note.experience.outcome.rewards.view_as(self.so_far)

    def pass_on(self, note: Note) -> None:
        """Go on to the next step: add what this one brought, or begin anew where it ended all."""
        ended = self.replicate(note.ended).unsqueeze(-1)
        self.so_far = torch.where(ended, 0.0, self._earned(note))

    def rows(self, rows: dict[str, Tensor]) -> Tensor:
        """Inputs of central critics [R, X, G], from rows as `split_steps.Window` holds them."""
        chances = rows["chances"].unflatten(0, (-1, self.members)).transpose(1, 2).flatten(2)
        so_far = rows["so_far"]
        spread = so_far.std(-1, correction=0, keepdim=True)
        compared = (so_far - so_far.mean(-1, keepdim=True)) / (spread + 1e-8)
        return torch.cat((rows["overview"], compared, chances), -1)

    def state(self) -> dict[str, Any]:
        """Returns so far."""
        return {"so_far": self.so_far}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.so_far = state["so_far"].to(self.so_far.device)
