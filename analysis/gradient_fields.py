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

from commonweal.analysis import alignment, fields, landscapes
from commonweal.analysis import gradient_claims as claims
from commonweal.analysis.courses import Course, Setting, checked, courses
from commonweal.analysis.fixed_points import FixedPoint, fixed_points
from commonweal.analysis.report import Report
from commonweal.errors import BadSetting, CommonwealError
from commonweal.randomness import Streams

TOY = "toy_game"
EVERY = 10
SETTLE = 3000
NUMBERS = 8
"""numbers in a joint action up to which fixed points are sought"""
ALONG = 81
"""joint actions along each axis of the grid for the corollary"""
SCATTER, DEVIATION = 20_000, 0.05
"""joint actions near an optimum, and how near"""
VAST = 1e5
"""numbers from which on their size is shown"""
CROWD = 8
"""degenerate points up to which each is one of its own"""
MARGIN = 0.1
"""fixed points are sought this share of the window beyond its border"""


def study(report: Report, setting: Setting, steps: int, settle: int) -> None:
    """Play, tabulate, draw and, in the toy game, judge."""
    world = checked(setting)
    payoffs, (low, high) = world.spec.payoffs, (world.spec.actions.low, world.spec.actions.high)
    players, size = world.neighbourhoods.agents, world.spec.actions.size
    long = courses(setting, max(steps, settle))
    short = {label: course.first(steps) for label, course in long.items()}
    report.table("ends", ends(short, steps))

    slack = MARGIN * (high - low)
    found: dict[str, list[FixedPoint]] = {"own": [], "collective": []}
    if players * size <= NUMBERS:
        wide = (low - slack, high + slack)
        for name, field in (("own", fields.individual), ("collective", fields.collective)):
            found[name] = isolated(fixed_points(field, payoffs, wide, players, size))
    rows = point_rows(found)
    if rows:
        report.table("fixed_points", rows)
    start = short["AgA"].actions[0]
    optimum = nearest_optimum(found["collective"], start)
    report.table("settled", settled(long, optimum))

    places = areas(short["AgA"], (low, high), found["collective"], (players, size))
    lean = leaning(payoffs, places, setting.strength)
    report.table("alignment", lean)

    turn = claims.first_turn(short["AgA"])
    reached = claims.step_reaching(short["AgA"], short["AgA-Sign"].collective[-1])
    flat = players == 2 and size == 1
    if flat:
        drawn = landscapes.fields_figure(payoffs, long, steps, found, (low, high), optimum)
    else:
        drawn = landscapes.curves_figure(short)
    report.draw(drawn, "gradient_fields")
    report.draw(
        landscapes.sign_figure(payoffs if flat else None, short, turn, reached, (low, high)),
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


# ---- tables ---------------------------------------------------------------------------


def ends(found: Mapping[str, Course], steps: int) -> list[dict[str, object]]:
    """Joint actions at every tenth step, and rewards at the last one and on the way."""
    marks = sorted({*range(EVERY, steps + 1, EVERY), steps})
    rows = []
    for label, course in found.items():
        row: dict[str, object] = {"method": label}
        for mark in marks:
            gone = mark > course.steps
            row[f"step {mark}"] = "-" if gone else place(course.actions[mark])
        row["R_c"] = float(course.collective[-1])
        row["R_1"] = float(course.rewards[-1, 0])
        row["mean R_1"] = float(course.rewards[:, 0].mean())
        row["negative signs"] = int((course.signs < 0).sum()) if course.signs.size else ""
        row["note"] = fate(course)
        rows.append(row)
    return rows


def settled(found: Mapping[str, Course], optimum: np.ndarray | None) -> list[dict[str, object]]:
    """Where each method is at the very end, whether it still moves, how far from the optimum."""
    rows = []
    for label, course in found.items():
        last = course.actions[-2:]
        rows.append(
            {
                "method": label,
                "steps": course.steps,
                "end": place(course.actions[-1]),
                "R_c": float(course.collective[-1]),
                "last step": f"{np.linalg.norm(last[-1] - last[0]):.1e}",
                "from optimum": ""
                if optimum is None
                else float(claims.distance(course, optimum)[-1]),
                "note": fate(course),
            }
        )
    return rows


def point_rows(found: Mapping[str, Sequence[FixedPoint]]) -> list[dict[str, object]]:
    """Fixed points of both fields with their eigenvalues and kinds."""
    return [
        {
            "field": name,
            "place": place(point.place.numpy()),
            "R_c": float(point.rewards.sum()),
            "rewards": place(point.rewards.numpy(), 3),
            "eigenvalues": " ".join(number(x) for x in point.eigenvalues.tolist()),
            "class": point.stability,
            "attracting": "yes" if point.attracting else "no",
        }
        for name, points in found.items()
        for point in points
    ]


def areas(
    course: Course,
    window: tuple[float, float],
    points: Sequence[FixedPoint],
    shape: tuple[int, int],
) -> dict[str, torch.Tensor]:
    """Where the corollary is looked at: in the window, near optima, and on AgA's way."""
    (low, high), (players, size) = window, shape
    third = (high - low) / 6
    found = {}
    for name, a, b in (("window", low, high), ("inner window", low + third, high - third)):
        if players * size == 2:
            actions = fields.grid(a, b, ALONG).view(-1, players, size)
        else:
            actions = fields.spread(a, b, players, size, ALONG**2)
        found[f"{name} [{a:g}, {b:g}]"] = actions
    for point in points:
        inside = bool(((point.place >= low) & (point.place <= high)).all())
        if point.stability == "stable" and inside:
            stream = Streams(0).torch(f"near/{place(point.place.numpy())}")
            cloud = alignment.around(point.place, DEVIATION, SCATTER, stream)
            found[f"near {place(point.place.numpy())}"] = cloud
    if course.steps:
        found["AgA's path"] = torch.from_numpy(course.actions[:-1]).double()
    return found


def leaning(
    payoffs: fields.Payoffs, places: Mapping[str, torch.Tensor], strength: float
) -> list[dict[str, object]]:
    """Shares of joint actions where the corollary holds, and mean cosines of the angles."""
    rows = []
    for where, actions in places.items():
        row: dict[str, object] = {"where": where, "points": len(actions)}
        for rule in ("paper", "exact", "off"):
            row[rule] = alignment.angles(payoffs, actions, rule).share
        real = alignment.angles(payoffs, actions, "paper", strength)
        row["cosine xi_c"] = float(real.collective[real.defined].mean())
        row["cosine AgA"] = float(real.adjusted[real.defined].mean())
        rows.append(row)
    return rows


def isolated(points: Sequence[FixedPoint]) -> list[FixedPoint]:
    """The points without those that fill a whole curve, of which only one is left."""
    degenerate = [point for point in points if point.stability == "degenerate"]
    if len(degenerate) <= CROWD:
        return list(points)
    return [point for point in points if point.stability != "degenerate" or point is degenerate[0]]


def nearest_optimum(points: Sequence[FixedPoint], start: np.ndarray) -> np.ndarray | None:
    """The stable fixed point of the collective gradient that is closest to the start."""
    stable = [point.place.numpy() for point in points if point.stability == "stable"]
    return min(stable, key=lambda p: float(np.linalg.norm(p - start)), default=None)


def place(action: np.ndarray, digits: int = 4) -> str:
    """A joint action as text."""
    # Adding zero turns -0.0 into 0.0.
    numbers = [round(float(x), digits) + 0.0 for x in np.ravel(action)]
    texts = [f"{x:.{digits}f}" if abs(x) < VAST else f"{x:.1e}" for x in numbers]
    return f"({', '.join(texts)})"


def number(x: complex) -> str:
    """An eigenvalue as text, without an imaginary part that is nothing."""
    return f"{x.real:.3f}" if abs(x.imag) < 1e-9 else f"{x.real:.3f}{x.imag:+.3f}i"


def fate(course: Course) -> str:
    """What became of a course that ended before its time."""
    return f"diverged after step {course.steps}" if course.diverged else ""


# ---- command --------------------------------------------------------------------------


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
            f"{given.game}: {given.steps} steps of {given.learning_rate:g}, "
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
