"""Check any kind against its contract, in the repository or outside of it, without pytest.

::

    from commonweal.simulation.conformance import check_world

    check_world("stag_hunt")      # returns, or raises BrokenContract with the clause's sentence

Kinds are named as they are registered.  A clause is a function that yields what it finds wrong;
its docstring is the sentence of the contract.  Each sort of kind has its module of clauses, which
ends with their list.
"""

from functools import partial

from commonweal.agents.exchanges.base import Exchange, NoExchange
from commonweal.networks.federations import Charter
from commonweal.settings import Settings
from commonweal.simulation.conformance.agents import AGENT_CLAUSES
from commonweal.simulation.conformance.federations import CHARTER_CLAUSES, EXCHANGE_CLAUSES
from commonweal.simulation.conformance.ledgers import LEDGER_CLAUSES
from commonweal.simulation.conformance.networks import NETWORK_CLAUSES
from commonweal.simulation.conformance.tools import keep
from commonweal.simulation.conformance.villages import homes
from commonweal.simulation.conformance.worlds import WORLD_CLAUSES


def check_world(name: str) -> None:
    """Raise `BrokenContract` at the first clause that the world called ``name`` breaks."""
    keep(f"world {name}", WORLD_CLAUSES, name)


def check_agent(name: str, world: str = "") -> None:
    """Raise `BrokenContract` at the first clause that the kind of agent breaks.

    It is watched in ``world``, or in one world for each sort of actions that it accepts.
    """
    for home in [world] if world else homes(name):
        keep(f"agent {name} in {home}", AGENT_CLAUSES, name, home)


def check_network(name: str) -> None:
    """Raise `BrokenContract` at the first clause that the network called ``name`` breaks."""
    keep(f"network {name}", NETWORK_CLAUSES, name)


def check_ledger(name: str) -> None:
    """Raise `BrokenContract` at the first clause that the ledger called ``name`` breaks."""
    keep(f"ledger {name}", LEDGER_CLAUSES, name)


def check_charter(
    charter: type[Charter],
    exchange: type[Exchange] = NoExchange,
    members: int = 5,
    *,
    config: Settings | None = None,
    exchange_config: Settings | None = None,
) -> None:
    """Raise `BrokenContract` at the first clause that a charter or its exchange breaks.

    Args:
        charter: kind of charter; it is founded for agents at the nodes 1 .. ``members``.
        exchange: kind of exchange that carries its weights out.
        members: M, at least 3.
        config: settings of the charter; None for its defaults.
        exchange_config: settings of the exchange; None for its defaults.
    """
    found = partial(charter, config or charter.Config())
    keep(f"charter {charter.__name__}", CHARTER_CLAUSES, found, members)
    make = partial(exchange, exchange_config or exchange.Config())
    keep(f"exchange {exchange.__name__}", EXCHANGE_CLAUSES, make, members)
