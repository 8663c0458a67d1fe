"""The wheel works by itself, beside another distribution that installs a top-level ``agents``."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_lives_beside_a_namesake(tmp_path):
    # In a copy, since building leaves traces.
    skip = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "runs", "results")
    source = shutil.copytree(ROOT, tmp_path / "source", ignore=skip)
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"commonweal"}

    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    (site / "agents").mkdir()
    (site / "agents" / "__init__.py").write_text("raise ImportError('the namesake was imported')\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    paths = os.pathsep.join([str(site), sysconfig.get_paths()["purelib"]])
    command = "commonweal --agent lr2 --agents 9 --steps 320 --quiet --out runs"
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        check=False,
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (elsewhere / done.stdout.strip() / "summary.json").exists()
    listed = subprocess.run(
        [sys.executable, "-c", "import commonweal.agents as a; print(a.__file__)"],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(listed.stdout.strip()).is_relative_to(site / "commonweal")
