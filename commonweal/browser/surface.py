"""The rewards of two players with one number each, as a map over the plane of both actions."""

import base64
import io
from collections.abc import Callable
from math import floor, log10

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from commonweal.analysis.figures import MAGNITUDE
from commonweal.browser.charts import ticks

CELLS = 121
"""Cells of the map along each axis."""
VIEWS = ("collective", "player 1", "player 2")
SHARES = np.linspace(0, 1, 7)
"""Shares of the map below the numbers of the key; contours pass through those between."""
WIDTH, HEIGHT, SIDE, LEFT, TOP = 1040, 884, 800, 78, 14
"""The drawing and the square plot in it; a whole number is less than a pixel of the page."""
MISSING = 217
"""Grey of cells that pay no finite reward."""


class Surface:
    """What each pair of actions in a window pays: both together, and either player.

    Args:
        payoffs: rewards [..., 2] of joint actions [..., 2, 1]; called once, and not kept.
        window: least and greatest action drawn.
        device: where the game lives.
    """

    def __init__(
        self,
        payoffs: Callable[[Tensor], Tensor],
        window: tuple[float, float],
        device: torch.device | str = "cpu",
    ) -> None:
        rewards = sampled(payoffs, window, device)
        self.window = window
        self.values = dict(zip(VIEWS, (rewards.sum(0), *rewards), strict=True))
        self._drawn: dict[str, str] = {}

    def draw(self, view: str, names: tuple[str, str]) -> str:
        """Map, axes and key as SVG, drawn once for each view; ``names`` are those of the axes."""
        if view not in self._drawn:
            values = self.values[view]
            parts = [*self._map(values), *self._axes(names), *_key(values)]
            text = "".join(parts)
            self._drawn[view] = f'<svg class="plane" viewBox="0 0 {WIDTH} {HEIGHT}">{text}</svg>'
        return self._drawn[view]

    def pixels(self, places: np.ndarray) -> np.ndarray:
        """Points of the drawing [..., 2] for joint actions [..., 2]; nan far from the window."""
        low, high = self.window
        share = (places - low) / (high - low)
        share = np.where((np.abs(share - 0.5) < 1.5).all(-1, keepdims=True), share, np.nan)
        return np.stack([LEFT + SIDE * share[..., 0], TOP + SIDE * (1 - share[..., 1])], -1)

    def _map(self, values: np.ndarray) -> list[str]:
        picture = _png(colours(values)[::-1])
        return [
            _image(picture, LEFT, TOP, SIDE, SIDE),
            f'<path d="{contours(values)}" class="contour"/>',
        ]

    def _axes(self, names: tuple[str, str]) -> list[str]:
        bottom, middle = TOP + SIDE, TOP + SIDE / 2
        turn = f'transform="rotate(-90 20 {middle})"'
        parts = [
            f'<path d="M{LEFT} {TOP}V{bottom}h{SIDE}" class="axis"/>',
            f'<text x="{LEFT + SIDE / 2}" y="{HEIGHT - 8}" class="middle">{names[0]}</text>',
            f'<text x="20" y="{middle}" class="middle" {turn}>{names[1]}</text>',
        ]
        for value in ticks(*self.window):
            x, y = self.pixels(np.array([value, value]))
            parts.append(f'<path d="M{x:.0f} {bottom}v8M{LEFT} {y:.0f}h-8" class="axis"/>')
            parts.append(f'<text x="{x:.0f}" y="{bottom + 30}" class="middle">{value:g}</text>')
            parts.append(f'<text x="{LEFT - 13}" y="{y + 8:.0f}" class="end">{value:g}</text>')
        return parts


def sampled(
    payoffs: Callable[[Tensor], Tensor],
    window: tuple[float, float],
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Rewards [2, CELLS, CELLS] of both players: rows by action 2, columns by action 1, ascending.

    Each cell shows its middle, so that the cells fill the window.
    """
    low, high = window
    axis = low + (high - low) * (torch.arange(CELLS, device=device) + 0.5) / CELLS
    two, one = torch.meshgrid(axis, axis, indexing="ij")
    joint = torch.stack((one, two), -1).flatten(0, 1).unsqueeze(-1)
    with torch.no_grad():
        rewards = payoffs(joint)
    return rewards.double().T.reshape(2, CELLS, CELLS).cpu().numpy()


def colours(values: np.ndarray) -> np.ndarray:
    """Colours [..., 3] by rank: every colour covers as much of the map as any other.

    One far corner of an unbounded game would otherwise take all colours for itself.
    """
    finite = np.isfinite(values)
    known = np.sort(values[finite])
    below = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right") - 1
    picture = _ramp(below / max(2 * len(known) - 2, 1))
    picture[~finite] = MISSING
    return picture


def contours(values: np.ndarray) -> str:
    """Lines along which the reward is one of the numbers of the key, as an SVG path."""
    known = values[np.isfinite(values)]
    if not known.size or np.ptp(known) == 0:
        return ""
    place = (np.arange(CELLS) + 0.5) / CELLS * SIDE
    levels = np.unique(np.quantile(known, SHARES[1:-1]))
    axes, clean = Figure().add_subplot(), np.ma.masked_invalid(values)
    drawn = axes.contour(LEFT + place, TOP + SIDE - place, clean, levels)
    return "".join(line(piece) for level in drawn.allsegs for piece in level if len(piece) > 1)


def line(points: np.ndarray) -> str:
    """A path through points [T, 2], for SVG; what falls on one pixel is drawn once."""
    whole = np.rint(points[np.isfinite(points).all(-1)]).astype(int)
    moved = np.append(True, (whole[1:] != whole[:-1]).any(-1))[: len(whole)]
    words = [f"{x} {y}" for x, y in whole[moved].tolist()]
    return "M" + "L".join(words) + ("h0" if len(words) == 1 else "") if words else ""


def _key(values: np.ndarray) -> list[str]:
    """A bar of all colours, and the rewards that they stand for."""
    x, known = LEFT + SIDE + 24, values[np.isfinite(values)]
    bar = _png(_ramp(np.linspace(1, 0, 200)[:, None]))
    parts = [_image(bar, x, TOP, 26, SIDE), f'<text x="{x}" y="{HEIGHT - 8}">reward</text>']
    for share in SHARES if known.size else ():
        y = TOP + SIDE * (1 - share)
        parts.append(f'<path d="M{x + 26} {y:.0f}h7" class="axis"/>')
        number = _brief(np.quantile(known, share), np.ptp(known))
        parts.append(f'<text x="{x + 38}" y="{max(y + 8, TOP + 16):.0f}">{number}</text>')
    return parts


def _brief(value: float, span: float) -> str:
    """A number as exactly as it matters among numbers that span so much."""
    return f"{round(value, 2 - floor(log10(span))) + 0.0 if span else value:g}"


def _ramp(share: np.ndarray) -> np.ndarray:
    return (255 * colormaps[MAGNITUDE](share)[..., :3]).round().astype(np.uint8)


def _png(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _image(source: str, x: float, y: float, width: float, height: float) -> str:
    place = f'x="{x}" y="{y}" width="{width}" height="{height}"'
    return f'<image {place} preserveAspectRatio="none" href="{source}"/>'
