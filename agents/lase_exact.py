"""LASE with an oracle: it knows the policies of its co-players (Kong et al. 2024, matrix games)."""

from commonweal.agents import AGENTS
from commonweal.agents.lase import LASE, GiverConfig
from commonweal.agents.perspectives.exact import Exact


@AGENTS.register("lase_exact")
class LASEExact(LASE):
    """Gives by counterfactual social relationships, as the theory assumes."""

    Config = GiverConfig
    theory = Exact
