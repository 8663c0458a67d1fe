"""One setting as a control of Mesa's page, by its type and bounds, and what the control says."""

from math import ceil, floor
from typing import Any

from commonweal.settings import Flag, parse_value

WIDE = 10.0
"""Widest interval that a slider spans from bound to bound; numbers in wider ones are typed."""
FEW = 20
"""Longest range of whole numbers that gets a slider."""


def control(flag: Flag, value: Any, label: str) -> dict[str, Any] | None:
    """Mesa's description of a control for a setting at a value; None for settings that get none."""
    shown = {"label": label, "value": value}
    bounds = None if None in (flag.low, flag.high) else (flag.low, flag.high)
    if flag.choices:
        return {"type": "Select", "values": list(flag.choices)} | shown
    if flag.kind is bool:
        return {"type": "Checkbox"} | shown
    if flag.kind is int and bounds and bounds[1] - bounds[0] <= FEW:
        low, high = map(int, bounds)
        return {"type": "SliderInt", "min": low, "max": high, "step": 1} | shown
    fine = flag.kind is float and round(value, 2) != value
    if flag.kind is float and bounds and bounds[1] - bounds[0] <= WIDE and not fine:
        low, high = map(float, bounds)
        return {"type": "SliderFloat", "min": low, "max": high, "step": 0.01} | shown
    if flag.kind is float:
        return {"type": "InputText"} | shown | {"value": short(value)}
    return None


def tied(flag: Flag, value: Any, label: str) -> dict[str, Any]:
    """The same for a setting of a federation; whatever gets no other control is typed."""
    text = ",".join(map(str, value)) if isinstance(value, list) else short(value)
    return control(flag, value, label) or {"type": "InputText", "label": label, "value": text}


def near(flag: Flag, value: float, label: str) -> dict[str, Any]:
    """A slider over as much as the value itself on either side, and one at least."""
    reach = max(1.0, abs(value))
    low = value - reach if flag.low is None else max(flag.low, value - reach)
    high = value + reach if flag.high is None else min(flag.high, value + reach)
    return {
        "type": "SliderFloat",
        "label": label,
        "value": float(value),
        "min": ceil(low * 100 - 1e-6) / 100,
        "max": floor(high * 100 + 1e-6) / 100,
        "step": 0.01,
    }


def said(flag: Flag, value: Any) -> Any:
    """The setting that a control stands at; text where it was typed in."""
    typed = isinstance(value, str) and flag.kind is not str
    return parse_value(flag, value) if typed else value


def short(value: Any) -> str:
    """A value in the fewest characters that say it exactly."""
    brief = f"{value:g}" if isinstance(value, float) else str(value)
    return brief if not isinstance(value, float) or float(brief) == value else repr(value)


def words(name: str) -> str:
    """A name as people write it."""
    return name.replace("_", " ").capitalize()
