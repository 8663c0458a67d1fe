"""A visitor of the page, as a tree of widgets: no browser, no server, no network."""

import hashlib
import importlib

import pytest


class Visit:
    """A rendered page and what a visitor does with it."""

    def __init__(self, experiment):
        self.solara = pytest.importorskip("solara", reason="needs the browser extra")
        self.app = importlib.import_module("commonweal.browser.app")
        self.vuetify = importlib.import_module("ipyvuetify")
        self.widget = importlib.import_module("ipywidgets").Widget
        self.app.show(experiment)

        @self.solara.component
        def Framed():
            with self.solara.AppLayout():
                self.app.Page()

        _, self.tree = self.solara.render(Framed(), handle_error=False)

    def click(self, label):
        self.tree.find(self.vuetify.Btn, children=[label]).widget.click()

    def turn(self, label, value):
        for kind in (self.vuetify.Slider, self.vuetify.Select, self.vuetify.TextField):
            for widget in self.tree.find(kind).widgets:
                if widget.label == label:
                    widget.v_model = value
                    if kind is self.vuetify.TextField:
                        widget.fire_event("keyup.enter", None)
                    return
        raise AssertionError(f"no knob {label!r}")

    def widgets(self):
        """All widgets, also those within one another."""
        waiting, seen = [self.tree.container], []
        while waiting:
            value = waiting.pop(0)
            if isinstance(value, list | tuple):
                waiting += value
            elif isinstance(value, self.widget) and value not in seen:
                seen.append(value)
                waiting += [
                    getattr(value, name) for name in ("children", "items") if name in value.keys
                ]
        return seen

    def html(self):
        texts = [str(getattr(w, "unsafe_innerHTML", "")) for w in self.widgets()]
        return " ".join(texts)

    def switch(self, place, label):
        """Press a button of the toggle at a place."""
        toggle = self.tree.find(self.vuetify.BtnToggle).widgets[place]
        labels = [button.children[0] for button in toggle.children]
        # Vuetify 2 counts the buttons of a group, Vuetify 3 goes by what they stand for.
        toggle.v_model = labels.index(label) if isinstance(toggle.v_model, int) else label

    def choices(self, label):
        selects = self.tree.find(self.vuetify.Select).widgets
        return next(widget.items for widget in selects if widget.label == label)

    @property
    def ways(self):
        """The drawing of the lanes on the landscape."""
        texts = (str(getattr(w, "unsafe_innerHTML", "")) for w in self.widgets())
        return next(text for text in texts if "clipPath" in text)

    @property
    def stage(self):
        """The stage on show, by way of what Mesa was given."""
        stages = importlib.import_module("commonweal.browser.stage").LIVE
        return next(stage for stage in stages if stage is stage.session.stage and stage.running)

    @property
    def pictures(self):
        return [w for w in self.widgets() if hasattr(w, "vue_pick")]

    @property
    def picture(self):
        shown = self.pictures[0]
        text = shown.drawing if "drawing" in shown.keys else shown.source
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def alerts(self):
        return [str(w.children[0]) for w in self.tree.find(self.vuetify.Alert).widgets]


@pytest.fixture
def visit():
    visits = []

    def begin(experiment):
        visits.append(Visit(experiment))
        return visits[-1]

    yield begin
    for page in visits:
        page.tree.close()
