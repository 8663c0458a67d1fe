"""What holds in a world where the user says nothing: for an experiment, and for kinds of agents."""

from typing import Any

from commonweal.errors import BadSetting
from commonweal.simulation.kinds import usual_in

USUAL = {
    "agents": 100,
    "steps": 200_000,
    "lanes": 16,
    "replicates": 1,
    "record_every": 0,
    "network": "square_lattice",
}
"""What holds where neither the user nor the world says otherwise."""


def usual(world: str) -> dict[str, Any]:
    """Return what is usual in a world, by field of an experiment or dotted setting of a kind."""
    return USUAL | usual_in(world)


def with_usual(kind: str, table: dict[str, Any], custom: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a kind, and what is usual in the world where they say nothing."""
    for name, value in custom.items():
        head, _, path = name.partition(".")
        if head == kind and path and not _said(table, path):
            table = put(table, path, value)
    return table


def _said(table: Any, path: str) -> bool:
    head, _, rest = path.partition(".")
    if not isinstance(table, dict) or head not in table:
        return False
    return _said(table[head], rest) if rest else True


def put(table: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of a nested table with a value at a dotted path."""
    head, _, rest = path.partition(".")
    if rest:
        inner = table.get(head, {})
        if not isinstance(inner, dict):
            raise BadSetting(f"{head} = {inner!r} is not a table of settings")
        value = put(inner, rest, value)
    return table | {head: value}
