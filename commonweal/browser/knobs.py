"""The knobs of the page: which settings they turn, and the experiment that results."""

from dataclasses import replace
from math import floor, isqrt
from typing import Any

from commonweal.agents import AGENTS
from commonweal.errors import BadSetting
from commonweal.networks import NETWORKS
from commonweal.settings import Flag, flags
from commonweal.simulation.experiment import Experiment, Share, with_value
from commonweal.simulation.kinds import of_world

FIRST = ("world.temptation", "world.sucker")
"""Settings of worlds that come before the others."""
MOST = 6
"""Most settings of a world that get a knob."""
LARGEST_SIDE = 50


def knobs(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Mesa's description of every knob by its name, each set as in a resolved experiment."""
    result = {}
    for flag in _world_flags(experiment):
        value = experiment.world[flag.name.removeprefix("world.")]
        result[flag.name] = _slider(flag, value)
    result |= _size(experiment) | {"network.kind": _networks(experiment)} | _mix(experiment)
    result["seed"] = {"type": "InputText", "label": "Seed", "value": str(experiment.seed)}
    return result


def values(described: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Where the knobs stand at first."""
    return {name: knob["value"] for name, knob in described.items()}


def turned(experiment: Experiment, knobs: dict[str, Any]) -> Experiment:
    """The experiment with the knobs at these values; not resolved, so it may yet be refused."""
    for name, value in knobs.items():
        if name.startswith("world."):
            experiment = with_value(experiment, name, value)
    kind = knobs["network.kind"]
    if kind != experiment.network["kind"]:
        experiment = replace(experiment, network={"kind": kind})
    agents = knobs["side"] ** 2 if "side" in knobs else knobs.get("agents", experiment.agents)
    population = _population(experiment, knobs, agents)
    seed = _seed(knobs["seed"])
    return replace(experiment, agents=agents, population=population, seed=seed)


def _seed(text: Any) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadSetting(f"seed = {text!r} is not a whole number") from None


def _world_flags(experiment: Experiment) -> list[Flag]:
    found = [f for f in flags(of_world(experiment.world["kind"]), "world") if f.kind is float]
    rank = {name: place for place, name in enumerate(FIRST)}
    return sorted(found, key=lambda flag: rank.get(flag.name, len(rank)))[:MOST]


def _slider(flag: Flag, value: float) -> dict[str, Any]:
    """A slider over as much as the value itself on either side, and one at least."""
    reach = max(1.0, abs(value))
    low = value - reach if flag.low is None else max(flag.low, value - reach)
    high = value + reach if flag.high is None else min(flag.high, value + reach)
    return {
        "type": "SliderFloat",
        "label": _words(flag.name.rpartition(".")[2]),
        "value": float(value),
        "min": float(floor(low * 100 + 1e-6) / 100),
        "max": float(floor(high * 100 + 1e-6) / 100),
        "step": 0.01,
    }


def _size(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Squares keep to squares, which all networks but honeycombs of odd side accept."""
    agents = experiment.agents
    if "path" in experiment.network:
        return {}
    side = isqrt(agents)
    if side * side == agents and side > 1:
        top = max(LARGEST_SIDE, side)
        knob = {"label": "Side (agents = side x side)", "value": side, "min": 2, "max": top}
        return {"side": {"type": "SliderInt", "step": 1} | knob}
    knob = {"label": "Agents", "value": agents, "min": 2, "max": max(LARGEST_SIDE**2, agents)}
    return {"agents": {"type": "SliderInt", "step": 1} | knob}


def _networks(experiment: Experiment) -> dict[str, Any]:
    own = experiment.network["kind"]
    if "path" in experiment.network:
        names = [own]
    else:
        names = [name for name in NETWORKS.names() if name != "graph_file"]
    return {"type": "Select", "label": "Network", "value": own, "values": names}


def _mix(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Knobs for a second kind, unless the population is of more kinds than two."""
    shares = experiment.population
    if len(shares) > 2 or len({share.kind for share in shares}) < len(shares):
        return {}
    others = [name for name in AGENTS.names() if name != shares[0].kind]
    if len(shares) == 2:
        second, percent = shares[1].kind, round(100 * shares[1].count / experiment.agents)
    else:
        second, percent = others[0], 0
    kind = {"type": "Select", "label": "Second kind", "value": second, "values": others}
    share = {"type": "SliderInt", "label": "Second kind, percent", "value": percent}
    return {"second": kind, "percent": share | {"min": 0, "max": 100, "step": 1}}


def _population(experiment: Experiment, knobs: dict[str, Any], agents: int) -> list[Share]:
    shares = experiment.population
    if "second" not in knobs:
        return _scaled(shares, agents)
    second = next((s for s in shares[1:] if s.kind == knobs["second"]), Share(kind=knobs["second"]))
    many = round(agents * knobs["percent"] / 100)
    if knobs["percent"] == _percent(experiment) and agents == experiment.agents:
        many = sum(share.count for share in shares[1:])  # a percent may not say it exactly
    parts = [replace(shares[0], count=agents - many), replace(second, count=many)]
    return [part for part in parts if part.count]


def _percent(experiment: Experiment) -> int:
    return _mix(experiment)["percent"]["value"]


def _scaled(shares: list[Share], agents: int) -> list[Share]:
    """The same proportions among another number of agents; the first take what is left over."""
    total = sum(share.count for share in shares)
    counts = [share.count * agents // total for share in shares]
    for place in range(agents - sum(counts)):
        counts[place] += 1
    parts = zip(shares, counts, strict=True)
    return [replace(share, count=count) for share, count in parts if count]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
