"""Streams are reproducible, independent of each other, and continue where they stood."""

import json
import subprocess
import sys

import pytest
import torch

from commonweal.randomness import Streams


def test_same_seed_and_name_draw_alike():
    one, two = Streams(7), Streams(7)
    two.numpy("something else").random(5)
    assert (one.numpy("world").random(5) == two.numpy("world").random(5)).all()
    assert torch.equal(
        torch.rand(5, generator=one.torch("world")), torch.rand(5, generator=two.torch("world"))
    )
    assert one.integer("mesa") == two.integer("mesa")


def test_names_and_seeds_differ():
    draws = [
        Streams(seed).numpy(name).random() for seed in (0, 1) for name in ("world", "agents/lr2")
    ]
    draws += [
        torch.rand(1, generator=Streams(seed).torch(name)).item()
        for seed in (0, 1)
        for name in ("world", "agents/lr2")
    ]
    assert len(set(draws)) == 8
    assert len({Streams(s).integer(n) for s in (0, 1) for n in ("a", "b")}) == 4


def test_streams_are_kept():
    streams = Streams(0)
    assert streams.numpy("a") is streams.numpy("a")
    assert streams.torch("a") is streams.torch("a")
    assert streams.torch("a", torch.device("cpu")) is streams.torch("a", "cpu")


def test_streams_do_not_depend_on_the_process():
    code = "from commonweal.randomness import Streams; print(Streams(3).integer('world'))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) == Streams(3).integer("world")


def test_integers_suit_any_library():
    assert all(0 <= Streams(seed).integer("mesa") < 2**31 for seed in range(200))


def test_state_continues_generators_already_handed_out():
    streams = Streams(1)
    rng, generator = streams.numpy("agents/lr2"), streams.torch("agents/lr2/move")
    rng.integers(5, dtype="uint32")  # leaves half a word buffered
    torch.randn(3, generator=generator)
    saved = streams.state()
    expected = rng.random(4), torch.randn(4, generator=generator)
    streams.load(saved)
    assert (rng.random(4) == expected[0]).all()
    assert torch.equal(torch.randn(4, generator=generator), expected[1])


def test_state_loads_into_fresh_streams():
    streams = Streams(1)
    streams.numpy("a/b").random(3)
    torch.rand(3, generator=streams.torch("a/b"))
    fresh = Streams(1)
    fresh.load(streams.state())
    assert fresh.numpy("a/b").random() == streams.numpy("a/b").random()
    assert torch.equal(
        torch.rand(2, generator=fresh.torch("a/b")), torch.rand(2, generator=streams.torch("a/b"))
    )


def test_state_has_plain_values_and_keys_without_slashes():
    streams = Streams(1)
    streams.numpy("a/b")
    streams.torch("a/b")
    state = streams.state()
    assert json.loads(json.dumps(state["numpy"])) == state["numpy"]

    def keys(table):
        for key, value in table.items():
            yield key
            if isinstance(value, dict):
                yield from keys(value)

    assert not [key for key in keys(state) if "/" in key]
    assert state["torch"]["cpu"]["a%2Fb"].dtype == torch.uint8


def test_empty_state():
    streams = Streams(1)
    first = Streams(1).numpy("a").random()
    streams.load({})
    assert streams.numpy("a").random() == first


def test_negative_seed_is_refused():
    with pytest.raises(ValueError):
        Streams(-1).numpy("a")
