"""Which way do gradient methods take through a differentiable game, and what does AgA's sign do?

Question: in the two-player toy game, from one start, where do Simul-Ind, CGA, SGA, SVO, SL,
Simul-Co, AgA and AgA without the choice of its sign (AgA-Sign) go within 40 steps, and where do
they end?  Where is the sign of lambda negative, what does it save, and does it do what it is
derived to do?  The same, without claims to judge, for a game of one's own.

Expected answer: only Simul-Co and AgA go to the social optimum; AgA does so along a ridge of
player 1's reward; AgA and AgA-Sign part in the 14th of 40 steps, and AgA needs about 15 % fewer.
The corollary on angles should hold for the exact sign, and not everywhere for the published one,
which lacks a term.

Source: Li et al. 2024, the toy game and the case study of the sign.  Start, step size and strength
are not printed there; the defaults are those of the world `toy_game`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from commonweal.analysis import fields
from commonweal.analysis import gradient_claims as claims
from commonweal.analysis import gradient_figures as drawings
from commonweal.analysis import gradient_tables as tables
from commonweal.analysis.courses import Course, Setting, checked, courses
from commonweal.analysis.fixed_points import FixedPoint, fixed_points
from commonweal.analysis.report import Report
from commonweal.errors import BadSetting, CommonwealError

TOY = "toy_game"
SETTLE = 3000
NUMBERS = 8
"""numbers in a joint action up to which fixed points are sought"""
MARGIN = 0.1
"""fixed points are sought this share of the window beyond its border"""


def study(report: Report, setting: Setting, steps: int, settle: int) -> None:
    """Play, tabulate, draw and, in the toy game, judge."""
    world = checked(setting)
    payoffs, (low, high) = world.spec.payoffs, (world.spec.actions.low, world.spec.actions.high)
    players, size = world.neighbourhoods.agents, world.spec.actions.size
    long = courses(setting, max(steps, settle))
    short = {label: course.first(steps) for label, course in long.items()}
    report.table("ends", tables.ends(short, steps))

    slack = MARGIN * (high - low)
    found: dict[str, list[FixedPoint]] = {"own": [], "collective": []}
    if players * size <= NUMBERS:
        wide = (low - slack, high + slack)
        for name, field in (("own", fields.individual), ("collective", fields.collective)):
            found[name] = tables.isolated(fixed_points(field, payoffs, wide, players, size))
    rows = tables.point_rows(found)
    if rows:
        report.table("fixed_points", rows)
    start = short["AgA"].actions[0]
    optimum = tables.nearest_optimum(found["collective"], start)
    report.table("settled", tables.settled(long, optimum))

    places = tables.areas(short["AgA"], (low, high), found["collective"], (players, size))
    lean = tables.leaning(payoffs, places, setting.strength)
    report.table("alignment", lean)

    turn = claims.first_turn(short["AgA"])
    reached = claims.step_reaching(short["AgA"], short["AgA-Sign"].collective[-1])
    flat = players == 2 and size == 1
    if flat:
        drawn = drawings.fields_figure(payoffs, long, steps, found, (low, high), optimum)
    else:
        drawn = drawings.curves_figure(short)
    report.draw(drawn, "gradient_fields")
    report.draw(
        drawings.sign_figure(payoffs if flat else None, short, turn, reached, (low, high)),
        "sign_alignment",
    )
    if setting.world["kind"] == TOY:
        judge(report, short, long, optimum, lean)


def judge(
    report: Report,
    short: Mapping[str, Course],
    long: Mapping[str, Course],
    optimum: np.ndarray | None,
    lean: Sequence[Mapping[str, object]],
) -> None:
    """The paper's claims on the toy game."""
    verdicts = [
        claims.to_the_optimum(long, optimum),
        claims.along_the_ridge(short),
        claims.over_peaks_and_valleys(short),
        claims.by_the_sign(short),
    ]
    for rule, name in (("published", "paper"), ("exact", "exact")):
        shares = {row["where"]: row[name] for row in lean if "path" not in str(row["where"])}
        verdicts.append(claims.corollary(rule, shares))
    for verdict in verdicts:
        report.claim(verdict.claim, verdict.shown, verdict.seen)
    report.conclude()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    parser = argparse.ArgumentParser(
        prog="python -m commonweal.analysis.gradient_fields",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--game", default=TOY, help="a world, or a FILE.py of one's own (toy_game)")
    parser.add_argument("--steps", type=int, default=40, help="steps that are compared (40)")
    parser.add_argument(
        "--settle", type=int, default=SETTLE, help=f"steps after which all has settled ({SETTLE:,})"
    )
    parser.add_argument("--strength", type=float, default=0.7, help="of CGA, SGA and AgA (0.7)")
    parser.add_argument("--learning-rate", type=float, default=0.01, help="of all methods (0.01)")
    parser.add_argument("--start", type=float, nargs="+", default=(), metavar="A")
    parser.add_argument(
        "--agents", type=int, default=0, help="players, where the game leaves it open"
    )
    parser.add_argument("--seed", type=int, default=0, help="of a start that is drawn")
    parser.add_argument("--out", type=Path, default=Path("results/gradient_fields"))
    given = parser.parse_args(arguments)
    try:
        for name in ("steps", "settle"):
            if getattr(given, name) < 1:
                raise BadSetting(f"--{name} = {getattr(given, name)} is not at least 1")
        file = given.game.endswith(".py")
        setting = Setting(
            world={"kind": "game_file", "path": given.game} if file else {"kind": given.game},
            agents=given.agents,
            start=tuple(given.start),
            learning_rate=given.learning_rate,
            strength=given.strength,
            seed=given.seed,
        )
        note = (
            f"{Path(given.game).name}: {given.steps} steps of {given.learning_rate:g}, "
            f"strength {given.strength:g}"
        )
        print(f"gradient_fields: {note}", flush=True)
        # Many small products are slower on several threads.
        torch.set_num_threads(1)
        study(Report(out=given.out, note=note), setting, given.steps, given.settle)
    except CommonwealError as error:
        print(f"commonweal: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
