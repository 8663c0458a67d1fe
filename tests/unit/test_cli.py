"""The command: what a line means, and one line with status 2 for every mistake."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commonweal import __version__
from commonweal.errors import Diverged
from commonweal.simulation import arguments
from commonweal.simulation.cli import main
from commonweal.simulation.experiment import Experiment, Share, load, resolve, save

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """An empty working folder, which mistakes must leave empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def experiment(line):
    return arguments.parse(line.split()).experiment


# ---- what a line means -----------------------------------------------------------------


def test_kinds_and_settings():
    got = experiment(
        "--world lattice --agent lr2 --world.temptation 1.33 --network small_world "
        "--network.rewiring=0.2 --ledger.reputation.smoothing 0.5 --lr2.assess.alignment 0 "
        "--lr2.move.hidden 16,8 --world.sucker -0.5 --seed 3 --steps 2e3 --snapshots 100 200"
    )
    assert got.world == {"kind": "lattice", "temptation": 1.33, "sucker": -0.5}
    assert got.network == {"kind": "small_world", "rewiring": 0.2}
    assert got.ledger == {"reputation": {"smoothing": 0.5}}
    settings = {"assess": {"alignment": 0.0}, "move": {"hidden": [16, 8]}}
    assert got.population == [Share(kind="lr2", settings=settings)]
    assert (got.seed, got.steps, got.snapshots) == (3, 2000, (100, 200))
    assert resolve(got).agents == 100


def test_population():
    got = experiment("--population lr2=70 lr2_unrewarded=20 always_defect")
    assert [(share.kind, share.count) for share in got.population] == [
        ("lr2", 70),
        ("lr2_unrewarded", 20),
        ("always_defect", 0),
    ]


@pytest.fixture
def file(nowhere):
    given = Experiment(
        seed=5,
        lanes=4,
        early_stop=True,
        world={"kind": "lattice", "temptation": 1.1},
        network={"kind": "small_world", "rewiring": 0.3},
        population=[
            Share(kind="lr2", count=60, settings={"assess": {"alignment": 0.4}}),
            Share(kind="lr2_unrewarded", count=40),
        ],
        sweep={"seed": [1, 2]},
    )
    save(given, nowhere / "given.toml")
    return given


def test_file_alone(file):
    assert experiment("given.toml") == file


def test_flags_take_precedence_over_the_file(file):
    got = experiment("given.toml --seed 6 --no-early-stop --world.sucker 0 --lr2.move.clip 0.1")
    assert (got.seed, got.lanes, got.early_stop) == (6, 4, False)
    assert got.world == {"kind": "lattice", "temptation": 1.1, "sucker": 0.0}
    assert got.population[0].settings == {"assess": {"alignment": 0.4}, "move": {"clip": 0.1}}


def test_another_kind_drops_the_settings_of_the_files_kind(file):
    assert experiment("given.toml --network ring").network == {"kind": "ring"}
    assert experiment("given.toml --network small_world").network == file.network
    got = experiment("given.toml --population lr2 dd=10")
    assert got.population == [
        Share(kind="lr2", settings=file.population[0].settings),
        Share(kind="dd", count=10),
    ]


def test_sweep():
    got = experiment("--agent lr2 --sweep world.temptation=1.0:1.4:0.1 seed=0,1,2")
    assert got.sweep == {"world.temptation": [1.0, 1.1, 1.2, 1.3, 1.4], "seed": [0, 1, 2]}


def test_sweep_joins_the_files(file):
    assert experiment("given.toml --sweep lanes=1,2").sweep == {"seed": [1, 2], "lanes": [1, 2]}
    assert experiment("given.toml --sweep seed=7").sweep == {"seed": [7]}


# ---- mistakes --------------------------------------------------------------------------


MISTAKES = [
    ("", "nothing to simulate"),
    ("--seed 3", "nothing to simulate"),
    ("--seed", "--seed: expected one argument"),
    ("--agent lr2 --sed 3", "no flag --sed; did you mean '--seed'?"),
    ("--agent lr2 --see 3", "no flag --see; did you mean '--seed'?"),
    ("--agent lr2 --seed x", "seed = 'x' is not a whole number"),
    ("--agent lr2 --seed -1", "seed = -1 lies outside"),
    ("--agent lr2 --device gpu", "device = 'gpu' is not one of"),
    ("--agent lr", "no agent named 'lr'; did you mean 'lr2'?"),
    ("--world latice --agent lr2", "no world named 'latice'; did you mean 'lattice'?"),
    ("--network sqare_lattice --agent lr2", "did you mean 'square_lattice'?"),
    (
        "--agent lr2 --world.temptaton 1",
        "no flag --world.temptaton for these kinds; did you mean '--world.temptation'?",
    ),
    ("--agent lr2 --temptation 1", "no flag --temptation; did you mean '--world.temptation'?"),
    (
        "--agent lr2 --lr2_unrewarded.move.clip 1",
        "no flag --lr2_unrewarded.move.clip for these kinds",
    ),
    ("--agent lr2 --network.rewiring 1", "no flag --network.rewiring for these kinds"),
    ("--agent lr2 --world.temptation", "--world.temptation needs a value"),
    ("--agent lr2 --world.temptation --seed 3", "--world.temptation needs a value"),
    ("--agent lr2 --world.temptation abc", "world.temptation = 'abc' is not a finite number"),
    ("--agent lr2 --world.temptation nan", "LatticeConfig.temptation = nan is not a finite"),
    ("--agent lr2 --world.horizon 0", "LatticeConfig.horizon = 0 lies outside [1, inf)"),
    ("--agent lr2 --population lr2_unrewarded=3", "not allowed with argument"),
    ("--population lr2=0", "a count is at least 1"),
    ("--population lr2=many", "'many' is not a whole number"),
    ("--population lr2=3 lr2_unrewarded=4 --agents 9", "the shares count 7, but agents = 9"),
    ("--agent lr2 --agents 17", "17"),
    ("nowhere.toml", "nowhere.toml: No such file"),
    ("one.toml two.toml", "unexpected argument 'two.toml'"),
    ("--agent lr2 --port 80", "--port has no effect without --serve"),
    ("--agent lr2 --workers 2", "--workers has no effect without --sweep"),
    ("--agent lr2 --serve --sweep seed=1,2", "--serve shows one experiment"),
    ("--agent lr2 --sweep sed=1,2", "no setting 'sed' for these kinds; did you mean 'seed'?"),
    ("--agent lr2 --sweep seed", "--sweep seed: write seed=1,2,3 or seed=1:3:1"),
    ("--agent lr2 --sweep seed=1,,2", "--sweep seed: write seed=1,2,3 or seed=1:3:1"),
    ("--agent lr2 --sweep seed=0:3", "'0:3' is not first:last:step"),
    ("--agent lr2 --sweep seed=0:3:x", "'0:3:x' is not first:last:step"),
    ("--agent lr2 --sweep seed=0:3:0", "'0:3:0' is not first:last:step"),
    ("--agent lr2 --sweep seed=0:inf:1", "'0:inf:1' is not first:last:step"),
    ("--agent lr2 --sweep seed=3:0:1", "'3:0:1' does not lead from 3 to 0"),
    ("--agent lr2 --sweep seed=0:1:0.5", "seed = '0.5' is not a whole number"),
    ("--agent lr2 --sweep seed=0:1e9:1", "in up to 10,000 steps"),
    ("--agent lr2 --sweep snapshots=1,2", "lists can be swept in a file only"),
    ("--agent lr2 --sweep world.temptation=1,99", "temptation = 99.0 lies outside"),
    ("--agent lr2 --sweep seed=0,1 --engine cloud", "invalid choice: 'cloud'"),
    ("--resume nowhere", "nowhere"),
    ("--resume nowhere --seed 3", "--resume goes on with an experiment as it is"),
    ("--resume nowhere --world.temptation 1", "--resume goes on with an experiment as it is"),
    ("--list everything", "invalid choice: 'everything'"),
]


@pytest.mark.parametrize(("line", "message"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_mistakes_are_one_line_and_leave_nothing(line, message, nowhere, capsys):
    assert main(line.split()) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.startswith("commonweal: ") and message in error
    assert error.count("\n") == 1 and "usage" not in error
    assert list(nowhere.iterdir()) == []


def test_mistake_in_a_file_names_the_file(nowhere, capsys):
    (nowhere / "bad.toml").write_text("sed = 3\n")
    assert main(["bad.toml"]) == 2
    assert capsys.readouterr().err == (
        "commonweal: bad.toml: no setting 'sed' in an experiment; did you mean 'seed'?\n"
    )


def test_folder_that_cannot_be_written(nowhere, capsys):
    (nowhere / "taken").write_text("")
    assert main(["--agent", "lr2", "--agents", "9", "--out", "taken"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "taken" in error


# ---- help and lists --------------------------------------------------------------------


def run(*words, **options):
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


HEAVY = """
import sys
from commonweal.simulation.cli import main
assert main(sys.argv[1:]) == 0
print(*sorted({"torch", "mesa", "networkx", "matplotlib", "numpy"} & set(sys.modules)))
"""


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_help_imports_nothing_heavy_and_is_quick(flag):
    start = time.perf_counter()
    done = run("-c", HEAVY, flag, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
    # Less than importing torch takes, with room for a busy machine.
    assert time.perf_counter() - start < 1


def test_plain_help_names_every_flag(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    flags = "world agent population network seed agents lanes replicates steps device early-stop "
    flags += "snapshots record-every checkpoint-every out serve port host resume sweep workers "
    flags += "engine address list version quiet"
    for flag in flags.split():
        assert f"--{flag}" in text
    assert "--world lattice --agent lr2 --help" in text and "--world.temptation V" not in text


def test_help_behind_kinds_shows_what_applies(capsys):
    assert main(["--world", "lattice", "--agent", "lr2", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--world.temptation V payoff of defecting on a cooperator (default 1.3; [" in text
    assert "Ren et al. 2025" in text
    for title in ("world lattice:", "ledger reputation:", "agent lr2:"):
        assert title in text
    assert "--ledger.reputation.smoothing" in text and "--lr2.assess.alignment" in text
    assert "--lr2_unrewarded" not in text and "--network.rewiring" not in text


def test_every_flag_that_help_names_can_be_given(capsys):
    line = "--network small_world --population lr2=50 lr2_unrewarded=50"
    main([*line.split(), "--help"])
    text = capsys.readouterr().out
    whole = resolve(experiment(line))
    names = [word[2:] for word in text.split() if word.startswith("--") and "." in word]
    names = [name for name in names if "toml" not in name]
    assert len(names) > 30
    for name in names:
        head, *path = name.split(".")
        value = getattr(whole, head, None)
        if value is None:
            value = next(s.settings for s in whole.population if s.kind == head)
        for key in path:
            value = value[key]
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        assert resolve(arguments.parse([*line.split(), f"--{name}", text]).experiment) == whole


@pytest.mark.parametrize(
    ("what", "name", "file"),
    [
        ("worlds", "lattice", "worlds/lattice.py"),
        ("agents", "lr2", "agents/lr2.py"),
        ("networks", "small_world", "networks/random_graphs.py"),
    ],
)
def test_list(what, name, file, capsys):
    assert main(["--list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.split()[0] == name]
    assert line.rstrip("]").endswith(str(Path(file))) and len(line.split()) > 4


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"commonweal {__version__}\n"


# ---- launchers -------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[str(ROOT / "run.py")], ["-m", "commonweal"]])
def test_launchers(words, nowhere):
    environment = os.environ | ({"PYTHONPATH": str(ROOT)} if words[0] == "-m" else {})
    assert run(*words, "--version", env=environment).stdout == f"commonweal {__version__}\n"
    wrong = run(*words, "--agent", "lr", env=environment)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "commonweal: no agent named 'lr'; did you mean 'lr2'?\n"


# ---- deeds -----------------------------------------------------------------------------


SUMMARY = {
    "closing": 10,
    "table": [],
    "status": "finished",
    "steps": 3200,
    "seconds": 1.5,
    "agent_steps_per_second": 123456.7,
    "mean": {"cooperation": 0.75, "reputation_C": 0.9, "reputation_D": None, "cc_links": 0.1},
}


@pytest.fixture
def simulation(monkeypatch):
    """A simulation that runs nothing and keeps what it was asked."""

    class Simulation:
        outcome = SUMMARY

        def __init__(self, *words, **options):
            self.asked.append((words, options))
            self.folder = Path("runs/one")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.asked.append("closed")

        @classmethod
        def resume(cls, folder, progress):
            cls.asked.append(("resume", folder, progress))
            return cls()

        def run(self):
            if isinstance(self.outcome, BaseException):
                raise self.outcome
            return self.outcome

    Simulation.asked = []
    monkeypatch.setattr("commonweal.simulation.engine.Simulation", Simulation)
    monkeypatch.setattr(sys, "argv", ["/somewhere/commonweal"])
    return Simulation


def test_run(simulation, capsys):
    assert main(["--agent", "lr2", "--agents", "16", "--out", "there"]) == 0
    ((given,), options), closed = simulation.asked
    assert given == resolve(experiment("--agent lr2 --agents 16"))
    assert options == {"out": "there", "progress": True} and closed == "closed"
    text = capsys.readouterr().out
    lines = [line.split() for line in text.splitlines()]
    assert ["cooperation", "0.750"] in lines and ["reputation_C", "0.900"] in lines
    assert ["3,200", "steps", "in", "1.5", "s,", "123,457", "agent-steps/s"] in lines
    assert ["run", "folder", "runs/one"] in lines and ["figures", "runs/one/figures"] in lines
    assert ["watch", "commonweal", "runs/one/experiment.toml", "--serve"] in lines
    assert len(lines) <= 24 and "cc_links" not in text


def test_quiet_run(simulation, capsys):
    assert main(["--agent", "lr2", "--quiet"]) == 0
    assert capsys.readouterr().out == "runs/one\n"
    assert simulation.asked[0][1] == {"out": "runs", "progress": False}


def test_resume(simulation):
    assert main(["--resume", "runs/one", "--quiet"]) == 0
    assert simulation.asked[0] == ("resume", "runs/one", False)


@pytest.mark.parametrize("outcome", [KeyboardInterrupt(), {"status": "stopped"}])
def test_interrupted_run_says_how_to_go_on(outcome, simulation, capsys):
    simulation.outcome = outcome
    assert main(["--agent", "lr2"]) == 130
    out, error = capsys.readouterr()
    assert out == ""
    assert error == "commonweal: stopped; go on with: commonweal --resume runs/one\n"
    assert simulation.asked[-1] == "closed"


def test_diverged_run(simulation, capsys):
    simulation.outcome = Diverged("loss is nan\nat step 3")
    assert main(["--agent", "lr2"]) == 2
    assert capsys.readouterr().err == "commonweal: loss is nan at step 3\n"


@pytest.mark.parametrize(
    ("statuses", "code"),
    [(["finished", "finished"], 0), (["finished", "failed"], 2), (["diverged", "finished"], 2)],
)
def test_sweep_run(statuses, code, nowhere, monkeypatch, capsys):
    asked = []

    def run_all(*words):
        asked.extend(words)
        points = [{"label": {"seed": i}, "status": s} for i, s in enumerate(statuses)]
        points.append({"label": {"seed": 99}, "status": "waiting"})  # of an earlier sweep
        (nowhere / "sweep.json").write_text(json.dumps({"points": points}))
        return nowhere

    monkeypatch.setattr("commonweal.simulation.sweep.run_all", run_all)
    line = "--agent lr2 --sweep seed=0,1 --workers 2 --engine serial --out there --quiet"
    assert main(line.split()) == code
    assert asked == [experiment(line), "there", 2, "serial", None, False]
    assert capsys.readouterr().out == f"{nowhere}\n"


def test_interrupted_sweep(monkeypatch, capsys):
    def run_all(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("commonweal.simulation.sweep.run_all", run_all)
    assert main(["--agent", "lr2", "--sweep", "seed=0,1"]) == 130
    assert capsys.readouterr().err.startswith("commonweal: stopped; the same command goes on")


def test_serve(monkeypatch):
    asked = []
    module = type(sys)("commonweal.browser.serve")
    module.serve = lambda *words: asked.extend(words)
    monkeypatch.setitem(sys.modules, "commonweal.browser.serve", module)
    assert main(["--agent", "lr2", "--serve", "--port", "9000"]) == 0
    assert asked == [resolve(experiment("--agent lr2")), "127.0.0.1", 9000]


def test_too_large_for_the_memory(capsys, tmp_path):
    words = ["--agent", "dd", "--agents", "9", "--replicates", "1000000000000", "--out"]
    assert main([*words, str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err == (
        "commonweal: not enough memory; lower --agents, --lanes or --replicates\n"
    )
    assert not (tmp_path / "runs").exists()


def test_other_faults_keep_their_trace(monkeypatch):
    def fail(*_):
        raise RuntimeError("a fault in somebody's kind")

    monkeypatch.setattr("commonweal.simulation.assembly.assemble", fail)
    with pytest.raises(RuntimeError, match="somebody's kind"):
        main(["--agent", "dd"])


def test_fault_of_our_own_is_not_taken_for_a_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "commonweal.browser.serve", None)
    with pytest.raises(ModuleNotFoundError, match="commonweal.browser.serve"):
        main(["--agent", "lr2", "--serve"])


def test_saved_experiment_is_runnable(nowhere):
    save(resolve(experiment("--agent lr2 --agents 16")), nowhere / "experiment.toml")
    assert experiment("experiment.toml") == load(nowhere / "experiment.toml")
