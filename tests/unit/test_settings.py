"""Settings check themselves and turn into tables and flags and back."""

from dataclasses import dataclass

import numpy as np
import pytest

from commonweal.errors import BadSetting, BrokenContract, UnknownName
from commonweal.settings import (
    Flag,
    Settings,
    bounds,
    flags,
    from_table,
    parse_value,
    replace_at,
    setting,
    to_table,
)


@dataclass(frozen=True, kw_only=True)
class Learner(Settings):
    rate: float = setting(0.01, "step size", low=0, high=1, source="a paper")
    epochs: int = setting(5, "passes over the data", low=1)
    hidden: tuple[int, ...] = setting((32, 32), "layer sizes", low=1)


@dataclass(frozen=True, kw_only=True)
class Kind(Settings):
    payoff: float = setting(1.3, "payoff", low=-1, high=2)
    reward: str = setting("product", "which", choices=("product", "additive"))
    shared: bool = setting(False, "shared or not")
    span: tuple[float, float] = setting((0.0, 1.0), "from, to")
    move: Learner = setting(Learner, "how it moves")
    assess: Learner = setting(Learner(epochs=3), "how it judges")

    def check(self):
        if self.span[0] > self.span[1]:
            raise BadSetting(f"Kind.span = {self.span} runs backwards")


def test_defaults():
    kind = Kind()
    assert (kind.payoff, kind.move.epochs, kind.assess.epochs) == (1.3, 5, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"payoff": 3.0}, r"Kind.payoff = 3.0 lies outside \[-1, 2\]"),
        ({"payoff": -1.01}, r"Kind.payoff = -1.01 lies outside \[-1, 2\]"),
        ({"payoff": True}, "Kind.payoff = True is not a finite number"),
        ({"payoff": "1"}, "Kind.payoff = '1' is not a finite number"),
        ({"payoff": float("nan")}, "Kind.payoff = nan is not a finite number"),
        ({"payoff": float("inf")}, "Kind.payoff = inf is not a finite number"),
        ({"payoff": 10**400}, "Kind.payoff = inf is not a finite number"),
        ({"reward": "prodct"}, "'prodct' is not one of 'product', 'additive'; did you mean 'prod"),
        ({"reward": 3}, "Kind.reward = 3 is not a text"),
        ({"shared": 1}, "Kind.shared = 1 is not true or false"),
        ({"span": 3}, "Kind.span = 3 is not a list of finite numbers"),
        ({"span": (1, 2, 3)}, "must have 2 entries"),
        ({"span": (2, 1)}, "runs backwards"),
        ({"move": {"epochs": 3}}, "is not a Learner"),
        ({"move": Learner}, "is not a Learner"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(BadSetting, match=message) as caught:
        Kind(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 1.5}, "Learner.epochs = 1.5 is not a whole number"),
        ({"epochs": True}, "Learner.epochs = True is not a whole number"),
        ({"epochs": 0}, r"Learner.epochs = 0 lies outside \[1, inf\)"),
        ({"hidden": [32, 0]}, r"Learner.hidden = 0 lies outside \[1, inf\)"),
        ({"hidden": [32, 1.5]}, "Learner.hidden = 1.5 is not a whole number"),
        ({"hidden": "32"}, "Learner.hidden = '32' is not a list of whole numbers"),
    ],
)
def test_bad_whole_numbers(values, message):
    with pytest.raises(BadSetting, match=message):
        Learner(**values)


def test_values_become_the_declared_type():
    kind = Kind(payoff=1, span=[0, 2])
    assert type(kind.payoff) is float and kind.payoff == 1.0
    assert kind.span == (0.0, 2.0) and type(kind.span[0]) is float
    learner = Learner(epochs=np.int64(4), rate=np.float32(0.5), hidden=[8])
    assert type(learner.epochs) is int and type(learner.rate) is float
    assert learner.hidden == (8,)


def test_bounds_belong_to_the_interval():
    assert Kind(payoff=2).payoff == 2 and Kind(payoff=-1).payoff == -1
    assert bounds(None, None) == "" and bounds(None, 1) == "(-inf, 1]"


def test_unsupported_types_are_the_authors_fault():
    @dataclass(frozen=True, kw_only=True)
    class Odd(Settings):
        thing: dict = setting(None, "a thing")

    with pytest.raises(BrokenContract, match="Odd.thing"):
        Odd()


def test_table_round_trip():
    kind = Kind(payoff=2, span=(0, 3), move=Learner(hidden=(8,)), shared=True)
    table = to_table(kind)
    assert table["move"] == {"rate": 0.01, "epochs": 5, "hidden": [8]}
    assert from_table(Kind, table, "world") == kind


def test_partial_group_keeps_the_default_of_its_place():
    kind = from_table(Kind, {"assess": {"rate": 0.5}}, "world")
    assert kind.assess == Learner(epochs=3, rate=0.5)
    assert kind.move == Learner()


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"payof": 1}, UnknownName, "no setting 'world.payof'; did you mean 'payoff'?"),
        ({"move": {"epoch": 1}}, UnknownName, "'world.move.epoch'; did you mean 'epochs'?"),
        ({"move": {"epochs": 0}}, BadSetting, "world.move: Learner.epochs = 0 lies outside"),
        ({"payoff": 9}, BadSetting, "world: Kind.payoff = 9.0 lies outside"),
        ({"move": 3}, BadSetting, "world.move = 3 is not a table of settings"),
        ([], BadSetting, "world = [] is not a table of settings"),
    ],
)
def test_bad_tables_name_the_place(table, error, message):
    with pytest.raises(error) as caught:
        from_table(Kind, table, "world")
    assert message in str(caught.value)


def test_replace_at():
    kind = replace_at(Kind(), "move.rate", 0.5)
    assert kind == Kind(move=Learner(rate=0.5))
    assert replace_at(kind, "payoff", 2).payoff == 2.0
    with pytest.raises(BadSetting, match="Learner.rate = 7.0 lies outside"):
        replace_at(kind, "move.rate", 7)
    for path, named in (
        ("move.rat", "'rat' in Learner; did you mean 'rate'"),
        ("payoff.x", "'payoff.x' in Kind"),
        ("mov.rate", "'mov.rate' in Kind; did you mean 'move.rate'"),
    ):
        with pytest.raises(UnknownName, match=f"no setting {named}"):
            replace_at(kind, path, 1)


def test_flags():
    found = {flag.name: flag for flag in flags(Kind, "lr2")}
    assert list(found)[:3] == ["lr2.payoff", "lr2.reward", "lr2.shared"]
    assert found["lr2.assess.epochs"].default == 3 and found["lr2.move.epochs"].default == 5
    assert found["lr2.move.rate"] == Flag(
        "lr2.move.rate", float, 0.01, "step size", 0, 1, None, "a paper"
    )
    assert found["lr2.reward"].choices == ("product", "additive")
    assert [flag.name for flag in flags(Learner, "")] == ["rate", "epochs", "hidden"]


def parsed(kind, text):
    return parse_value(Flag("a.b", kind, None, ""), text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "200_000", 200_000),
        (int, "2e5", 200_000),
        (int, "-3", -3),
        (float, "1", 1.0),
        (float, "-1e-3", -0.001),
        (bool, "True", True),
        (bool, "off", False),
        (str, "a b", "a b"),
        (tuple[int, ...], "32, 32", (32, 32)),
        (tuple[int, ...], "8", (8,)),
        (tuple[float, ...], "", ()),
    ],
)
def test_values_from_text(kind, text, value):
    assert parsed(kind, text) == value
    assert type(parsed(kind, text)) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (int, "1.5", "a.b = '1.5' is not a whole number"),
        (int, "", "a.b = '' is not a whole number"),
        (float, "x", "a.b = 'x' is not a finite number"),
        (bool, "2", "a.b = '2' is not true or false"),
        (tuple[int, ...], "3,x", "a.b = 'x' is not a whole number"),
    ],
)
def test_bad_text(kind, text, message):
    with pytest.raises(BadSetting, match=message):
        parsed(kind, text)
