import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commonweal.errors import BadSetting, MissingExtra, UnknownName
from commonweal.simulation import checkpoint, workers
from commonweal.simulation import experiment as experiments
from commonweal.simulation.engine import Simulation
from commonweal.simulation.experiment import Share
from commonweal.simulation.recorder import Recording
from commonweal.simulation.sweep import expand, run_all
from tests.unit.tiny_world import changed, diverge, move_in, send

ROOT = Path(__file__).parents[2]
SEEDS = changed(sweep={"seed": [1, 2, 3]})


def index(folder):
    return json.loads((folder / "sweep.json").read_text())["points"]


def statuses(folder):
    return {entry["label"]["seed"]: entry["status"] for entry in index(folder)}


def table(folder):
    with open(folder / "points.csv") as file:
        return list(csv.DictReader(file))


def in_turn(experiment, out, **options):
    return run_all(experiment, out, engine="serial", progress=False, **options)


def break_down():
    raise RuntimeError("two\nlines")


def test_points_are_all_combinations_in_order():
    sweep = {"world.temptation": [1.0, 1.2], "seed": [5, 6, 7]}
    points = expand(changed(sweep=sweep))
    assert [tuple(label.values()) for label, _ in points] == [
        (1.0, 5), (1.0, 6), (1.0, 7), (1.2, 5), (1.2, 6), (1.2, 7),
    ]  # fmt: skip
    for label, point in points:
        assert (point.world["temptation"], point.seed) == tuple(label.values())
        assert point.sweep == {} and point == experiments.resolve(point)
    assert len({checkpoint.identity(point) for _, point in points}) == 6


def test_every_point_is_checked_before_the_first_one_runs(tmp_path, monkeypatch):
    built = move_in(monkeypatch)
    with pytest.raises(BadSetting, match="temptation = 77"):
        in_turn(changed(sweep={"world.temptation": [1.0, 77.0]}), tmp_path)
    with pytest.raises(BadSetting, match="nothing to do"):
        in_turn(changed(), tmp_path)
    with pytest.raises(UnknownName, match="did you mean 'serial'"):
        run_all(SEEDS, tmp_path, engine="seril")
    assert built == [] and list(tmp_path.iterdir()) == []


def test_a_sweep_leaves_a_run_folder_per_point_and_a_table(tmp_path, monkeypatch, capsys):
    move_in(monkeypatch)
    folder = in_turn(SEEDS, tmp_path)
    assert folder.parent == tmp_path
    assert experiments.load(folder / "sweep.toml") == SEEDS
    rows = table(folder)
    assert [row["seed"] for row in rows] == ["1", "2", "3"]
    assert {row["status"] for row in rows} == {"finished"}
    for row, entry in zip(rows, index(folder), strict=True):
        recording = Recording.open(folder / entry["folder"])
        assert entry["folder"] == f"points/{row['id']}" and recording.status == "finished"
        assert recording.experiment.seed == int(row["seed"])
        assert float(row["cooperation"]) == recording.summary["mean"]["cooperation"]
        with Simulation(changed(seed=int(row["seed"])), tmp_path, progress=False) as alone:
            alone.run()
        series = (alone.folder / "series.csv").read_bytes()
        assert (folder / entry["folder"] / "series.csv").read_bytes() == series
    assert capsys.readouterr().err == ""
    assert not (folder / "stop").exists()


def test_running_again_adds_only_what_is_new(tmp_path, monkeypatch):
    move_in(monkeypatch)
    folder = in_turn(SEEDS, tmp_path)
    built = move_in(monkeypatch)
    assert in_turn(SEEDS, tmp_path) == folder
    assert built == []
    more = changed(sweep={"seed": [3, 4, 4]}, checkpoint_every=5.0)
    assert in_turn(more, tmp_path) == folder
    assert len(built) == 1
    assert statuses(folder) == dict.fromkeys([1, 2, 3, 4], "finished")
    assert [row["seed"] for row in table(folder)] == ["1", "2", "3", "4"]
    shutil.rmtree(folder / index(folder)[1]["folder"])
    in_turn(SEEDS, tmp_path)
    assert len(built) == 2


def test_other_settings_are_another_sweep(tmp_path, monkeypatch):
    move_in(monkeypatch)
    folders = {
        in_turn(changed(sweep={"seed": [1]}), tmp_path),
        in_turn(changed(sweep={"seed": [1]}, lanes=3), tmp_path),
        in_turn(changed(sweep={"lanes": [2]}), tmp_path),
    }
    assert len(folders) == 3


def test_a_failing_point_is_reported_and_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    move_in(monkeypatch, {31: break_down}, for_seed=2)
    folder = in_turn(SEEDS, tmp_path)
    assert statuses(folder) == {1: "finished", 2: "failed", 3: "finished"}
    said = capsys.readouterr().err
    assert said.startswith(
        "commonweal: point seed=2 failed: RuntimeError: two lines (test_sweep.py"
    )
    assert said.count("\n") == 1
    assert table(folder)[1]["cooperation"] == ""
    # Once the fault is mended the point goes on from where it was.
    built = move_in(monkeypatch)
    in_turn(SEEDS, tmp_path)
    assert len(built) == 1
    assert statuses(folder)[2] == "finished"
    assert capsys.readouterr().err == ""


def test_a_diverged_point_is_reported_each_time_and_not_run_again(tmp_path, monkeypatch, capsys):
    move_in(monkeypatch, {31: diverge}, for_seed=2)
    folder = in_turn(SEEDS, tmp_path)
    first = capsys.readouterr().err
    assert "point seed=2 diverged: lr2: move policy" in first
    built = move_in(monkeypatch)
    in_turn(SEEDS, tmp_path)
    assert built == [] and capsys.readouterr().err == first
    assert statuses(folder)[2] == "diverged"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_goes_on_to_the_same_results(tmp_path, monkeypatch, capsys, number):
    move_in(monkeypatch)
    whole = in_turn(SEEDS, tmp_path / "whole")
    built = move_in(monkeypatch, {13: send(number)}, for_seed=2)
    with pytest.raises(KeyboardInterrupt):
        in_turn(SEEDS, tmp_path / "cut")
    (folder,) = (tmp_path / "cut").iterdir()
    assert len(built) == 2
    assert statuses(folder) == {1: "finished", 2: "stopped", 3: "waiting"}
    assert "2 points left" in capsys.readouterr().err
    assert not (folder / "stop").exists()
    built = move_in(monkeypatch)
    in_turn(SEEDS, tmp_path / "cut")
    assert len(built) == 2
    assert (folder / "points.csv").read_bytes() == (whole / "points.csv").read_bytes()


def test_a_stop_file_is_heeded_within_a_second(tmp_path, monkeypatch):
    def touch():
        (folder,) = tmp_path.iterdir()
        (folder / "stop").touch()
        time.sleep(0.6)

    built = move_in(monkeypatch, {13: touch}, for_seed=2)
    with pytest.raises(KeyboardInterrupt):
        in_turn(SEEDS, tmp_path)
    assert [world.tick for world in built] == [60, 13]


def test_progress_counts_steps_of_all_points(tmp_path, monkeypatch, capsys):
    move_in(monkeypatch, {31: break_down}, for_seed=2)
    run_all(SEEDS, tmp_path, engine="serial")
    shown = capsys.readouterr().err
    assert "2 of 3 points finished, 1 failed" in shown and "240/360" in shown


def test_ray_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"commonweal\[cluster\]"):
        run_all(SEEDS, tmp_path, engine="ray", progress=False)


SMALL = changed(
    steps=640,
    agents=16,
    lanes=16,
    sweep={"world.temptation": [1.0, 1.3], "seed": [1, 2]},
    population=[Share(kind="lr2")],
)
"""on the real lattice, because nothing of a test reaches a process of its own"""


def test_processes_give_the_results_of_one_after_another(tmp_path):
    alone = in_turn(SMALL, tmp_path / "alone")
    together = run_all(SMALL, tmp_path / "together", workers=2, progress=False)
    assert (together / "points.csv").read_bytes() == (alone / "points.csv").read_bytes()
    assert len(table(together)) == 4


def die_or_finish(task):
    if task.experiment.seed == 2:
        os._exit(9)
    return workers.Report(task.id, "finished")


@pytest.mark.slow
def test_a_process_that_dies_costs_only_its_own_point(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "run_point", die_or_finish)
    tasks = [workers.Task(str(seed), changed(seed=seed), tmp_path) for seed in (1, 2, 3, 4, 5)]
    reports = [report for report in workers.in_processes(tasks, 1, None) if report]
    assert {report.id: report.status for report in reports} == {
        "1": "finished", "2": "failed", "3": "finished", "4": "finished", "5": "finished",
    }  # fmt: skip
    assert "died twice" in next(report.reason for report in reports if report.id == "2")


@pytest.mark.slow
def test_a_local_ray_gives_the_results_of_one_after_another(tmp_path):
    pytest.importorskip("ray")
    # In a process of its own: Ray leaves sockets and threads behind, and warns about them.
    experiments.save(SMALL, tmp_path / "sweep.toml")
    code = (
        "from commonweal.simulation.experiment import load\n"
        "from commonweal.simulation.sweep import run_all\n"
        f"run_all(load({str(tmp_path / 'sweep.toml')!r}), {str(tmp_path / 'ray')!r}, 2, 'ray')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)
    (together,) = (tmp_path / "ray").iterdir()
    alone = in_turn(SMALL, tmp_path / "alone")
    assert (together / "points.csv").read_bytes() == (alone / "points.csv").read_bytes()


LONG = changed(
    steps=16_000,
    agents=16,
    lanes=16,
    checkpoint_every=0.3,
    sweep={"seed": [1, 2, 3]},
    population=[Share(kind="lr2")],
)


@contextlib.contextmanager
def sweeping(out):
    """Start a sweep of two workers as a command would, in a group of its own."""
    out.mkdir(parents=True, exist_ok=True)
    experiments.save(LONG, out / "experiment.toml")
    code = (
        "from commonweal.simulation.experiment import load\n"
        "from commonweal.simulation.sweep import run_all\n"
        "if __name__ == '__main__':\n"
        f"    run_all(load({str(out / 'experiment.toml')!r}), {str(out)!r}, workers=2)\n"
    )
    (out / "study.py").write_text(code)
    process = subprocess.Popen(
        [sys.executable, str(out / "study.py")],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def under_way(out):
    """Points that have more than the checkpoint of step 0."""
    return [
        p for p in out.glob("sweep-*/points/*") if any(int(c.name) for c in checkpoint.steps(p))
    ]


@pytest.mark.slow
def test_an_interrupt_while_processes_start_stops_them_quietly(tmp_path):
    with sweeping(tmp_path) as process:
        wait_for(lambda: list(tmp_path.glob("sweep-*/sweep.json")))
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=90)[1]
    (folder,) = tmp_path.glob("sweep-*")
    assert said.count("Traceback") == 1 and said.rstrip().endswith("KeyboardInterrupt")
    assert set(statuses(folder).values()) == {"waiting"}


@pytest.mark.slow
def test_processes_stop_at_an_interrupt_and_die_with_their_parent(tmp_path):
    whole = in_turn(LONG, tmp_path / "whole")
    out = tmp_path / "cut"
    with sweeping(out) as process:
        wait_for(lambda: len(under_way(out)) >= 2)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
        said = process.communicate(timeout=60)[1]
    (folder,) = out.glob("sweep-*")
    assert "points left; run the sweep again to go on" in said
    assert said.count("Traceback") == 1 and said.rstrip().endswith("KeyboardInterrupt")
    assert list(statuses(folder).values()).count("stopped") == 2

    with sweeping(out) as process:
        before = {p: list(checkpoint.steps(p)) for p in under_way(out)}
        wait_for(lambda: any(list(checkpoint.steps(p)) != before[p] for p in before))
        os.kill(process.pid, signal.SIGKILL)  # the parent alone
        process.wait()
        time.sleep(2.0)
        after = {p: list(checkpoint.steps(p)) for p in under_way(out)}
        time.sleep(1.0)
        assert {p: list(checkpoint.steps(p)) for p in under_way(out)} == after

    run_all(LONG, out, workers=2, progress=False)
    assert (folder / "points.csv").read_bytes() == (whole / "points.csv").read_bytes()
    for entry in index(whole):
        ours, theirs = (f / entry["folder"] / "series.csv" for f in (folder, whole))
        assert ours.read_bytes() == theirs.read_bytes()
