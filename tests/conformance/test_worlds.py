"""Every registered world keeps its contract."""

import pytest

from commonweal.simulation.conformance.tools import keep
from commonweal.simulation.conformance.worlds import WORLD_CLAUSES
from commonweal.worlds import WORLDS


@pytest.mark.parametrize("clause", WORLD_CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", WORLDS.names())
def test_world(name, clause):
    keep(f"world {name}", [clause], name)
