"""Draw indicators over time as small SVG charts, several times a second if need be."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from commonweal.analysis.figures import BLUE, GREEN, ORANGE, PALETTE, PURPLE
from commonweal.browser.history import History

WIDTH, HEIGHT = 480, 140
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 28, 18
"""Margins of the plot within the chart."""
OVERALL = "#888888"
KINDS = PALETTE[2:]
GAINS = ("reward", "utility")
SHARES, GAIN, OTHER = ("Cooperation", "Reputation"), "Reward and utility", "Structure"
"""Titles; the charts of shares span 0 to 1."""
_PARTS = {"_C": ("cooperators", BLUE), "_D": ("defectors", ORANGE)}


@dataclass(frozen=True)
class Line:
    """One indicator in one chart."""

    label: str
    colour: str
    points: list[tuple[int, float]]
    dashed: bool = False


def charts(history: History, tick: int) -> list[str]:
    """The charts of everything measured: cooperation, reputation, gain, and the rest."""
    names = history.names
    groups: dict[str, list[str]] = {title: [] for title in (*SHARES, GAIN, OTHER)}
    for name in names:
        base = _base(name)
        title = GAIN if base in GAINS else base.capitalize()
        groups[title if title in groups else OTHER].append(name)
    result = []
    for title, members in groups.items():
        lines = [_line(name, place, history) for place, name in enumerate(members)]
        if title == GAIN:
            parts = [line for line in lines if line.colour != OVERALL]
            lines = parts or lines
        fixed = (0.0, 1.0) if title in SHARES else None
        if lines or not names and title != OTHER:
            result.append(chart(title, lines, tick, fixed))
    return result


def _base(name: str) -> str:
    base = name.partition("/")[0]
    return base[:-2] if base[-2:] in _PARTS else base


def _line(name: str, place: int, history: History) -> Line:
    points = history.curve(name)
    base, _, kind = name.partition("/")
    if kind:
        return Line(kind, OVERALL if base in GAINS else KINDS[(place - 1) % len(KINDS)], points)
    if base[-2:] in _PARTS:
        label, colour = _PARTS[base[-2:]]
        if _base(base) in GAINS:
            label = f"{_base(base)} {base[-1]}"
        return Line(label, colour, points, dashed=_base(base) == "utility")
    if base in ("cooperation", "reputation"):
        return Line("all", BLUE if base == "cooperation" else OVERALL, points)
    if base in GAINS:
        return Line(base, OVERALL, points, dashed=base == "utility")
    return Line(base.replace("_", " "), (GREEN, PURPLE)[place % 2], points)


def chart(
    title: str, lines: list[Line], tick: int, fixed: tuple[float, float] | None = None
) -> str:
    """One chart as SVG text; the vertical axis spans ``fixed`` or what there is."""
    low, high = fixed or _span([y for line in lines for _, y in line.points])
    last = max(tick, 1)

    def across(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * x / last

    def up(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - low) / (high - low)

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{escape(title)}">',
        f'<text x="4" y="14" class="title">{escape(title)}</text>',
    ]
    for y in _ticks(low, high):
        parts.append(f'<path d="M{LEFT} {up(y):.1f}H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{up(y) + 3.5:.1f}" class="end">{y:g}</text>')
    for x, anchor in ((0, "start"), (last, "end")):
        parts.append(f'<text x="{across(x):.1f}" y="{HEIGHT - 6}" class="{anchor}">{x:,}</text>')
    parts.append(f'<text x="{across(last / 2):.1f}" y="{HEIGHT - 6}" class="middle">rounds</text>')
    for line in lines:
        dash = ' stroke-dasharray="4 3"' if line.dashed else ""
        path = _path(line.points, across, up)
        parts.append(f'<path d="{path}" class="line" stroke="{line.colour}"{dash}/>')
    return "".join([*parts, *_legend(lines), "</svg>"])


def _path(
    points: list[tuple[int, float]],
    across: Callable[[float], float],
    up: Callable[[float], float],
) -> str:
    """A line that is interrupted where there is no value."""
    words, pen = [], "M"
    for x, y in points:
        if math.isnan(y):
            pen = "M"
            continue
        words.append(f"{pen}{across(x):.1f} {up(y):.1f}")
        pen = "L"
    if len(words) == 1:
        words.append("h1")
    return "".join(words)


def _legend(lines: list[Line]) -> list[str]:
    """Labels at the right of the title, the last one at the border."""
    parts, x = [], float(WIDTH - RIGHT)
    for line in reversed(lines):
        x -= 5.6 * len(line.label)
        parts.append(f'<text x="{x:.1f}" y="14">{escape(line.label)}</text>')
        x -= 18
        dash = ' stroke-dasharray="4 3"' if line.dashed else ""
        parts.append(f'<path d="M{x:.1f} 10.5h14" class="line" stroke="{line.colour}"{dash}/>')
        x -= 10
    return parts


def _span(values: list[float]) -> tuple[float, float]:
    """Bounds with a little room; one unit where there is nothing to show."""
    known = [value for value in values if not math.isnan(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Two to five round numbers between the bounds."""
    most = (high - low) / 2
    power = 10 ** math.floor(math.log10(most))
    step = max(power * digit for digit in (1, 2, 5) if power * digit <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]
