"""Find the settings of kinds by name, importing a kind only when it is asked for.

Registries bring torch and Mesa with them, which a command that only explains itself can do
without; so they are imported inside these functions.
"""

import re
from collections.abc import Iterable
from typing import Any

from commonweal.errors import BadSetting
from commonweal.settings import Settings


def of_world(kind: str) -> type[Settings]:
    """Return the settings class of a world."""
    from commonweal.worlds import WORLDS

    return WORLDS[kind].Config


def usual_in(world: str) -> dict[str, Any]:
    """Return what is usual in a world, by field of an experiment or dotted setting of a kind."""
    from commonweal.worlds import WORLDS

    return WORLDS[world].usual


def of_network(kind: str) -> type[Settings]:
    """Return the settings class of a network."""
    from commonweal.networks import NETWORKS, settings_of

    return settings_of(NETWORKS[kind])


def of_agent(kind: str) -> type[Settings]:
    """Return the settings class of a kind of agent."""
    from commonweal.agents import AGENTS

    return AGENTS[kind].Config


def of_ledgers(named: Iterable[str], agents: Iterable[str]) -> dict[str, type[Settings]]:
    """Return the settings classes of the ledgers ``named`` and of those that ``agents`` use."""
    from commonweal.agents import AGENTS
    from commonweal.networks.ledgers import LEDGERS

    used = [name for kind in agents for name in AGENTS[kind].ledgers]
    return {name: LEDGERS[name].Config for name in dict.fromkeys([*named, *used])}


def own_size(network: str, settings: dict[str, Any], seed: int) -> int:
    """Return the number of agents of a network that comes from a file, else 0."""
    from commonweal.networks import NETWORKS
    from commonweal.randomness import Streams

    if "path" not in settings:
        return 0
    return NETWORKS[network](0, Streams(seed).numpy("network"), **settings).number_of_nodes()


def headcounts(agents: int, counts: list[int]) -> list[int]:
    """Return the counts of shares with 0 replaced by an equal part of the agents left over."""
    unsaid, rest = counts.count(0), agents - sum(counts)
    if (unsaid and rest < unsaid) or (rest and not unsaid):
        raise BadSetting(f"population: the shares count {sum(counts)}, but agents = {agents}")
    # The first shares without a count take what does not divide evenly.
    parts = iter([rest // unsaid + (i < rest % unsaid) for i in range(unsaid)])
    return [count or next(parts) for count in counts]


def check_device(device: str) -> None:
    """Raise `BadSetting` unless tensors can live on ``device`` here."""
    if device == "cpu":
        return
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise BadSetting(f"device = {device!r} is not one of 'cpu', 'cuda', 'cuda:N'")
    import torch

    count = torch.cuda.device_count()
    if int(device.partition(":")[2] or 0) >= count:
        raise BadSetting(f"device = {device!r}, but this machine has {count} CUDA devices")
