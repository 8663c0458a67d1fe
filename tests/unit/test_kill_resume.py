"""A run that is killed at any moment, and goes on, gives the bits of one that was not."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commonweal.simulation import checkpoint
from commonweal.simulation.recorder import Recording

ROOT = Path(__file__).parents[2]
LR2 = ["--world", "lattice", "--agent", "lr2", "--agents", "16"]
AGA = ["--world", "lattice", "--agent", "aga", "--agents", "16", "--replicates", "2"]
GAME = ["--world", "game_file", "--agent", "aga", "--lanes", "16", "--replicates", "3"]
LASE = ["--world", "iterated_dilemma", "--agent", "lase", "--world.horizon", "20"]
LASE += ["--replicates", "2", "--lase.give.capacity", "100", "--lase.move.recurrent", "8"]
FPF = ["--world", "job_scheduling", "--agent", "fpf", "--replicates", "2", "--lanes", "2"]
FPF += ["--fpf.move.hidden", "8", "--fpf.charter.every", "3", "--fpf.charter.members", "bernoulli"]


def launch(*words):
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*words):
    process = launch(*words)
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 0, error


def only_run(out):
    (folder,) = (path for path in out.iterdir() if not path.name.startswith("."))
    return folder


def newest(folder):
    return int(list(checkpoint.steps(folder))[-1].name)


def kill_when(process, condition, delay):
    """Kill ``process`` a while after ``condition`` holds; return whether it was still alive."""
    end = time.monotonic() + 120
    while not condition():
        if process.poll() is not None:
            break
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
    time.sleep(delay)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    error = process.communicate()[1]
    assert alive or process.returncode == 0, error
    return alive


def kill_and_resume(tmp_path, experiment, steps, kills, every, draw):
    """Return the folders of a run that was let be and one killed ``kills`` times."""
    command = [*experiment, "--quiet", "--steps", steps]
    finish(*command, "--out", tmp_path / "whole")
    out = tmp_path / "cut"
    process = launch(*command, "--checkpoint-every", every, "--out", out)
    has_begun = lambda: out.exists() and any(p.name[0] != "." for p in out.iterdir())
    hits = int(kill_when(process, has_begun, draw.uniform(0, 0.4)))
    folder = only_run(out)
    reached = [newest(folder)]
    for _ in range(kills - 1):
        process = launch("--resume", folder, "--quiet")
        before = list(checkpoint.steps(folder))
        hits += kill_when(
            process,
            lambda before=before: list(checkpoint.steps(folder)) != before,
            draw.uniform(0, 0.4),
        )
        # Whatever the kill has torn, a reader sees whole rows only.
        steps_seen = Recording.open(folder).series["step"]
        assert (steps_seen[1:] >= steps_seen[:-1]).all()
        reached.append(newest(folder))
    assert hits >= 1, "every kill came too late"
    assert reached == sorted(reached)
    finish("--resume", folder, "--quiet")
    return only_run(tmp_path / "whole"), folder


def assert_same_bits(whole, cut):
    assert Recording.open(cut).status == "finished"
    assert (cut / "series.csv").read_bytes() == (whole / "series.csv").read_bytes()
    ours, theirs = (list(checkpoint.steps(folder))[-1] for folder in (cut, whole))
    assert ours.name == theirs.name
    for name in ("tensors.safetensors", "values.json"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    last = f"snapshots/step_{int(ours.name):09d}.npz"
    assert (cut / last).read_bytes() == (whole / last).read_bytes()


@pytest.mark.parametrize(
    ("experiment", "steps"),
    [(LR2, 16_000)]
    + [pytest.param(LASE, 24_000, marks=pytest.mark.slow)]
    + [pytest.param(AGA, 12_800, marks=pytest.mark.slow)]
    + [pytest.param(GAME, 48_000, marks=pytest.mark.slow)]
    + [pytest.param(FPF, 6_000, marks=pytest.mark.slow)],
    ids=["lr2", "lase", "aga", "game", "fpf"],
)
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, experiment, steps):
    assert_same_bits(*kill_and_resume(tmp_path, experiment, steps, 2, 0.2, random.Random(1)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_many_times_goes_on_to_the_same_bits(tmp_path, seed):
    assert_same_bits(*kill_and_resume(tmp_path, LR2, 64_000, 8, 0.1, random.Random(seed)))
