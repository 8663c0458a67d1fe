"""The landscape on the page: a choice of whose reward, the map, and the lanes on it."""

import solara

from commonweal.browser.stage import Stage
from commonweal.browser.surface import VIEWS


@solara.component
def LandscapeView(stage: Stage, frame: int, view: solara.Reactive[str]) -> None:
    """Map and ways; ``frame`` as in `SocietyView`."""
    landscape = stage.landscape
    if landscape is None:
        return  # replaced by another thread
    solara.ToggleButtonsSingle(view.value, on_value=view.set, values=list(VIEWS), dense=True)
    # Apart, because the browser is sent only what has changed.
    with solara.Div(classes=["landscape"]):
        solara.HTML(unsafe_innerHTML=landscape.ground(view.value))
        solara.HTML(unsafe_innerHTML=landscape.ways(), classes=["ways"])
    solara.HTML(unsafe_innerHTML=landscape.told(), classes=["setting"])
