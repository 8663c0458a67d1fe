"""Who earns how much together, and who shares it how evenly?  All methods in the three worlds.

Question: federations are said to earn as much as independent learners and to share it more evenly than
most methods that are made for it.  Beside everything one could use in their place, do they?

Expected answer: nobody does both in job scheduling, where there is one resource: who earns most together
lets one agent camp on it.  The source has federations about as even as each other in the Matthew effect
and the plant, and methods made for fairness more even in job scheduling alone.

Returns are read three ways: what the worst off gets (egoism of those who can lose most), what all get
together (utilitarianism) and how evenly it is spread (egalitarianism): 1 if all have the same, 0 if one has
all.

Methods of PPO have the same networks, rates and mini-batches; those with Q-networks the same hidden layers,
and rates of their own.  Pulls of FPF and D&F are to learning rates as published; FPF is played as well
without the pull to the model that treats all alike, and with pulls of the published length.  ``inequity_averse`` is an
actor-critic with one network.  Published numbers of job scheduling come from episodes of 1,000 rounds and
sample deviations (Jiang and Lu 2019).

``quick`` takes a few minutes on one core, ``standard`` about an hour, ``paper`` days.

Source: Dong et al. 2025, Figs. 1, 2 and 5; Jiang and Lu 2019 for numbers of job scheduling.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from commonweal.analysis import resource_measures as measures
from commonweal.analysis import series
from commonweal.analysis.fairness_figures import curves, plane, scatter
from commonweal.analysis.report import Report
from commonweal.analysis.resource_runs import (
    HORIZON,
    PAPER,
    PULL,
    WORLDS,
    Course,
    Length,
    everywhere,
    experiment,
    play_all,
)
from commonweal.analysis.resource_studies import command, ends, verdict
from commonweal.simulation.experiment import Experiment

FEDERATIONS = {"fpf": "FPF", "dnf": "D&F", "lmf": "LMF"}
BASELINES = {
    "ippo": "IPPO",
    "average_reward": "AVG",
    "min_reward": "MIN",
    "rmf": "RMF",
    "inequity_averse": "IA",
    "mappo": "MAPPO",
    "fen": "FEN",
    "fen_flat": "FEN, flat",
    "soto_ggf": "SOTO-GGF",
    "soto_alf": "SOTO-ALF",
    "idqn": "IDQN",
    "qmix": "QMIX",
}
VARIANTS = {
    "fpf_utilitarian": ("FPF, λe = 0", {"exchange.egalitarian": 0.0}),
    "fpf_gentle": ("FPF, α = 0.001", {"exchange.rate": PULL}),
}
"""FPF without its egalitarian pull, and with pulls of the published length whatever the learning rate"""
METHODS = FEDERATIONS | {name: title for name, (title, _) in VARIANTS.items()} | BASELINES
"""kinds, and variants of `fpf` -> their names in the source"""
BELOW = ("average_reward", "mappo", "fen", "soto_ggf", "soto_alf")
"""kinds whose collective return is below those of IPPO and FPF (Dong et al. 2025, Fig. 1)"""
POSTER = {
    "ippo": (96, 1.57),
    "min_reward": (47, 0.30),
    "average_reward": (84, 0.75),
    "rmf": (63, 0.39),
    "inequity_averse": (72, 0.69),
    "fen": (90, 0.17),
    "fen_flat": (57, 0.22),
}
"""job scheduling: use of the resource in percent and std/mean of a sample (Jiang and Lu 2019)"""
BUDGETS = {
    "quick": Length(episodes=everywhere(40), replicates=2, hidden=(16,)),
    "standard": Length(episodes=everywhere(1_000), replicates=5),
    "paper": PAPER,
}
Courses = Mapping[tuple[str, str], Course]
"""world, kind -> run"""


def plan(world: str, name: str, length: Length) -> Experiment:
    """The experiment of one method."""
    kind = "fpf" if name in VARIANTS else name
    given: dict[str, object] = {"exchange.rate": length.pull} if kind in ("fpf", "dnf") else {}
    if name in VARIANTS:
        given |= VARIANTS[name][1]
    return experiment(world, kind, length, given)


def study(report: Report, length: Length, worlds: Sequence[str], workers: int = 1) -> None:
    """Play all methods; tabulate, draw and judge."""
    cells = [(world, kind) for world in worlds for kind in METHODS]
    plans = {"-".join(cell): plan(*cell, length) for cell in cells}
    kept = play_all(plans, report.out / "runs", workers)
    found = dict(zip(cells, kept.values(), strict=True))
    report.table("fairness", [row(cell, course) for cell, course in found.items()])
    if "job_scheduling" in worlds:
        report.table("fairness_poster", [beside(kind, found) for kind in POSTER])
    report.draw(scatter(found, worlds, METHODS), "fairness")
    report.draw(plane(found, worlds, METHODS), "fairness_plane")
    report.draw(curves(found, worlds, METHODS), "fairness_curves")
    for world in worlds:
        judge(report, found, world)
    report.conclude()


def row(cell: tuple[str, str], course: Course) -> dict[str, object]:
    """What a method came to in a world."""
    world, kind = cell
    even = series.interval(measures.evenness(course.per_episode, course.by_agent.shape[1]))
    first = {"world": world, "kind": kind, "method": METHODS[kind]}
    return first | ends(course) | {"evenness": float(even.mean)}


def beside(kind: str, found: Courses) -> dict[str, object]:
    """A method in job scheduling beside the published numbers."""
    course = found["job_scheduling", kind]
    use = series.interval(100 * course.collective / HORIZON)
    uneven = series.interval(measures.as_sample(course.per_episode, course.by_agent.shape[1]))
    return {
        "method": METHODS[kind],
        "use %": float(use.mean),
        "use % low": float(use.low),
        "use % high": float(use.high),
        "published use %": POSTER[kind][0],
        "sample std/mean": float(uneven.mean),
        "sample std/mean low": float(uneven.low),
        "sample std/mean high": float(uneven.high),
        "published std/mean": POSTER[kind][1],
    }


def judge(report: Report, found: Courses, world: str) -> None:
    """What the source says of one world."""

    def more(text: str, one: np.ndarray, other: np.ndarray) -> None:
        verdict(report, f"{WORLDS[world]}: {text}", series.difference(one, other))

    sums = {kind: found[world, kind].collective for kind in METHODS}
    uneven = {kind: found[world, kind].per_episode for kind in METHODS}
    above = [kind for kind in METHODS if series.difference(sums[kind], sums["ippo"]).low > 0]
    seen = ", ".join(
        f"{METHODS[k]} {sums[k].mean():.1f}" for k in dict.fromkeys((*above, "ippo", "fpf"))
    )
    text = f"{WORLDS[world]}: published (Fig. 1): nobody earns more than IPPO"
    report.claim(text, not above, seen)
    more("FPF earns more than IPPO", sums["fpf"], sums["ippo"])
    for name in VARIANTS:
        more(f"{METHODS[name]} earns more than FPF", sums[name], sums["fpf"])
        more(f"{METHODS[name]} earns more than IPPO", sums[name], sums["ippo"])
    for kind in BELOW:
        for best in ("ippo", "fpf"):
            text = f"published (Fig. 1): {METHODS[best]} earns more than {METHODS[kind]}"
            more(text, sums[best], sums[kind])
    for kind in FEDERATIONS:
        text = f"{METHODS[kind]} shares more evenly than IPPO"
        more(text, uneven["ippo"], uneven[kind])
    if world == "job_scheduling":
        for kind in ("average_reward", "soto_ggf", "soto_alf"):
            for other in ("fpf", "lmf"):
                text = (
                    f"published (Fig. 5): {METHODS[kind]} shares more evenly than {METHODS[other]}"
                )
                more(text, uneven[other], uneven[kind])
        return
    for one, other in (("fpf", "lmf"), ("fpf", "dnf"), ("lmf", "dnf")):
        alike(report, f"{WORLDS[world]}: published (Fig. 5)", one, other, uneven)
    for kind in BELOW:
        text = f"published (Fig. 5): FPF shares more evenly than {METHODS[kind]}"
        more(text, uneven[kind], uneven["fpf"])


ALIKE = 0.1
"""difference of std/mean, in shares of the larger, within which two methods count as about equal"""


def alike(
    report: Report, where: str, one: str, other: str, uneven: Mapping[str, np.ndarray]
) -> None:
    """Whether two methods are about as even: the interval of their difference is within bounds."""
    gap = series.difference(uneven[one], uneven[other])
    room = ALIKE * max(uneven[one].mean(), uneven[other].mean())
    shown = bool(-room < gap.low and gap.high < room)
    text = f"{where}: {METHODS[one]} and {METHODS[other]} differ by less than a tenth in std/mean"
    report.claim(text, shown, str(gap))


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    command("fairness", __doc__, BUDGETS, study, WORLDS, arguments)


if __name__ == "__main__":
    main()
