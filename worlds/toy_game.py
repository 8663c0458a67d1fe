"""Two players on a hilly plane, where climbing alone leads away from the best they can do.

Each player chooses one number.  The rewards are

    r_1 = sin(a_1 a_2 + a_2^2)
    r_2 = cos(1 + a_1 - (1 + a_2)^2) + a_1 a_2^2

The first player's reward is a field of ridges, the second grows without limit far out.  Within
the plotted window the sum of both has two peaks, at (-0.797, -0.682) and (2.386, 0.859), and
where each player climbs its own reward the pair is drawn elsewhere.

======== ==========================================================
agents   2
actions  one number each, plotted from -3 to 3, not bounded there
channels opening, own, actions, mean
episode  41 joint actions: the start and 40 moves
======== ==========================================================

Source: Li et al. 2024, the two-player toy game, there written as losses.  The paper prints
neither start nor step size nor strengths; those given here show nearly all that it reports.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.settings import setting
from commonweal.worlds import WORLDS
from commonweal.worlds.differentiable import COMPARED, DifferentiableGame, WindowConfig

PAPER = "Li et al. 2024"


@dataclass(frozen=True, kw_only=True)
class ToyGameConfig(WindowConfig):
    """Settings of the toy game."""

    horizon: int = setting(
        41, "joint actions of an episode, the first one included", low=1, source=PAPER
    )
    start: tuple[float, ...] = setting(
        (-1.4, 0.2),
        "joint action to begin with; empty = drawn uniformly in the window",
        source=f"shows most of what {PAPER} report",
    )
    low: float = setting(-3.0, "least action plotted", source=PAPER)
    high: float = setting(3.0, "greatest action plotted", source=PAPER)


@WORLDS.register("toy_game")
class ToyGame(DifferentiableGame):
    """Two-player differentiable game whose common peak is not where either climbs alone."""

    Config = ToyGameConfig
    players = 2
    usual = {
        "agents": 2,
        "network": "complete",
        "lanes": 1,
        "replicates": 1,
        "rounds": 41,
        "record_every": 1,
        **{f"{kind}.rule.strength": 0.7 for kind in ("cga", "sga", "aga")},
        **{f"{kind}.continuous.learning_rate": 0.01 for kind in COMPARED},
    }

    def payoffs(self, actions: Tensor) -> Tensor:
        """Rewards [..., 2] of joint actions [..., 2, 1]; Li et al. 2024, equation of figure 2."""
        one, two = actions[..., 0, 0], actions[..., 1, 0]
        first = torch.sin(one * two + two**2)
        second = torch.cos(1 + one - (1 + two) ** 2) + one * two**2
        return torch.stack((first, second), -1)
