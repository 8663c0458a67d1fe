"""Knobs of the page: which there are, and what they make of an experiment."""

import pytest

from commonweal.browser.knobs import MOST, knobs, stand, turned, values
from commonweal.errors import BadSetting
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share, resolve


def experiment(world, *kinds, agents=0, **settings):
    population = [Share(kind=kind, settings=settings if kind == kinds[0] else {}) for kind in kinds]
    return resolve(Experiment(world={"kind": world}, population=population, agents=agents))


def spec(of):
    return assemble(of).spec


def test_untouched_knobs_leave_the_experiment_as_it_is():
    several = [
        Share(kind="lr2", count=5),
        Share(kind="lr2_unrewarded", count=7),
        Share(kind="dd", count=4),
    ]
    for population in ([Share(kind="lr2")], several[:2], several):
        began = resolve(Experiment(population=population, world={"temptation": 1.25}))
        assert resolve(turned(began, values(knobs(began)))) == began
        assert turned(began, {}) == began


@pytest.mark.parametrize("kind", ["simul_ind", "cga", "sga", "aga", "svo", "sl", "free_rider"])
@pytest.mark.parametrize("world", ["toy_game", "public_goods", "game_file"])
def test_untouched_knobs_of_games_leave_the_experiment_as_it_is(world, kind):
    began = experiment(world, kind)
    assert resolve(turned(began, values(knobs(began, spec(began))))) == began


def test_typed_numbers_keep_all_their_digits():
    began = experiment("toy_game", "aga", rule={"strength": 1 / 3})
    assert resolve(turned(began, values(knobs(began)))) == began


def test_a_second_share_of_the_same_kind_keeps_its_settings():
    strong = {"rule": {"strength": 3.0}}
    population = [Share(kind="aga", count=1), Share(kind="aga", count=1, settings=strong)]
    began = resolve(Experiment(world={"kind": "toy_game"}, population=population))
    there = turned(began, values(knobs(began, spec(began))) | {"first.rule.strength": "2"})
    assert [s.settings["rule"]["strength"] for s in there.population] == [2.0, 3.0]


def test_size_keeps_the_proportions_of_many_kinds():
    population = [
        Share(kind=kind, count=n) for kind, n in (("lr2", 8), ("lr2_unrewarded", 4), ("dd", 4))
    ]
    began = resolve(Experiment(population=population))
    turning = values(knobs(began)) | {"side": 8}
    assert [share.count for share in turned(began, turning).population] == [32, 16, 16]


def test_settings_get_knobs_by_their_type():
    began = experiment("public_goods", "aga")
    shown = knobs(began, spec(began))
    assert shown["world.boundary"]["values"] == ["first_exit", "projection", "none"]
    assert shown["world.multiplier"]["type"] == "SliderFloat"
    assert shown["first.rule.strength"] == {
        "type": "InputText",
        "label": "aga: strength",
        "value": "100",
    }
    assert shown["first.rule.sign_rule"]["values"] == ["paper", "exact", "off"]
    assert (shown["first.rule.zero_sign"]["min"], shown["first.rule.zero_sign"]["max"]) == (-1, 1)
    assert shown["first.continuous.learning_rate"]["value"] == "0.01"
    began = experiment("public_goods", "sga")
    assert knobs(began, spec(began))["first.rule.align"]["type"] == "Checkbox"
    began = experiment("public_goods", "conditional_cooperator")
    assert knobs(began, spec(began))["first.matching"]["type"] == "SliderFloat"


def test_how_actions_move_has_a_knob_only_where_they_are_numbers():
    began = experiment("lattice", "aga")
    shown = knobs(began, spec(began))
    assert "first.rule.strength" in shown
    assert not any(name.startswith(("first.continuous", "first.move")) for name in shown)


def test_turned_knobs_reach_the_first_kind():
    began = experiment("toy_game", "aga")
    turning = {"first.rule.strength": "1e2", "first.rule.sign_rule": "exact"}
    there = resolve(turned(began, values(knobs(began, spec(began))) | turning))
    assert there.population[0].settings["rule"]["strength"] == 100.0
    assert there.population[0].settings["rule"]["sign_rule"] == "exact"
    assert "aga strength 100" in stand(there, spec(there))
    with pytest.raises(BadSetting, match="aga.rule.strength = 'much' is not a finite number"):
        turned(began, values(knobs(began)) | {"first.rule.strength": "much"})


@pytest.mark.parametrize("kind", ["fpf", "lmf", "dnf"])
def test_charter_and_exchange_of_a_federation_have_a_few_knobs(kind):
    began = experiment("job_scheduling", kind)
    shown = knobs(began, spec(began))
    assert resolve(turned(began, values(shown))) == began
    charter = [name for name in shown if name.startswith("first.charter.")]
    assert charter == [
        f"first.charter.{name}"
        for name in ("members", "share", "nodes", "shape", "weight", "every")
    ]
    assert 1 <= sum(name.startswith("first.exchange.") for name in shown) <= MOST
    assert len(shown) < 25
    assert shown["first.charter.share"]["type"] == "SliderFloat"
    assert "everyone" in shown["first.charter.members"]["values"]


def test_turned_knobs_of_a_federation_reach_its_charter():
    began = experiment("job_scheduling", "lmf")
    turning = {"first.charter.members": "nodes", "first.charter.nodes": "2, 0"}
    turning |= {"first.charter.every": "7", "first.exchange.what": "parameters"}
    there = resolve(turned(began, values(knobs(began, spec(began))) | turning))
    charter = there.population[0].settings["charter"]
    assert (charter["members"], charter["nodes"], charter["every"]) == ("nodes", [2, 0], 7)
    assert there.population[0].settings["exchange"]["what"] == "parameters"
    assert {"charter nodes 2,0", "charter every 7"} <= set(stand(there, spec(there)))
    with pytest.raises(BadSetting, match="lmf.charter.every = 'often' is not a whole number"):
        turned(began, values(knobs(began)) | {"first.charter.every": "often"})


def test_a_number_finer_than_a_slider_is_typed():
    began = experiment("job_scheduling", "fpf", exchange={"rate": 0.0015})
    assert knobs(began)["first.exchange.rate"]["value"] == "0.0015"
    began = experiment("job_scheduling", "fpf", exchange={"rate": 0.5})
    assert knobs(began)["first.exchange.rate"]["type"] == "SliderFloat"


def test_only_kinds_that_the_world_accepts_can_move_in():
    game, dilemma = experiment("toy_game", "aga"), experiment("lattice", "aga", agents=9)
    seconds = {
        w: set(knobs(e, spec(e))["second"]["values"]) for w, e in (("g", game), ("d", dilemma))
    }
    assert {"cga", "free_rider", "conditional_cooperator"} <= seconds["g"]
    assert seconds["g"].isdisjoint({"tit_for_tat", "lr2", "stern_judging"})
    assert {"cga", "tit_for_tat", "lr2", "stern_judging"} <= seconds["d"]
    assert seconds["d"].isdisjoint({"free_rider", "full_contributor"})
