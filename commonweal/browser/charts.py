"""Draw indicators over time as small SVG charts, several times a second if need be."""

import math
from collections.abc import Callable
from html import escape

from commonweal.analysis.figures import BLACK
from commonweal.browser.history import History
from commonweal.browser.panels import Line, panels

WIDTH, HEIGHT = 480, 140
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 28, 18
"""Margins of the plot within the chart."""
ROW = 14
"""Height of one more row of labels."""


def charts(history: History, tick: int) -> list[str]:
    """The charts of everything measured, grouped by what can share an axis."""
    return [chart(panel.title, panel.lines, tick, panel.fixed) for panel in panels(history)]


def chart(
    title: str, lines: list[Line], tick: int, fixed: tuple[float, float] | None = None
) -> str:
    """One chart as SVG text; the vertical axis spans ``fixed`` or what there is.

    Beyond fixed bounds a line runs along the border.
    """
    low, high = fixed or _span([y for line in lines for _, y in line.points])
    last = max(tick, 1)
    labels = _labels(title, lines)
    top = TOP + ROW * (len(labels) - 1)
    height = HEIGHT + top - TOP

    def across(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * x / last

    def up(y: float) -> float:
        share = (min(max(y, low), high) - low) / (high - low)
        return height - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" aria-label="{escape(title)}">',
        f'<text x="4" y="14" class="title">{escape(title)}</text>',
    ]
    for y in ticks(low, high):
        parts.append(f'<path d="M{LEFT} {up(y):.1f}H{WIDTH - RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{up(y) + 3.5:.1f}" class="end">{y:g}</text>')
    for x, anchor in ((0, "start"), (last, "end")):
        parts.append(f'<text x="{across(x):.1f}" y="{height - 6}" class="{anchor}">{x:,}</text>')
    parts.append(f'<text x="{across(last / 2):.1f}" y="{height - 6}" class="middle">rounds</text>')
    for line in lines:
        path = _path(line.points, across, up)
        dot = ' style="stroke-width:5"' if path.count(" ") == 1 else ""
        parts.append(f'<path d="{path}" {_pen(line)}{dot}/>')
    if not any(math.isfinite(y) for line in lines for _, y in line.points):
        middle = f'x="{across(last / 2):.1f}" y="{(top + height - BOTTOM) / 2:.1f}" class="middle"'
        parts.append(f"<text {middle}>nothing yet</text>")
    for row, some in enumerate(labels):
        parts += _legend(some, 14 + ROW * row)
    return "".join([*parts, "</svg>"])


def _pen(line: Line) -> str:
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    colour = "currentColor" if line.colour == BLACK else line.colour
    return f'class="line" stroke="{colour}"{dash}'


def _path(
    points: list[tuple[int, float]],
    across: Callable[[float], float],
    up: Callable[[float], float],
) -> str:
    """A line that is interrupted where there is no value."""
    words, pen = [], "M"
    for x, y in points:
        if not math.isfinite(y):
            pen = "M"
            continue
        words.append(f"{pen}{across(x):.1f} {up(y):.1f}")
        pen = "L"
    if len(words) == 1:
        words.append("h0")
    return "".join(words)


def _labels(title: str, lines: list[Line]) -> list[list[Line]]:
    """Lines by the rows in which their labels have room, the first one beside the title."""
    rows: list[list[Line]] = [[]]
    room = WIDTH - RIGHT - 9.2 * len(title)
    for line in lines:
        room -= _width(line)
        if room < 0:
            rows.append([])
            room = WIDTH - RIGHT - _width(line)
        rows[-1].append(line)
    return rows


def _width(line: Line) -> float:
    return 5.6 * len(line.label) + 28


def _legend(lines: list[Line], y: float) -> list[str]:
    """One row of labels, the last one at the border."""
    parts, x = [], float(WIDTH - RIGHT)
    for line in reversed(lines):
        x -= _width(line)
        parts.append(f'<text x="{x + 28:.1f}" y="{y}">{escape(line.label)}</text>')
        parts.append(f'<path d="M{x + 10:.1f} {y - 3.5}h14" {_pen(line)}/>')
    return parts


def _span(values: list[float]) -> tuple[float, float]:
    """Bounds with a little room; one unit where there is nothing to show.

    What changes by much less than a hundredth is not blown up to the height of the chart.
    """
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    room = max(0.05 * (high - low), 0.01 * max(-low, high)) if low < high else 0.5
    return low - room, high + room


def ticks(low: float, high: float) -> list[float]:
    """Two to five round numbers between the bounds."""
    most = (high - low) / 2
    power = 10 ** math.floor(math.log10(most))
    step = max(power * digit for digit in (1, 2, 5) if power * digit <= most)
    first = math.ceil(low / step - 1e-9)
    digits = 10 - math.floor(math.log10(step))
    return [round(i * step, digits) + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]
