import errno
import json
import os

import pytest
import torch

import commonweal
from commonweal.errors import BadFile, BrokenContract
from commonweal.simulation import checkpoint
from tests.unit.tiny_world import changed

STATE = {
    "numbers": {"tick": 7, "rate": 0.1, "on": True, "name": "lr2", "none": None, "big": 2**100},
    "agents/lr2": {"a~1b": torch.arange(3), "a/b": torch.tensor([True, False])},
    "agents": {"lr2/a/b": torch.arange(2), "lr2": {"a": {"b": torch.arange(5)}}},
    "tensors": {
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "bytes": torch.tensor([1, 255], dtype=torch.uint8),
        "empty": torch.zeros(0, 3),
        "turned": torch.arange(6.0).reshape(2, 3).T,
    },
    "list": [1, [torch.ones(2), "x"], {}],
}


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def save(folder, *steps):
    return [checkpoint.save(folder, step, "id", {"w": torch.full((50,), step)}) for step in steps]


def test_a_state_survives_with_types_and_keys(tmp_path):
    checkpoint.save(tmp_path, 40, "id", STATE)
    found = checkpoint.restore(tmp_path)
    assert (found.step, found.experiment) == (40, "id")
    assert same(found.state, STATE)


def test_views_of_one_storage_survive(tmp_path):
    both = torch.arange(4.0)
    checkpoint.save(tmp_path, 1, "id", {"all": both, "half": both[:2], "wide": both[:1].expand(3)})
    state = checkpoint.restore(tmp_path).state
    assert same(state, {"all": both, "half": both[:2], "wide": torch.zeros(3)})


def test_the_same_state_gives_the_same_bytes(tmp_path):
    paths = [checkpoint.save(tmp_path / name, 1, "id", STATE) for name in "ab"]
    for name in ("tensors.safetensors", "values.json"):
        assert (paths[0] / name).read_bytes() == (paths[1] / name).read_bytes()


@pytest.mark.parametrize(
    "state", [{"x": {"y": {1, 2}}}, {"x": {3: 1}}, {"x": {"$tensor": "y"}}, {"x": [object()]}]
)
def test_what_cannot_be_kept_is_named(tmp_path, state):
    with pytest.raises(BrokenContract, match="state x"):
        checkpoint.save(tmp_path, 1, "id", state)


def test_two_stay(tmp_path):
    paths = save(tmp_path, 0, 90, 1_000, 20_000)
    assert list(checkpoint.steps(tmp_path)) == paths[-2:]
    assert checkpoint.restore(tmp_path).step == 20_000


def cut(path):
    os.truncate(path, path.stat().st_size - 10)


def flip(path):
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)


def edit(path):
    path.write_text(path.read_text().replace('"step": 20', '"step": 21'))


def edit_value(path):
    table = json.loads(path.read_text())
    table["values"]["tick"] = 5
    path.write_text(json.dumps(table))


DAMAGE = [
    ("tensors.safetensors", cut),
    ("tensors.safetensors", flip),
    ("tensors.safetensors", os.unlink),
    ("values.json", cut),
    ("values.json", edit_value),
    ("values.json", lambda path: path.write_text("{}")),
    ("values.json", os.unlink),
]


@pytest.mark.parametrize(("name", "harm"), DAMAGE)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, capsys, name, harm):
    old, new = save(tmp_path, 10, 20)
    harm(new / name)
    found = checkpoint.restore(tmp_path)
    assert (found.path, found.step) == (old, 10)
    assert same(found.state, {"w": torch.full((50,), 10)})
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(new) in said and old.name in said
    # Set aside, so that it cannot push the good one out when the run goes on.
    assert list(checkpoint.steps(tmp_path)) == [old]
    save(tmp_path, 15)
    assert checkpoint.restore(tmp_path).step == 15


@pytest.mark.parametrize(("name", "harm"), DAMAGE)
def test_with_none_whole_the_run_is_refused_in_one_line(tmp_path, name, harm):
    for path in save(tmp_path, 10, 20):
        harm(path / name)
    with pytest.raises(BadFile) as caught:
        checkpoint.restore(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_checkpoint_at_all_is_refused(tmp_path):
    with pytest.raises(BadFile, match="it has no checkpoint"):
        checkpoint.restore(tmp_path)


def test_another_version_is_refused_and_not_passed_over(tmp_path, monkeypatch):
    save(tmp_path, 10)
    monkeypatch.setattr(commonweal, "__version__", "9.9.9")
    save(tmp_path, 20)
    monkeypatch.undo()
    with pytest.raises(BadFile) as caught:
        checkpoint.restore(tmp_path)
    assert "9.9.9" in str(caught.value) and commonweal.__version__ in str(caught.value)


def test_a_draft_left_by_a_kill_is_passed_over_and_removed(tmp_path):
    (path,) = save(tmp_path, 10)
    draft = path.with_name(".000000000020.1.tmp")
    draft.mkdir()
    assert checkpoint.restore(tmp_path).step == 10
    save(tmp_path, 30)
    assert not draft.exists()


def test_a_full_disk_leaves_the_last_checkpoint_and_no_draft(tmp_path, monkeypatch):
    (path,) = save(tmp_path, 10)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadFile, match="No space left on device"):
        save(tmp_path, 20)
    assert os.listdir(tmp_path / "checkpoints") == [path.name]
    assert checkpoint.restore(tmp_path).step == 10


def test_saving_one_step_twice_repairs_it_if_need_be(tmp_path):
    (path,) = save(tmp_path, 10)
    flip(path / "tensors.safetensors")
    save(tmp_path, 10)
    assert checkpoint.restore(tmp_path).step == 10


def test_identity_depends_on_what_decides_the_result():
    base = checkpoint.identity(changed())
    assert base == checkpoint.identity(changed(title="x", source="y", checkpoint_every=1.0))
    assert base != checkpoint.identity(changed(seed=4))
    assert base != checkpoint.identity(changed(world={"kind": "lattice", "temptation": 1.1}))
