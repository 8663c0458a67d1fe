"""Every registered network keeps its contract."""

import pytest

from commonweal.networks import NETWORKS
from commonweal.simulation.conformance.networks import NETWORK_CLAUSES
from commonweal.simulation.conformance.tools import keep


@pytest.mark.parametrize("clause", NETWORK_CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", NETWORKS.names())
def test_network(name, clause):
    keep(f"network {name}", [clause], name)
