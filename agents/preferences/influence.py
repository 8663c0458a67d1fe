"""Social influence: it pays to sway what the neighbours do next (Jaques et al. 2019)."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from commonweal.agents.preferences.base import Income, Preference
from commonweal.errors import BrokenContract
from commonweal.settings import Settings, setting

PAPER = "Jaques et al. 2019"


@dataclass(frozen=True, kw_only=True)
class InfluenceConfig(Settings):
    """Settings of the influence reward."""

    weight: float = setting(
        1.0, "reward per nat of influence, once it has risen", low=0, high=1e6, source=PAPER
    )
    rise: float = setting(
        1 / 3,
        "share of the run in which the weight rises from 0; 0 = full from the start",
        low=0,
        high=1,
    )


def risen(weight: float, rise: float, progress: float) -> float:
    """Weight c_t at ``progress`` in [0, 1] of the run: linear from 0 to ``weight``, then constant."""
    return weight if progress >= rise else weight * progress / rise


def influential(rewards: Tensor, influence: Tensor, there: Tensor, weight: float) -> Tensor:
    """Utility ``r_i + c_t sum_j I_ij`` [...] of rewards [...] and influence [..., D], in nats.

    ``there`` [..., D] bool: where a neighbour stands.  Source: Jaques et al. 2019, social influence.
    """
    return rewards + weight * (influence * there).sum(-1)


@final
class Influence(Preference):
    """Own reward, what was moved, and the influence that a perspective ascribes to the own move."""

    Config = InfluenceConfig
    local = True

    def utility(self, income: Income) -> Tensor:
        """The weight is that of the moment of the run."""
        if income.influence is None or income.near is None:
            raise BrokenContract(
                "Influence rewards sway over neighbours, and the perspective of its kind tells of none"
            )
        weight = risen(self.config.weight, self.config.rise, income.progress)
        there = income.near.mask[income.members]
        return influential(income.rewards + income.moved, income.influence, there, weight)
