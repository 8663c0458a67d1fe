"""The society on the page: a choice of pictures, each with its legend and a way to choose an agent."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

import networkx as nx
import numpy as np
import solara
from matplotlib.colors import to_rgb

from commonweal.analysis.arrows import LINKS
from commonweal.analysis.figures import PALETTE
from commonweal.analysis.sketches import KINDS, MEMBERSHIP, Sort
from commonweal.browser.canvas import Canvas
from commonweal.browser.keys import colours, legend, scale, sorts
from commonweal.browser.membership import NOBODY, federations, groups, membership
from commonweal.browser.sketch import Drawing
from commonweal.browser.stage import Stage
from commonweal.records import Layer, Sketch
from commonweal.worlds.base import World

PLACES = "world"
"""Name of the picture of a world that has places of its own."""


@dataclass(frozen=True)
class Shot:
    """A picture of the focus lane, as pixels or as a drawing, and its legend as HTML."""

    canvas: Canvas | Drawing
    picture: bytes | str
    key: str
    description: str


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


@solara.component_vue("sketch.vue")
def Plan(
    drawing: str,
    description: str,
    event_pick: Callable[[dict[str, float]], None],
) -> None:
    """A drawing that tells the same."""


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
    layers, sketch = world.layers(), world.sketch(world.state, world.focus)
    places = [] if sketch is None else [PLACES]
    views = [*places, *layers, *stage.webs, *stage.federations]
    name = next(n for n in (view.value, *places, "action", *layers) if n in views)
    if name in places:
        shot = _places(stage, world, sketch, chosen.value)
    elif name in stage.federations:
        shot = _federation(stage, world, name, chosen.value)
    elif name in stage.webs:
        shot = _ledger(stage, world, name, layers, chosen.value)
    else:
        shot = _layer(stage, world, name, layers, chosen.value)
    canvas = shot.canvas

    def pick(point: dict[str, float]) -> None:
        agent = canvas.agent_at(point["x"], point["y"])
        if agent is not None:
            chosen.value = agent

    with solara.Row(gap="12px", style="align-items: center; flex-wrap: wrap"):
        solara.ToggleButtonsSingle(name, on_value=view.set, values=views, dense=True)
        solara.HTML(unsafe_innerHTML=shot.key, classes=["legend"])
    if isinstance(canvas, Drawing):
        Plan(drawing=shot.picture, description=shot.description, event_pick=pick)
    else:
        Picture(
            source="data:image/png;base64," + base64.b64encode(shot.picture).decode(),
            description=shot.description,
            cells=canvas.cells,
            event_pick=pick,
        )


def _places(stage: Stage, world: World, sketch: Sketch, chosen: int | None) -> Shot:
    """Agents and things where they are."""
    names, _ = groups(world)
    inks, found = stage.inks.paint(sketch, names)
    drawn = Drawing(sketch)
    return Shot(drawn, drawn.svg(inks, chosen), sorts(found), "agents and things where they are")


def _layer(
    stage: Stage, world: World, name: str, layers: dict[str, Layer], chosen: int | None
) -> Shot:
    paints, key = _painted(world, name, layers)
    png = stage.canvas.paint(paints, chosen, _near(world, chosen))
    return Shot(stage.canvas, png, key, f"{name} of every agent")


def _ledger(
    stage: Stage, world: World, name: str, layers: dict[str, Layer], chosen: int | None
) -> Shot:
    """Acts of a ledger as arrows between agents, coloured by kind where there are several."""
    web, book = stage.webs[name], world.society.ledgers[name]
    paints, key = _painted(world, "kind" if "kind" in layers else next(iter(layers)), layers)
    links = book.graph(world.focus)
    png = web.weave(paints, links, book.arrows, chosen, _near(world, chosen))
    return Shot(web, png, key + scale(book.arrows), f"{name} between agents")


def _federation(stage: Stage, world: World, name: str, chosen: int | None) -> Shot:
    """Weights as arrows towards those who listen, everybody in the colour of its membership."""
    web, cohort = stage.federations[name], federations(world)[name]
    names = membership(world, [cohort])
    paints = 255 * np.array([to_rgb(MEMBERSHIP[name]) for name in names])
    found = [Sort(n, "disc", ink, names.count(n)) for n, ink in MEMBERSHIP.items() if n in names]
    graph = cohort.federation.graph(world.focus // world.lanes_each)
    many = sum(weight > 0 for *_, weight in graph.edges(data="weight"))
    if many > LINKS:
        key, graph = (
            f"<span>{many:,} weights, too many to be drawn</span>",
            nx.create_empty_copy(graph),
        )
    else:
        key = scale("weight") if cohort.federation.meetings else f"<span>{NOBODY}</span>"
    png = web.weave(paints, graph, "weight", chosen, _near(world, chosen), numbers=True)
    return Shot(web, png, sorts(found) + key, "who listens to whom in the federation")


def _painted(world: World, name: str, layers: dict[str, Layer]) -> tuple[np.ndarray, str]:
    """Colours of a layer in the focus lane, and its legend."""
    layer, palette = layers[name], KINDS if name == "kind" else PALETTE
    values = layer.values[world.focus].cpu().numpy()
    return colours(layer, values, palette), legend(layer, values, palette)


def _near(world: World, chosen: int | None) -> tuple[int, ...]:
    return () if chosen is None else tuple(world.graph[chosen])
