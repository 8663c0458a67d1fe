"""Who may import whom, found by parsing every file; and what a plain run leaves unloaded."""

import ast
import re
import subprocess
import sys
import time
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("commonweal", "networks", "worlds", "agents", "analysis")
SIMULATION = "commonweal/simulation"
CONTRACTS = {
    *("errors", "registry", "settings", "randomness", "spaces", "records", "lanes", "codes"),
    "memory_one",
}

BELOW = {
    "contracts": set(),
    "networks": {"contracts"},
    "worlds": {"contracts", "networks"},
    "agents": {"contracts", "networks"},
    "simulation": {"contracts", "networks", "worlds", "agents"},
    "analysis": {"contracts", "networks", "worlds", "agents", "simulation"},
    "browser": {"contracts", "networks", "worlds", "agents", "simulation", "analysis"},
    "command": {"contracts", "networks", "worlds", "agents", "simulation", "analysis", "browser"},
}
"""Layer -> layers that it may import besides itself; nobody imports the command."""

OUTSIDE = {
    "mesa": {"worlds/base.py", "agents/base.py", "commonweal/browser", f"{SIMULATION}/conformance"},
    "solara": {"commonweal/browser"},
    "matplotlib": {"analysis/figures.py", "commonweal/browser"},
    "ray": {f"{SIMULATION}/workers.py"},
    "torch.nn": {"agents/learners", "agents/perspectives"},
    "torch.optim": {"agents/learners", "agents/perspectives"},
    "tests": set(),
    "pytest": set(),
    "commonweal.tests": set(),
    "commonweal.run": set(),
    **{name: set() for name in ("agents", "worlds", "networks", "analysis", "simulation")},
}
"""Module -> the only places that may import it."""


@cache
def files():
    """Every module of the library by its path from the root, parsed."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in paths}


def imports(tree):
    """Full names that a module imports, those for checkers alone left out."""
    for_checkers = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_checkers:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name):
    """The layer of a module of ours, by its full name; None for others and the package itself."""
    if name.split(".")[0] != "commonweal":
        return None
    if within(name, "commonweal.simulation.cli") or name == "commonweal.__main__":
        return "command"
    parts = [*name.split(".")[1:], ""]
    if parts[0] in CONTRACTS or parts[0] in ("", "__version__"):
        return "contracts"
    return parts[0]


def within(name, package):
    return name == package or name.startswith(f"{package}.")


def place(path):
    """Full name of the module at a path from the root."""
    parts = Path(path).with_suffix("").parts
    return ".".join(parts if parts[0] == "commonweal" else ("commonweal", *parts))


@pytest.mark.parametrize("path", files())
def test_imports_point_downwards(path):
    own = layer(place(path).removesuffix(".__init__"))
    for name in imports(files()[path]):
        other = layer(name)
        if other is not None and other != own:
            assert other in BELOW[own], f"{path} imports {name}"


@pytest.mark.parametrize("path", files())
def test_what_may_be_imported_only_here_and_there(path):
    for name in imports(files()[path]):
        for package, places in OUTSIDE.items():
            if within(name, package):
                allowed = any(path == spot or path.startswith(f"{spot}/") for spot in places)
                assert allowed, f"{path} imports {name}"


def calls(tree):
    """Dotted names of all functions that are called."""
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


FORBIDDEN = re.compile(
    r"(torch\.(manual_seed|seed|set_rng_state)|(np|numpy)\.random\.(?!default_rng|Generator|"
    r"SeedSequence|PCG64)\w+|random\.\w+)"
)


@pytest.mark.parametrize("path", files())
def test_chance_comes_from_streams(path):
    for name in calls(files()[path]):
        assert not FORBIDDEN.fullmatch(name), f"{path} calls {name}"


def test_draws_of_torch_name_their_stream():
    draws = {f"torch.{name}" for name in ("rand", "randn", "randint", "randperm", "multinomial")}
    for path, tree in files().items():
        if path.startswith("commonweal/simulation/conformance/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in draws:
                names = {keyword.arg for keyword in node.keywords}
                assert "generator" in names, f"{path}:{node.lineno}"


def test_networks_know_no_world_and_no_kind():
    for path, tree in files().items():
        if path.startswith("networks/"):
            words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            assert not words & {"lattice", "lr2", "dd", "lr2_unrewarded"}, path


def test_measures_are_pure():
    names = list(imports(files()["analysis/measures.py"]))
    assert not [name for name in names if layer(name) == "simulation"]


def test_the_launcher_imports_only_the_command():
    tree = ast.parse((ROOT / "run.py").read_text())
    ours = [name for name in imports(tree) if name.split(".")[0] == "commonweal"]
    assert ours == ["commonweal.simulation.cli.main"]


def test_the_list_of_packages_is_that_of_the_folders():
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        place(path).removesuffix(".__init__") for path in files() if path.endswith("__init__.py")
    }
    assert set(table["packages"]) == found
    folders = {path.rsplit("/", 1)[0] for path in files()}
    assert {path.removesuffix("/__init__.py") for path in files() if "__init__" in path} == folders


def sources():
    """Years and names that settings cite."""
    from commonweal.agents import AGENTS
    from commonweal.networks.ledgers import LEDGERS
    from commonweal.settings import flags
    from commonweal.worlds import WORLDS

    for registry in (WORLDS, AGENTS, LEDGERS):
        for name in registry.names():
            for flag in flags(registry[name].Config, name):
                found = re.search(r"([A-Z]\w+)[^\n]*?\b((?:1[89]|20)\d\d)\b", flag.source)
                if found:
                    yield found.groups()


def test_what_settings_cite_stands_in_the_bibliography():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("no README yet")
    _, _, bibliography = readme.read_text().lower().partition("bibliography")
    for author, year in sorted(set(sources())):
        entries = [line for line in bibliography.splitlines() if year in line]
        assert any(author.lower() in line for line in entries), f"{author} {year}"


def python(*arguments):
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, time.monotonic() - started


def test_a_plain_run_needs_neither_page_nor_cluster():
    loaded, _ = python(
        "-c",
        "import sys\n"
        "from commonweal.simulation.engine import Simulation\n"
        "from commonweal.simulation.experiment import Experiment, Share\n"
        "setting = Experiment(agents=16, lanes=1, steps=2, population=[Share(kind='lr2')])\n"
        "with Simulation(setting, progress=False) as simulation:\n"
        "    simulation.run()\n"
        "    assert simulation.world.tick == 2\n"
        "print(*sys.modules)",
    )
    assert "torch" in loaded.split()
    heavy = {"ray", "solara", "matplotlib", "commonweal.browser"}
    assert not heavy & set(loaded.split())


def test_help_comes_at_once_and_without_torch():
    shown, seconds = python("run.py", "--help")
    assert "--agent" in shown
    assert seconds < 3
    loaded, _ = python(
        "-c",
        "import sys, contextlib, io\n"
        "from commonweal.simulation.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    assert main(['--help']) == 0\n"
        "print(*sys.modules)",
    )
    assert not {"torch", "mesa", "matplotlib"} & set(loaded.split())
