"""Serve the page from this process until somebody interrupts it."""

import contextlib
import errno
import importlib
import ipaddress
import os
import socket
import sys
import threading
import time
import warnings

from commonweal.errors import BadSetting, MissingExtra
from commonweal.simulation.experiment import Experiment

PATIENCE = 1.0
"""Seconds that a step under way may take to end, once the page has been interrupted."""
QUIET = {
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False",
    "SOLARA_THEME_SHOW_BANNER": "False",
    "SOLARA_THEME_LOADER": "plain",
    "SOLARA_THEME_TITLE": "Commonweal",
}
"""What the server below the page reads from the environment; the user's own values win."""

HARMLESS = (
    # Mesa 3.3 calls a hook behind a return that our page never takes.
    r".*ComponentsView: `use_state` found despite early return",
    # True of any page that is not encrypted, and of no consequence outside a frame.
    "Cookies with samesite=none require https",
)
"""Beginnings of warnings that say nothing to the user of the page."""


def serve(experiment: Experiment, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Show an experiment as a web page until Ctrl-C; port 0 takes any free port.

    Args:
        experiment: what the page starts with; its knobs change copies of it.
        host: name or number of the address to listen at.
        port: the port.
    """
    # Bound before anything heavy is imported, so that a port in use is told at once.
    with _bound(host, port) as listener, contextlib.suppress(KeyboardInterrupt):
        _run(experiment, listener, host)
    _end()


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise BadSetting(f"--port {port} lies outside [0, 65535]")
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BadSetting(f"port {port} of {host} is in use; name another with --port") from None
        known = error.errno and not isinstance(error, socket.gaierror)
        reason = os.strerror(error.errno) if known else error.strerror
        raise BadSetting(f"cannot listen at --host {host} --port {port}: {reason}") from None


def _run(experiment: Experiment, listener: socket.socket, host: str) -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for message in HARMLESS:
        warnings.filterwarnings("ignore", message)
    os.environ["SOLARA_APP"] = "commonweal.browser.app:Page"
    try:
        import solara.server.starlette
        import torch
        import uvicorn

        app = importlib.import_module("commonweal.browser.app")
    except ImportError as error:
        if (error.name or "").startswith("commonweal"):
            raise
        raise MissingExtra(
            f'--serve needs {error.name}: pip install "commonweal[browser]"'
        ) from error
    torch.set_num_threads(1)
    app.show(experiment)
    config = uvicorn.Config(
        solara.server.starlette.app, log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    _announce(listener, host)
    server.run(sockets=[listener])


def _announce(listener: socket.socket, host: str) -> None:
    shown = f"[{host}]" if ":" in host else host
    port = listener.getsockname()[1]
    print(f"Serving at http://{shown}:{port} - Ctrl-C ends it", flush=True)
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        print("commonweal: whoever reaches this address can use the page", file=sys.stderr)


def _end() -> None:
    """Let steps under way come to their end, but do not wait long for them.

    Mesa plays a model in a thread that keeps the process alive.  It looks at ``running`` after
    every step; a step in which a large society learns can take longer than a user waits.
    """
    if "commonweal.browser.stage" not in sys.modules:
        return
    stage = importlib.import_module("commonweal.browser.stage")
    stage.stop_all()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if not any(t for t in threading.enumerate() if _keeps_alive(t)):
            return
        time.sleep(0.02)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the page writes nothing, so nothing is lost


def _keeps_alive(thread: threading.Thread) -> bool:
    return not thread.daemon and thread is not threading.main_thread()
