import csv
import json
import signal
import sys
import threading

import networkx as nx
import numpy as np
import pytest
import torch

import commonweal
from commonweal.errors import BadFile, BadSetting, Diverged
from commonweal.simulation import checkpoint, run_folder
from commonweal.simulation import experiment as experiments
from commonweal.simulation.conformance.tools import differences
from commonweal.simulation.early_stop import EarlyStop
from commonweal.simulation.engine import Simulation
from commonweal.simulation.recorder import Recording
from tests.societies import society
from tests.unit.tiny_world import AGENTS, EXPERIMENT, changed, diverge, move_in, send


def run(experiment, out, **options):
    with Simulation(experiment, out, progress=False, **options) as simulation:
        return simulation.folder, simulation.run()


def go_on(folder):
    with Simulation.resume(folder, progress=False) as simulation:
        return simulation.run()


def last_tensors(folder):
    path = list(checkpoint.steps(folder))[-1]
    return path.name, (path / "tensors.safetensors").read_bytes()


def assert_same_run(a, b):
    assert (a / "series.csv").read_bytes() == (b / "series.csv").read_bytes()
    assert last_tensors(a) == last_tensors(b)
    assert Recording.open(a).snapshots.keys() == Recording.open(b).snapshots.keys()
    assert json.loads((a / "summary.json").read_text())["mean"] == Recording.open(b).summary["mean"]


def break_down(*_):
    raise RuntimeError("the lights went out")


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """Folder of an uninterrupted run."""
    with monkeypatch.context() as patch:
        move_in(patch)
        return run(EXPERIMENT, tmp_path / "whole")[0]


def test_a_run_leaves_a_folder_that_says_all(tmp_path, monkeypatch):
    worlds = move_in(monkeypatch)
    folder, summary = run(changed(snapshots=(50,), title="a test"), tmp_path)
    (world,) = worlds
    assert world.closed and world.tick == 60
    assert folder.name.endswith("-lattice-lr2-seed3")
    recording = Recording.open(folder)
    assert recording.status == "finished"
    assert recording.experiment == experiments.resolve(changed(snapshots=(50,), title="a test"))
    assert recording.series["step"].tolist() == list(range(10, 121, 10))
    assert list(recording.snapshots) == [0, 50, 120]
    np.testing.assert_array_equal(recording.snapshots[120]["leaning"], world.leaning)
    assert sorted(recording.graph.edges) == sorted(world.graph.edges)
    assert recording.run["versions"]["commonweal"] == commonweal.__version__
    assert recording.run["seed"] == 3 and recording.run["device"] == "cpu"
    assert recording.run["steps"] == 120
    assert recording.summary == summary
    assert summary["folder"] == str(folder) and summary["steps"] == 120
    last_ten = recording.series["cooperation"][2:].mean()
    assert summary["mean"]["cooperation"] == pytest.approx(last_ten)
    speed = 60 * 2 * AGENTS / summary["seconds"]
    assert summary["agent_steps_per_second"] == pytest.approx(speed, rel=0.2)
    assert [path.name for path in checkpoint.steps(folder)] == ["000000000000", "000000000120"]
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_figures_are_drawn_at_the_end(tmp_path, monkeypatch):
    drawn = []
    move_in(monkeypatch)
    monkeypatch.setattr(
        "commonweal.analysis.figures.run_figures",
        lambda recording, folder: drawn.append((recording.status, folder)),
    )
    folder, _ = run(EXPERIMENT, tmp_path)
    assert drawn == [("finished", folder)]


def test_a_run_without_a_folder_leaves_nothing(tmp_path, monkeypatch):
    move_in(monkeypatch)
    monkeypatch.chdir(tmp_path)
    folder, summary = run(EXPERIMENT, None)
    assert folder is None and summary["folder"] is None
    assert 0 <= summary["mean"]["cooperation"] <= 1
    assert list(tmp_path.iterdir()) == []


def test_the_last_interval_is_recorded_even_when_it_is_short(tmp_path, monkeypatch):
    move_in(monkeypatch)
    folder, _ = run(changed(steps=23, record_every=5), tmp_path)  # 12 rounds
    assert Recording.open(folder).series["step"].tolist() == [10, 20, 24]


def test_folders_of_the_same_name_are_numbered(tmp_path, monkeypatch):
    move_in(monkeypatch)
    names = [run(changed(steps=2), tmp_path, name="same")[0].name for _ in range(3)]
    assert names == ["same", "same-2", "same-3"]


def test_a_folder_is_whole_when_it_appears(tmp_path, monkeypatch):
    move_in(monkeypatch)
    monkeypatch.setattr(checkpoint, "save", lambda *_: (_ for _ in ()).throw(BadFile("full")))
    with pytest.raises(BadFile, match="full"):
        Simulation(EXPERIMENT, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_thread_is_used(monkeypatch):
    move_in(monkeypatch)
    torch.set_num_threads(2)
    run(changed(steps=2), None)
    assert torch.get_num_threads() == 1


def test_a_sweep_is_refused(monkeypatch):
    move_in(monkeypatch)
    with pytest.raises(BadSetting, match="world.temptation take several values"):
        Simulation(changed(sweep={"world.temptation": [1.0, 1.2]}))


@pytest.mark.parametrize("tick", [1, 7, 10, 33, 60])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_saves_and_can_be_gone_on_from(
    tmp_path, monkeypatch, whole, tick, number
):
    before = signal.getsignal(number)
    move_in(monkeypatch, {tick: send(number)})
    folder, summary = run(EXPERIMENT, tmp_path)
    assert signal.getsignal(number) is before
    recording = Recording.open(folder)
    assert recording.run["steps"] == 2 * tick
    assert list(checkpoint.steps(folder))[-1].name == f"{2 * tick:012d}"
    assert recording.status == summary["status"] == ("finished" if tick == 60 else "stopped")
    move_in(monkeypatch)
    assert go_on(folder)["status"] == "finished"
    assert_same_run(folder, whole)


def test_stopping_from_another_thread(tmp_path, monkeypatch, whole):
    move_in(monkeypatch)
    simulation = Simulation(EXPERIMENT, tmp_path, progress=False)
    simulation.world.hooks[9] = simulation.stop
    thread = threading.Thread(target=simulation.run)  # where no signal can be handled
    thread.start()
    thread.join()
    assert simulation.status == "stopped" and simulation.world.tick == 9
    assert simulation.run()["status"] == "finished"  # the same object can go on as well
    simulation.close()
    assert_same_run(simulation.folder, whole)


def test_being_asked_to_stop(tmp_path, monkeypatch):
    move_in(monkeypatch)
    answers = iter([False] * 4 + [True])
    with Simulation(EXPERIMENT, tmp_path, progress=False) as simulation:
        assert simulation.run(lambda: next(answers))["status"] == "stopped"
        assert simulation.world.tick == 4


def test_a_second_interrupt_does_not_wait(tmp_path, monkeypatch, whole):
    def twice():
        send(signal.SIGINT)()
        send(signal.SIGINT)()

    move_in(monkeypatch, {20: twice})
    simulation = Simulation(changed(checkpoint_every=0.0), tmp_path, progress=False)
    with simulation, pytest.raises(KeyboardInterrupt):
        simulation.run()
    # Nothing was saved in mid-step.
    assert list(checkpoint.steps(simulation.folder))[-1].name == f"{2 * 19:012d}"
    assert Recording.open(simulation.folder).status == "stopped"
    move_in(monkeypatch)
    go_on(simulation.folder)
    assert_same_run(simulation.folder, whole)


def test_checkpoints_are_made_by_the_clock(tmp_path, monkeypatch):
    saved = []
    real = checkpoint.save
    monkeypatch.setattr(
        checkpoint,
        "save",
        lambda folder, step, *rest: saved.append(step) or real(folder, step, *rest),
    )
    clock = [0.0]
    monkeypatch.setattr("commonweal.simulation.engine.time.monotonic", lambda: clock[0])
    hooks = {t: lambda: clock.__setitem__(0, clock[0] + 1.0) for t in range(1, 61)}
    move_in(monkeypatch, hooks)
    run(changed(checkpoint_every=20.0), tmp_path)
    assert saved == [0, 40, 80, 120, 120]


def test_snapshots_survive_an_interruption(tmp_path, monkeypatch):
    experiment = changed(snapshots=(30, 90))
    move_in(monkeypatch)
    whole, _ = run(experiment, tmp_path / "whole")
    move_in(monkeypatch, {20: send(signal.SIGINT)})
    folder, _ = run(experiment, tmp_path / "cut")
    move_in(monkeypatch)
    go_on(folder)
    assert_same_run(folder, whole)
    for name in ("000000030", "000000090", "000000120"):
        path = f"snapshots/step_{name}.npz"
        assert (folder / path).read_bytes() == (whole / path).read_bytes()


def test_wall_seconds_add_up_over_sittings(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("commonweal.simulation.engine.time.monotonic", lambda: clock[0])
    tick = {t: lambda: clock.__setitem__(0, clock[0] + 1.0) for t in range(1, 61)}
    asked = iter([False] * 25 + [True])
    move_in(monkeypatch, tick)
    with Simulation(EXPERIMENT, tmp_path, progress=False) as simulation:
        simulation.run(lambda: next(asked))
    clock[0] = 1_000.0
    summary = go_on(simulation.folder)
    assert summary["seconds"] == 60.0
    assert summary["agent_steps_per_second"] == 2 * AGENTS


def test_a_finished_run_says_so_and_does_nothing(tmp_path, monkeypatch, capsys):
    move_in(monkeypatch)
    folder, summary = run(EXPERIMENT, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert go_on(folder) == summary
    assert capsys.readouterr().err == f"commonweal: {folder} is already finished at step 120\n"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_run_killed_between_its_last_checkpoint_and_its_end_is_ended(
    tmp_path, monkeypatch, whole
):
    move_in(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(Simulation, "_conclude", break_down)
        simulation = Simulation(EXPERIMENT, tmp_path, progress=False)
        with simulation, pytest.raises(RuntimeError):
            simulation.run()
    assert go_on(simulation.folder)["status"] == "finished"
    assert_same_run(simulation.folder, whole)


def test_divergence_names_the_last_good_checkpoint_and_keeps_the_series(tmp_path, monkeypatch):
    move_in(monkeypatch, {31: diverge})
    simulation = Simulation(changed(checkpoint_every=0.0), tmp_path, progress=False)
    with simulation, pytest.raises(Diverged) as caught:
        simulation.run()
    good = simulation.folder / "checkpoints" / f"{60:012d}"
    assert str(caught.value) == (
        f"lr2: move policy of agent 2 is not finite at round 31, step 62; last good checkpoint: {good}"
    )
    recording = Recording.open(simulation.folder)
    assert recording.status == recording.summary["status"] == "diverged"
    assert recording.series["step"].tolist() == [10, 20, 30, 40, 50, 60]
    assert checkpoint.restore(simulation.folder).path == good


def test_a_fault_in_a_kind_leaves_a_run_that_can_go_on(tmp_path, monkeypatch, whole):
    move_in(monkeypatch, {31: break_down})
    simulation = Simulation(EXPERIMENT, tmp_path, progress=False)
    with simulation, pytest.raises(RuntimeError):
        simulation.run()
    assert Recording.open(simulation.folder).status == "stopped"
    move_in(monkeypatch)
    go_on(simulation.folder)
    assert_same_run(simulation.folder, whole)


def test_a_damaged_newest_checkpoint_costs_time_and_no_bits(tmp_path, monkeypatch, whole, capsys):
    move_in(monkeypatch, {33: send(signal.SIGINT)})
    folder, _ = run(changed(checkpoint_every=0.0), tmp_path)
    newest = list(checkpoint.steps(folder))[-1]
    (newest / "tensors.safetensors").write_bytes(b"")
    move_in(monkeypatch)
    go_on(folder)
    assert str(newest) in capsys.readouterr().err
    assert_same_run(folder, whole)


def test_resuming_what_cannot_be_resumed(tmp_path, monkeypatch):
    move_in(monkeypatch, {33: send(signal.SIGINT)})
    with pytest.raises(BadFile, match="no run folder"):
        Simulation.resume(tmp_path / "nowhere")
    folder, _ = run(EXPERIMENT, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(commonweal, "__version__", "9.9.9")
        with pytest.raises(BadFile, match=r"0\.1\.0.*9\.9\.9"):
            Simulation.resume(folder)
    experiments.save(experiments.resolve(changed(seed=4)), folder / "experiment.toml")
    with pytest.raises(BadFile, match="a changed experiment is a new run"):
        Simulation.resume(folder)


# ---- federations ----------------------------------------------------------------------------

CHANCE = {"members": "bernoulli", "shape": "overlapping", "group_size": 2, "every": 2}
FEDERATED = {
    "fpf": {"exchange": {"proximal": "in_loss"}, "charter": {"every": 2}},
    "lmf": {"charter": CHANCE, "exchange": {"what": "parameters"}},
    "dnf": {"move": {"delayed": True, "batch": 6}, "charter": {"members": "returns", "every": 1}},
}


def federated(kind):
    """40 rounds, 8 rollouts, 4 episodes."""
    settings = {"move": {"hidden": [4], "rollout": 5} | FEDERATED[kind].get("move", {})}
    return experiments.Experiment(
        world={"kind": "job_scheduling", "horizon": 10},
        agents=4,
        lanes=2,
        replicates=2,
        steps=80,
        population=[experiments.Share(kind=kind, settings=FEDERATED[kind] | settings)],
    )


@pytest.fixture
def undrawn(monkeypatch):
    """Runs without figures."""
    monkeypatch.setattr("commonweal.analysis.figures.run_figures", lambda recording, folder: [])


@pytest.mark.parametrize("kind", FEDERATED)
def test_federations_go_on_to_the_same_bits(tmp_path, undrawn, kind):
    experiment = federated(kind)
    whole, summary = run(experiment, tmp_path / "whole")
    rollouts_between = FEDERATED[kind]["charter"]["every"]
    # Episodes have two rollouts.
    assert summary["mean"]["meetings"] == pytest.approx(2 / rollouts_between)
    for rounds in (1, 13, 25):  # before the first meeting, between meetings, after a rollout
        asked = iter([False] * rounds + [True])
        with Simulation(experiment, tmp_path / "cut", progress=False) as simulation:
            simulation.run(lambda asked=asked: next(asked))
        assert simulation.world.tick == rounds
        assert go_on(simulation.folder)["status"] == "finished"
        assert_same_run(simulation.folder, whole)
        for name in (f"federation-{kind}.graphml", f"federation-{kind}.csv"):
            assert (simulation.folder / name).read_bytes() == (whole / name).read_bytes()


def test_who_shared_with_whom_is_written_beside_the_run(tmp_path, undrawn):
    ring = {"shape": "ring", "weight": 0.5, "members": "nodes", "nodes": [1, 2, 4], "every": 1}
    settings = {"move": {"hidden": [4], "rollout": 5}, "charter": ring}
    experiment = experiments.Experiment(
        world={"kind": "job_scheduling", "horizon": 10},
        agents=6,
        lanes=2,
        steps=30,
        population=[
            experiments.Share(kind="lmf", count=5, settings=settings),
            experiments.Share(kind="ippo", settings={"move": {"hidden": [4]}}),
        ],
    )
    with Simulation(experiment, tmp_path, progress=False) as simulation:
        cohort = simulation.world.society.cohorts[0]
        nodes = cohort.members.tolist()
        if not {1, 2, 4} <= set(nodes):
            pytest.fail(f"the seed places lmf at {nodes}")
        simulation.run()
    folder = simulation.folder
    assert sorted(path.name for path in folder.glob("federation-*")) == [
        "federation-lmf.csv",
        "federation-lmf.graphml",
    ]
    graph = nx.read_graphml(folder / "federation-lmf.graphml", node_type=int)
    assert graph.is_directed() and sorted(graph) == nodes and graph.graph["meetings"] == 3
    assert {node for node, inside in graph.nodes(data="member") if inside} == {1, 2, 4}
    assert {(u, v) for u, v in graph.edges} == {
        (u, v) for u in (1, 2, 4) for v in (1, 2, 4) if u != v
    }
    for _, _, known in graph.edges(data=True):
        assert known == {"weight": 0.25, "shared": 0.75}
    with open(folder / "federation-lmf.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert rows[0] == {
        "first": "5",
        "last": "15",
        "meetings": "3",
        "head": "move",
        "what": "gradients",
        "listener": "1",
        "source": "1",
        "weight": "0.5",
    }


def test_independent_agents_leave_no_federation(tmp_path, undrawn):
    share = experiments.Share(kind="ippo", settings={"move": {"hidden": [4], "rollout": 5}})
    world = {"kind": "job_scheduling", "horizon": 5}
    folder, _ = run(changed(world=world, steps=20, population=[share]), tmp_path)
    assert not list(folder.glob("federation-*"))


class Share:
    """Measures a cooperation that is set, one round per episode."""

    horizon, tick = 2, 0

    def episode(self, stop, *shares):
        for part in (0.0, 2.0):  # only the mean over the episode may count
            self.tick += 1
            above = torch.tensor([share * part for share in shares])
            self.measured = {"cooperation": (above * 100, torch.full_like(above, 100.0))}
            stop.note(self)


@pytest.mark.parametrize(
    ("share", "settled"),
    [(0.0, True), (0.04, True), (0.044, True), (0.046, False), (0.05, False), (0.5, False),
     (0.95, False), (0.954, False), (0.956, True), (0.96, True), (1.0, True)],
)  # fmt: skip
def test_early_stop_counts_episodes_outside_the_open_interval(share, settled):
    stop, world = EarlyStop(1), Share()
    world.episode(stop, share)
    assert stop.counts == [0]  # the first episode does not count
    for _ in range(10):
        world.episode(stop, share)
    assert stop.counts == [10 if settled else 0]
    assert not stop.over
    world.episode(stop, share)
    assert stop.over is settled


def test_early_stop_starts_again_and_waits_for_every_replicate():
    stop, world = EarlyStop(2), Share()
    for number in range(12):
        world.episode(stop, 1.0, 1.0, 0.0, 0.5 if number == 4 else 0.0)
    assert stop.counts == [11, 7] and not stop.over
    for _ in range(4):
        world.episode(stop, 1.0, 1.0, 0.0, 0.0)
    assert stop.over


def test_early_stop_ends_a_run_and_its_count_survives(tmp_path, monkeypatch):
    def settle(built):
        for world in built:
            world.leaning += 1_000.0
        return built

    experiment = changed(steps=1_000, early_stop=True)
    built = []
    hooks = {1: lambda: settle(built)}
    built = move_in(monkeypatch, hooks)
    whole, summary = run(experiment, tmp_path / "whole")
    assert summary["status"] == "finished" and summary["steps"] == 12 * 5 * 2
    built = move_in(monkeypatch, hooks | {37: send(signal.SIGTERM)})
    folder, summary = run(experiment, tmp_path / "cut")
    assert summary["status"] == "stopped" and summary["steps"] == 74
    move_in(monkeypatch)
    assert go_on(folder)["steps"] == 120
    assert_same_run(folder, whole)


def test_early_stop_needs_cooperation_to_be_measured(tmp_path):
    lone = experiments.Experiment(
        world={"kind": "toy_game"}, population=[experiments.Share(kind="aga")], early_stop=True
    )
    with pytest.raises(BadSetting, match="early_stop = true needs the indicator 'cooperation'"):
        Simulation(lone, out=tmp_path / "runs", progress=False)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["lattice", "public_goods", "iterated_dilemma"])
def test_what_a_world_measures_is_known_before_it_is_played(name):
    kind = "simul_co"
    one, other = (society(kind, world={"kind": name}, agents=9, replicates=1) for _ in range(2))
    names = one.measures()
    for world in (one, other):
        for _ in range(3):
            world.step()
    assert set(names) <= set(one.measured)
    assert not list(differences(one.state_dict(), other.state_dict()))


def test_the_summary_is_over_the_last_steps_and_what_was_counted():
    series = {
        "step": np.array([10, 10, 20, 20, 30, 30]),
        "replicate": np.array([0, 1, 0, 1, 0, 1]),
        "a": np.array([9.0, 9.0, 1.0, 2.0, 3.0, np.nan]),
        "b": np.full(6, np.nan),
    }
    assert run_folder.summarise(series, 20) == {
        "mean": {"a": 2.0, "b": None},
        "replicates": [{"a": 2.0, "b": None}, {"a": 2.0, "b": None}],
    }


def test_the_bar_shows_speed_and_two_indicators_and_can_be_left_out(monkeypatch, capsys):
    move_in(monkeypatch)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Simulation(EXPERIMENT) as simulation:
        simulation.run()
    shown = capsys.readouterr().err
    assert "480/480" in shown and "agent-steps/s" in shown
    assert "cooperation=" in shown and "reputation=" in shown
    run(EXPERIMENT, None)
    assert capsys.readouterr().err == ""


def test_replicates_have_rows_of_their_own(tmp_path, monkeypatch):
    worlds = move_in(monkeypatch)
    folder, summary = run(changed(replicates=3, record_every=60), tmp_path)
    with open(folder / "series.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["replicate"] for row in rows] == ["0", "1", "2"]
    assert len({row["cooperation"] for row in rows}) == 3
    assert len(summary["replicates"]) == 3
    assert worlds[0].lanes == 6 and rows[0]["step"] == "120"


def test_a_finished_run_exports_its_ledger(tmp_path):
    lr2 = [experiments.Share(kind="lr2")]
    experiment = experiments.Experiment(agents=9, lanes=1, steps=40, population=lr2)
    with Simulation(experiment, out=tmp_path, progress=False) as simulation:
        simulation.run()
        page = simulation.world.people[4].page()
        saved = nx.read_graphml(simulation.folder / "reputation.graphml", node_type=int)
    assert saved.is_directed()
    assert saved.nodes[4]["standing"] == pytest.approx(page.standing)
    assert {j: saved.edges[4, j]["good"] for j in saved.successors(4)} == page.given
    assert {j: saved.edges[j, 4]["good"] for j in saved.predecessors(4)} == page.received
