"""What does altruistic gradient adjustment do to learners that play dilemmas with networks?

Question: PPO learners play (a) the iterated prisoner's dilemma in pairs and (b) a spatial
dilemma on the lattice at T = 1.30 and S = -0.33.  How much do they cooperate at the end when
each follows its own gradient (Simul-Ind), the gradient of the mean reward of all (Simul-Co), or
AgA's mixture of both with the curvature of the latter, at several strengths, with and without
the cross-agent curvature of the joint ratio?

Expected answer: open.  The theory is about exact gradients of few players; in print AgA with
PPO has been shown on gridworlds only, once with success (Li et al. 2024) and once without.  For
large strengths the direction is mostly the own gradient, so cooperation should then be that of
Simul-Ind; on a lattice the mean reward of a hundred agents says little about one.

Source: Li et al. 2024 for the rule; payoffs of Kong et al. 2024 and of Ren et al. 2025.
"""

from collections.abc import Mapping

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.study import Size, Study, main

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
SIZES = {
    "quick": Size(
        side=5, steps=6_400, seeds=3, early_stop=False, grid={"strength": (1.0,), "longer": (1,)}
    ),
    "standard": Size(
        side=10,
        steps=50_000,
        seeds=5,
        early_stop=False,
        grid={"strength": STRENGTHS, "longer": (2,)},
    ),
    "paper": Size(
        side=10,
        steps=200_000,
        seeds=5,
        early_stop=False,
        grid={"strength": STRENGTHS, "longer": (2,)},
    ),
}
"""``longer``: how many times as long the pairs play, which cost so much less"""
BASELINES = ("Simul-Ind", "Simul-Co")
READINGS = ("sign", "collective_curvature", "own_curvature", "curvature_square")


def study(frame: Study) -> None:
    """Run both worlds; draw, tabulate and judge."""
    pair = {
        "world": {"kind": "iterated_dilemma"},
        "network": {"kind": "complete"},
        "agents": 2,
        "steps": frame.size.steps * frame.size.grid["longer"][0],
    }
    worlds = {f"a pair, {pair['steps']:,} steps": pair, f"lattice, {frame.size.steps:,} steps": {}}
    found = {name: methods(frame, fields) for name, fields in worlds.items()}
    frame.draw(draw(found))
    rows = []
    for world, runs in found.items():
        for label, recordings in runs.items():
            end = series.final(recordings, "cooperation")
            row = {"world": world, "method": label, "cooperation": _share(end)}
            row["reward"] = series.interval(series.final(recordings, "reward"))
            for name in READINGS if label.startswith("AgA") else ():
                row[name] = series.interval(series.final(recordings, name))
            rows.append(row)
    # The first row names the columns, and only AgA has readings.
    rows.sort(key=len, reverse=True)
    frame.table(rows)
    for world, runs in found.items():
        ends = {
            label: series.final(recordings, "cooperation") for label, recordings in runs.items()
        }
        for label, end in ends.items():
            for base in BASELINES if label.startswith("AgA") else ():
                if base != BASELINES[0] and label.endswith("joint"):
                    base = _label(base, True)
                gap = series.difference(end, ends[base])
                frame.claim(f"{world}: {label} cooperates more than {base}", gap)


def methods(frame: Study, fields: Mapping[str, object]) -> dict[str, list]:
    """Recordings of every method in one world, by what the method is called."""
    joint = (False, True)
    (own,) = frame.run("simul_ind", {}, **fields).values()
    found = {BASELINES[0]: own}
    team = frame.run("simul_co", {"simul_co.move.joint_ratio": joint}, **fields)
    for (together,), recordings in team.items():
        found[_label(BASELINES[1], together)] = recordings
    sweep = {
        "aga.rule.strength": frame.size.grid["strength"],
        "aga.move.joint_ratio": joint,
    }
    for (strength, together), recordings in frame.run("aga", sweep, **fields).items():
        found[_label(f"AgA {strength:g}", together)] = recordings
    return found


def _label(method: str, joint: bool) -> str:
    return f"{method}, joint" if joint else method


def _share(values: np.ndarray) -> series.Estimate:
    return series.interval(values, bounds=(0, 1))


def draw(found: Mapping[str, Mapping[str, list]]):
    """Cooperation over time in both worlds, and at the end."""
    figure, axes = figures.panels(len(found), 2, size=(3.4, 2.4))
    for row, (world, runs) in zip(axes, found.items(), strict=True):
        plain = [label for label in runs if not label.endswith("joint")]
        tones = (*figures.PALETTE, figures.BLACK, "0.5")
        colours = dict(zip(plain, tones, strict=False))
        for label in plain:
            steps, values = series.align(runs[label], "cooperation", hold=True)
            figures.curve(row[0], steps, _share(values), label=label, colour=colours[label])
        figures.steps_axis(row[0])
        row[0].set_ylim(-0.02, 1.02)
        row[0].set_ylabel("share cooperating")
        figures.title(row[0], f"{world}: over time")
        ends = {
            label: series.final(recordings, "cooperation") for label, recordings in runs.items()
        }
        figures.bars(
            row[1],
            list(runs),
            [_share(end) for end in ends.values()],
            points=list(ends.values()),
            colours=[colours[label.removesuffix(", joint")] for label in runs],
        )
        row[1].tick_params(axis="x", labelrotation=60, labelsize=6)
        figures.title(row[1], f"{world}: at the end")
    figures.legend(axes[0, 0], fontsize=6)
    return figure


if __name__ == "__main__":
    main("adjusted_learners", __doc__, SIZES, study)
