"""A world with places of its own, drawn as SVG: agents and things where they are."""

from collections.abc import Sequence

from matplotlib.colors import to_rgb

from commonweal.records import Mark, Sketch

SIDE = 560
"""Longer side of the drawing; a unit is about a pixel of the page."""
MARGIN = 14
"""Room around the drawing for those who stand on its border."""
LEGIBLE = 26
"""Smallest disc that holds a number; beside smaller ones it stands to the right."""
NUMBERED = 30
"""Most agents whose numbers are written."""
REACH = 12
"""How far from the rim of an agent a click still means it."""


class Drawing:
    """How one sketch lies on the page."""

    def __init__(self, sketch: Sketch) -> None:
        """Take the measures."""
        self.sketch = sketch
        self.scale = SIDE / max(sketch.width, sketch.height)
        self.agents = [mark for mark in sketch.marks if mark.agent >= 0]
        self.width = sketch.width * self.scale + 2 * MARGIN
        self.height = sketch.height * self.scale + 2 * MARGIN

    def svg(self, inks: Sequence[str], chosen: int | None = None) -> str:
        """The marks in their ``inks``, with a ring around the agent that is chosen."""
        parts = [
            f'<svg class="sketch" viewBox="0 0 {self.width:.0f} {self.height:.0f}">',
            *self._ground(),
        ]
        for mark, ink in zip(self.sketch.marks, inks, strict=True):
            parts.append(self._shape(mark, f'fill="{ink}" class="{_kind(mark)}"'))
        # Numbers come last, so that nobody stands on them.
        if len(self.agents) <= NUMBERED:
            for mark, ink in zip(self.sketch.marks, inks, strict=True):
                parts += self._number(mark, ink)
        for mark in self.agents:
            if mark.agent == chosen:
                parts.append(self._ring(mark))
        return "".join([*parts, "</svg>"])

    def agent_at(self, x: float, y: float) -> int | None:
        """The agent at a point given in shares of width and height, or the nearest close by."""
        across, down = x * self.width, y * self.height
        found = [(self._beyond(mark, across, down), mark.agent) for mark in reversed(self.agents)]
        distance, agent = min(found, default=(REACH, -1), key=lambda pair: pair[0])
        return agent if distance < REACH else None

    def _beyond(self, mark: Mark, across: float, down: float) -> float:
        """How far a point lies beyond the rim of a mark; one inside counts as at the middle."""
        x, y, size = self._place(mark)
        distance = ((across - x) ** 2 + (down - y) ** 2) ** 0.5
        return distance / (size / 2) - 1 if distance <= size / 2 else distance - size / 2

    def _place(self, mark: Mark) -> tuple[float, float, float]:
        """Centre and diameter."""
        x, y = MARGIN + mark.x * self.scale, MARGIN + mark.y * self.scale
        return x, y, mark.size * self.scale

    def _ground(self) -> list[str]:
        wide, high = self.width - 2 * MARGIN, self.height - 2 * MARGIN
        box = f'x="{MARGIN}" y="{MARGIN}" width="{wide:.1f}" height="{high:.1f}"'
        parts = [f'<rect {box} class="ground"/>']
        if self.sketch.cells:
            down = [MARGIN + i * self.scale for i in range(1, round(self.sketch.width))]
            across = [MARGIN + i * self.scale for i in range(1, round(self.sketch.height))]
            lines = [f"M{x:.1f} {MARGIN}v{high:.1f}" for x in down]
            lines += [f"M{MARGIN} {y:.1f}h{wide:.1f}" for y in across]
            parts.append(f'<path d="{"".join(lines)}" class="cell"/>')
        return parts

    def _shape(self, mark: Mark, pen: str) -> str:
        x, y, size = self._place(mark)
        half = size / 2
        if mark.shape == "disc":
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{half:.1f}" {pen}/>'
        if mark.shape == "square":
            corner = f'x="{x - half:.1f}" y="{y - half:.1f}"'
            return f'<rect {corner} width="{size:.1f}" height="{size:.1f}" {pen}/>'
        way = f"M{x:.1f} {y - half:.1f}l{half:.1f} {half:.1f}l-{half:.1f} {half:.1f}"
        return f'<path d="{way}l-{half:.1f} -{half:.1f}z" {pen}/>'

    def _number(self, mark: Mark, ink: str) -> list[str]:
        if mark.agent < 0:
            return []
        x, y, size = self._place(mark)
        if size < LEGIBLE:
            aside = size / 2 + 3
            over = x + aside > self.width - MARGIN
            where = f'x="{x - aside:.1f}" class="end"' if over else f'x="{x + aside:.1f}"'
            # Letters stand on the line, a third of their height above their middle.
            return [f'<text {where} y="{y + 4.5:.1f}">{mark.agent}</text>']
        height = min(0.55 * size, 20)
        fill = "#fff" if _dark(ink) else "#000"
        # A rim in the colour of the agent, for a thing may lie on it.
        style = f'font-size="{height:.1f}" fill="{fill}" stroke="{ink}" class="number"'
        return [f'<text x="{x:.1f}" y="{y + 0.36 * height:.1f}" {style}>{mark.agent}</text>']

    def _ring(self, mark: Mark) -> str:
        x, y, size = self._place(mark)
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size / 2 + 4:.1f}" class="ring"/>'


def _kind(mark: Mark) -> str:
    return "thing" if mark.agent < 0 else "agent"


def _dark(ink: str) -> bool:
    """Whether white is easier to read on a colour than black (W3C relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(ink)]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179
