"""What colours and widths in pictures mean: colours of a layer, and the legends beside it."""

from collections.abc import Sequence
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from commonweal.analysis.arrows import Sizes, opacity, outlines
from commonweal.analysis.figures import MAGNITUDE, PALETTE
from commonweal.analysis.sketches import Sort
from commonweal.records import Layer


def colours(layer: Layer, values: np.ndarray, palette: Sequence[str] = PALETTE) -> np.ndarray:
    """Colour of every agent, [N, 3] in [0, 255]."""
    if layer.labels:
        table = [to_rgb(palette[i % len(palette)]) for i in range(len(layer.labels))]
        return 255 * np.array(table)[values.astype(int)]
    share = (values - layer.low) / (layer.high - layer.low)
    return 255 * colormaps[MAGNITUDE](share.clip(0, 1))[:, :3]


def legend(layer: Layer, values: np.ndarray, palette: Sequence[str] = PALETTE) -> str:
    """What the colours mean, and how many agents have each; HTML."""
    if layer.labels:
        counts = np.bincount(values.astype(int), minlength=len(layer.labels))
        return "".join(
            f'<span><i style="background:{palette[i % len(palette)]}"></i>'
            f"{escape(label)} <small>{counts[i]}</small></span>"
            for i, label in enumerate(layer.labels)
        )
    stops = ", ".join(
        "rgb({:.0f} {:.0f} {:.0f})".format(*(255 * np.array(colormaps[MAGNITUDE](share)[:3])))
        for share in np.linspace(0, 1, 6)
    )
    bar = f'<b style="background:linear-gradient(90deg, {stops})"></b>'
    return f"<span>{layer.low:.3g}{bar}{layer.high:.3g}</span>"


def scale(weight: str, samples: Sequence[float] = (0.1, 0.5, 1.0)) -> str:
    """Which ``weight`` the arrows of a picture have, by samples; HTML."""
    text = f"<span>{escape(weight)}</span>"
    length, size = 26.0, Sizes(radius=0.0, width=7.0)
    for sample in samples:
        one = np.array([sample])
        (shape,) = outlines(np.zeros((1, 2)), np.array([[length, 0.0]]), one, size)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape)
        text += (
            f'<span><svg width="{length:g}" height="12" viewBox="0 0 {length:g} 12">'
            f'<polygon points="{points}" fill="currentColor" opacity="{opacity(one)[0]:.2f}"/>'
            f"</svg> <small>{sample:g}</small></span>"
        )
    return text


def sorts(found: Sequence[Sort]) -> str:
    """Which marks there are, and how many of each; HTML."""
    return "".join(
        f'<span><i class="{sort.shape}" style="background:{sort.ink}"></i>'
        f"{escape(sort.name)} <small>{sort.many}</small></span>"
        for sort in found
    )
