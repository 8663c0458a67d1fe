"""The command: simulate, go on, sweep, show in the browser, or list what there is.

Modules that bring torch and Mesa with them are imported where they are needed, so that
``--help`` and ``--version`` answer at once.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonweal import __version__
from commonweal.errors import BadSetting, CommonwealError
from commonweal.settings import Flag, parse_value
from commonweal.simulation import arguments
from commonweal.simulation.experiment import resolve

if TYPE_CHECKING:
    from commonweal.simulation.engine import Simulation

INTERRUPTED = 130
"""Exit status of a process that a keyboard interrupt ended."""
SHOWN = ("cooperation", "reputation", "reward", "welfare", "equality", "action")
SHOWN += ("gift", "reciprocity", "predicted", "accuracy")
SHOWN += ("collective", "std", "least", "return", "meetings", "membership", "consensus")
"""First words of the indicators on the closing screen, which so come with their parts by action, by
player and by kind."""
PORT = Flag("--port", int, 8765, "port of the page")
WORKERS = Flag("--workers", int, 0, "points computed at a time")


def main(argv: list[str] | None = None) -> int:
    """Run a command line and return its exit status; mistakes are one line and status 2."""
    try:
        return _answer(arguments.parse(sys.argv[1:] if argv is None else argv))
    except CommonwealError as error:
        _complain(error)
        return 2
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename else error)
        return 2
    except (MemoryError, RuntimeError) as error:
        # PyTorch has no type of its own for this on a CPU.
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        _complain("not enough memory; lower --agents, --lanes or --replicates")
        return 2
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED


def _answer(request: arguments.Request) -> int:
    options, experiment = request.options, request.experiment
    if options.version:
        print(f"commonweal {__version__}")
        return 0
    if options.list:
        return _list(options.list)
    if options.help:
        request.parser.print_help()
        return 0
    _refuse_idle(options, bool(experiment.sweep))
    if options.resume:
        from commonweal.simulation.engine import Simulation

        return _simulate(Simulation.resume(options.resume, progress=not options.quiet), options)
    if not request.kinds:
        raise BadSetting("nothing to simulate; name a FILE or an --agent, or see --help")
    resolved = resolve(experiment)
    if options.serve:
        return _serve(resolved, options)
    if experiment.sweep:
        return _sweep(experiment, options)
    from commonweal.simulation.engine import Simulation

    simulation = Simulation(resolved, out=options.out or "runs", progress=not options.quiet)
    return _simulate(simulation, options)


def _refuse_idle(options: Any, sweeping: bool) -> None:
    """Refuse flags that would have no effect, and deeds that exclude one another."""
    if options.serve and (options.resume or sweeping):
        raise BadSetting("--serve shows one experiment; leave out --resume and the sweep")
    needs = {"port": "serve", "host": "serve"}
    needs |= {"workers": "sweep", "engine": "sweep", "address": "sweep"}
    for name, needed in needs.items():
        if getattr(options, name) and not (options.serve if needed == "serve" else sweeping):
            raise BadSetting(f"--{name} has no effect without --{needed}")


def _simulate(simulation: "Simulation", options: Any) -> int:
    with simulation:
        try:
            summary = simulation.run()
        except KeyboardInterrupt:
            summary = {"status": "stopped"}
    folder = simulation.folder
    if summary["status"] == "stopped":
        _complain(f"stopped; go on with: {_command()} --resume {folder}")
        return INTERRUPTED
    if options.quiet:
        print(folder)
    else:
        print(_screen(summary, folder))
    return 0


def _sweep(experiment: Any, options: Any) -> int:
    from commonweal.simulation.files import read_json
    from commonweal.simulation.sweep import run_all

    workers = parse_value(WORKERS, options.workers) if options.workers else None
    engine = options.engine or "processes"
    out, progress = options.out or "studies", not options.quiet
    try:
        folder = run_all(experiment, out, workers, engine, options.address, progress)
    except KeyboardInterrupt:
        _complain("stopped; the same command goes on where the sweep stands")
        return INTERRUPTED
    print(folder)
    failed = [
        point
        for point in read_json(folder / "sweep.json")["points"]
        # The folder may hold points of an earlier sweep over other values.
        if point["status"] != "finished"
        and all(point["label"].get(name) in values for name, values in experiment.sweep.items())
    ]
    return 2 if failed else 0


def _serve(experiment: Any, options: Any) -> int:
    port = parse_value(PORT, options.port) if options.port else PORT.default
    from commonweal.browser.serve import serve

    serve(experiment, options.host or "127.0.0.1", port)
    return 0


def _list(what: str) -> int:
    if what == "worlds":
        from commonweal.worlds import WORLDS as registry
    elif what == "agents":
        from commonweal.agents import AGENTS as registry
    else:
        from commonweal.networks import NETWORKS as registry
    names = registry.names()
    width = max(map(len, names), default=0)
    for name in names:
        file = os.path.relpath(registry.file(name))
        file = str(registry.file(name)) if file.startswith("..") else file
        print(f"{name:<{width}}  {registry.summary(name)}  [{file}]")
    return 0


def _screen(summary: dict[str, Any], folder: Path | None) -> str:
    """Return the end of a run as one screen of text."""
    from commonweal.simulation import table

    speed = f"{summary['agent_steps_per_second']:,.0f} agent-steps/s"
    closing = summary["closing"]
    lines = [f"mean of the last {closing} episodes" if closing else "at the end"]
    rows = [table.Row(**row) for row in summary["table"]]
    if rows:
        lines.append(table.as_text([row for row in rows if row.published or _shown(row.indicator)]))
    else:
        known = {n: v for n, v in summary["mean"].items() if v is not None and _shown(n)}
        width = max(map(len, known), default=0)
        lines += [f"  {name:<{width}}  {value:8.3f}" for name, value in known.items()]
    lines += [
        f"{summary['steps']:,} steps in {summary['seconds']:,.1f} s, {speed}",
        f"run folder  {folder}",
        f"figures     {folder}/figures",
        f"again       {_command()} {folder}/experiment.toml --seed 1",
        f"watch       {_command()} {folder}/experiment.toml --serve",
    ]
    return "\n".join(lines)


def _shown(indicator: str) -> bool:
    return indicator.partition("/")[0].split("_")[0] in SHOWN


def _command() -> str:
    """Return the words that started this process, for hints."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return "python -m commonweal"
    return f"python {started}" if started.suffix == ".py" else "commonweal"


def _complain(message: object) -> None:
    print(f"commonweal: {' '.join(str(message).split())}", file=sys.stderr)
