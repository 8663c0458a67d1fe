"""Be the page: Mesa's controls and knobs, the society, its charts, and one agent at a time."""

import solara
from mesa.visualization import SolaraViz
from mesa.visualization.utils import update_counter

from commonweal.browser.agent_view import AgentView
from commonweal.browser.charts import charts
from commonweal.browser.knobs import knobs
from commonweal.browser.landscape_view import LandscapeView
from commonweal.browser.society_view import SocietyView
from commonweal.browser.stage import Session, Stage
from commonweal.browser.surface import VIEWS
from commonweal.simulation.experiment import Experiment, resolve

INTERVAL = 1
"""Milliseconds between frames of Play at first; a place on Mesa's slider."""
COLUMN, PICTURE = 6, 4
"""Least charts beside a tall picture, others come below it; and charts that are as high as it."""
STYLE = """
/* Mesa lays components out in a grid of boxes of fixed size; ours is one box as wide as can be. */
.vue-grid-layout { height: auto !important; }
.vue-grid-item { position: static !important; transform: none !important;
  width: 100% !important; height: auto !important; touch-action: auto !important; }
main .v-tabs, .vue-grid-item > .vue-resizable-handle { display: none; }
.v-slider__thumb-label-container { display: block !important; }
.v-application .v-slider__thumb-label.primary { background: none !important; color: inherit;
  height: auto !important; width: auto !important; transform: translate(-50%, -1px) !important; }
.v-slider__thumb-label > div { transform: none !important; }
.commonweal { display: grid; gap: 4px 20px; padding: 0 8px; max-width: 1500px;
  grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); }
.commonweal > .wide { grid-column: 1 / -1; }
.commonweal img.society { width: 100%; max-width: 640px; cursor: pointer; display: block; }
.commonweal img.cells { image-rendering: pixelated; }
.commonweal .place { width: 100%; max-width: 640px; cursor: pointer; }
.commonweal .place svg { width: 100%; display: block; overflow: visible; font-size: 13px; fill: currentColor;
  pointer-events: none; user-select: none; }
.commonweal .sketch .ground { fill: #8881; stroke: currentColor; stroke-opacity: 0.4; }
.commonweal .sketch .cell { stroke: currentColor; opacity: 0.15; fill: none; }
.commonweal .sketch .agent { stroke: currentColor; stroke-width: 1.5; fill-opacity: 0.85; }
.commonweal .sketch .number { font-weight: 600; text-anchor: middle; paint-order: stroke;
  stroke-width: 3; }
.commonweal .sketch .ring { fill: none; stroke: #D81B60; stroke-width: 3.5; }
.commonweal .v-item-group { flex-wrap: wrap; }
.commonweal .setting { color: #777; font-size: 13px; padding: 4px 0 12px; }
.commonweal .legend { font-size: 14px; }
.commonweal .legend span { margin-right: 14px; white-space: nowrap; }
.commonweal .legend i { display: inline-block; width: 12px; height: 12px; margin-right: 5px; }
.commonweal .legend i.disc { border-radius: 50%; }
.commonweal .legend i.diamond { transform: rotate(45deg) scale(0.8); }
.commonweal .legend b { display: inline-block; width: 120px; height: 10px; margin: 0 6px; }
.commonweal .landscape { position: relative; max-width: 640px; }
.commonweal .landscape .ways { position: absolute; inset: 0; pointer-events: none; }
.commonweal svg.plane { width: 100%; display: block; font-size: 25px; fill: currentColor; }
.commonweal .plane .axis { stroke: currentColor; stroke-width: 2; fill: none; }
.commonweal .plane .contour { stroke: #fff; stroke-width: 1.5; opacity: 0.35; fill: none; }
.commonweal .plane .way, .commonweal .plane .own { fill: none; stroke-linecap: round;
  stroke-linejoin: round; stroke: #fff; stroke-width: 2.5; }
.commonweal .plane .start, .commonweal .plane .now { stroke: #fff; stroke-linecap: round; }
.commonweal .plane .way.under { stroke: #000; stroke-width: 5; opacity: 0.4; }
.commonweal .plane .start { stroke-width: 5; }
.commonweal .plane .start.under { stroke: #000; stroke-width: 9; opacity: 0.6; }
.commonweal .plane .now { stroke-width: 10; }
.commonweal .plane .now.under { stroke: #000; stroke-width: 14; }
.commonweal .plane .own { stroke: #D81B60; stroke-width: 6; }
.commonweal .plane .own.under { stroke: #fff; stroke-width: 11; }
.commonweal .plane .own.mark { stroke: #fff; stroke-width: 7; }
.commonweal .plane .own.from { fill: #fff; stroke-width: 5; }
.commonweal .plane .own.to { fill: #D81B60; stroke: #fff; stroke-width: 3; }
.commonweal svg.chart { width: 100%; display: block; font-size: 11px; fill: currentColor; }
.commonweal svg .title { font-size: 13px; font-weight: 600; }
.commonweal svg .grid { stroke: currentColor; opacity: 0.15; }
.commonweal svg .line { fill: none; stroke-width: 1.6; stroke-linecap: round; }
.commonweal svg .end { text-anchor: end; }
.commonweal svg .middle { text-anchor: middle; }
.commonweal .chooser { align-items: center; }
.commonweal .chooser > :first-child { max-width: 180px; }
.commonweal .agent { display: flex; flex-wrap: wrap; gap: 8px 48px; font-size: 14px; }
.commonweal .agent h3 { font-size: 15px; }
.commonweal .agent th { text-align: left; font-weight: 500; opacity: 0.65; }
.commonweal .agent th, .commonweal .agent td { padding: 1px 18px 1px 0; }
.commonweal .agent em { font-style: normal; font-weight: 600; }
.commonweal .agent em.good { color: #0072B2; }
.commonweal .agent em.bad { color: #D55E00; }
.commonweal .agent u { display: inline-block; width: 90px; height: 9px; background: #8883; }
.commonweal .agent s { display: block; height: 100%; background: #0072B2; }
"""

_shown: list[Experiment] = []


def show(experiment: Experiment) -> None:
    """Let every page opened from now on begin with this experiment."""
    _shown[:] = [resolve(experiment)]


@solara.component
def Page() -> None:
    """One visitor's page, with a society of its own."""
    experiment = _shown[-1]
    session = solara.use_memo(Session, [])
    stage = solara.use_memo(lambda: Stage(experiment, session), [])
    described = solara.use_memo(lambda: knobs(experiment, stage.spec), [])
    solara.use_effect(lambda: session.close, [])
    solara.Title("Commonweal")
    solara.Style(STYLE)
    SolaraViz(
        stage,
        components=[(Body, 0)],
        play_interval=INTERVAL,
        model_params={"experiment": experiment, "session": session} | described,
        name=f"Commonweal: {experiment.title or experiment.world['kind']}",
    )


@solara.component
def Body(stage: Stage) -> None:
    """Everything beside Mesa's own controls."""
    frame = update_counter.get()
    solara.use_effect(lambda: stage.session.drew(frame), [frame, stage])
    view = solara.use_reactive("")
    surface = solara.use_reactive(VIEWS[0])
    chosen = solara.use_reactive(None)
    with solara.Div(classes=["commonweal"]):
        if stage.error:
            solara.Error(stage.error, classes=["wide"])
        world = stage.world
        if world is None:
            return
        if chosen.value is not None and chosen.value >= world.neighbourhoods.agents:
            chosen.value = None
        drawn = charts(stage.history, stage.steps)
        half = (len(drawn) + 1) // 2
        beside = max(COLUMN, half + PICTURE // 2) if stage.tall else half
        with solara.Div():
            if stage.landscape is not None:
                LandscapeView(stage, frame, surface)
            SocietyView(stage, frame, view, chosen)
            solara.HTML(unsafe_innerHTML=stage.caption, classes=["setting"])
            for svg in drawn[beside:]:
                solara.HTML(unsafe_innerHTML=svg)
        with solara.Div():
            for svg in drawn[:beside]:
                solara.HTML(unsafe_innerHTML=svg)
        with solara.Div(classes=["wide"]):
            AgentView(stage, frame, chosen)
