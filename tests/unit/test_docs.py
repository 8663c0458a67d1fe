"""What the documents promise is run: every command of the README, every experiment file."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from commonweal.simulation import experiment as experiments
from commonweal.simulation.arguments import parse
from commonweal.simulation.cli import main
from commonweal.simulation.engine import Simulation
from commonweal.simulation.sweep import expand

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
LINES = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
RUNS = [m[1] for line in LINES if (m := re.search(r"python run\.py(.*)", line))]
STUDIES = [
    m[1] for line in LINES if (m := re.search(r"python -m commonweal\.analysis\.(\w+)", line))
]
FILES = sorted((ROOT / "experiments").glob("*.toml"))


def test_readme_shows_commands():
    assert len(RUNS) > 8 and STUDIES


@pytest.mark.parametrize("command", RUNS)
def test_a_command_of_the_readme_runs(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    words = shlex.split(command)
    if "--resume" in words:
        assert main(["--agent", "dd", "--steps", "320", "--quiet", "--out", str(tmp_path)]) == 0
        words[words.index("--resume") + 1] = str(next(tmp_path.iterdir()))
    elif "--list" not in words and "--help" not in words:
        experiment = parse(words).experiment
        if experiment.sweep or "--serve" in words:
            # Sweeps, Ray and the page have tests of their own; here, all settings are checked.
            run_first_point(experiment, tmp_path)
            return
        words += ["--steps", "320", "--out", str(tmp_path)]
    assert main(words) == 0
    assert capsys.readouterr().out


def run_first_point(experiment, folder):
    point = expand(experiment)[0][1] if experiment.sweep else experiment
    with Simulation(replace(point, steps=160, lanes=2), folder, progress=False) as simulation:
        assert simulation.run()["status"] == "finished"


def test_the_game_of_ones_own_is_played(tmp_path):
    (game,) = re.findall(r"```python\n(# my_game\.py.*?)```", README, re.DOTALL)
    path = tmp_path / "my_game.py"
    path.write_text(game)
    words = ["--world", "game_file", "--world.path", str(path), "--agent", "aga", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "runs")]) == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_file_runs(path):
    experiment = experiments.load(path)
    assert experiment.title and experiment.source
    run_first_point(experiment, None)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_the_readme_exists(name):
    assert (ROOT / "analysis" / f"{name}.py").exists()


def test_links_of_the_documents_lead_somewhere():
    for document in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / document).read_text()):
            assert (ROOT / target).exists(), f"{document}: {target}"
