"""Names that are close are proposed, others are not."""

import pytest

from commonweal import errors


def test_nearest_name_is_proposed():
    assert errors.nearest("public_gods", ["lattice", "public_goods"]) == (
        "; did you mean 'public_goods'?"
    )


def test_nothing_is_proposed_when_nothing_is_close():
    assert errors.nearest("zzz", ["lattice", "public_goods"]) == ""


def test_all_names_are_given_when_none_is_close():
    assert errors.known("zzz", ["b", "a"]) == "; known: a, b"
    assert errors.known("latice", ["b", "lattice"]) == "; did you mean 'lattice'?"
    assert errors.known("zzz", []) == ""


@pytest.mark.parametrize(
    "name",
    ["UnknownName", "BadSetting", "BadFile", "BrokenContract", "Diverged", "MissingExtra"],
)
def test_tree_is_as_drawn(name):
    assert getattr(errors, name).__bases__ == (errors.CommonwealError,)
    assert f"-- {name}" in errors.__doc__
