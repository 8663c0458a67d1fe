"""MAPPO: actors that see what their agents see, critics that see the whole world (Yu et al. 2022).

Every agent has an actor and a critic of its own, as in the public code of Dong et al. 2025; a critic
reads what `commonweal.agents.learners.central` describes.  What they seek is up to the preference.
Differs from Yu et al. 2022, where agents of one kind share an actor and a critic.
"""

from typing import Any, final

from torch import Tensor

from commonweal.agents.learners.base import Note, Seat
from commonweal.agents.learners.central import Whole
from commonweal.agents.learners.split_ppo import SplitPPO
from commonweal.agents.learners.split_steps import SplitPPOConfig


@final
class MAPPO(SplitPPO):
    """A stack of actors, and a stack of critics that know the state of the world and all policies."""

    mutual = True

    def __init__(self, config: SplitPPOConfig, seat: Seat, kind: type) -> None:
        self.whole = Whole(seat)
        super().__init__(config, seat, kind)

    def width(self) -> int:
        """G, width of what a critic sees."""
        return self.whole.width

    def context(self, note: Note, after: bool) -> dict[str, Tensor]:
        """The state of the world and everybody's return so far."""
        return self.whole.context(note, after)

    def judge(self, rows: dict[str, Tensor]) -> Tensor:
        """What critics see [K, X, G], the same for all members of a replicate."""
        return self.whole.rows(rows).repeat_interleave(self.members, 0)

    def remember(self, note: Note) -> None:
        """Keep one step, and what everybody got of it."""
        super().remember(note)
        self.whole.pass_on(note)

    def state(self) -> dict[str, Any]:
        """Also returns so far."""
        return super().state() | {"whole": self.whole.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        self.whole.load(state["whole"])
