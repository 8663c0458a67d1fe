"""The unconditional giver: it cooperates and gives, whatever comes back."""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.learners.even_gifts import EvenGifts
from commonweal.agents.scripted import AlwaysCooperate
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class GenerousConfig(Settings):
    """Settings of an unconditional giver."""

    share: float = setting(
        0.5, "share of its reward that it gives away, in equal parts", low=0, high=1
    )


@AGENTS.register("generous")
class Generous(AlwaysCooperate):
    """Always cooperates, and gives a fixed share of its reward in equal parts to its neighbours.

    Its move is ALL C of Axelrod 1984, its gifts are the zero-sum gifts of Kong et al. 2024 with
    weights that depend on nothing: the yardstick for gifts that do.
    """

    Config = GenerousConfig
    ledgers = ("gifts",)
    heads = AlwaysCooperate.heads | {"give": EvenGifts}
