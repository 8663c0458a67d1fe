import time

import numpy as np
import pytest
import torch

from commonweal.errors import BadFile, BrokenContract
from commonweal.simulation.recorder import Recorder, Recording, parse_series
from tests.unit.tiny_world import TinyWorld, changed


class Scripted:
    """Measures what it is told to, in two replicates of two lanes."""

    steps_taken = 0

    def show(self, **measured):
        self.steps_taken += 2
        self.measured = {
            name: (torch.tensor(above), torch.tensor(below))
            for name, (above, below) in measured.items()
        }
        return self


def test_a_row_is_the_ratio_of_sums_over_rounds_and_lanes_of_a_replicate(tmp_path):
    recorder, world = Recorder(every=2, replicates=2), Scripted()
    recorder.open(tmp_path)
    ones = [1.0, 1.0, 1.0, 1.0]
    recorder.note(
        world.show(a=([1.0, 0.0, 5.0, 6.0], ones), b=([2.0, 2.0, 0.0, 0.0], [1, 3, 0, 0]))
    )
    assert recorder.rows == 0
    recorder.note(
        world.show(a=([0.0, 0.0, 7.0, 8.0], ones), b=([0.0, 4.0, 0.0, 0.0], [0, 4, 0, 0]))
    )
    recorder.close()
    # a: (1 + 0 + 0 + 0) / 4 and (5 + 6 + 7 + 8) / 4;  b: (2 + 2 + 0 + 4) / 8 and nothing counted
    assert (tmp_path / "series.csv").read_text() == "step,replicate,a,b\n4,0,0.25,1\n4,1,6.5,\n"
    assert recorder.latest == {"a": 27 / 8, "b": 1.0}
    series = recorder.series()
    assert series["step"].tolist() == [4, 4]
    assert series["replicate"].dtype == np.int64
    np.testing.assert_array_equal(series["b"], [1.0, np.nan])


def test_long_intervals_are_summed_without_loss():
    recorder, world = Recorder(every=40, replicates=1), Scripted()
    recorder.note(world.show(a=([2.0**24], [1.0])))
    for _ in range(39):  # beyond 2**24 float32 no longer counts one by one
        recorder.note(world.show(a=([1.0], [0.0])))
    assert recorder.series()["a"] == [2**24 + 39]


def test_noting_a_step_is_cheap():
    world = Scripted().show(**{f"i{k}": ([1.0] * 16, [2.0] * 16) for k in range(9)})
    recorder = Recorder(every=10**9, replicates=1)
    best = 1.0
    for _ in range(30):
        start = time.perf_counter()
        for _ in range(50):
            recorder.note(world)
        best = min(best, (time.perf_counter() - start) / 50)
    assert best < 100e-6  # 20 us on an idle core


def test_snapshots_are_kept_at_the_first_step_at_or_after_the_one_asked_for(tmp_path):
    world = TinyWorld(changed(replicates=3))
    recorder = Recorder(5, 3, snapshots=(3, 6, 9, 10, 100))
    recorder.open(tmp_path)
    recorder.snapshot(world)
    kept = {}
    for _ in range(8):
        world.step()
        recorder.note(world)
        kept[world.steps_taken] = world.leaning.clone().numpy()
    recorder.finish(world)
    recorder.close()
    (tmp_path / "experiment.toml").touch()
    (tmp_path / "run.json").touch()
    recording = Recording.open(tmp_path)
    assert list(recording.snapshots) == [0, 4, 6, 10, 16]
    for step in (4, 6, 10, 16):
        np.testing.assert_array_equal(recording.snapshots[step]["leaning"], kept[step])
    assert recording.layers == {"leaning": {"low": -1.0, "high": 1.0, "labels": []}}


def test_going_on_in_mid_interval_gives_the_same_bytes(tmp_path):
    def record(folder, rounds, world, recorder):
        recorder.open(folder)
        for _ in range(rounds):
            world.step()
            recorder.note(world)
        recorder.close()

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir(), cut.mkdir()
    record(whole, 23, TinyWorld(changed()), Recorder(5, 1))

    world, recorder = TinyWorld(changed()), Recorder(5, 1)
    record(cut, 12, world, recorder)
    kept, state = world.state_dict() | {"leaning": world.leaning.clone()}, recorder.state()
    state["sums"] = state["sums"].clone()
    record(cut, 9, world, recorder)  # rows that no checkpoint knows
    with open(cut / "series.csv", "a") as file:
        file.write("46,0,0.2")  # and one torn by a kill

    world, recorder = TinyWorld(changed(seed=99)), Recorder(5, 1)
    world.load_state_dict(kept)
    recorder.load(state)
    record(cut, 11, world, recorder)
    assert (cut / "series.csv").read_bytes() == (whole / "series.csv").read_bytes()
    assert (cut / "series.csv").read_text().count("\n") == 1 + 4


def test_rows_a_checkpoint_counts_on_must_be_unchanged(tmp_path):
    world, recorder = TinyWorld(changed()), Recorder(5, 1)
    recorder.open(tmp_path)
    for _ in range(10):
        world.step()
        recorder.note(world)
    recorder.close()
    path = tmp_path / "series.csv"
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole.replace(b"\n10,0,", b"\n10,1,")):
        path.write_bytes(damaged)
        again = Recorder(5, 1)
        again.load(recorder.state())
        with pytest.raises(BadFile, match="cut short or edited"):
            again.open(tmp_path)


def test_two_writers_of_one_run_are_refused(tmp_path):
    first, second = Recorder(5, 1), Recorder(5, 1)
    first.open(tmp_path)
    with pytest.raises(BadFile, match="another process is writing this run"):
        second.open(tmp_path)
    first.close()
    second.open(tmp_path)
    second.close()


def test_indicators_that_change_on_the_way_are_a_broken_contract():
    recorder, world = Recorder(9, 1), Scripted()
    recorder.note(world.show(a=([1.0], [1.0])))
    with pytest.raises(BrokenContract, match="from a to b"):
        recorder.note(world.show(b=([1.0], [1.0])))


def test_a_torn_last_line_is_not_seen_and_a_torn_inner_one_is_refused():
    good = b"step,replicate,a\n2,0,0.5\n4,0,"
    assert parse_series(good, "s")["step"].tolist() == [2]
    assert np.isnan(parse_series(good + b"\n", "s")["a"][1])
    assert parse_series(b"step,repl", "s")["step"].tolist() == []
    with pytest.raises(BadFile, match="s, line 2: 2 cells for 3 columns"):
        parse_series(b"step,replicate,a\n2,0\n4,0,1\n", "s")
    with pytest.raises(BadFile, match="not a series"):
        parse_series(b"step,replicate,a\n2,0,x\n", "s")


@pytest.mark.parametrize("missing", ["experiment.toml", "run.json"])
def test_a_folder_that_is_no_run_folder_is_refused(tmp_path, missing):
    for name in {"experiment.toml", "run.json"} - {missing}:
        (tmp_path / name).touch()
    with pytest.raises(BadFile) as caught:
        Recording.open(str(tmp_path))
    assert str(caught.value) == f"{tmp_path} is no run folder: it has no {missing}"
