"""Write nested tables as TOML; the standard library only reads it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from commonweal.errors import BadSetting


def dumps(table: dict[str, Any]) -> str:
    """Return ``table`` as TOML: plain values first, then tables, then lists of tables."""
    return "\n".join(_lines(table, ())).strip() + "\n"


def _lines(table: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    tables = {key: value for key, value in table.items() if _nested(value)}
    for key, value in table.items():
        if key not in tables:
            yield f"{_key(key)} = {_value(value, (*path, key))}"
    for key, value in tables.items():
        inner = (*path, key)
        name = ".".join(map(_key, inner))
        if isinstance(value, list):
            for entry in value:
                yield from ("", f"[[{name}]]", *_lines(entry, inner))
        else:
            # A table that holds only tables exists through them.
            if not value or not all(map(_nested, value.values())):
                yield from ("", f"[{name}]")
            yield from _lines(value, inner)


def _nested(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(entry, dict) for entry in value)
    return isinstance(value, dict)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(text: str) -> str:
    # JSON's escapes are TOML's, except that TOML also wants this one.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any, path: tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(entry, path) for entry in value)}]"
    raise BadSetting(f"{'.'.join(path)} = {value!r} cannot be written to a file")
