"""Build graph, world and society from an experiment, in that order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil

import networkx as nx
import torch

from commonweal.agents import AGENTS
from commonweal.agents.cohort import Cohort
from commonweal.agents.place import Place
from commonweal.agents.society import Society
from commonweal.errors import BadSetting
from commonweal.networks import NETWORKS
from commonweal.networks.files import from_networkx
from commonweal.networks.ledgers import LEDGERS
from commonweal.randomness import Streams
from commonweal.settings import to_table
from commonweal.simulation import experiment as experiments
from commonweal.simulation.experiment import Experiment
from commonweal.worlds import WORLDS
from commonweal.worlds.base import World


def assemble(experiment: Experiment, graph: nx.Graph | None = None) -> World:
    """The world of an experiment, with its society settled in it.

    Args:
        experiment: need not be resolved.
        graph: a NetworkX graph to play on instead of drawing the experiment's network.
    """
    if graph is not None:
        graph = from_networkx(graph)
        experiment = replace(experiment, agents=len(graph))
    experiment = experiments.resolve(experiment)
    streams = Streams(experiment.seed)
    world = WORLDS[experiment.world["kind"]](
        experiments.world_config(experiment),
        (lambda: graph) if graph is not None else _drawer(experiment, streams),
        streams,
        lanes=experiment.lanes,
        replicates=experiment.replicates,
        sight=experiment.sight,
        rounds=ceil(experiment.steps / experiment.lanes),
        device=experiment.device,
    )
    if world.neighbourhoods.agents != experiment.agents:
        raise BadSetting(
            f"population: counts {experiment.agents} agents, but the graph has "
            f"{world.neighbourhoods.agents} nodes"
        )
    place = Place(
        world.spec,
        world.neighbourhoods,
        {},
        experiment.replicates,
        experiment.lanes,
        streams,
        world.device,
    )
    members = _placements(experiment, streams, world.device)
    _found(place, experiment, members, streams)
    society = Society(_cohorts(experiment, members, place), place)
    society.settle(world)
    world.populate(society)
    return world


def _drawer(experiment: Experiment, streams: Streams) -> Callable[[], nx.Graph]:
    settings = to_table(experiments.network_settings(experiment))
    generate, rng = NETWORKS[experiment.network["kind"]], streams.numpy("network")
    return lambda: generate(experiment.agents, rng, **settings)


def _placements(
    experiment: Experiment, streams: Streams, device: torch.device
) -> list[torch.Tensor]:
    """Nodes of each share, ascending; kinds are mixed over the graph at random."""
    nodes = streams.numpy("placement").permutation(experiment.agents)
    counts = [share.count for share in experiment.population]
    parts = torch.from_numpy(nodes).split(counts)
    return [part.sort().values.to(device) for part in parts]


def _found(
    place: Place, experiment: Experiment, members: list[torch.Tensor], streams: Streams
) -> None:
    """Found the ledgers that the kinds name, one each for the whole society."""
    for name, config in experiments.ledger_configs(experiment).items():
        active = {}
        for head in LEDGERS[name].heads:
            active[head] = torch.zeros(place.near.agents, dtype=torch.bool, device=place.device)
            for share, nodes in zip(experiment.population, members, strict=True):
                active[head][nodes] = head in AGENTS[share.kind].heads
        lanes = place.replicates * place.lanes_each
        generator = streams.torch(f"ledger/{name}", place.device)
        place.ledgers[name] = LEDGERS[name](config, place.near, lanes, active, generator)


def _cohorts(experiment: Experiment, members: list[torch.Tensor], place: Place) -> list[Cohort]:
    cohorts: list[Cohort] = []
    configs = experiments.share_configs(experiment)
    for share, config, nodes in zip(experiment.population, configs, members, strict=True):
        kind = AGENTS[share.kind]
        if kind.players not in (0, experiment.agents):
            raise BadSetting(
                f"agent {share.kind} is for worlds of {kind.players} agents; this one has "
                f"{experiment.agents}"
            )
        kind.accepts(place.spec, share.kind, experiment.world["kind"], tuple(place.ledgers))
        same = sum(c.kind is kind for c in cohorts)
        name = share.kind if not same else f"{share.kind}-{same + 1}"
        cohorts.append(Cohort(name, kind, config, nodes, place))
    return cohorts
