"""The traces are as they were: a change of rules shows as a readable difference."""

from pathlib import Path

import pytest

from tests.golden.traces import TRACES, text


@pytest.mark.parametrize("name", TRACES)
def test_trace(name):
    expected = Path(__file__).with_name(f"{name}.txt").read_text()
    assert text(name).splitlines() == expected.splitlines(), (
        "the rules changed; if they should have, rewrite with python -m tests.golden"
    )


def test_nothing_else_is_kept():
    kept = {path.stem for path in Path(__file__).parent.glob("*.txt")}
    assert kept == set(TRACES)
