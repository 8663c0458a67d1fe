"""Turn a command line into an experiment and what to do with it.

The line is read twice: once for the kinds it names, once more with these kinds' own
dotted flags, so that ``--help`` behind the kinds shows exactly what applies to them.
Nothing heavy is imported before a kind is named.
"""

import argparse
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NoReturn, get_origin

from commonweal.errors import BadSetting, UnknownName, nearest
from commonweal.settings import Flag, bounds, parse_value
from commonweal.simulation.experiment import (
    FIELDS,
    Experiment,
    Share,
    kind_flags,
    load,
    settable,
    with_value,
)
from commonweal.simulation.usual import usual

USAGE = "%(prog)s [FILE] [--world W] [--network K] [--agent A | --population A=N ...] [settings]"
HINTS = """\
Settings of kinds:  %(prog)s --world lattice --agent lr2 --help
Names of kinds:     %(prog)s --list worlds   (or agents, networks)
A whole experiment: %(prog)s FILE.toml, where flags take precedence over the file.
"""
MOST_VALUES = 10_000
"""Values of one range; more is a slip of the pen."""


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are ours: one line, without a usage text."""

    def error(self, message: str) -> NoReturn:
        """Raise `BadSetting` in place of ending the process."""
        raise BadSetting(message)


@dataclass(frozen=True)
class Request:
    """What a command line asks for."""

    options: argparse.Namespace
    parser: Parser
    """for its help"""
    experiment: Experiment
    kinds: bool
    """whether the line or a file names anything to simulate"""


def parse(argv: list[str]) -> Request:
    """Read a command line; with ``--help`` among it, settings of kinds are not applied."""
    general, own = _parted(argv)
    parser = _parser()
    options, rest = parser.parse_known_args(general)
    kinds = [options.file, options.world, options.network, options.agent, options.population]
    chosen = any(kinds)
    if rest:
        raise _unexpected(rest[0], options, parser, chosen)
    if options.resume and (chosen or own or _given(options) or options.sweep or options.out):
        raise BadSetting("--resume goes on with an experiment as it is and takes no settings")
    experiment = load(options.file) if options.file else Experiment()
    experiment = _with_kinds(experiment, options)
    if chosen and options.help:
        for title, flags in kind_flags(experiment).items():
            about = _usual(experiment) if title.startswith("world ") else None
            _add(parser.add_argument_group(title, about), flags)
    elif chosen or own:
        experiment = replace(experiment, **_given(options))
        experiment = _with_own(experiment, own)
        experiment = _with_sweep(experiment, options.sweep or [])
    return Request(options, parser, experiment, chosen)


def _parser() -> Parser:
    parser = Parser(
        prog="commonweal",
        usage=USAGE,
        description="Simulate cooperation among learning agents.",
        epilog=HINTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    kinds = parser.add_argument_group("what to simulate")
    kinds.add_argument("file", nargs="?", metavar="FILE", help="TOML file of an experiment")
    kinds.add_argument("--world", metavar="W", help="kind of world (default lattice)")
    kinds.add_argument(
        "--network",
        metavar="K",
        help="kind of network (default: usual in the world, else square_lattice)",
    )
    who = kinds.add_mutually_exclusive_group()
    who.add_argument("--agent", metavar="A", help="kind of all agents")
    who.add_argument(
        "--population", nargs="+", metavar="A=N", help="kinds and counts; without N, the rest"
    )
    _add(parser.add_argument_group("experiment"), FIELDS)
    run = parser.add_argument_group("run")
    run.add_argument("--out", metavar="DIR", help="folder for run folders (default runs)")
    run.add_argument("--resume", metavar="RUN", help="go on with the run in a folder")
    run.add_argument("--quiet", action="store_true", help="print the run folder only")
    page = parser.add_argument_group("page in the browser")
    page.add_argument("--serve", action="store_true", help="show the experiment as a web page")
    page.add_argument("--port", metavar="P", help="its port (default 8765)")
    page.add_argument("--host", metavar="H", help="its address (default 127.0.0.1)")
    sweep = parser.add_argument_group("sweep")
    sweep.add_argument(
        "--sweep",
        nargs="+",
        metavar="S=V",
        help="all combinations of world.temptation=1.0:1.4:0.1 seed=0,1,2 and the like",
    )
    sweep.add_argument("--workers", metavar="N", help="points computed at a time")
    sweep.add_argument("--engine", choices=("processes", "ray", "serial"), help="what computes")
    sweep.add_argument("--address", metavar="A", help="address of a Ray cluster")
    about = parser.add_argument_group("about")
    about.add_argument("-h", "--help", action="store_true", help="show what applies and stop")
    about.add_argument("--list", choices=("worlds", "agents", "networks"), help="name the kinds")
    about.add_argument("--version", action="store_true", help="show the version")
    return parser


def _usual(experiment: Experiment) -> str:
    """Return what the experiment's own settings are in its world unless given."""
    custom = usual(experiment.world["kind"])
    own = {name: value for name, value in custom.items() if value and "." not in name}
    if "rounds" in own:
        del own["steps"]
    return "usual here: " + ", ".join(f"{name} {value}" for name, value in own.items())


def _parted(argv: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Part a command line into general arguments and dotted flags with their text."""
    general, own = [], []
    words = iter(argv)
    for word in words:
        name, equals, text = word.partition("=")
        if not name.startswith("--") or "." not in name:
            general.append(word)
            continue
        if not equals:
            text = next(words, "--")
            if text.startswith("--"):
                raise BadSetting(f"{name} needs a value")
        own.append((name[2:], text))
    return general, own


def _unexpected(
    word: str, options: argparse.Namespace, parser: Parser, chosen: bool
) -> BadSetting | UnknownName:
    if not word.startswith("-"):
        return BadSetting(f"unexpected argument {word!r}")
    word = word.partition("=")[0]
    if chosen:
        for name in settable(_with_kinds(Experiment(), options)):
            if name.endswith(f".{word[2:]}"):
                return UnknownName(f"no flag {word}; did you mean '--{name}'?")
    return UnknownName(f"no flag {word}{nearest(word, parser._option_string_actions)}")


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the experiment's own settings that the line gives."""
    values = {}
    for flag in FIELDS:
        text = getattr(options, flag.name)
        if isinstance(text, list):
            text = ",".join(text)
        if text is not None:
            values[flag.name] = text if isinstance(text, bool) else parse_value(flag, text)
    return values


def _with_kinds(experiment: Experiment, options: argparse.Namespace) -> Experiment:
    """Put in the kinds of the line; a kind that stays the same keeps the file's settings."""
    for head in ("world", "network"):
        kind = getattr(options, head)
        if kind and kind != getattr(experiment, head).get("kind"):
            experiment = replace(experiment, **{head: {"kind": kind}})
    names = [options.agent] if options.agent else options.population
    if not names:
        return experiment
    known = {share.kind: share.settings for share in reversed(experiment.population)}
    shares = []
    for name in names:
        kind, equals, count = name.partition("=")
        number = parse_value(Flag(f"--population {kind}", int, 0, ""), count) if equals else 0
        if equals and number < 1:
            raise BadSetting(f"--population {name}: a count is at least 1")
        shares.append(Share(kind=kind, count=number, settings=known.get(kind, {})))
    return replace(experiment, population=shares)


def _with_own(experiment: Experiment, own: list[tuple[str, str]]) -> Experiment:
    flags = settable(experiment) if own else {}
    for name, text in own:
        if name not in flags:
            dotted = [f"--{flag}" for flag in flags if "." in flag]
            raise UnknownName(f"no flag --{name} for these kinds{nearest(f'--{name}', dotted)}")
        experiment = with_value(experiment, name, parse_value(flags[name], text))
    return experiment


def _with_sweep(experiment: Experiment, texts: list[str]) -> Experiment:
    flags = settable(experiment) if texts else {}
    axes = {}
    for text in texts:
        name, _, values = text.partition("=")
        if name not in flags:
            raise UnknownName(f"--sweep: no setting {name!r} for these kinds{nearest(name, flags)}")
        flag = flags[name]
        if get_origin(flag.kind) is tuple:
            raise BadSetting(f"--sweep {name}: lists can be swept in a file only")
        axes[name] = _range(flag, values) if ":" in values else _series(flag, values)
    return replace(experiment, sweep=experiment.sweep | axes)


def _series(flag: Flag, text: str) -> list[Any]:
    """Read ``1,2,3``."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise BadSetting(f"--sweep {flag.name}: write {flag.name}=1,2,3 or {flag.name}=1:3:1")
    return [parse_value(flag, part) for part in parts]


def _range(flag: Flag, text: str) -> list[Any]:
    """Read ``first:last:step``; last belongs to it."""
    try:
        # Decimals, so that 1.0:1.4:0.1 holds 1.2 and not 1.2000000000000002.
        first, last, step = (Decimal(part.strip()) for part in text.split(":"))
        count = int((last - first) / step) + 1
    except (ArithmeticError, ValueError):
        raise BadSetting(f"--sweep {flag.name}: {text!r} is not first:last:step") from None
    if (last - first) / step < 0 or count > MOST_VALUES:
        raise BadSetting(
            f"--sweep {flag.name}: {text!r} does not lead from {first} to {last} "
            f"in up to {MOST_VALUES:,} steps"
        )
    return [parse_value(flag, format((first + i * step).normalize(), "f")) for i in range(count)]


def _add(group: Any, flags: list[Flag]) -> None:
    """Add flags to a group of the parser, each with its default, bounds and source."""
    for flag in flags:
        name = f"--{flag.name.replace('_', '-')}" if "." not in flag.name else f"--{flag.name}"
        if flag.kind is bool and "." not in flag.name:
            group.add_argument(
                name, action=argparse.BooleanOptionalAction, default=None, help=_help(flag)
            )
        else:
            nargs = "+" if get_origin(flag.kind) is tuple and "." not in flag.name else None
            group.add_argument(name, nargs=nargs, metavar="V", help=_help(flag), dest=flag.name)


def _help(flag: Flag) -> str:
    default = flag.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    if isinstance(default, bool):
        default = str(default).lower()
    notes = [f"default {default}" if default != "" else "", bounds(flag.low, flag.high)]
    if flag.choices:
        notes.append("one of " + ", ".join(map(str, flag.choices)))
    notes.append(flag.source)
    note = "; ".join(note for note in notes if note)
    return f"{flag.help} ({note})".replace("%", "%%") if note else flag.help.replace("%", "%%")
