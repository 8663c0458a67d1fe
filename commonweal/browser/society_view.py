"""The society on its graph: a view of one layer or ledger, its legend, and a way to choose an agent."""

import base64
from collections.abc import Callable, Sequence
from html import escape

import numpy as np
import solara
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from commonweal.analysis.arrows import Sizes, opacity, outlines
from commonweal.analysis.figures import MAGNITUDE, PALETTE
from commonweal.browser.panels import KINDS
from commonweal.browser.stage import Stage
from commonweal.records import Layer


@solara.component_vue("picture.vue")
def Picture(
    source: str,
    description: str,
    cells: bool,
    event_pick: Callable[[dict[str, float]], None],
) -> None:
    """An image that tells where it was clicked, in shares of its width and height.

    The edges of ``cells`` stay sharp when the image is scaled.
    """


@solara.component
def SocietyView(
    stage: Stage,
    frame: int,
    view: solara.Reactive[str],
    chosen: solara.Reactive[int | None],
) -> None:
    """The picture of the focus lane; ``frame`` changes whenever it is to be drawn anew."""
    world = stage.world
    if world is None:
        return  # replaced by another thread
    layers, webs = world.layers(), stage.webs
    first = next(iter(layers))
    name = view.value if view.value in (*layers, *webs) else first
    web, shown = webs.get(name), name
    if web is not None:
        shown = "kind" if "kind" in layers else first
    layer, palette = layers[shown], KINDS if shown == "kind" else PALETTE
    values = layer.values[world.focus].cpu().numpy()
    near = tuple(world.graph[chosen.value]) if chosen.value is not None else ()
    paints = colours(layer, values, palette)
    key = legend(layer, values, palette)
    if web is None:
        canvas, description = stage.canvas, f"{name} of every agent"
        png = canvas.paint(paints, chosen.value, near)
    else:
        canvas, description = web, f"{name} between agents"
        book = world.society.ledgers[name]
        png = web.weave(paints, book.graph(world.focus), book.arrows, chosen.value, near)
        key += scale(book.arrows)

    def pick(point: dict[str, float]) -> None:
        agent = canvas.agent_at(point["x"], point["y"])
        if agent is not None:
            chosen.value = agent

    with solara.Row(gap="12px", style="align-items: center; flex-wrap: wrap"):
        solara.ToggleButtonsSingle(name, on_value=view.set, values=[*layers, *webs], dense=True)
        solara.HTML(unsafe_innerHTML=key, classes=["legend"])
    Picture(
        source="data:image/png;base64," + base64.b64encode(png).decode(),
        description=description,
        cells=canvas.cells,
        event_pick=pick,
    )


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
