"""Hold one experiment as a dataclass and as a TOML file.

An experiment names a world, a network, ledgers and a population, each by the name of its
kind and a table of settings. Tables may leave settings out; `resolve` writes them out and
finds every mistake before anything is built.
"""

import tomllib
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from commonweal.errors import BadFile, BadSetting, CommonwealError, UnknownName, known, nearest
from commonweal.settings import Flag, Settings, flags, from_table, setting, to_table
from commonweal.simulation.kinds import (
    check_device,
    headcounts,
    of_agent,
    of_ledgers,
    of_network,
    of_world,
    own_size,
)
from commonweal.simulation.toml import dumps
from commonweal.simulation.usual import put, usual, with_usual


@dataclass(frozen=True, kw_only=True)
class Share:
    """The agents of one kind in a population."""

    kind: str
    count: int = 0
    """how many; 0 = an equal part of the agents that no other share counts"""
    settings: dict[str, Any] = field(default_factory=dict)
    """nested table of the kind's settings"""


@dataclass(frozen=True, kw_only=True)
class Experiment(Settings):
    """Everything that decides what a run computes."""

    title: str = setting("", "what is studied, in a line")
    source: str = setting("", "where the setting comes from")
    seed: int = setting(0, "seed of all randomness", low=0, high=2**63 - 1)
    agents: int = setting(
        0,
        "number of agents; 0 = the population's counts, else the network's own, else the world's "
        "usual, else 100",
        low=0,
    )
    steps: int = setting(
        0,
        "environment steps, summed over the lanes of one replicate; 0 = the world's usual, "
        "else 200,000",
        low=0,
    )
    lanes: int = setting(
        0,
        "parallel copies of the world that its learners share; 0 = the world's usual, else 16",
        low=0,
    )
    replicates: int = setting(
        0,
        "independent repetitions with learners of their own; 0 = the world's usual, else 1",
        low=0,
    )
    sight: int = setting(
        16, "most neighbours that one agent observes and judges one by one", low=1, high=64
    )
    device: str = setting("cpu", "where tensors live: cpu, cuda or cuda:N")
    early_stop: bool = setting(
        False, "end when cooperation left (0.04, 0.96) for more than 10 episodes in a row"
    )
    record_every: int = setting(
        0, "rounds per row of the series; 0 = the world's usual, else one episode", low=0
    )
    snapshots: tuple[int, ...] = setting((), "environment steps whose maps are kept", low=0)
    checkpoint_every: float = setting(60.0, "seconds between checkpoints", low=0)
    world: dict[str, Any] = field(default_factory=dict)
    """``kind`` and its settings; the kind is ``lattice`` unless named"""
    network: dict[str, Any] = field(default_factory=dict)
    """``kind`` and its settings; unless named, the kind that is usual in the world"""
    ledger: dict[str, dict[str, Any]] = field(default_factory=dict)
    """settings of ledgers by name"""
    population: list[Share] = field(default_factory=list)
    """who lives in the world, in the order of shares"""
    sweep: dict[str, list[Any]] = field(default_factory=dict)
    """dotted setting -> its values; every combination is one point"""

    def check(self) -> None:
        """Copy the tables, name the default kinds, and refuse what is not of their form."""
        tables = {"world": {"kind": "lattice"}, "network": {}, "ledger": {}, "sweep": {}}
        for name, default in tables.items():
            table = getattr(self, name)
            if not isinstance(table, dict):
                raise BadSetting(f"{name} = {table!r} is not a table")
            object.__setattr__(self, name, default | _plain(table, name))
        for name, values in self.sweep.items():
            if not isinstance(values, list) or not values:
                raise BadSetting(
                    f"sweep.{name} = {values!r} is not a list of values; dotted names stand in quotes"
                )
        shares = []
        for share in self.population:
            if type(share.count) is not int or share.count < 0:
                raise BadSetting(f"population: {share.count!r} is not a count of {share.kind}")
            shares.append(replace(share, settings=_plain(share.settings, share.kind)))
        object.__setattr__(self, "population", shares)


def resolve(experiment: Experiment) -> Experiment:
    """Return the experiment with all defaults and counts written out.

    Raises a `CommonwealError` for anything wrong in it, at every point of its sweep too.
    """
    if not experiment.population:
        raise BadSetting("population: no agents; name a kind with --agent or in a file")
    check_device(experiment.device)
    for values in product(*experiment.sweep.values()):
        point = replace(experiment, sweep={})
        for name, value in zip(experiment.sweep, values, strict=True):
            point = with_value(point, name, value)
        if experiment.sweep:
            resolve(point)
    counts = [share.count for share in experiment.population]
    agents = experiment.agents or (_own_size(experiment) if 0 in counts else sum(counts))
    counts = headcounts(agents, counts)
    configs = share_configs(experiment)
    shares = [
        Share(kind=share.kind, count=count, settings=to_table(config))
        for share, count, config in zip(experiment.population, counts, configs, strict=True)
    ]
    names = {"world": experiment.world["kind"], "network": network_kind(experiment)}
    configs = {"world": world_config(experiment), "network": network_settings(experiment)}
    tables = {name: {"kind": names[name]} | to_table(config) for name, config in configs.items()}
    tables["ledger"] = {n: to_table(config) for n, config in ledger_configs(experiment).items()}
    custom = usual(experiment.world["kind"])
    numbers = {
        name: getattr(experiment, name) or custom[name]
        for name in ("steps", "lanes", "replicates", "record_every")
    }
    if not experiment.steps and "rounds" in custom:
        numbers["steps"] = custom["rounds"] * numbers["lanes"]
    return replace(experiment, agents=agents, population=shares, **numbers, **tables)


def load(path: str | Path) -> Experiment:
    """Read an experiment from a TOML file; kinds and their settings are not looked up yet."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise BadFile(f"{path}: not a TOML file: {error}") from None
    try:
        return from_plain(table)
    except CommonwealError as error:
        raise type(error)(f"{path}: {error}") from None


def save(experiment: Experiment, path: str | Path) -> None:
    """Write an experiment to a TOML file that `load` reads back to an equal one."""
    from commonweal.simulation.files import write_bytes

    write_bytes(Path(path), dumps(to_plain(experiment)).encode())


def to_plain(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as the nested table that its file holds."""
    table = to_table(experiment)
    for name in ("world", "network", "ledger"):
        table[name] = deepcopy(getattr(experiment, name))
    table["population"] = [
        {"kind": share.kind, "count": share.count} | deepcopy(share.settings)
        for share in experiment.population
    ]
    table["sweep"] = deepcopy(experiment.sweep)
    return {name: value for name, value in table.items() if value not in ({}, [], "")}


def from_plain(table: dict[str, Any]) -> Experiment:
    """Make an experiment from the nested table of a file."""
    names = [*_NAMES, "world", "network", "ledger", "population", "sweep"]
    for name in table:
        if name not in names:
            raise UnknownName(f"no setting {name!r} in an experiment{known(name, names)}")
    shares = table.get("population", [])
    if not isinstance(shares, list) or not all(isinstance(share, dict) for share in shares):
        raise BadSetting("population is a list of tables, each begun by [[population]]")
    return Experiment(**table | {"population": [_share(dict(share)) for share in shares]})


def world_config(experiment: Experiment) -> Settings:
    """Return the settings of the world."""
    return from_table(of_world(experiment.world["kind"]), _settings(experiment.world), "world")


def network_kind(experiment: Experiment) -> str:
    """Return the kind of the network."""
    return experiment.network.get("kind") or usual(experiment.world["kind"])["network"]


def network_settings(experiment: Experiment) -> Settings:
    """Return the settings of the network."""
    return from_table(
        of_network(network_kind(experiment)), _settings(experiment.network), "network"
    )


def ledger_configs(experiment: Experiment) -> dict[str, Settings]:
    """Return the settings of each ledger that is set or that a kind of agent needs."""
    return {
        name: from_table(config, experiment.ledger.get(name, {}), f"ledger.{name}")
        for name, config in _ledgers(experiment).items()
    }


def share_configs(experiment: Experiment) -> list[Settings]:
    """Return the settings of each share of the population, in order."""
    custom = usual(experiment.world["kind"])
    return [
        from_table(of_agent(share.kind), with_usual(share.kind, share.settings, custom), share.kind)
        for share in experiment.population
    ]


def kind_flags(experiment: Experiment) -> dict[str, list[Flag]]:
    """Return the flags of the experiment's kinds, by a heading for each kind."""
    world, network = experiment.world["kind"], network_kind(experiment)
    custom = usual(experiment.world["kind"])
    groups = {
        f"world {world}": flags(of_world(world), "world"),
        f"network {network}": flags(of_network(network), "network"),
    }
    for name, config in _ledgers(experiment).items():
        groups[f"ledger {name}"] = flags(config, f"ledger.{name}")
    for share in experiment.population:
        groups[f"agent {share.kind}"] = [
            replace(flag, default=custom.get(flag.name, flag.default))
            for flag in flags(of_agent(share.kind), share.kind)
        ]
    return groups


def settable(experiment: Experiment) -> dict[str, Flag]:
    """Return every setting that `with_value` can change, by its dotted name."""
    choices = [Flag(f"{head}.kind", str, "", f"kind of {head}") for head in ("world", "network")]
    own = [flag for group in kind_flags(experiment).values() for flag in group]
    return {flag.name: flag for flag in (*FIELDS, *choices, *own)}


def with_value(experiment: Experiment, name: str, value: Any) -> Experiment:
    """Return a copy in which the dotted setting ``name`` is ``value``.

    Names begin with ``world.``, ``network.``, ``ledger.<name>.`` or the kind of an agent,
    which means every share of that kind; or they are a plain field such as ``seed``. Only
    the name is checked for kinds, so that settings which depend on one another can be
    changed one by one; `resolve` checks the values.
    """
    head, _, rest = name.partition(".")
    if name in _NAMES:
        return replace(experiment, **{name: value})
    names = settable(experiment)
    if name not in names:
        raise UnknownName(f"no setting {name!r} for these kinds{nearest(name, names)}")
    if head in ("world", "network", "ledger"):
        return replace(experiment, **{head: put(getattr(experiment, head), rest, value)})
    shares = [
        replace(share, settings=put(share.settings, rest, value)) if share.kind == head else share
        for share in experiment.population
    ]
    return replace(experiment, population=shares)


FIELDS = flags(Experiment, "")
"""The experiment's own settings."""
_NAMES = [flag.name for flag in FIELDS]


def _ledgers(experiment: Experiment) -> dict[str, type[Settings]]:
    return of_ledgers(experiment.ledger, [share.kind for share in experiment.population])


def _plain(value: Any, where: str) -> Any:
    """Copy a nested table, with lists in place of tuples, as a file would hold it."""
    if isinstance(value, dict):
        return {str(key): _plain(entry, f"{where}.{key}") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, where) for entry in value]
    if isinstance(value, bool | int | float | str):
        return value
    raise BadSetting(f"{where} = {value!r} is neither a number, a text, a list nor a table")


def _share(table: dict[str, Any]) -> Share:
    kind, count = table.pop("kind", None), table.pop("count", 0)
    if not isinstance(kind, str):
        raise BadSetting('population: a share needs a kind, for example kind = "lr2"')
    return Share(kind=kind, count=count, settings=table)


def _settings(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != "kind"}


def _own_size(experiment: Experiment) -> int:
    table = to_table(network_settings(experiment))
    own = own_size(network_kind(experiment), table, experiment.seed)
    return own or usual(experiment.world["kind"])["agents"]
