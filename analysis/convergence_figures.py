"""Log-log pictures of federations on quadratics: measured, closed form, and bound.

For `convergence`.  Letters: C marks, R problems.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from commonweal.analysis import figures
from commonweal.analysis.quadratic_federations import Common, Mixed

HUES = (figures.BLUE, figures.ORANGE, figures.GREEN)
NOTHING = 1e-9
"""squared gradient below which nothing is drawn: it falls on to the rounding of numbers"""


def courses(
    common: Mapping[str, tuple[Common, np.ndarray, np.ndarray]],
    mixture: Mixed,
    decays: Sequence[float],
    pauses: Sequence[int],
) -> figures.Figure:
    """Means over problems: the gradient of F above, the consensus gap below.

    ``common``: who takes part -> its course, the closed form of its running means [C, R] and that
    of its floors [R].
    """
    figure, axes = figures.panels(2, 2, size=(3.4, 2.6))
    gradients(axes[0], common)
    centre = len(decays) // 2
    by_decay = {
        f"β = {decay:g}": (mixture.gap[:, i, 0], mixture.closed[:, i, 0], decay)
        for i, decay in enumerate(decays)
    }
    by_pause = {
        f"every {pause} steps" if pause > 1 else "every step": (
            mixture.gap[:, centre, j],
            mixture.closed[:, centre, j],
            decays[centre],
        )
        for j, pause in enumerate(pauses)
    }
    heads = (
        "(c) no common model, exchange in every step",
        f"(d) exchange less often, β = {decays[centre]:g}",
    )
    for panel, head, lines in zip(axes[1], heads, (by_decay, by_pause), strict=True):
        figures.title(panel, head)
        gaps(panel, mixture.marks, lines)
    return figure


def gradients(
    axes: np.ndarray, common: Mapping[str, tuple[Common, np.ndarray, np.ndarray]]
) -> None:
    """Mean of |grad F|^2 over all rounds so far, and that of each round by itself."""
    for hue, (who, (course, closed, floor)) in zip(HUES, common.items(), strict=True):
        values = course.running.mean(1), course.now.mean(1)
        for panel, measured in zip(axes, values, strict=True):
            shown = np.where(measured > NOTHING, measured, np.nan)
            panel.plot(course.marks, shown, color=hue, marker="o", ms=2.2, label=who)
        dots(axes[0], course.marks, closed.mean(1))
        if floor.mean() > NOTHING:
            dots(axes[1], course.marks, np.full(len(course.marks), floor.mean()))
    course = next(iter(common.values()))[0]
    bound(axes[0], course.marks, course.running.mean(1), 1, "~ 1 / T")
    heads = "(a) common model: mean over T rounds", "(b) the last of T rounds itself"
    for panel, head, form in zip(axes, heads, ("closed form", "floor, closed form"), strict=True):
        figures.title(panel, head)
        panel.set(xscale="log", yscale="log", xlabel="rounds T", ylabel="|grad F|²")
        dots(panel, [], [], form)
        figures.legend(panel, loc="lower left")


def gaps(
    panel, marks: np.ndarray, lines: Mapping[str, tuple[np.ndarray, np.ndarray, float]]
) -> None:
    """Squared consensus gaps: text -> measured and closed form, both [C, R], and decay."""
    for hue, (text, (gap, closed, decay)) in zip(HUES, lines.items(), strict=True):
        measured = gap.mean(-1)
        panel.plot(marks, measured, color=hue, marker="o", ms=2.2, label=text)
        dots(panel, marks, closed.mean(-1))
        bound(panel, marks, measured, decay)
    dots(panel, [], [], "closed form")
    panel.plot([], [], color="0.6", ls="--", lw=0.9, label="bound ~ T^(-β)")
    panel.set(xscale="log", yscale="log", xlabel="steps T", ylabel="squared consensus gap")
    low, high = panel.get_ylim()
    panel.set_ylim(low / (high / low) ** 0.7, high)
    figures.legend(panel, loc="lower left", ncols=2)


def dots(panel, marks: Sequence, values: Sequence, text: str = "") -> None:
    """A closed form."""
    panel.plot(marks, values, color=figures.BLACK, ls=":", lw=0.9, label=text or None)


def bound(panel, marks: np.ndarray, values: np.ndarray, decay: float, text: str = "") -> None:
    """A power of T through the middle of a course: a bound fixes the slope, not the height."""
    middle = len(marks) // 2
    late = marks[middle:]
    course = values[middle] * (late / marks[middle]) ** -decay
    panel.plot(late, course, color="0.6", ls="--", lw=0.9, label=text or None)
