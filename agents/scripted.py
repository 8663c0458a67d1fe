"""Fixed strategies, used as opponents, as baselines and as evidence in tests.

Family: always_cooperate, always_defect, tit_for_tat, grim, win_stay_lose_shift, random, fermi.
All are for two actions, 0 = cooperate and 1 = defect (random for any number).  On a graph one
move meets all neighbours, so a strategy that answers one partner answers the neighbourhood:
each class says how.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.agents.learners.scripted import Scripted
from commonweal.settings import Settings, setting

Seen = dict[str, Tensor]
Plan = tuple[Tensor, Tensor]


def two(defect: Tensor) -> Tensor:
    """Probabilities of both actions [..., 2] from that of defecting [...]."""
    defect = defect.float()
    return torch.stack((1 - defect, defect), -1)


def counts(actions: Tensor) -> tuple[Tensor, Tensor]:
    """Neighbours seen that cooperated and that defected, [...], from one-hot [..., D * 2]."""
    good, bad = actions.unflatten(-1, (-1, 2)).sum(-2).unbind(-1)
    return good, bad


class ScriptedAgent(Agent):
    """What the family shares: a plan on the features seen and one number of memory.

    ``plan(config, seen, memory, actions)`` maps features [K, B, width] and memory [K, B] to
    probabilities [K, B, actions] and the memory after the move.
    """

    senses = ()
    heads = {"move": Scripted}
    choices = 2


@AGENTS.register("always_cooperate")
class AlwaysCooperate(ScriptedAgent):
    """Cooperates, whatever happens (Axelrod 1984)."""

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Never defect."""
        return two(torch.zeros_like(memory)), memory


@AGENTS.register("always_defect")
class AlwaysDefect(ScriptedAgent):
    """Defects, whatever happens (Axelrod 1984)."""

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Always defect."""
        return two(torch.ones_like(memory)), memory


@AGENTS.register("tit_for_tat")
class TitForTat(ScriptedAgent):
    """Opens with C, then answers the majority of its neighbours; a tie is met with C.

    Source: Axelrod 1984; with one neighbour it is the original.
    """

    senses = ("opening", "actions")

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Defect where most neighbours seen defected."""
        good, bad = counts(seen["actions"])
        return two((bad > good) & (seen["opening"][..., 0] == 0)), memory


@AGENTS.register("grim")
class Grim(ScriptedAgent):
    """Opens with C and defects for the rest of the episode once any neighbour defected.

    Source: Friedman 1971.
    """

    senses = ("opening", "actions")

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Remember the first offence."""
        _, bad = counts(seen["actions"])
        offended = (bad > 0) & (seen["opening"][..., 0] == 0)
        memory = torch.maximum(memory, offended.float())
        return two(memory), memory


@dataclass(frozen=True, kw_only=True)
class WinStayLoseShiftConfig(Settings):
    """Settings of win-stay lose-shift."""

    aspiration: float = setting(0.5, "payoff per link that counts as a win", low=-10, high=10)


@AGENTS.register("win_stay_lose_shift")
class WinStayLoseShift(ScriptedAgent):
    """Opens with C, repeats a move that paid at least its aspiration, else changes it.

    Source: Nowak and Sigmund 1993 (Pavlov); the payoff is the mean per link.
    """

    Config = WinStayLoseShiftConfig
    senses = ("opening", "own", "payoffs")

    @staticmethod
    def plan(config: WinStayLoseShiftConfig, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Shift after a loss."""
        defected, won = seen["own"][..., 1] == 1, seen["payoffs"][..., 0] >= config.aspiration
        return two((defected == won) & (seen["opening"][..., 0] == 0)), memory


@AGENTS.register("random")
class Random(ScriptedAgent):
    """Every action is equally likely, as for RANDOM in the tournament of Axelrod 1984."""

    choices = 0

    @staticmethod
    def plan(config: Settings, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Uniform."""
        return torch.full((*memory.shape, actions), 1 / actions, device=memory.device), memory


@dataclass(frozen=True, kw_only=True)
class FermiConfig(Settings):
    """Settings of Fermi imitation."""

    noise: float = setting(
        0.1,
        "selection noise K, in payoff per link",
        low=1e-6,
        high=1e6,
        source="Szabo and Toke 1998",
    )


@AGENTS.register("fermi")
class Fermi(ScriptedAgent):
    """Imitates a random neighbour with a probability that grows with the difference in payoff.

    ``P(i copies j) = 1 / (1 + exp((payoff_i - payoff_j) / K))``, all agents at once; before the
    first round everyone holds its mark, or C where there are none.  The classic evolutionary baseline of spatial games
    (Szabo and Toke 1998).  Long episodes (``--world.horizon``) let it settle.
    """

    Config = FermiConfig
    senses = ("opening", "own", "actions", "payoffs")

    @staticmethod
    def plan(config: FermiConfig, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Chance to hold strategy D after meeting one random neighbour."""
        pairs = seen["actions"].unflatten(-1, (-1, 2))
        there, defects = pairs.sum(-1), pairs[..., 1]
        own, payoff = seen["own"][..., 1], seen["payoffs"][..., :1]
        copy = torch.sigmoid((seen["payoffs"][..., 1:] - payoff) / config.noise)
        shift = there * copy * (defects - own[..., None])
        chance = own + shift.sum(-1) / there.sum(-1).clamp(min=1)
        opening = seen["opening"][..., 0] == 1
        return two(torch.where(opening, own, chance).clamp(0, 1)), memory
