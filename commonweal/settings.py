"""Turn documented frozen dataclasses into tables and dotted flags, and back.

A default is written once, beside its help, its bounds and its source; files, flags, help
and the browser page are derived from it. A setting is true or false, a whole number, a
number, a text, a list of one of these, or a further group of settings.
"""

import math
import re
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache
from inspect import isclass
from numbers import Integral, Real
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from commonweal.errors import BadSetting, BrokenContract, UnknownName, known, nearest

_NOUNS = {
    bool: ("true or false", "true or false values"),
    int: ("a whole number", "whole numbers"),
    float: ("a finite number", "finite numbers"),
    str: ("a text", "texts"),
}
_TRUTH = {"true": True, "yes": True, "on": True, "1": True}
_TRUTH |= {"false": False, "no": False, "off": False, "0": False}


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
    source: str = "",
) -> Any:
    """Declare one setting of a `Settings` class.

    Args:
        default: its value unless given; for a group of settings its class or an instance.
        help: what it means, in a few words.
        low: smallest value allowed, of each entry in a list.
        high: largest value allowed, of each entry in a list.
        choices: the values allowed.
        source: where the default comes from.
    """
    about = {"help": help, "low": low, "high": high, "choices": choices, "source": source}
    metadata = types.MappingProxyType(about)
    if isclass(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: values are checked when the object is made."""

    def __post_init__(self) -> None:
        """Check types, bounds and choices of every setting, then `check`."""
        for item, kind in declared(type(self)):
            name = f"{type(self).__name__}.{item.name}"
            value = _checked(name, kind, getattr(self, item.name), item.metadata)
            object.__setattr__(self, item.name, value)
        self.check()

    def check(self) -> None:
        """Raise `BadSetting` where settings contradict one another; nothing by default."""


Config = TypeVar("Config", bound=Settings)


@dataclass(frozen=True)
class Flag:
    """One setting under its dotted name."""

    name: str
    kind: Any
    """bool, int, float, str or a tuple of these"""
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None
    source: str = ""


@cache
def declared(cls: type[Settings]) -> tuple[tuple[Field, Any], ...]:
    """Return each setting of a class with its type, in order."""
    hints = get_type_hints(cls)
    pairs = [(item, hints[item.name]) for item in fields(cls) if "help" in item.metadata]
    for item, kind in pairs:
        inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
        if inner not in _NOUNS and not _is_group(kind):
            raise BrokenContract(f"{cls.__name__}.{item.name}: settings cannot be of type {kind}")
    return tuple(pairs)


def from_table(cls: type[Config], table: dict[str, Any], where: str) -> Config:
    """Make settings from a nested table; ``where`` is its dotted place, for messages."""
    return _read(cls, None, table, where)


def to_table(config: Settings) -> dict[str, Any]:
    """Return settings as a nested table of plain values, lists in place of tuples."""
    table = {}
    for item, _ in declared(type(config)):
        value = getattr(config, item.name)
        if isinstance(value, Settings):
            value = to_table(value)
        table[item.name] = list(value) if isinstance(value, tuple) else value
    return table


def replace_at(config: Config, path: str, value: Any) -> Config:
    """Return a copy of ``config`` whose setting at the dotted ``path`` is ``value``."""
    head, _, rest = path.partition(".")
    kinds = {item.name: kind for item, kind in declared(type(config))}
    if head not in kinds or (rest and not _is_group(kinds[head])):
        names = [flag.name for flag in flags(type(config), "")]
        raise UnknownName(f"no setting {path!r} in {type(config).__name__}{known(path, names)}")
    if rest:
        value = replace_at(getattr(config, head), rest, value)
    return replace(config, **{head: value})


def flags(cls: type[Settings], prefix: str) -> list[Flag]:
    """Return all settings of a class, nested ones too, under ``prefix`` and a dot."""
    return list(_flags(cls, None, prefix))


def parse_value(flag: Flag, text: str) -> Any:
    """Read the value of a flag from text; lists are written with commas, ``32,32``."""
    if get_origin(flag.kind) is tuple:
        inner = get_args(flag.kind)[0]
        return tuple(_parsed(flag, inner, part.strip()) for part in text.split(",") if part.strip())
    return _parsed(flag, flag.kind, text)


def bounds(low: float | None, high: float | None) -> str:
    """Write bounds as an interval, or nothing when there are none."""
    if low is None and high is None:
        return ""
    left = "(-inf" if low is None else f"[{low}"
    return f"{left}, {'inf)' if high is None else f'{high}]'}"


def _is_group(kind: Any) -> bool:
    return isclass(kind) and issubclass(kind, Settings)


def _default(cls: type[Settings], name: str) -> Any:
    item = next(item for item, _ in declared(cls) if item.name == name)
    return item.default if item.default is not MISSING else item.default_factory()


def _read(cls: type[Config], base: Config | None, table: Any, where: str) -> Config:
    """Make settings from a table; what it leaves out is as in ``base``, or the default."""
    if not isinstance(table, dict):
        raise BadSetting(f"{where} = {table!r} is not a table of settings")
    kinds = {item.name: kind for item, kind in declared(cls)}
    values = {}
    for key, value in table.items():
        place = f"{where}.{key}" if where else key
        if key not in kinds:
            raise UnknownName(f"no setting {place!r}{known(key, kinds)}")
        if _is_group(kinds[key]):
            group = _default(cls, key) if base is None else getattr(base, key)
            value = _read(kinds[key], group, value, place)
        values[key] = value
    try:
        return cls(**values) if base is None else replace(base, **values)
    except BadSetting as error:
        raise BadSetting(f"{where}: {error}" if where else str(error)) from None


def _flags(cls: type[Settings], group: Settings | None, prefix: str) -> Iterator[Flag]:
    for item, kind in declared(cls):
        name = f"{prefix}.{item.name}" if prefix else item.name
        value = _default(cls, item.name) if group is None else getattr(group, item.name)
        if _is_group(kind):
            yield from _flags(kind, value, name)
        else:
            yield Flag(name, kind, value, **item.metadata)


def _parsed(flag: Flag, kind: type, text: str) -> Any:
    try:
        if kind is bool:
            return _TRUTH[text.lower()]
        if kind is int and re.fullmatch(r"\d+e\d", text):  # 2e5 steps
            return int(float(text))
        return kind(text)
    except (KeyError, ValueError):
        raise BadSetting(f"{flag.name} = {text!r} is not {_NOUNS[kind][0]}") from None


def _checked(name: str, kind: Any, value: Any, about: Any) -> Any:
    """Return ``value`` as an object of exactly ``kind``, or raise `BadSetting`."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if not isinstance(value, list | tuple):
            raise BadSetting(f"{name} = {value!r} is not a list of {_NOUNS[inner[0]][1]}")
        if inner[-1] is not ... and len(value) != len(inner):
            raise BadSetting(f"{name} = {value!r} must have {len(inner)} entries")
        return tuple(_checked(name, inner[0], entry, about) for entry in value)
    if _is_group(kind):
        if not isinstance(value, kind):
            raise BadSetting(f"{name} = {value!r} is not a {kind.__name__}")
        return value
    value = _converted(name, kind, value)
    low, high, choices = about["low"], about["high"], about["choices"]
    if (low is not None and value < low) or (high is not None and value > high):
        raise BadSetting(f"{name} = {value!r} lies outside {bounds(low, high)}")
    if choices is not None and value not in choices:
        allowed = ", ".join(repr(choice) for choice in choices)
        hint = nearest(str(value), map(str, choices))
        raise BadSetting(f"{name} = {value!r} is not one of {allowed}{hint}")
    return value


def _converted(name: str, kind: type, value: Any) -> Any:
    # True is a whole number to Python, and a mistake here.
    accepted = {int: Integral, float: Real}.get(kind, kind)
    if isinstance(value, accepted) and (kind is bool or not isinstance(value, bool)):
        try:
            value = kind(value)
        except OverflowError:
            value = math.inf
        if kind is not float or math.isfinite(value):
            return value
    raise BadSetting(f"{name} = {value!r} is not {_NOUNS[kind][0]}")
