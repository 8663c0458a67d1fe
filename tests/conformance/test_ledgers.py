"""Every registered ledger keeps its contract."""

import pytest

from commonweal.networks.ledgers import LEDGERS
from commonweal.simulation.conformance.ledgers import LEDGER_CLAUSES
from commonweal.simulation.conformance.tools import keep


@pytest.mark.parametrize("clause", LEDGER_CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", LEDGERS.names())
def test_ledger(name, clause):
    keep(f"ledger {name}", [clause], name)
