"""The world as a cohort needs to know it."""

from dataclasses import dataclass

import torch

from commonweal.networks.ledgers import Ledger
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.randomness import Streams
from commonweal.spaces import WorldSpec


@dataclass
class Place:
    """What every cohort of a world is told; ``near`` changes where the graph is redrawn."""

    spec: WorldSpec
    near: Neighbourhoods
    ledgers: dict[str, Ledger]
    replicates: int
    lanes_each: int
    streams: Streams
    device: torch.device

    def book(self, head: str) -> Ledger:
        """The ledger that understands the social acts of a head."""
        return next(book for book in self.ledgers.values() if head in book.heads)
