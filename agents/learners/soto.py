"""SOTO: a policy that learns for itself first, and one that learns for the team (Zimmer et al. 2021).

In every rollout and lane the self-oriented policy acts with probability beta, which falls to 0 while the
run goes on; then teams act by the others, which follow everybody's advantages with more weight for those
who have less.

Differs from the paper: the team-oriented policy sees what its agent sees and nothing else, and advantages
are generalised ones, as in the public code of Dong et al. 2025; there it is also told what the
self-oriented policy would do, and how everybody fares.

Letters: R replicates, M agents of the cohort, K = R * M slots, B rows of a slot, X samples.
"""

from dataclasses import dataclass
from typing import Any, final

from torch import Tensor

from commonweal.agents.learners.base import Note, Seat
from commonweal.agents.learners.split_steps import CODE, SplitPPOConfig, Window
from commonweal.agents.learners.team_credit import ALF, GGF, SOTO, Earnings, combined, standing
from commonweal.agents.learners.voices import Voice, Voices
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class SOTOConfig(SplitPPOConfig):
    """Settings of self-oriented and team-oriented policies; ``hidden`` are all but the team's actors."""

    welfare: str = setting(
        GGF,
        "how the team's advantage weighs agents: halving with every rank from the worst off (ggf), or by "
        "returns so far to the power -alpha (alf)",
        choices=(GGF, ALF),
        source=SOTO,
    )
    alpha: float = setting(0.9, "inequality aversion alpha of alf", low=0, source=CODE)
    team_hidden: tuple[int, ...] = setting(
        (64, 64), "widths of the hidden layers of team-oriented actors", low=1, source=CODE
    )
    alone: float = setting(
        0.5,
        "share of the run after which self-oriented policies no longer act",
        low=1e-9,
        high=1,
        source=SOTO,
    )


def self_oriented(progress: float, alone: float) -> float:
    """Probability beta = max(0, 1 - progress / alone) that the self-oriented policy acts."""
    return max(0.0, 1 - progress / alone)


@final
class SOTOPolicies(Voices):
    """Two policies for every agent, each with a critic of own utility."""

    Config = SOTOConfig
    mutual = True
    names = ("self", "team")

    def __init__(self, config: SOTOConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.earnings = Earnings(seat)
        self.progress = 0.0

    def voice(self, name: str) -> Voice:
        """The team-oriented policies."""
        seat, c = self.seat, self.config
        actors = self.networks("actor", seat.inputs, seat.actions, 0.01, c.team_hidden)
        return Voice(name, actors, self.networks("critic", seat.inputs, 1, 1.0))

    def odds(self, x: Tensor, slots: slice, rows: slice) -> Tensor:
        """Beta and the rest, for everybody."""
        beta = self_oriented(self.progress, self.config.alone)
        return x.new_tensor([beta, 1 - beta]).expand(*x.shape[:2], 2)

    def context(self, note: Note, after: bool) -> dict[str, Tensor]:
        """Own return after the step."""
        return {} if after else {"earned": self.earnings.after(note)}

    def remember(self, note: Note) -> None:
        """Keep one step, and what it brought."""
        super().remember(note)
        self.earnings.pass_on(note)
        self.progress = note.experience.progress

    def credits(self, raw: Tensor, even: Tensor, window: Window) -> tuple[Tensor, ...]:
        """Own advantages for oneself; everybody's for the team."""
        c = self.config
        parts = (rows.unflatten(0, (-1, self.members)) for rows in (raw, even, standing(window)))
        team = combined(c.welfare, *parts, c.alpha, len(window.utility))
        return even, team.repeat_interleave(self.members, 0)

    def state(self) -> dict[str, Any]:
        """Also returns so far, and how far the run is."""
        return super().state() | {"earnings": self.earnings.state(), "progress": self.progress}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        self.earnings.load(state["earnings"])
        self.progress = state["progress"]
