"""Who does well against whom: a tournament of learners and fixed strategies in pairs.

Question: two agents meet in the iterated prisoner's dilemma and learn as long as they meet.  What
does each kind earn against each other kind in the end, how much do both cooperate, and which kinds
would selection on these payoffs keep?

Expected answer: LASE cooperates with itself and withdraws from a defector (Kong et al. 2024), whose
gain is then little; learners without social motives end in mutual defection with each other and
exploit whoever cooperates unconditionally.  What LASE does against strategies that answer back is
open: their answers come without gifts.

A cell is the mean reward per round of the row kind in the last tenth of the run, before gifts, with
Student's interval over replicates.  Explorers go on exploring to the end, and their rewards include
it.  Selection works on these payoffs: replicator dynamics from equal shares, and for each kind
whether a rare mutant earns more among its residents than they do among themselves (Maynard Smith
1982).  A gift moves reward within a pair and would change what single kinds keep.

Every pair is kept as it ends, so a study that was interrupted goes on where it was.  ``quick`` takes
about four minutes on one core, ``standard`` about two hours and ``paper``, whose runs are as long as
the paper's and whose replicates are twice as many, three.

Source: the game and the learners of Kong et al. 2024; the manner of a tournament is Axelrod 1984.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from commonweal.analysis import populations, series
from commonweal.analysis.dyad_figures import dynamics, matrices
from commonweal.analysis.report import Report
from commonweal.analysis.tournaments import Length, Tournament, compete
from commonweal.errors import BadSetting, CommonwealError

LEARNERS = ("lase", "lase_uniform", "a2c", "group_optimal", "lio", "lola", "inequity_averse")
LEARNERS += ("social_influence", "lr2")
FIXED = ("always_cooperate", "always_defect", "tit_for_tat", "win_stay_lose_shift")
FIXED += ("generous_tit_for_tat", "extortioner", "random")
FEW = ("lase", "lase_uniform", "a2c", "lr2", *FIXED[:4])
BUDGETS = {
    "quick": (FEW, Length(steps=100_000, replicates=3)),
    "standard": (LEARNERS + FIXED, Length(steps=1_000_000, replicates=5)),
    "paper": (LEARNERS + FIXED, Length(steps=1_000_000, replicates=10)),
}
STEP, STEPS = 0.1, 10_000
"""of the replicator dynamics: payoffs differ by some tenths, so time 1,000 is long"""


def study(report: Report, kinds: Sequence[str], length: Length, workers: int = 1) -> None:
    """Play all pairs; tabulate, draw, select and judge."""
    found = compete(kinds, length, report.out / "pairs", workers)
    if found.refused:
        rows = [{"who": " and ".join(who), "why": why} for who, why in found.refused.items()]
        report.table("not_played", rows)
    order = ranking(found)
    names = [found.kinds[i] for i in order]
    if not names:
        raise BadSetting("dyads: none of these pairs can be played")
    reward, cooperation = (
        table[np.ix_(order, order)] for table in (found.reward, found.cooperation)
    )
    report.table("dyads", cells(names, reward, cooperation))
    report.draw(matrices(names, reward, cooperation), "dyads")
    kept = complete(reward)
    chosen = [names[i] for i in kept]
    if missing := [name for name in names if name not in chosen]:
        print(
            f"left out of selection, for not all of their pairs were played: {', '.join(missing)}"
        )
    payoffs = reward[np.ix_(kept, kept)]
    answers = invasions(chosen, payoffs)
    path = populations.replicator(payoffs.mean(-1), np.ones(len(kept)), steps=STEPS, width=STEP)
    report.table("selection", selection(chosen, payoffs, answers, path))
    if answers:
        report.table("invasions", [answer_row(answer) for answer in answers])
    report.draw(dynamics(chosen, answers, path, STEP), "dyads_selection")
    judge(report, names, reward, answers)


# ---- what the payoffs say -------------------------------------------------------------------


def ranking(found: Tournament) -> list[int]:
    """Kinds by their mean reward against all, highest first; without those that played nobody."""
    means = [series.known_mean(row) for row in found.reward]
    return [int(i) for i in np.argsort(means)[::-1] if not np.isnan(means[i])]


def complete(reward: np.ndarray) -> list[int]:
    """Kinds among which every pair was played: who lacks most pairs is left out first.

    [K, K, R] -> places.
    """
    kept = list(range(len(reward)))
    while True:
        lacking = np.isnan(reward[np.ix_(kept, kept)]).any(-1).sum(1)
        if not lacking.any():
            return kept
        kept.pop(int(lacking.argmax()))


def invasions(names: Sequence[str], reward: np.ndarray) -> list[populations.Invasion]:
    """What a rare mutant of each kind earns more among residents than they do among themselves.

    [K, K, R] -> an answer for each ordered pair of kinds.
    """
    return [
        populations.Invasion(mutant, resident, series.difference(reward[i, j], reward[j, j]))
        for j, resident in enumerate(names)
        for i, mutant in enumerate(names)
        if i != j
    ]


# ---- tables ---------------------------------------------------------------------------------


def parts(name: str, values: np.ndarray, **options: object) -> dict[str, float]:
    """Mean and bounds of the interval as columns of a table."""
    found = series.interval(values, **options)
    numbers = (found.mean, found.low, found.high)
    return {name + end: float(x) for end, x in zip(("", " low", " high"), numbers, strict=True)}


def cells(names: Sequence[str], reward: np.ndarray, cooperation: np.ndarray) -> list[dict]:
    """A row for each ordered pair that was played."""
    return [
        {"kind": one, "against": other}
        | parts("reward", reward[i, j])
        | parts("cooperation", cooperation[i, j], bounds=(0, 1))
        for i, one in enumerate(names)
        for j, other in enumerate(names)
        if not np.isnan(reward[i, j]).all()
    ]


def selection(names: Sequence[str], reward: np.ndarray, answers: list, path: np.ndarray) -> list:
    """A row for each kind: what it earns, who invades it, and where selection leads its share."""
    rows = []
    for i, name in enumerate(names):
        by = [a.mutant for a in answers if a.resident == name and a.verdict == "invades"]
        row = {"kind": name, "mean reward": float(reward[i].mean())}
        row |= {"among its own": float(reward[i, i].mean()), "share after": float(path[-1, i])}
        rows.append(row | {"invaded by": ", ".join(by) or "none"})
    return rows


def answer_row(answer: populations.Invasion) -> dict:
    """One question of invasion as a row."""
    gain = answer.advantage
    row = {"mutant": answer.mutant, "resident": answer.resident, "advantage": float(gain.mean)}
    return row | {"low": float(gain.low), "high": float(gain.high), "verdict": answer.verdict}


def judge(report: Report, names: Sequence[str], reward: np.ndarray, answers: list) -> None:
    """Verdicts on LASE, as far as it and those it is compared with have played."""
    place = {name: i for i, name in enumerate(names)}

    def claim(text: str, *compared: tuple[str, str]) -> None:
        """The first cell holds more than the second."""
        if {name for cell in compared for name in cell} <= set(place):
            one, other = (reward[place[i], place[j]] for i, j in compared)
            if not np.isnan([*one, *other]).any():
                gap = series.difference(one, other)
                report.claim(text, bool(gap.low > 0), str(gap))

    claim("two LASE earn more than two A2C", ("lase", "lase"), ("a2c", "a2c"))
    claim(
        "a defector gains less from LASE than from an unconditional cooperator",
        ("always_defect", "always_cooperate"),
        ("always_defect", "lase"),
    )
    claim(
        "a defector gains less from LASE than from LASE without perspective taking",
        ("always_defect", "lase_uniform"),
        ("always_defect", "lase"),
    )
    if against := [answer for answer in answers if answer.resident == "lase"]:
        seen = {
            verdict: ", ".join(a.mutant for a in against if a.verdict == verdict) or "none"
            for verdict in ("invades", "undecided", "repelled")
        }
        text = "; ".join(f"{verdict}: {who}" for verdict, who in seen.items())
        none = all(answer.verdict == "repelled" for answer in against)
        report.claim("nobody invades a society of LASE", none, text)
    if report.claims:
        report.conclude()


# ---- the command ----------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run the study."""
    parser = argparse.ArgumentParser(
        prog="python -m commonweal.analysis.dyads",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--budget", choices=list(BUDGETS), default="quick", help="size of the study"
    )
    parser.add_argument("--kinds", nargs="+", help="who plays, instead of the budget's")
    parser.add_argument("--steps", type=int, help="steps of a replicate, instead of the budget's")
    parser.add_argument("--replicates", type=int, help="instead of the budget's")
    parser.add_argument("--workers", type=int, default=1, help="pairs at a time")
    parser.add_argument("--out", type=Path, help="folder of its outputs (results/dyads-BUDGET)")
    given = parser.parse_args(arguments)
    kinds, usual = BUDGETS[given.budget]
    kinds = tuple(dict.fromkeys(given.kinds or kinds))
    if min(given.workers, given.steps or 1, given.replicates or 1) < 1:
        parser.error("--steps, --replicates and --workers are positive")
    length = Length(
        steps=given.steps or usual.steps, replicates=given.replicates or usual.replicates
    )
    note = f"budget {given.budget}: {len(kinds)} kinds, {length.note}"
    report = Report(out=given.out or Path("results") / f"dyads-{given.budget}", note=note)
    print(f"dyads: {note}", flush=True)
    try:
        study(report, kinds, length, given.workers)
    except CommonwealError as error:
        print(f"commonweal: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"dyads: stopped; the same command goes on from {report.out}", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
