"""What the study of gradient fields tells in numbers: ends, fixed points, angles."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from commonweal.analysis import alignment, fields
from commonweal.analysis import gradient_claims as claims
from commonweal.analysis.courses import Course
from commonweal.analysis.fixed_points import FixedPoint
from commonweal.randomness import Streams

EVERY = 10
ALONG = 81
"""joint actions along each axis of the grid for the corollary"""
SCATTER, DEVIATION = 20_000, 0.05
"""joint actions near an optimum, and how near"""
VAST = 1e5
"""numbers from which on their size is shown"""
CROWD = 8
"""degenerate points up to which each is one of its own"""


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
