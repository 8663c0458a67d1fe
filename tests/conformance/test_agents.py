"""Every registered kind of agent keeps its contract, in every sort of world it accepts."""

import pytest

from commonweal.agents import AGENTS
from commonweal.simulation.conformance.agents import AGENT_CLAUSES
from commonweal.simulation.conformance.tools import keep
from commonweal.simulation.conformance.villages import homes

CASES = [(name, world) for name in AGENTS.names() for world in homes(name)]


@pytest.mark.parametrize("clause", AGENT_CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize(("name", "world"), CASES)
def test_agent(name, world, clause):
    keep(f"agent {name} in {world}", [clause], name, world)
