"""The knobs of the page: which settings they turn, and the experiment that results."""

from dataclasses import replace
from math import isqrt
from typing import Any

from commonweal.agents import AGENTS
from commonweal.browser.controls import control, near, said, short, tied, words
from commonweal.errors import BadSetting
from commonweal.networks import NETWORKS
from commonweal.settings import Flag, flags
from commonweal.simulation.experiment import Experiment, Share, with_value
from commonweal.simulation.kinds import of_agent, of_ledgers, of_world
from commonweal.simulation.usual import put
from commonweal.spaces import Box, WorldSpec

FIRST = ("world.temptation", "world.sucker")
"""Settings of worlds that come before the others."""
PARTS = ("rule", "preference")
"""Components of a kind whose settings get knobs, beside its own; how it learns has too many."""
TIES = ("charter", "exchange")
"""Components whose settings say how a kind federates."""
SOONER = ("members", "share", "nodes", "shape", "weight", "every")
"""Settings of these that come before the others."""
MOST = 6
"""Most settings of a world, of a kind, and of each of its ties, that get a knob."""
LARGEST_SIDE = 50


def knobs(experiment: Experiment, spec: WorldSpec | None = None) -> dict[str, dict[str, Any]]:
    """Mesa's description of every knob by its name, each set as in a resolved experiment.

    ``spec`` is that of the world, if it could be built; without it every kind may move in.
    """
    result = {}
    for flag in _world_flags(experiment):
        value = experiment.world[flag.name.removeprefix("world.")]
        label = words(flag.name.rpartition(".")[2])
        result[flag.name] = (near if flag.kind is float else control)(flag, value, label)
    result |= _first(experiment, spec)
    result |= _size(experiment) | {"network.kind": _networks(experiment)} | _mix(experiment, spec)
    result["seed"] = {"type": "InputText", "label": "Seed", "value": str(experiment.seed)}
    return result


def values(described: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Where the knobs stand at first."""
    return {name: knob["value"] for name, knob in described.items()}


def stand(experiment: Experiment, spec: WorldSpec) -> list[str]:
    """Where the knobs for settings of the world and of the first kind stand, in words."""
    numbers = [f"{n} {short(v)}" for n, v in experiment.world.items() if isinstance(v, float)]
    choices = [
        flag.name.removeprefix("world.") for flag in _world_flags(experiment) if flag.choices
    ]
    first = [
        f"{_brief(name, knob['label'])} {short(knob['value'])}"
        for name, knob in _first(experiment, spec).items()
        if knob["value"] != ""
    ]
    return [*numbers, *(f"{name} {experiment.world[name]}" for name in choices), *first]


def _brief(name: str, label: str) -> str:
    """What a caption calls a knob; that of a tie does without its kind."""
    return label.partition(": ")[2] if name.split(".")[1] in TIES else label.replace(":", "")


def turned(experiment: Experiment, knobs: dict[str, Any]) -> Experiment:
    """The experiment with the knobs at these values; not resolved, so it may yet be refused."""
    if not knobs:
        return experiment
    for name, value in knobs.items():
        if name.startswith("world."):
            experiment = with_value(experiment, name, value)
    experiment = _with_first(experiment, knobs)
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
    """Numbers, then choices."""
    own = flags(of_world(experiment.world["kind"]), "world")
    rank = {name: place for place, name in enumerate(FIRST)}
    numbers = [flag for flag in own if flag.kind is float]
    numbers.sort(key=lambda flag: rank.get(flag.name, len(rank)))
    return numbers[:MOST] + [flag for flag in own if flag.choices]


def _kind_flags(kind: str) -> dict[str, Flag]:
    """What may get a knob among the settings of a kind, by dotted name."""
    parts = ("", *PARTS, "continuous", *TIES)
    found = {flag.name.removeprefix(f"{kind}."): flag for flag in flags(of_agent(kind), kind)}
    return {name: flag for name, flag in found.items() if name.rpartition(".")[0] in parts}


def _first(experiment: Experiment, spec: WorldSpec | None) -> dict[str, dict[str, Any]]:
    """Knobs for the first kind: what it wants, how it adjusts its gradients, how it federates."""
    kind, settings = experiment.population[0].kind, experiment.population[0].settings
    numbers = spec is not None and isinstance(spec.actions, Box)
    own: dict[str, dict[str, Any]] = {}
    ties: dict[str, dict[str, dict[str, Any]]] = {part: {} for part in TIES}
    for name, flag in _kind_flags(kind).items():
        part, _, last = name.rpartition(".")
        label = words(last).lower()
        if part in TIES:
            ties[part][f"first.{name}"] = tied(flag, _at(settings, name), f"{kind}: {part} {label}")
        elif part != "continuous" or numbers:
            knob = control(flag, _at(settings, name), f"{kind}: {label}")
            own |= {f"first.{name}": knob} if knob else {}
    result = dict(list(own.items())[:MOST])
    for knobs in ties.values():
        result |= dict(sorted(knobs.items(), key=lambda knob: _rank(knob[0]))[:MOST])
    return result


def _rank(name: str) -> int:
    last = name.rpartition(".")[2]
    return SOONER.index(last) if last in SOONER else len(SOONER)


def _with_first(experiment: Experiment, knobs: dict[str, Any]) -> Experiment:
    first, *others = experiment.population
    found = _kind_flags(first.kind)
    settings = first.settings
    for knob, value in knobs.items():
        head, _, name = knob.partition(".")
        if head == "first":
            settings = put(settings, name, said(found[name], value))
    return replace(experiment, population=[replace(first, settings=settings), *others])


def _at(table: dict[str, Any], path: str) -> Any:
    for key in path.split("."):
        table = table[key]
    return table


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


def _mix(experiment: Experiment, spec: WorldSpec | None) -> dict[str, dict[str, Any]]:
    """Knobs for a second kind, unless the population is of more kinds than two."""
    shares = experiment.population
    if len(shares) > 2 or len({share.kind for share in shares}) < len(shares):
        return {}
    others = [name for name in AGENTS.names() if name != shares[0].kind]
    if spec is not None:
        others = [name for name in others if _welcome(name, experiment, spec)]
    if not others:
        return {}
    second = shares[1].kind if len(shares) == 2 else others[0]
    kind = {"type": "Select", "label": "Second kind", "value": second, "values": others}
    share = {"type": "SliderInt", "label": "Second kind, percent"}
    share["value"] = _percent(experiment)
    return {"second": kind, "percent": share | {"min": 0, "max": 100, "step": 1}}


def _welcome(kind: str, experiment: Experiment, spec: WorldSpec) -> bool:
    """Whether a kind can live in the world; the ledgers that it needs would be kept."""
    ledgers = of_ledgers(experiment.ledger, [*(s.kind for s in experiment.population), kind])
    try:
        AGENTS[kind].accepts(spec, kind, experiment.world["kind"], tuple(ledgers))
    except BadSetting:
        return False
    return True


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
    """Percent of the second kind at first."""
    several = len(experiment.population) > 1
    return round(100 * experiment.population[1].count / experiment.agents) if several else 0


def _scaled(shares: list[Share], agents: int) -> list[Share]:
    """The same proportions among another number of agents; the first take what is left over."""
    total = sum(share.count for share in shares)
    counts = [share.count * agents // total for share in shares]
    for place in range(agents - sum(counts)):
        counts[place] += 1
    parts = zip(shares, counts, strict=True)
    return [replace(share, count=count) for share, count in parts if count]
