"""Fixed strategies that look back one round: memory-1 vectors, among them zero-determinant ones.

Family: memory_one, suspicious_tit_for_tat, generous_tit_for_tat, joss, firm_but_fair, alternator,
extortioner, complier.

A vector holds the probabilities to cooperate after CC, CD, DC and DD, own action first (Nowak and
Sigmund 1993); a number of its own belongs to the first round.  On a graph one move meets all
neighbours, so the probability is the mean, over the neighbours seen, of what each link asks for;
with one neighbour it is the original.  Who sees no neighbour does as in the first round.
Strategies answer what was played: where hands may slip, a slip counts, one's own too.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from commonweal.agents import AGENTS
from commonweal.agents.scripted import Plan, ScriptedAgent, Seen, two
from commonweal.errors import BadSetting
from commonweal.settings import Settings, setting

Vector = tuple[float, float, float, float]
"""probabilities to cooperate, or payoffs, in the states CC, CD, DC and DD, own action first"""

Policy = tuple[float, Vector]
"""probability to cooperate in the first round, and those after it"""


class MemoryOneAgent(ScriptedAgent):
    """What the family shares: it follows ``policy(config)``, which each kind gives."""

    senses = ("opening", "state")

    @classmethod
    def plan(cls, config: Settings, seen: Seen, memory: Tensor, actions: int) -> Plan:
        """Cooperate with the mean probability of the links in view."""
        first, vector = cls.policy(config)
        # How many links are in each state; s0, the first state, is what `opening` says too.
        links = seen["state"].unflatten(-1, (-1, 5)).sum(-2)[..., 1:]
        number = links.sum(-1)
        chance = links @ links.new_tensor(vector) / number.clamp(min=1)
        unmet = (seen["opening"][..., 0] == 1) | (number == 0)
        return two(1 - torch.where(unmet, first, chance)), memory


# ---- vectors that are given -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MemoryOneConfig(Settings):
    """Settings of a memory-1 strategy."""

    policy: tuple[float, float, float, float] = setting(
        (1.0, 0.0, 0.0, 1.0),
        "probabilities to cooperate after CC, CD, DC and DD, own action first; "
        "the default is win-stay lose-shift",
        low=0,
        high=1,
        source="Nowak and Sigmund 1993",
    )
    opening: float = setting(1.0, "probability to cooperate in the first round", low=0, high=1)


@AGENTS.register("memory_one")
class MemoryOne(MemoryOneAgent):
    """Cooperates with a given probability after each state of the last round.

    Source: Nowak and Sigmund 1993.
    """

    Config = MemoryOneConfig

    @staticmethod
    def policy(config: MemoryOneConfig) -> Policy:
        """The settings."""
        return config.opening, config.policy


@AGENTS.register("suspicious_tit_for_tat")
class SuspiciousTitForTat(MemoryOneAgent):
    """Opens with D, then does what the other did (Boyd and Lorberbaum 1987)."""

    @staticmethod
    def policy(config: Settings) -> Policy:
        """The other's last move."""
        return 0.0, (1.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class GenerousTitForTatConfig(Settings):
    """Settings of generous tit for tat."""

    generosity: float = setting(
        5 / 6,
        "chance to forgive a defection; the default is the most at which nobody gains by defecting, "
        "min(1 - (T - R) / (R - S), (R - P) / (T - P)), for R = 1, S = -0.2, T = 1.2, P = 0; "
        "it is 1/3 for 3, 0, 5, 1",
        low=0,
        high=1,
        source="Nowak and Sigmund 1992",
    )


@AGENTS.register("generous_tit_for_tat")
class GenerousTitForTat(MemoryOneAgent):
    """Opens with C, answers C with C and forgives D now and then (Nowak and Sigmund 1992)."""

    Config = GenerousTitForTatConfig

    @staticmethod
    def policy(config: GenerousTitForTatConfig) -> Policy:
        """The other's last move, with generosity."""
        return 1.0, (1.0, config.generosity, 1.0, config.generosity)


@AGENTS.register("joss")
class Joss(MemoryOneAgent):
    """Tit for tat that defects on one in ten cooperators (Axelrod 1984, the rule JOSS)."""

    @staticmethod
    def policy(config: Settings) -> Policy:
        """The other's last move, with greed."""
        return 1.0, (0.9, 0.0, 0.9, 0.0)


@AGENTS.register("firm_but_fair")
class FirmButFair(MemoryOneAgent):
    """Defects only on those who exploited it, and mostly makes up after mutual defection.

    Source: Frean 1994, where players move in turns; it opens with C.
    """

    @staticmethod
    def policy(config: Settings) -> Policy:
        """Never C after CD, C after DD two times in three."""
        return 1.0, (1.0, 0.0, 1.0, 2 / 3)


@AGENTS.register("alternator")
class Alternator(MemoryOneAgent):
    """C and D in turns, whatever the other does (Knight et al. 2016, the Axelrod library)."""

    @staticmethod
    def policy(config: Settings) -> Policy:
        """The other of its own two moves."""
        return 1.0, (0.0, 0.0, 1.0, 1.0)


# ---- zero-determinant strategies ------------------------------------------------------------


def zero_determinant(
    own: Vector, other: Vector, anchor: float, factor: float, share: float
) -> Vector:
    """The vector that holds ``own payoff - anchor = factor * (other's payoff - anchor)``.

    In the long run, whatever the other does, where no hand slips.  A vector p that differs from
    merely repeating the own move by ``d = p - (1, 1, 0, 0)`` makes d average to zero over the
    rounds, since the share of rounds with an own C is the same before and after a move.  So if d
    is proportional to ``(own - anchor) - factor * (other - anchor)``, that averages to zero too.
    Any size of d will do that keeps p within [0, 1]; ``share`` is the part of the largest.

    ``own`` and ``other`` are the payoffs of both in the four states.  Source: Press and Dyson
    2012; the argument by averages is that of Akin 2012.
    """
    bent = [(x - anchor) - factor * (y - anchor) for x, y in zip(own, other, strict=True)]
    most = max(map(abs, bent))
    cc, cd, dc, dd = (stay + share * (b / most) for stay, b in zip((1, 1, 0, 0), bent, strict=True))
    return cc, cd, dc, dd


@dataclass(frozen=True, kw_only=True)
class ZeroDeterminantConfig(Settings):
    """Settings of a zero-determinant strategy; its payoffs are to be those of the world."""

    factor: float = setting(
        3.0,
        "how many times the other's distance from the anchor payoff its own is, chi",
        low=1,
        high=1000,
        source="Press and Dyson 2012, the example of extortion",
    )
    share: float = setting(
        0.5,
        "size of its answers, as part of the largest that leaves all probabilities in [0, 1]",
        low=0.001,
        high=1,
        source="Press and Dyson 2012, the example of extortion",
    )
    reward: float = setting(
        1.0, "payoff of mutual cooperation", low=-10, high=10, source="Kong et al. 2024"
    )
    sucker: float = setting(
        -0.2, "payoff of cooperating with a defector", low=-10, high=10, source="Kong et al. 2024"
    )
    temptation: float = setting(
        1.2, "payoff of defecting on a cooperator", low=-10, high=10, source="Kong et al. 2024"
    )
    punishment: float = setting(
        0.0, "payoff of mutual defection", low=-10, high=10, source="Kong et al. 2024"
    )

    def check(self) -> None:
        """The payoffs are those of a prisoner's dilemma, else there may be no such vector."""
        falling = (self.temptation, self.reward, self.punishment, self.sucker)
        if any(higher <= lower for higher, lower in pairwise(falling)):
            raise BadSetting(
                f"{type(self).__name__}: temptation > reward > punishment > sucker is needed, "
                f"not {' > '.join(f'{payoff:g}' for payoff in falling)}"
            )

    def vector(self, anchor: float) -> Vector:
        """The vector with this anchor."""
        r, s, t, p = self.reward, self.sucker, self.temptation, self.punishment
        return zero_determinant((r, s, t, p), (r, t, s, p), anchor, self.factor, self.share)


@AGENTS.register("extortioner")
class Extortioner(MemoryOneAgent):
    """Gains ``factor`` times as much over mutual defection as the other (Press and Dyson 2012).

    In the long run, against one co-player, whatever it does; opens with C.
    """

    Config = ZeroDeterminantConfig

    @staticmethod
    def policy(config: ZeroDeterminantConfig) -> Policy:
        """Anchored at the payoff of mutual defection: never C after DD."""
        return 1.0, config.vector(config.punishment)


@AGENTS.register("complier")
class Complier(MemoryOneAgent):
    """Falls ``factor`` times as far short of mutual cooperation as the other (Hilbe et al. 2013).

    The generous counterpart of the extortioner: the other never has less.  Opens with C.
    """

    Config = ZeroDeterminantConfig

    @staticmethod
    def policy(config: ZeroDeterminantConfig) -> Policy:
        """Anchored at the payoff of mutual cooperation: always C after CC."""
        return 1.0, config.vector(config.reward)
