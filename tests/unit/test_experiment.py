"""Experiments resolve, are written and read back, and name every mistake beforehand."""

from dataclasses import dataclass, replace
from pathlib import Path

import networkx as nx
import pytest

from commonweal.errors import BadFile, BadSetting, UnknownName
from commonweal.registry import Registry
from commonweal.settings import Settings, setting
from commonweal.simulation import experiment as experiments
from commonweal.simulation.experiment import Experiment, Share, load, resolve, save, with_value
from commonweal.simulation.toml import dumps

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@dataclass(frozen=True, kw_only=True)
class GameConfig(Settings):
    temptation: float = setting(1.3, "payoff of defecting", low=0, high=2)
    sucker: float = setting(-0.33, "payoff of being exploited")
    order: str = setting("any", "which of the two is larger", choices=("any", "temptation"))

    def check(self):
        if self.order == "temptation" and self.temptation < self.sucker:
            raise BadSetting("GameConfig.temptation is below sucker")


@dataclass(frozen=True, kw_only=True)
class LearnerConfig(Settings):
    rate: float = setting(0.01, "step size", low=0, high=1)
    hidden: tuple[int, ...] = setting((32, 32), "layers", low=1)


@dataclass(frozen=True, kw_only=True)
class CleverConfig(Settings):
    move: LearnerConfig = setting(LearnerConfig, "how it learns")


@dataclass(frozen=True, kw_only=True)
class BookConfig(Settings):
    smoothing: float = setting(0.6, "weight of the past", low=0, high=1)


def wheel(agents, rng, *, spokes: int = 2):
    """A wheel.

    Args:
        spokes: how many.
    """
    return nx.wheel_graph(agents)


def from_file(agents, rng, *, path: str = ""):
    """A graph of seven.

    Args:
        path: where it lies.
    """
    if not path:
        raise BadSetting("network from_file: path is empty")
    return nx.cycle_graph(7)


SPECIAL = {
    "agents": 2,
    "steps": 7,
    "lanes": 1,
    "replicates": 50,
    "record_every": 1,
    "network": "from_file",
    "clever.move.rate": 0.5,
    "absent.rate": 3,
}


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    """Registries with two worlds, two networks, a ledger and three kinds of agents."""
    worlds, networks, agents, ledgers = (
        Registry(what, "commonweal.browser") for what in ("world", "network", "agent", "ledger")
    )
    for registry in (worlds, networks, agents, ledgers):
        registry._discovered = True
    for name in ("lattice", "other"):
        worlds.register(name)(type(name, (), {"Config": GameConfig, "usual": {}}))
    worlds.register("special")(type("Special", (), {"Config": GameConfig, "usual": SPECIAL}))
    for name, function in (("square_lattice", wheel), ("from_file", from_file)):
        networks.register(name)(function)
    ledgers.register("book")(type("Book", (), {"Config": BookConfig}))
    clever = {"Config": CleverConfig, "ledgers": ("book",)}
    agents.register("clever")(type("Clever", (), clever))
    for name in ("plain", "simple"):
        agents.register(name)(type(name, (), {"Config": Settings, "ledgers": ()}))
    monkeypatch.setattr("commonweal.worlds.WORLDS", worlds)
    monkeypatch.setattr("commonweal.networks.NETWORKS", networks)
    monkeypatch.setattr("commonweal.agents.AGENTS", agents)
    monkeypatch.setattr("commonweal.networks.ledgers.LEDGERS", ledgers)


def society(*shares, **values):
    return Experiment(population=[Share(**share) for share in shares], **values)


CLEVER = {"kind": "clever"}


def test_resolve_writes_all_defaults_out():
    whole = resolve(society(CLEVER, world={"temptation": 1}))
    assert whole.agents == 100
    assert whole.world == {
        "kind": "lattice",
        "temptation": 1.0,
        "sucker": -0.33,
        "order": "any",
    }
    assert whole.network == {"kind": "square_lattice", "spokes": 2}
    assert whole.ledger == {"book": {"smoothing": 0.6}}
    settings = {"move": {"rate": 0.01, "hidden": [32, 32]}}
    assert whole.population == [Share(kind="clever", count=100, settings=settings)]


def test_a_world_says_what_is_usual_in_it():
    whole = resolve(society(CLEVER, world={"kind": "special"}, network={"path": "some"}))
    found = (whole.agents, whole.steps, whole.lanes, whole.replicates, whole.record_every)
    assert found == (7, 7, 1, 50, 1)  # the network's own size comes first
    assert whole.network == {"kind": "from_file", "path": "some"}
    assert whole.population[0].settings["move"] == {"rate": 0.5, "hidden": [32, 32]}
    assert resolve(whole) == whole
    assert experiments.kind_flags(whole)["agent clever"][0].default == 0.5


def test_rounds_are_steps_of_every_lane(monkeypatch):
    monkeypatch.setitem(SPECIAL, "rounds", 5)
    given = society({"kind": "plain", "count": 2}, world={"kind": "special"}, lanes=3)
    assert resolve(replace(given, network={"path": "some"})).steps == 15
    assert resolve(replace(given, network={"path": "some"}, steps=4)).steps == 4


def test_what_the_user_says_comes_before_what_is_usual():
    clever = CLEVER | {"settings": {"move": {"rate": 0.1}}}
    whole = resolve(
        society(
            clever,
            world={"kind": "special"},
            network={"kind": "square_lattice"},
            steps=9,
            lanes=3,
            replicates=2,
            record_every=4,
        )
    )
    found = (whole.agents, whole.steps, whole.lanes, whole.replicates, whole.record_every)
    assert found == (2, 9, 3, 2, 4)
    assert whole.network["kind"] == "square_lattice"
    assert whole.population[0].settings["move"]["rate"] == 0.1


def test_resolve_changes_nothing_the_second_time():
    whole = resolve(society(CLEVER, {"kind": "plain", "count": 3}))
    assert resolve(whole) == whole


@pytest.mark.parametrize(
    ("agents", "counts", "resolved"),
    [
        (0, (7, 2, 1), (7, 2, 1)),
        (10, (7, 2, 0), (7, 2, 1)),
        (10, (5, 0, 0), (5, 3, 2)),
        (11, (0, 0, 0), (4, 4, 3)),
        (0, (0, 20, 10), (70, 20, 10)),
    ],
)
def test_counts(agents, counts, resolved):
    shares = zip(("clever", "plain", "simple"), counts, strict=True)
    whole = resolve(society(*[{"kind": k, "count": c} for k, c in shares], agents=agents))
    assert tuple(share.count for share in whole.population) == resolved
    assert whole.agents == sum(resolved)


@pytest.mark.parametrize(("agents", "counts"), [(10, (7, 2)), (10, (7, 4)), (10, (10, 0))])
def test_counts_that_do_not_add_up(agents, counts):
    shares = [{"kind": "clever", "count": counts[0]}, {"kind": "plain", "count": counts[1]}]
    with pytest.raises(BadSetting, match=f"count {sum(counts)}, but agents = {agents}"):
        resolve(society(*shares, agents=agents))


def test_network_from_a_file_knows_its_size():
    network = {"kind": "from_file", "path": "somewhere"}
    assert resolve(society(CLEVER, network=network)).agents == 7


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"population": []}, BadSetting, "no agents"),
        ({"population": [Share(kind="clevr")]}, UnknownName, "did you mean 'clever'"),
        ({"world": {"kind": "latice"}}, UnknownName, "no world named 'latice'; did you mean 'latt"),
        ({"world": {"kind": 3}}, UnknownName, "no world named 3"),
        ({"world": {"temptatio": 1}}, UnknownName, "'world.temptatio'; did you mean 'temptation'"),
        ({"world": {"temptation": 3.0}}, BadSetting, r"GameConfig.temptation = 3.0 lies outside"),
        ({"network": {"spoke": 1}}, UnknownName, "'network.spoke'; did you mean 'spokes'"),
        ({"network": {"kind": "from_file"}}, BadSetting, "path is empty"),
        ({"ledger": {"boko": {}}}, UnknownName, "no ledger named 'boko'; did you mean 'book'"),
        ({"ledger": {"book": {"smoothing": 2}}}, BadSetting, "ledger.book: BookConfig.smoothing"),
        ({"ledger": {"book": 3}}, BadSetting, "ledger.book = 3 is not a table"),
        (
            {"population": [Share(kind="clever", settings={"move": {"rat": 1}})]},
            UnknownName,
            "'clever.move.rat'; did you mean 'rate'",
        ),
        ({"device": "gpu"}, BadSetting, "device = 'gpu' is not one of"),
        ({"device": "cuda:99"}, BadSetting, "device = 'cuda:99', but this machine has"),
        ({"sweep": {"world.temptaton": [1]}}, UnknownName, "did you mean 'world.temptation'"),
        ({"sweep": {"world.temptation": [1, 7]}}, BadSetting, "temptation = 7.0 lies outside"),
        ({"sweep": {"seed": [0, "x"]}}, BadSetting, "seed = 'x' is not a whole number"),
    ],
)
def test_mistakes_are_found_before_anything_is_built(values, error, message):
    with pytest.raises(error, match=message) as caught:
        resolve(replace(society(CLEVER), **values))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": -1}, r"seed = -1 lies outside"),
        ({"steps": -1}, r"steps = -1 lies outside \[0, inf\)"),
        ({"lanes": 1.5}, "lanes = 1.5 is not a whole number"),
        ({"world": "lattice"}, "world = 'lattice' is not a table"),
        ({"world": {"temptation": None}}, "world.temptation = None is neither"),
        ({"sweep": {"seed": 3}}, "sweep.seed = 3 is not a list of values"),
        ({"sweep": {"seed": []}}, "is not a list of values"),
        ({"population": [Share(kind="clever", count=-1)]}, "-1 is not a count of clever"),
        ({"population": [Share(kind="clever", count=1.5)]}, "1.5 is not a count of clever"),
    ],
)
def test_experiments_check_their_form(values, message):
    with pytest.raises(BadSetting, match=message):
        Experiment(**values)


def test_experiments_keep_their_own_copies():
    world = {"kind": "other"}
    experiment = society(CLEVER, world=world)
    world["kind"] = "lattice"
    assert experiment.world["kind"] == "other"


def test_config_helpers():
    experiment = society(
        CLEVER | {"settings": {"move": {"rate": 0.5}}}, {"kind": "plain"}, network={"spokes": 4}
    )
    assert experiments.world_config(experiment) == GameConfig()
    assert experiments.network_settings(experiment).spokes == 4
    assert experiments.ledger_configs(experiment) == {"book": BookConfig()}
    assert experiments.share_configs(experiment)[0] == CleverConfig(move=LearnerConfig(rate=0.5))


def test_ledgers_are_those_set_and_those_used():
    assert experiments.ledger_configs(society({"kind": "plain"})) == {}
    named = society({"kind": "plain"}, ledger={"book": {"smoothing": 0.1}})
    assert experiments.ledger_configs(named) == {"book": BookConfig(smoothing=0.1)}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("seed", 5, lambda e: e.seed),
        ("early_stop", True, lambda e: e.early_stop),
        ("world.temptation", 1.2, lambda e: e.world["temptation"]),
        ("world.kind", "other", lambda e: e.world["kind"]),
        ("network.spokes", 7, lambda e: e.network["spokes"]),
        ("ledger.book.smoothing", 0.1, lambda e: e.ledger["book"]["smoothing"]),
        ("clever.move.rate", 0.2, lambda e: e.population[0].settings["move"]["rate"]),
        ("clever.move.rate", 0.2, lambda e: e.population[2].settings["move"]["rate"]),
    ],
)
def test_with_value(name, value, read):
    base = society(CLEVER, {"kind": "plain"}, CLEVER)
    before = experiments.to_plain(base)
    changed = with_value(base, name, value)
    assert read(changed) == value
    assert read(resolve(changed)) == value
    assert experiments.to_plain(base) == before
    assert changed.population[1] == base.population[1]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sed", "did you mean 'seed'"),
        ("world.temptaton", "did you mean 'world.temptation'"),
        ("ledger.book.smoothin", "did you mean 'ledger.book.smoothing'"),
        ("simple.move.rate", "did you mean 'clever.move.rate'"),
        ("population", ""),
        ("world", ""),
        ("clever.move", ""),
    ],
)
def test_with_value_of_an_unknown_name(name, hint):
    with pytest.raises(UnknownName, match=f"no setting '{name}' for these kinds.*{hint}"):
        with_value(society(CLEVER), name, 1)


def test_settings_that_depend_on_one_another_are_changed_one_by_one():
    base = society(CLEVER, world={"order": "temptation"})
    changed = with_value(base, "world.sucker", 1.9)  # above the temptation, for now
    changed = with_value(changed, "world.temptation", 2.0)
    assert resolve(changed).world["sucker"] == 1.9
    with pytest.raises(BadSetting, match="below sucker"):
        resolve(with_value(base, "world.sucker", 1.9))


def full():
    return society(
        {"kind": "clever", "count": 30, "settings": {"move": {"rate": 1e-05, "hidden": [8]}}},
        {"kind": "plain"},
        title='A "quoted" \\ title\nin two lines, ümlaut \x7f \t',
        seed=2**63 - 1,
        early_stop=True,
        snapshots=(1000, 5000),
        checkpoint_every=0.5,
        world={"kind": "other", "temptation": 1.2, "sucker": -1e20},
        ledger={"book": {"smoothing": 0.25}},
        sweep={"world.temptation": [1.0, 1.2], "early_stop": [True, False], "world.kind": ["a b"]},
    )


@pytest.mark.parametrize("make", [full, Experiment, lambda: resolve(society(CLEVER))])
def test_files_round_trip(make, tmp_path):
    experiment = make()
    save(experiment, tmp_path / "experiment.toml")
    assert load(tmp_path / "experiment.toml") == experiment


def test_file_is_laid_out_as_one_would_write_it(tmp_path):
    save(replace(full(), title="t", ledger={}, sweep={"seed": [1]}), tmp_path / "e.toml")
    text = (tmp_path / "e.toml").read_text()
    assert '\n[world]\nkind = "other"\ntemptation = 1.2\n' in text
    assert '\n[[population]]\nkind = "clever"\ncount = 30\n\n[population.move]\nrate' in text
    assert "ledger" not in text


def test_none_cannot_be_written():
    with pytest.raises(BadSetting, match="a.b = None cannot be written"):
        dumps({"a": {"b": None}})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("seed = = 3", BadFile, "not a TOML file: .*line 1"),
        ("sed = 3", UnknownName, "no setting 'sed' in an experiment; did you mean 'seed'"),
        ("seed = -3", BadSetting, "seed = -3 lies outside"),
        ("world = 3", BadSetting, "world = 3 is not a table"),
        ("population = 3", BadSetting, "population is a list of tables"),
        ("[population]\nkind = 'lr2'", BadSetting, "population is a list of tables"),
        ("[[population]]\ncount = 3", BadSetting, "a share needs a kind"),
        ("[[population]]\nkind = 'a'\ncount = '3'", BadSetting, "'3' is not a count of a"),
        ("[sweep]\nworld.temptation = [1, 2]", BadSetting, "dotted names stand in quotes"),
    ],
)
def test_bad_files(text, error, message, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(error, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "bytes.toml"):
        with pytest.raises(BadFile, match=str(path)):
            load(path)


def test_unknown_kinds_do_not_hinder_reading(tmp_path):
    (tmp_path / "old.toml").write_text("[world]\nkind = 'gone'\n[[population]]\nkind = 'gone'\n")
    assert load(tmp_path / "old.toml").world == {"kind": "gone"}


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda path: path.stem)
def test_published_experiments_resolve(path, monkeypatch):
    monkeypatch.undo()  # the real kinds
    experiment = load(path)
    assert experiment.title and experiment.source
    assert resolve(experiment).agents > 1


def test_published_lattice_is_the_published_setting(monkeypatch):
    monkeypatch.undo()
    whole = resolve(load(EXPERIMENTS / "lr2_lattice.toml"))
    assert (whole.agents, whole.steps, whole.lanes, whole.seed) == (100, 200_000, 16, 1)
    expected = {"temptation": 1.3, "sucker": -0.33, "reward": 1.0, "punishment": 0.0, "horizon": 20}
    assert expected.items() <= whole.world.items()
    assert whole.population[0].settings["assess"]["alignment"] == 0.2
