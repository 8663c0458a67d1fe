"""Where should gifts between two learners lead, over the plane of dilemmas, and do they?

Question: two agents give each other shares of their payoffs by social relationships, predict each
other exactly and climb what they then hold.  Over temptation T and sucker's payoff S (reward 1,
punishment 0), how much do they cooperate in the end, from which starts, and do both?  What of it
can be said without simulation, and what do trained LASE agents do there?

Expected answer: the paper reads four things off its simulated surface: full cooperation in harmony
games and stag hunts, more than 1/2 in snowdrift games and prisoner's dilemmas.  By the closed forms
derived in `gift_theory` a stag hunt with S + T < 0 keeps mutual defection as a second end; more than
1/2 is true of the mean of both, but not of each, for in most snowdrift games the two part; and with
T = 1.2, S = -0.2 they end at 5/6, not at the 0.93 that the paper measured and calls consistent.

Source: Kong et al. 2024, analysis in matrix games (grid, step size, exact predictions) and the
iterated prisoner's dilemma.  The closed forms and the tabular learners are derived here.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from commonweal.analysis import gift_tabular, series
from commonweal.analysis import gift_theory as theory
from commonweal.analysis.gift_theory_figures import (
    DILEMMA,
    MEASURED,
    NEAR,
    Surface,
    Trained,
    planes,
)
from commonweal.analysis.report import Report
from commonweal.analysis.study import Size, Study
from commonweal.errors import BadSetting, CommonwealError

GRID = 101
"""games along each side: steps of 0.02 (Kong et al. 2024)"""
STARTS, STEPS = 64, 20_000
TRAINING = 1_000_000
"""10,000 episodes of 100 rounds (Kong et al. 2024, iterated prisoner's dilemma)"""
CLEAR = 0.03
"""least |lambda| at which ends are compared: closer to 0 pairs part or meet too slowly"""
EXAMPLES = (
    (0.5, 0.5),
    (0.5, -0.3),
    DILEMMA,
    (1.5, -0.5),
    (1.2, 0.2),
    (1.8, 0.5),
    (1.2, 0.8),
    (2, 1),
)
EXPLORATIONS = (0.0, 0.05, 0.1, 0.2, 0.22)


def surface(grid: int, starts: int = STARTS, steps: int = STEPS, seed: int = 0) -> Surface:
    """Simulate ``grid`` x ``grid`` games over T in [0, 2] and S in [-1, 1]."""
    # Rounded, so that S + T is exactly 0 where it should be.
    t, s = (np.linspace(low, low + 2, grid).round(10) for low in (0, -1))
    begun = np.random.default_rng(seed).random((grid, grid, starts, 2))
    ends = theory.simulate(t, s[:, None], begun, steps)
    return Surface(t, s, begun, -np.sort(-ends, -1))


def trained(out: Path, points: int, steps: int, replicates: int) -> Trained:
    """Let pairs of LASE agents learn in ``points`` x ``points`` games, off T = 1 and S = 0 if even."""
    middles = (np.arange(points) + 0.5) / points * 2
    t, s = middles.round(10), (middles - 1).round(10)
    size = Size(side=1, steps=steps, seeds=1, early_stop=False)
    frame = Study(name="trained", budget=f"{points} x {points} games", size=size, out=out)
    found = frame.run(
        "lase",
        {"world.sucker": s.tolist(), "world.temptation": t.tolist()},
        agents=2,
        replicates=replicates,
        world={"kind": "iterated_dilemma"},
        network={"kind": "complete"},
    )
    ends = [[series.final(found[y, x], "cooperation") for x in t.tolist()] for y in s.tolist()]
    return Trained(t, s, np.array(ends))


def study(report: Report, found: Surface, learned: Trained | None) -> None:
    """Tabulate, draw and judge."""
    report.table("limits", limit_rows())
    report.table("games", game_rows(found))
    tabular = {model: gift_tabular.learn(model, *DILEMMA) for model in gift_tabular.MODELS}
    report.table(
        "tabular",
        [
            {
                "prediction": model,
                "cooperation, lowest": float(outcome.cooperation.min()),
                "highest": float(outcome.cooperation.max()),
                "mean gift weight": float(outcome.weight.mean()),
            }
            for model, outcome in tabular.items()
        ],
    )
    fixed = float(theory.symmetric_point(*DILEMMA))
    own = {e: float(theory.own_cooperation(fixed, e)) for e in EXPLORATIONS}
    rows = [{"exploration": e, "cooperation of the policy itself": own[e]} for e in own]
    report.table("exploration", rows)
    if learned is not None:
        report.table("trained", trained_rows(learned))
    report.draw(planes(found, learned), "social_relationship_theory")
    judge(report, found, fixed)


def limit_rows() -> list[dict[str, object]]:
    """The examples: closed form, and where random starts end."""
    t, s = np.array(EXAMPLES).T
    starts = np.random.default_rng(0).random((STARTS, 2))
    ends = -np.sort(-theory.simulate(t, s, starts, STEPS), -1)
    rows = []
    for index, closed in enumerate(theory.limits(t, s)):
        seen = ends[index]
        rows.append(
            {
                "T": float(t[index]),
                "S": float(s[index]),
                "game": _name(t[index], s[index]),
                "closed form": "{:.4f}, {:.4f}".format(*closed),
                "simulated": "{:.4f}, {:.4f}".format(*seen.mean(0)),
                "largest gap": f"{abs(seen - closed).max():.0e}",
            }
        )
    return rows


def _name(temptation: float, sucker: float) -> str:
    code = int(theory.game(temptation, sucker))
    return theory.GAMES[code] if code >= 0 else "border"


def game_rows(found: Surface) -> list[dict[str, object]]:
    """What happens in each of the four games.

    ``full from`` is a share of starts, the two columns of 1/2 are shares of games, for all starts.
    """
    t, s = found.plane
    code, parting, closed = theory.game(t, s), theory.parting(t, s), theory.limits(t, s)
    clear = ~(abs(parting) <= CLEAR)
    gap = abs(found.ends - closed[:, :, None]).max((-1, -2))
    rows = []
    for index, name in enumerate(theory.GAMES):
        here = code == index
        known = here & clear & ~np.isnan(gap)
        rows.append(
            {
                "game": name,
                "games": int(here.sum()),
                "mean cooperation": float(found.ends[here].mean()),
                "full from": float(found.full[here].mean()),
                "parting": int((here & (t > 1) & (parting > CLEAR)).sum()),
                "mean above 1/2": float(_above(found, found.ends.mean(-1), here)),
                "each above 1/2": float(_above(found, found.ends[..., 1], here)),
                "largest gap to the closed form": f"{gap[known].max(initial=0):.0e}",
            }
        )
    return rows


def _inside(found: Surface) -> np.ndarray:
    """Games [G, G] off the edges S = -1 and T = 2, on which ends of exactly 1/2 lie."""
    t, s = found.plane
    return (s > -1) & (t < 2)


def _above(found: Surface, values: np.ndarray, here: np.ndarray) -> float:
    """Share of the games ``here`` inside the plane with ``values`` [G, G, M] above 1/2 throughout."""
    return (values[here & _inside(found)] > 0.5).all(-1).mean()


def trained_rows(learned: Trained) -> list[dict[str, object]]:
    """Trained pairs beside the theory."""
    rows = []
    for i, s in enumerate(learned.sucker):
        for j, t in enumerate(learned.temptation):
            ends, closed = learned.cooperation[i, j], theory.limits(t, s).mean()
            rows.append(
                {
                    "T": float(t),
                    "S": float(s),
                    "game": _name(t, s),
                    "theory": "0 or 1" if np.isnan(closed) else f"{closed:.3f}",
                    "trained": str(series.interval(ends, bounds=(0, 1))),
                }
            )
    return rows


def judge(report: Report, found: Surface, fixed: float) -> None:
    """A verdict on what the paper reads off the surface, and on what is derived here."""
    t, s = found.plane
    code, full = theory.game(t, s), found.full
    hunt, poor = code == 1, (code == 1) & (s + t < 0)
    share = full[code == 0].mean()
    report.claim("harmony: full cooperation", bool(share == 1), f"{share:.1%} of starts")
    report.claim(
        "stag hunt: full cooperation",
        bool(full[hunt].all()),
        f"{full[hunt & ~poor].mean():.1%} of starts where S + T >= 0, {full[poor].mean():.1%} where "
        "S + T < 0; the others end in mutual defection",
    )
    for index in (2, 3):
        here, name = code == index, theory.GAMES[index]
        for what, values in (("mean", found.ends.mean(-1)), ("each", found.ends[..., 1])):
            above = _above(found, values, here)
            seen = f"{above:.1%} of games with S > -1, T < 2"
            report.claim(f"{name}: above 1/2, {what} of the two", bool(above == 1), seen)
    explored = theory.own_cooperation(fixed, EXPLORATIONS[-1])
    report.claim(
        f"the {MEASURED} measured with T = 1.2, S = -0.2 agrees with the theory",
        abs(fixed - MEASURED) < 0.02,
        f"the theory says {fixed:.3f}; a policy that still explored with chance "
        f"{EXPLORATIONS[-1]} would reach {explored:.3f} itself",
    )
    clear = ~np.isnan(theory.limits(t, s)[..., 0]) & (code >= 0)
    clear &= (t < 1) | (abs(theory.parting(t, s)) > CLEAR)
    gap = abs(found.ends - theory.limits(t, s)[:, :, None])[clear].max()
    report.claim(
        f"ours: the closed forms give both ends wherever |lambda| > {CLEAR}",
        bool(gap < NEAR),
        f"largest gap {gap:.0e} in {clear.sum()} games, every start",
    )
    willing = (found.starts.sum(-1) >= 1) & (poor & (s > -1))[..., None]
    report.claim(
        "ours: in a stag hunt whoever starts with probabilities that sum to 1 or more cooperates",
        bool(full[willing].all()),
        f"{full[willing].mean():.1%} of {willing.sum()} starts with S + T < 0, S > -1",
    )
    report.conclude()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    parser = argparse.ArgumentParser(
        prog="python -m commonweal.analysis.social_relationship_theory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--grid", type=int, default=GRID, help=f"games along a side ({GRID})")
    parser.add_argument(
        "--trained", type=int, default=0, help="games along a side in which LASE is trained (0)"
    )
    parser.add_argument(
        "--steps", type=int, default=TRAINING, help=f"environment steps of training ({TRAINING:,})"
    )
    parser.add_argument("--replicates", type=int, default=5, help="pairs trained per game (5)")
    parser.add_argument("--out", type=Path, default=Path("results/social_relationship_theory"))
    given = parser.parse_args(arguments)
    try:
        for name, least in (("grid", 5), ("trained", 0), ("steps", 1), ("replicates", 1)):
            if (value := getattr(given, name)) < least:
                raise BadSetting(f"--{name} = {value} is not at least {least}")
        note = f"{given.grid} x {given.grid} games, {STARTS} starts, {STEPS:,} updates"
        if given.trained:
            note += f"; dots: {given.replicates} pairs of LASE agents, {given.steps:,} steps"
        print(f"social_relationship_theory: {note}", flush=True)
        torch.set_num_threads(1)
        began = time.perf_counter()
        found = surface(given.grid)
        print(f"  surface in {time.perf_counter() - began:.1f} s", flush=True)
        learned = None
        if given.trained:
            learned = trained(given.out, given.trained, given.steps, given.replicates)
        study(Report(out=given.out, note=note), found, learned)
    except CommonwealError as error:
        print(f"commonweal: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
