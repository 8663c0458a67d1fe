"""The page as a user has it: the command serves it and a browser shows it."""

import hashlib
import importlib
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver"),
]


class Page:
    """What a user sees and does."""

    def __init__(self, driver):
        self.driver = driver

    def script(self, text, *arguments):
        return self.driver.execute_script(f"return {text}", *arguments)

    def click(self, label):
        buttons = "[...document.querySelectorAll('button')]"
        self.script(f"{buttons}.find(b => b.innerText.trim() == arguments[0]).click()", label)

    def shows(self, label):
        buttons = "[...document.querySelectorAll('button')]"
        return self.script(f"{buttons}.some(b => b.innerText.trim() == arguments[0])", label)

    @property
    def step(self):
        return int(re.search(r"(?:Step|Time): (\d+)", self.script("document.body.innerText"))[1])

    @property
    def text(self):
        return self.script("document.querySelector('.commonweal').innerText")

    @property
    def picture(self):
        source = self.script(
            "document.querySelector('img.society')?.src || "
            "document.querySelector('.place')?.innerHTML"
        )
        return source and hashlib.sha256(source.encode()).hexdigest()

    def slide(self, label, key, times):
        slider = self.driver.find_element("css selector", f"[role=slider][aria-label='{label}']")
        slider.send_keys(*[key] * times)

    def wait(self, condition, what, seconds=30):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"{what}: not within {seconds} s"
            time.sleep(0.05)


@pytest.fixture
def server(request):
    shown = getattr(request, "param", "--world lattice --agent lr2 --agents 25")
    command = ["run.py", *shown.split(), "--serve", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


@pytest.fixture
def page(server, tmp_path):
    pytest.importorskip("solara", reason="needs the browser extra")
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path}", "--window-size=1280,1043"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.get(server.stdout.readline().split()[2])
    shown = Page(driver)
    shown.wait(lambda: shown.picture, "the picture")
    yield shown
    driver.quit()


def test_play_pause_turn_reset_look_and_leave(server, page):
    keys = importlib.import_module("selenium.webdriver").Keys
    first = page.picture
    assert page.step == 0

    page.click("▶")
    page.wait(lambda: page.step >= 5, "five steps")
    page.wait(lambda: page.picture != first, "another picture")
    page.click("❚❚")
    page.wait(lambda: page.shows("▶"), "the pause")
    time.sleep(0.5)  # a step under way may still end
    step, picture = page.step, page.picture
    time.sleep(0.5)
    assert (page.step, page.picture) == (step, picture)

    page.slide("Temptation", keys.ARROW_RIGHT, 10)
    page.slide("Side (agents = side x side)", keys.ARROW_RIGHT, 3)
    time.sleep(0.5)  # sliders tell the server a moment later
    assert "lr2 25, " in page.text
    page.click("RESET")
    page.wait(lambda: page.step == 0, "step 0")
    page.wait(lambda: "lr2 64, " in page.text, "eight by eight agents")
    assert "temptation 1.4," in page.text
    assert page.picture != picture

    page.click("STEP")
    page.wait(lambda: page.step == 1, "one step")
    assert "Page in the ledger" not in page.text
    image = page.driver.find_element("css selector", "img.society")
    actions = importlib.import_module("selenium.webdriver").ActionChains(page.driver)
    side = image.size["width"] / 8
    actions.move_to_element_with_offset(image, int(-1.5 * side), int(0.5 * side)).click().perform()
    page.wait(lambda: "Page in the ledger of reputation" in page.text, "the agent")
    assert "row 4, column 2, 4 neighbours" in page.text
    assert re.search(r"lr2 26\s+(good|bad)\s+(good|bad)\s+[01]\.\d\d\s+[CD]", page.text)

    page.click("▶")
    page.wait(lambda: page.step >= 3, "play after reset")
    console = page.driver.get_log("browser")
    assert [entry["message"] for entry in console if entry["level"] == "SEVERE"] == []
    asked = time.monotonic()
    server.send_signal(signal.SIGINT)
    assert server.wait(20) == 0
    assert time.monotonic() - asked < 8


def test_the_shortest_interval_neither_hides_the_picture_nor_the_buttons(page):
    """Pictures and clicks come through whenever Play and the browser begin together."""
    for _ in range(5):
        begun = page.step
        pictures = set()
        page.click("▶")
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            pictures.add(page.picture)
            time.sleep(0.02)
        page.click("❚❚")
        page.wait(lambda: page.shows("▶"), "the pause", 5)
        assert page.step > begun
        assert len(pictures) > 2


@pytest.mark.parametrize("server", ["--world toy_game --agent aga"], indirect=True)
def test_two_players_are_watched_on_their_landscape(page):
    def way():
        return page.script(
            "document.querySelector('path.own:not(.under)')?.getAttribute('d') || ''"
        )

    def box(what):
        corners = "(({x, y, width, height}) => [x, y, width, height])"
        found = page.script(f"{corners}(document.querySelector('{what}').getBoundingClientRect())")
        return [round(number, 1) for number in found]

    def ground():
        return page.script("document.querySelector('.landscape image').getAttribute('href')")

    assert way() == ""
    page.click("STEP")
    page.wait(lambda: page.step == 1, "one step")
    assert way().count("L") == 0
    page.click("▶")
    page.wait(lambda: way().count("L") >= 5, "a way")
    page.click("❚❚")
    page.wait(lambda: page.shows("▶"), "the pause")
    time.sleep(0.5)  # a step under way may still end
    assert way().startswith(
        page.script("(c => 'M' + c.cx.baseVal.value + ' ')(document.querySelector('.from'))")
    )
    assert re.search(r"Lane 1 at \(-?\d\.\d{3}, -?\d\.\d{3}\) earns", page.text)
    # The lanes lie on the map, and the map is what can be seen of the drawing.
    assert box(".landscape .ways svg") == box(".landscape svg")
    x, y, width, height = box(".landscape image")
    left, top, wide, high = box(".own.to")
    assert x < left < left + wide < x + width
    assert y < top < top + high < y + height
    assert abs(width - height) < 1
    assert width > 300
    before, path = ground(), way()
    page.click("PLAYER 1")
    page.wait(lambda: ground() != before, "the other reward")
    assert way() == path
    console = page.driver.get_log("browser")
    assert [entry["message"] for entry in console if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize(
    "server",
    ["--world iterated_dilemma --network ring --population lase=6 generous=2"],
    indirect=True,
)
def test_gifts_are_watched_as_arrows_and_on_the_page_of_an_agent(server, page):
    keys = importlib.import_module("selenium.webdriver").Keys
    for step in range(1, 4):
        page.click("STEP")
        page.wait(lambda step=step: page.step == step, f"step {step}")
    before = page.picture
    page.click("GIFTS")
    page.wait(lambda: page.picture != before, "the arrows")
    assert "weight" in page.text
    seen = page.picture
    page.click("STEP")
    page.wait(lambda: page.picture != seen, "other arrows")
    field = page.driver.find_element("css selector", ".chooser input")
    for key in ("0", keys.ENTER):
        field.send_keys(key)
    page.wait(lambda: "Page in the ledger of gifts" in page.text, "the agent's page")
    assert "gives on average" in page.text
    console = page.driver.get_log("browser")
    assert [entry["message"] for entry in console if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize(
    "server",
    ["--world job_scheduling --agent fpf --lanes 2 --fpf.charter.every 1 --fpf.move.rollout 5"],
    indirect=True,
)
def test_an_agent_is_found_in_its_world_and_leaves_the_federation(page):
    def ink(node):
        """Colour of an agent's disc; agents come in the order of their nodes."""
        return page.script(
            "document.querySelectorAll('.place circle.agent')[arguments[0]].getAttribute('fill')",
            node,
        )

    def play_until(condition, what):
        page.click("▶")
        page.wait(condition, what)
        page.click("❚❚")
        page.wait(lambda: page.shows("▶"), "the pause")
        time.sleep(0.5)  # a step under way may still end

    member, outsider = "#56B4E9", "#E69F00"
    first = page.picture
    assert {ink(node) for node in range(4)} == {outsider}
    play_until(lambda: any(ink(node) == member for node in range(4)), "the first meeting")
    assert page.picture != first
    node = next(node for node in range(4) if ink(node) == member)
    disc = page.driver.find_elements("css selector", ".place circle.agent")[node]
    actions = importlib.import_module("selenium.webdriver").ActionChains(page.driver)
    actions.move_to_element(disc).click().perform()
    page.wait(lambda: f"fpf {node}" in page.text, "the agent that was clicked")
    assert page.script("document.querySelectorAll('.place .ring').length") == 1
    assert "took part" in page.text
    page.click("LEAVE")
    page.wait(lambda: "to stay out" in page.text, "what it was told")
    play_until(lambda: ink(node) == outsider, "the next meeting")
    assert "stayed out" in page.text
    page.click("FEDERATION")
    page.wait(lambda: page.script("!!document.querySelector('img.society')"), "the graph")
    assert re.search(r"member 1\s*outsider 3\s*weight", page.text)
    console = page.driver.get_log("browser")
    assert [entry["message"] for entry in console if entry["level"] == "SEVERE"] == []
