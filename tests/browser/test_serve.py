"""The server behind ``--serve``, without a browser."""

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from commonweal.browser.serve import serve
from commonweal.errors import BadSetting
from commonweal.simulation.experiment import Experiment, Share

ROOT = Path(__file__).parents[2]
WORLD = ["--world", "lattice", "--agent", "lr2", "--agents", "9", "--serve"]
EXPERIMENT = Experiment(agents=9, population=[Share(kind="lr2")])


def test_a_port_in_use_is_told_before_anything_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSetting, match=f"^port {port} of 127.0.0.1 is in use; .*--port$"):
            serve(EXPERIMENT, port=port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 65536, r"--port 65536 lies outside \[0, 65535\]"),
        ("127.0.0.1", -1, r"--port -1 lies outside \[0, 65535\]"),
        ("192.0.2.1", 0, "cannot listen at --host 192.0.2.1 --port 0: .*"),
    ],
)
def test_an_address_that_cannot_be_had_is_told_in_one_line(host, port, message):
    with pytest.raises(BadSetting, match=f"^{message}$"):
        serve(EXPERIMENT, host, port)


def test_without_the_extra_one_line_says_what_to_install():
    program = (
        "import sys; sys.modules['solara'] = None; import run; sys.exit(run.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *WORLD, "--port", "0"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("commonweal: --serve needs solara")
    assert done.stderr.endswith('pip install "commonweal[browser]"\n')
    assert done.stderr.count("\n") == 1


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_the_page_is_served_on_loopback_until_an_interrupt():
    pytest.importorskip("solara", reason="needs the browser extra")
    with subprocess.Popen(
        [sys.executable, "run.py", *WORLD, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        line = server.stdout.readline()
        assert line.startswith("Serving at http://127.0.0.1:")
        assert line.endswith(" - Ctrl-C ends it\n")
        with urllib.request.urlopen(line.split()[2], timeout=30) as page:
            assert page.status == 200
        server.send_signal(signal.SIGINT)
        asked = time.monotonic()
        rest, complaints = server.communicate(timeout=20)
        assert time.monotonic() - asked < 10
        assert (server.returncode, rest, complaints) == (0, "", "")


@pytest.mark.browser
@pytest.mark.timeout(60)
def test_a_long_step_does_not_hold_the_process_back():
    pytest.importorskip("solara", reason="needs the browser extra")
    program = """
import threading, time, warnings
warnings.simplefilter("ignore")
import commonweal.browser.stage
from commonweal.browser import serve
threading.Thread(target=time.sleep, args=(50,)).start()
print("played", end="")
serve._end()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "played", "")
