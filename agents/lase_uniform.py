"""LASE without perspective taking: every act of a co-player is as likely (Kong et al. 2024, "w/o")."""

from commonweal.agents import AGENTS
from commonweal.agents.lase import LASE, GiverConfig
from commonweal.agents.perspectives.uniform import Uniform


@AGENTS.register("lase_uniform")
class LASEUniform(LASE):
    """Gives by counterfactual social relationships, expecting nothing in particular."""

    Config = GiverConfig
    theory = Uniform
