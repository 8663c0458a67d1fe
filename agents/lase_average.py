"""LASE that goes by statistics: it expects of everybody what they did so far (Kong et al. 2024).

In place of perspective taking it has the running average of each neighbour's moves, fictitious play
(Brown 1951).
"""

from dataclasses import dataclass

from commonweal.agents import AGENTS
from commonweal.agents.lase import LASE, GiverConfig
from commonweal.agents.perspectives.average import AverageConfig, RunningAverage
from commonweal.settings import setting


@dataclass(frozen=True, kw_only=True)
class LASEAverageConfig(GiverConfig):
    """Settings of LASE with running averages."""

    perspective: AverageConfig = setting(AverageConfig, "how fast it forgets what others did")


@AGENTS.register("lase_average")
class LASEAverage(LASE):
    """Gives by counterfactual social relationships, expecting what was usual."""

    Config = LASEAverageConfig
    theory = RunningAverage
