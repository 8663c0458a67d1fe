"""What LIO keeps of a rollout: its own and its neighbours' part of every round."""

from typing import Any

import torch
from torch import Tensor

from commonweal.agents.learners.actor_critic import merge
from commonweal.agents.learners.base import Note
from commonweal.agents.learners.lio_steps import Lived
from commonweal.agents.learners.notes import kept, restored, saved


class Notes:
    """One rollout as it is lived through, name -> [K, B, ...] a round."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rounds: list[dict[str, Tensor]] = []
        self.codebook: Tensor | None = None
        """[C, F] where views are coded; known from the first round on"""

    def add(self, note: Note) -> None:
        """Keep a round: what was seen and done, what neighbours did, what came of it."""
        percept = merge(note.seen)
        self.codebook = percept.codebook
        self.rounds.append(
            {
                "seen": kept(percept),
                "acts": note.acts.to(torch.uint8),
                "others": note.scene.others.to(torch.uint8),
                "utility": note.utility,
                "ended": note.ended,
            }
        )

    def take(self) -> dict[str, Tensor]:
        """The rollout, name -> [K, T, B, ...], which is then forgotten here."""
        whole = {name: torch.stack([r[name] for r in self.rounds], 1) for name in self.rounds[0]}
        self.rounds.clear()
        return whole

    def lived(self, whole: dict[str, Tensor], share: Tensor) -> Lived:
        """A rollout, [K, T, B, ...], for functions of it."""
        seen, acts = whole["seen"], whole["acts"].long()
        if self.codebook is not None:
            views, places = self.codebook.expand(len(acts), -1, -1), seen.long()
        else:
            views = seen.flatten(1, 2)
            every = torch.arange(views.shape[1], device=views.device)
            places = every.view(1, *acts.shape[1:]).expand(len(acts), -1, -1)
        return Lived(views, places, acts, whole["ended"], share)

    def state(self) -> dict[str, Any]:
        """The rounds so far."""
        return saved(self.rounds)

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.rounds = restored(state, self.device)
