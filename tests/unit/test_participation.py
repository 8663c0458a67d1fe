"""Taking part: measures by hand, runs that are kept, the control without a federation, verdicts."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from commonweal.analysis import participation, resource_runs
from commonweal.analysis import resource_measures as measures
from commonweal.analysis.participation import ALONE, CONDITIONS, HALF, LOWEST, MEMBERS, NEAREST
from commonweal.analysis.report import Report
from commonweal.analysis.resource_runs import (
    Length,
    everywhere,
    experiment,
    keep,
    play,
    play_all,
    read,
)
from commonweal.errors import BadFile
from commonweal.simulation.engine import Simulation
from tests.courses import course, written

TINY = Length(episodes=everywhere(10), replicates=2, hidden=(4,))
JOB = "job_scheduling"


# ---- measures by hand -------------------------------------------------------------------------


def test_std_over_mean_by_hand():
    assert measures.std_over_mean([2.0, 4.0]) == pytest.approx(1 / 3)
    assert measures.std_over_mean([3.0, 3.0, 3.0]) == 0
    one_has_all = [0.0, 0.0, 5.0, 0.0]
    assert measures.std_over_mean(one_has_all) == pytest.approx(measures.most_uneven(4))
    assert measures.most_uneven(5) == 2
    both = measures.std_over_mean([[0.0, 0.0], [1.0, -1.0]])
    assert np.isnan(both).all()


def test_a_sample_spreads_more_than_a_population():
    # Of 0 and 2: sqrt(2) over 1 in place of 1 over 1.
    assert measures.as_sample(1.0, 2) == pytest.approx(np.sqrt(2))


def test_evenness_is_zero_for_a_monopoly_and_one_for_equal_shares():
    assert measures.evenness(measures.most_uneven(10), 10) == 0
    assert measures.evenness([0.0, 1.5], 10).tolist() == [1.0, 0.5]


def test_a_winner_that_changes_counts_in_episodes_and_not_over_the_period():
    returns = np.array([[[4.0, 0.0]], [[0.0, 4.0]]])
    assert measures.mean_of_known(measures.std_over_mean(returns)) == pytest.approx([1.0])
    assert measures.over_period(returns) == pytest.approx([0.0])


def test_episodes_without_returns_do_not_count():
    assert measures.mean_of_known([[1.0, np.nan], [np.nan, np.nan]])[0] == 1
    assert np.isnan(measures.mean_of_known([[np.nan], [np.nan]])).all()


def test_the_advantage_of_members_by_hand():
    returns = [[5.0, 1.0, 3.0], [5.0, 1.0, 3.0]]
    members = [[True, False, False], [True, True, False]]
    assert measures.advantage(returns, members).tolist() == [3.0, 0.0]
    assert np.isnan(measures.advantage(returns, np.ones((2, 3), bool))).all()
    assert np.isnan(measures.advantage(returns, np.zeros((2, 3), bool))).all()


@pytest.mark.parametrize(("agents", "members"), [(4, 3), (5, 3), (10, 6)])
def test_the_lowest_half_and_one_more(agents, members):
    who = measures.lowest(agents)
    assert who.sum() == members and who[:members].all()


# ---- runs -------------------------------------------------------------------------------------


def test_the_end_of_a_run_by_hand():
    run = course([[6.0, 2.0]], episodes=10)
    run.returns[:8] = 0.0
    assert run.episodes.tolist() == list(range(10, 101, 10))
    assert run.by_agent.tolist() == [[6.0, 2.0]] and run.collective == [8.0]
    assert run.per_period == [0.5] and run.worst == [2.0]
    run.ratio[:] = np.nan
    assert np.isnan(run.per_episode).all()
    assert course([[1.0]], episodes=3).closing == slice(-1, None)


def test_a_run_holds_what_a_recording_does():
    plan = experiment(JOB, "fpf", TINY, {"world.horizon": 100})
    run = play(plan)
    with Simulation(plan, progress=False) as simulation:
        simulation.run()
        found = simulation.recorder.series()
        members = simulation.world.society.federations["fpf"].members.numpy()
    rows = {name: values.reshape(2, 2) for name, values in found.items()}
    assert run.returns.shape == (2, 2, 4) and run.lanes == 10
    np.testing.assert_allclose(run.returns.sum(-1), rows["collective_return"])
    np.testing.assert_allclose(run.ratio, rows["std_over_mean"], rtol=1e-6)
    np.testing.assert_allclose(run.least, rows["least_return"])
    np.testing.assert_array_equal(run.members, members)
    assert (members.sum(1) == 2).all() and (run.gap > 0).all()


def test_who_belongs_to_no_federation_has_no_gap():
    run = play(experiment(JOB, "nearest", TINY))
    assert np.isnan(run.gap).all() and not run.members.any()
    # All walk to one cell, and who is first stays there.
    assert run.ratio == pytest.approx(np.sqrt(3)) and run.returns.sum(-1).min() > 198


def test_what_is_kept_is_not_played_again(tmp_path, monkeypatch, capsys):
    plans = {"walk": experiment(JOB, "nearest", TINY)}
    first = play_all(plans, tmp_path)["walk"]
    monkeypatch.setattr(resource_runs, "play", lambda plan: pytest.fail("played again"))
    again = play_all(plans, tmp_path)["walk"]
    np.testing.assert_array_equal(first.returns, again.returns)
    assert (again.lanes, again.seconds) == (first.lanes, first.seconds)
    assert "1 runs, 1 of them kept" in capsys.readouterr().out


def test_other_settings_are_played_anew(tmp_path):
    for order in participation.ORDERS:
        plan = experiment(JOB, "nearest", TINY, {"world.activation": order})
        play_all({"walk": plan}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_is_told(tmp_path):
    path = tmp_path / "walk.npz"
    keep(experiment(JOB, "nearest", TINY), path)
    whole = path.read_bytes()
    for damaged in (b"", b"nothing", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(BadFile, match="remove it to play it again"):
            read(path)


@pytest.mark.slow
def test_two_workers_find_the_same(tmp_path):
    plans = {name: experiment(JOB, name, TINY) for name in ("nearest", "ippo")}
    one = play_all(plans, tmp_path / "one")
    two = play_all(plans, tmp_path / "two", workers=2)
    for name in plans:
        np.testing.assert_array_equal(one[name].returns, two[name].returns)


def test_all_learn_with_the_same_networks_and_batches():
    for kind in ("ippo", "fpf", "lmf", "average_reward", "mappo", "soto_ggf", "fen"):
        made = experiment("matthew_effect", kind, TINY)
        move = made.population[0].settings["move"]
        assert (tuple(move["hidden"]), move["rollout"], move["batch"]) == ((4,), 50, 50), kind
        assert move["learning_rate"] == 3e-4, kind
        assert (made.agents, made.replicates, made.steps) == (10, 2, 2000)


def test_who_explores_does_so_over_a_fifth_of_the_run():
    made = experiment(JOB, "idqn", replace(TINY, episodes={JOB: 100}))
    move = made.population[0].settings["move"]
    assert move["explore_episodes"] == 20 and tuple(move["hidden"]) == (4,)


def test_published_runs_are_as_long_and_as_slow_as_published():
    paper = resource_runs.PAPER
    assert (paper.episodes["matthew_effect"], paper.learning_rate) == (40_000, 1e-4)
    assert (paper.pull, TINY.pull) == (1e-3, pytest.approx(3e-3))
    assert "job scheduling 10,000, Matthew effect 40,000" in paper.note


# ---- conditions -------------------------------------------------------------------------------


def settings(name, order="random"):
    made = CONDITIONS[name].plan(JOB, order, TINY)
    assert made.world["activation"] == order
    return made.population[0].settings


def test_conditions_differ_in_what_they_say():
    half, control = settings(HALF), settings(ALONE)
    assert half["charter"]["members"] == control["charter"]["members"] == "half"
    assert half["exchange"]["rate"] == pytest.approx(3e-3)
    assert half["exchange"]["utilitarian"] == half["exchange"]["egalitarian"] == 1
    assert control["exchange"]["utilitarian"] == control["exchange"]["egalitarian"] == 0
    assert settings(participation.HARDER)["exchange"]["rate"] == pytest.approx(9e-3)
    assert settings(LOWEST)["charter"]["members"] == "lowest"
    assert (settings(MEMBERS)["exchange"]["pulled"], half["exchange"]["pulled"]) == (
        "members",
        "all",
    )
    assert settings(participation.ALL)["charter"]["members"] == "everyone"


def test_without_a_federation_the_split_is_a_label():
    plan = CONDITIONS[ALONE].plan(JOB, "index", TINY)
    runs = [play(replace_members(plan, rule)) for rule in ("half", "lowest")]
    np.testing.assert_array_equal(runs[0].returns, runs[1].returns)
    assert (runs[0].members != runs[1].members).any()
    pulled = play(replace(CONDITIONS[HALF], pull=100).plan(JOB, "index", TINY))
    # The same half is drawn in all conditions.
    np.testing.assert_array_equal(pulled.members, runs[0].members)
    assert (pulled.returns != runs[0].returns).any()


def replace_members(plan, rule):
    share = plan.population[0]
    charter = share.settings["charter"] | {"members": rule}
    return replace(
        plan, population=[replace(share, settings=share.settings | {"charter": charter})]
    )


# ---- what is made of them ---------------------------------------------------------------------

EARNED = {"no federation": [[8.0, 4.0, 2.0, 2.0]] * 3, "half": [[9.0, 4.0, 2.0, 3.0]] * 3}
MEMBERS_DRAWN = [[True, True, False, False], [True, False, True, False], [False, False, True, True]]


def runs(worlds=(JOB,)):
    """Runs of all conditions, by hand."""
    noise = np.array([[-0.1], [0.0], [0.1]])
    return {
        (world, order, name): course(
            np.array(EARNED.get(name, [[6.0, 5.0, 4.0, 3.0]] * 3)) + noise, MEMBERS_DRAWN
        )
        for world in worlds
        for name, about in CONDITIONS.items()
        for order in about.orders
    }


def test_gains_and_effects_by_hand():
    gain = participation.gains(runs(), JOB, "index")
    assert gain["half, no federation"] == pytest.approx([4.0, 2.0, -4.0])
    assert gain["half, federation"] == pytest.approx([4.0, 2.0, -4.0])
    assert gain["lowest, nearest"] == pytest.approx([2.0] * 3)
    assert gain["lowest, no federation"] == pytest.approx([14 / 3 - 2] * 3)
    assert "half, harder" not in gain and "lowest, federation" in gain
    effect = participation.effects(gain)
    assert set(effect) == {"half, federation: effect", "lowest, federation: effect"}
    assert effect["lowest, federation: effect"] == pytest.approx([2.0 - 8 / 3] * 3)
    free = participation.effects(participation.gains(runs(), JOB, "random"))
    assert {"half, harder: effect", "half, members pulled: effect"} < set(free)
    assert "lowest, federation: effect" not in free


def test_the_slope_over_nodes_by_hand():
    assert participation.slope(np.array([[5.0, 3.0, 1.0], [1.0, 1.0, 1.0]])).tolist() == [2.0, 0.0]


def test_the_study_leaves_tables_figures_and_verdicts(tmp_path, monkeypatch):
    worlds = (JOB,)
    fake = runs(worlds)
    monkeypatch.setattr(
        participation, "play_all", lambda plans, *_: dict(zip(plans, fake.values(), strict=True))
    )
    made = {
        (w, o, c): fake[w, o, c]
        for w in worlds
        for c, about in CONDITIONS.items()
        for o in about.orders
    }
    assert list(made) == list(fake)
    participation.study(Report(out=tmp_path, note="by hand"), TINY, worlds)
    figures = {
        f"{name}.{end}"
        for name in ("participation", "participation_places")
        for end in ("png", "svg")
    }
    tables = {"participation.csv", "by_agent.csv", "members_and_outsiders.csv", "claims.csv"}
    assert written(tmp_path) == figures | tables
    with open(tmp_path / "claims.csv", newline="") as file:
        found = {row["claim"]: row for row in csv.DictReader(file)}
    text = "job scheduling: so do the same agents without a federation"
    assert found[text]["verdict"] == "shown" and found[text]["seen"].startswith("2.667")
    text = "job scheduling: FPF earns more than independent PPO, random order"
    assert found[text]["verdict"] == "shown" and found[text]["seen"].startswith("2.000")
    text = "job scheduling: D&F earns more than LMF (Fig. 2), index order"
    assert found[text]["seen"].startswith("undecided, 0.000")
    with open(tmp_path / "by_agent.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(fake) * 4


@pytest.mark.slow
def test_a_tiny_study(tmp_path):
    words = ["--worlds", JOB, "--episodes", "20", "--replicates", "2", "--out", str(tmp_path)]
    participation.main(words)
    assert "participation.csv" in written(tmp_path)
    assert len(list((tmp_path / "runs").iterdir())) == 13
    with open(tmp_path / "participation.csv", newline="") as file:
        walk = [row for row in csv.DictReader(file) if row["condition"] == NEAREST]
    assert all(float(row["collective"]) > 198 for row in walk)


@pytest.mark.parametrize(
    "wrong",
    [["--budget", "huge"], ["--worlds", "lattice"], ["--episodes", "0"], ["--workers", "-1"]],
)
def test_the_command_line_refuses_nonsense(wrong, capsys):
    with pytest.raises(SystemExit) as error:
        participation.main(wrong)
    assert error.value.code == 2 and "error:" in capsys.readouterr().err


def test_the_command_line_changes_length_and_folder(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(participation, "study", lambda *given: seen.append(given))
    words = ["--budget", "standard", "--episodes", "7", "--seed", "3", "--out", str(tmp_path)]
    participation.main([*words, "--worlds", JOB])
    report, length, worlds, workers = seen[0]
    assert (length.episodes, length.seed, length.replicates) == ({JOB: 7}, 3, 8)
    assert (report.out, worlds, workers) == (tmp_path, [JOB], 1)
    assert "job scheduling 7;" in report.note and "networks 64-64" in report.note


def test_an_interrupt_leaves_word(tmp_path, monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(participation, "play_all", stopped)
    with pytest.raises(SystemExit) as error:
        participation.main(["--worlds", JOB, "--out", str(tmp_path)])
    assert error.value.code == 130 and "goes on" in capsys.readouterr().err
