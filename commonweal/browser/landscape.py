"""Two players with one number each on the surface of their rewards: every lane and its way."""

from html import escape

import numpy as np

from commonweal.browser.surface import HEIGHT, LEFT, SIDE, TOP, WIDTH, Surface, line
from commonweal.browser.trace import Trace
from commonweal.spaces import Box
from commonweal.worlds.base import World

LANES = 60
"""Most lanes whose way is drawn."""
REACH = 0.5
"""How far the map may grow beyond the window of the game on either side, in its widths."""
STEP = 0.1
"""By how much it grows at a time, in the same unit."""
EVERY = 10
"""Rounds between the dots on the way of the lane in focus."""
RIM = 10
"""Room around the plot for the dots of those who stand on its border."""


class Landscape:
    """The surface, worked out once per window, and a trace of each lane.

    It holds on to no world, which may be let go while a browser still shows its picture.
    """

    def __init__(self, world: World) -> None:
        """Look at the window of the game."""
        one, two = (escape(f"action {i} ({a.name})") for i, a in enumerate(world.people, start=1))
        self.names = one, two
        others = [lane for lane in range(world.lanes) if lane != world.focus]
        self.lanes = [world.focus, *others[: LANES - 1]]
        """lanes drawn, the one in focus first"""
        self.all_lanes = world.lanes
        self.trace = Trace()
        self.rewards: list[float] = []
        """of both players in the focus lane, after the first round"""
        box = world.spec.actions
        self.surface = Surface(world.spec.payoffs, (box.low, box.high), world.device)

    @staticmethod
    def fits(world: World) -> bool:
        """Whether a world can be drawn so: two players, one number each, known payoffs."""
        spec = world.spec
        one = isinstance(spec.actions, Box) and spec.actions.size == 1
        two = spec.payoffs is not None and world.neighbourhoods.agents == 2
        return one and two and "action" in world.layers()

    def note(self, world: World) -> None:
        """Add the round just played, and widen the map where a lane has left it."""
        joint = world.layers()["action"].values[self.lanes]
        self.rewards = world.spec.payoffs(joint[:1, :, None])[0].tolist()
        places = joint.cpu().numpy()
        self.trace.note(places, world.ended[self.lanes].cpu().numpy())
        window = widened(self.surface.window, places, world.spec.actions)
        if window != self.surface.window:
            self.surface = Surface(world.spec.payoffs, window, world.device)

    def ground(self, view: str) -> str:
        """What stays the same from round to round, as SVG."""
        return self.surface.draw(view, self.names)

    def ways(self) -> str:
        """The trace of every lane, its start and where it is now, as SVG over the ground."""
        surface, paths = self.surface, self.trace.paths()
        wide = SIDE + 2 * RIM
        inside = f"M{LEFT - RIM} {TOP - RIM}h{wide}v{wide}h-{wide}z"
        parts = [
            f'<svg class="plane" viewBox="0 0 {WIDTH} {HEIGHT}">',
            f'<clipPath id="plot"><path d="{inside}"/></clipPath><g clip-path="url(#plot)">',
        ]
        if len(paths):
            own, *others = surface.pixels(paths).transpose(1, 0, 2)
            if others:
                starts, ends = (np.stack([way[place] for way in others]) for place in (0, -1))
                parts += _cased("".join(map(line, others)), "way")
                parts += _cased(_dots(starts), "start") + _cased(_dots(ends), "now")
            parts += _cased(line(own), "own")
            marks = surface.pixels(self.trace.marks(EVERY))
            parts.append(f'<path d="{_dots(marks[:, 0]) if len(marks) else ""}" class="own mark"/>')
            parts += _circle(own[0], "from") + _circle(own[-1], "to")
        return "".join([*parts, "</g></svg>"])

    def told(self) -> str:
        """What is drawn, and where the lane in focus stands, in words; HTML."""
        focus, others = self.lanes[0] + 1, len(self.lanes) - 1
        words = f"Thick: lane {focus}, with a dot every {EVERY} rounds, from ○ to ●."
        if others:
            which = "the other" if self.all_lanes == others + 1 else f"{others} of the other"
            words += f" Thin: {which} {self.all_lanes - 1}."
        now = self.trace.now
        if now is None:
            return words
        (low, high), (one, two) = self.surface.window, now[0]
        gone = int(((now < low) | (now > high)).any(1).sum())
        if gone:
            words += f" {gone} of these lanes {'is' if gone == 1 else 'are'} beyond the map."
        paid = " and ".join(f"{reward:.3f}" for reward in self.rewards)
        words += f"<br>Lane {focus} at ({one:.3f}, {two:.3f}) earns {paid},"
        return f"{words} together {sum(self.rewards):.3f}."


def widened(window: tuple[float, float], places: np.ndarray, box: Box) -> tuple[float, float]:
    """A window that holds the places too, by steps, but does not follow them without end."""
    known = places[np.isfinite(places)]
    if not known.size:
        return window
    (low, high), width = window, box.high - box.low
    step, most = STEP * width, REACH * width
    least, greatest = float(known.min()), float(known.max())
    if least < low:
        low = box.low - min(most, step * float(np.ceil((box.low - least) / step)))
    if greatest > high:
        high = box.high + min(most, step * float(np.ceil((greatest - box.high) / step)))
    return low, high


def _cased(path: str, kind: str) -> list[str]:
    """A line that stands out from light and dark ground alike."""
    return [f'<path d="{path}" class="{kind}{under}"/>' for under in (" under", "")]


def _dots(points: np.ndarray) -> str:
    """Points [T, 2] as strokes of no length, whose round ends are dots."""
    known = points[np.isfinite(points).all(-1)]
    return "".join(f"M{x:.0f} {y:.0f}h0" for x, y in known.tolist())


def _circle(point: np.ndarray, kind: str) -> list[str]:
    if not np.isfinite(point).all():
        return []
    return [f'<circle cx="{point[0]:.0f}" cy="{point[1]:.0f}" r="9" class="own {kind}"/>']
