"""Every registered kind of agent keeps its contract."""

import pytest

from commonweal.agents import AGENTS
from commonweal.simulation.conformance.agents import AGENT_CLAUSES
from commonweal.simulation.conformance.tools import keep


@pytest.mark.parametrize("clause", AGENT_CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", AGENTS.names())
def test_agent(name, clause):
    keep(f"agent {name}", [clause], name, "lattice")
