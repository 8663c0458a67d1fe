"""Let a run or a sweep end at a good moment when somebody asks for it."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def heeding(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on an interrupt or a request to terminate; a second interrupt raises.

    A signal that is ignored stays ignored, as is the custom: a sweep's workers leave the
    keyboard to the process that started them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    asked = False

    def heed(number: int, frame: object) -> None:
        nonlocal asked
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked = True
        stop()

    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    before = {n: handler for n, handler in before.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


class StopFile:
    """A file whose presence asks every process that can see it to stop."""

    def __init__(self, path: Path) -> None:
        """Watch for ``path``."""
        self.path = path
        self._looked = -float("inf")

    def __call__(self) -> bool:
        """Return whether the file is there, looking twice a second at most."""
        now = time.monotonic()
        if now - self._looked < 0.5:
            return False
        self._looked = now
        return self.path.exists()
