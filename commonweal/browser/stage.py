"""Give Mesa's page a world that it can build from knobs, and a step that waits for the eye."""

import threading
import traceback
import weakref
from html import escape
from typing import Any

from mesa.visualization.utils import update_counter

from commonweal.analysis import arrows
from commonweal.analysis.sketches import Inks
from commonweal.browser.canvas import Canvas
from commonweal.browser.history import History
from commonweal.browser.knobs import stand, turned
from commonweal.browser.landscape import Landscape
from commonweal.browser.membership import federations, groups
from commonweal.browser.web import Web
from commonweal.errors import CommonwealError
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, resolve
from commonweal.spaces import WorldSpec
from commonweal.worlds.base import World

LIVE: weakref.WeakSet["Stage"] = weakref.WeakSet()
"""All stages that some page may still play."""


class Session:
    """One visitor's page: the stage it shows, and which frame the browser has been given."""

    def __init__(self) -> None:
        """Begin without a stage."""
        self.stage: Stage | None = None
        self._frame = threading.Condition()
        self._drawn = -1

    def show(self, stage: "Stage") -> None:
        """Put a stage in place of the last one, whose world is let go."""
        before, self.stage = self.stage, stage
        if before is not None:
            before.close()

    def drew(self, frame: int) -> None:
        """Say that the picture after ``frame`` bumps of Mesa's counter is on its way out."""
        with self._frame:
            self._drawn = frame
            self._frame.notify_all()

    def wait(self, stage: "Stage") -> None:
        """Return when the newest frame is drawn.

        Mesa counts frames in the thread that plays and draws them in whichever thread comes
        first.  Without this wait, a short interval between steps lets the one outrun the
        other for ever: the browser gets no picture, and Pause and Reset are not heard.
        """
        with self._frame:
            self._frame.wait_for(
                lambda: self._drawn >= update_counter.peek() or not stage.running, timeout=2.0
            )

    def wake(self) -> None:
        """Let whoever waits look again."""
        with self._frame:
            self._frame.notify_all()

    def close(self) -> None:
        """End with the page."""
        if self.stage is not None:
            self.stage.close()


class Stage:
    """A world as Mesa's page wants a model: built from keywords, with ``step`` and ``running``.

    Where the knobs fit no world, the stage is empty and ``error`` says why in one line.

    Args:
        experiment: what the page was started with.
        session: the visitor.
        kwargs: the knobs; Mesa insists on this name.
    """

    def __init__(self, experiment: Experiment, session: Session, **kwargs: Any) -> None:
        self.session = session
        self.error = ""
        self.running = True
        self._stepping = threading.Lock()
        self.history = History()
        self.world: World | None = None
        self.landscape: Landscape | None = None
        self.webs: dict[str, Web] = {}
        """Ledger -> the picture that shows its arrows."""
        self.federations: dict[str, Web] = {}
        """View of a federation -> the picture that shows its weights."""
        self.inks = Inks()
        self.sketched = False
        """Whether the world has a picture of its own."""
        try:
            self.experiment = resolve(turned(experiment, kwargs))
            world = assemble(self.experiment)
            self.canvas = Canvas(world.graph)
            if arrows.fits(world.graph):
                books = [name for name, book in world.society.ledgers.items() if book.arrows]
                self.webs = {name: Web(world.graph, self.canvas.places) for name in books}
            places = self.canvas.places
            self.federations = {name: Web(world.graph, places) for name in federations(world)}
            self.inks = Inks(groups(world)[1])
            self.sketched = world.sketch(world.state, world.focus) is not None
            if Landscape.fits(world):
                self.landscape = Landscape(world)
            self._settings = ", ".join(stand(self.experiment, world.spec))
            self.world = world
        except Exception as error:  # noqa: BLE001
            # Any mistake in any kind must leave a page on which the knobs can be turned back.
            self._fail(error)
        LIVE.add(self)
        session.show(self)

    @property
    def steps(self) -> int:
        """Rounds taken; Mesa's page shows them."""
        world = self.world
        return 0 if world is None else world.tick

    time = steps

    def step(self) -> None:
        """Wait until the last picture is out, then take one round."""
        self.session.wait(self)
        world = self.world
        if world is None or not self.running:
            return
        # Step may be clicked while Play is still about to end.
        with self._stepping:
            try:
                world.step()
                self.history.note(world.tick, world.measured)
                if self.landscape is not None:
                    self.landscape.note(world)
            except Exception as error:  # noqa: BLE001
                self._fail(error)

    @property
    def spec(self) -> WorldSpec | None:
        """What can be done in the world, if there is one."""
        return None if self.world is None else self.world.spec

    @property
    def tall(self) -> bool:
        """Whether the pictures take as much room as several charts."""
        height, width = self.canvas.owner.shape
        return self.landscape is not None or self.sketched or 2 * height > width

    @property
    def caption(self) -> str:
        """What is shown, for knobs may have been moved since; as HTML."""
        shown, world = self.experiment, self.world
        if world is None:
            return ""
        shares = [f"{cohort.name} {len(cohort.members)}" for cohort in world.society.cohorts]
        words = [shown.network["kind"], *shares, self._settings, f"seed {shown.seed}"]
        lane = f"Picture: lane {world.focus + 1} of {world.lanes}; curves: all lanes."
        return f"{escape(', '.join(words))}.<br>{lane}"

    def halt(self) -> None:
        """Stop playing after the step under way."""
        self.running = False
        self.session.wake()

    def close(self) -> None:
        """Stop, also in the middle of Play, and let the world go.

        The page keeps hold of elements that it drew before, and they of their stage; so the
        stage must not hold its world any longer.
        """
        self.halt()
        world, self.world, self.landscape = self.world, None, None
        if world is not None:
            world.close()

    def _fail(self, error: Exception) -> None:
        self.running = False
        self.error = " ".join(str(error).split())
        if not isinstance(error, CommonwealError):
            traceback.print_exception(error)
            self.error = f"{type(error).__name__}: {self.error}"


def stop_all() -> None:
    """Stop every stage, so that no thread keeps the process alive."""
    for stage in list(LIVE):
        stage.halt()
