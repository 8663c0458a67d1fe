"""Pictures of where gifts lead over the plane of dilemmas, and the record they are drawn from.

For `social_relationship_theory`.
"""

from dataclasses import dataclass

import numpy as np

from commonweal.analysis import figures
from commonweal.analysis import gift_theory as theory

MEASURED = 0.93
"""cooperation of each of two LASE agents with T = 1.2, S = -0.2 (Kong et al. 2024)"""
DILEMMA = (1.2, -0.2)
NEAR = 1e-3
"""distance from certainty that counts as full cooperation"""
ROUNDING = 1e-16
NAMES = {
    (0.5, 0.5): "harmony",
    (0.4, -0.8): "stag hunt",
    (1.45, 0.85): "snowdrift",
    (1.5, -0.6): "prisoner's\ndilemma",
}
BORDERS = {(0.3, -0.75): "0 or 1", (1.35, 0.1): "λ = 0", (1.63, 0.65): "S = (2 − T)²"}


@dataclass(frozen=True)
class Surface:
    """Ends of all starts in all games, with G games along each axis and M starts of each."""

    temptation: np.ndarray
    """[G]"""
    sucker: np.ndarray
    """[G]"""
    starts: np.ndarray
    """[G, G, M, 2] uniform, drawn anew in every game; rows are S, columns T"""
    ends: np.ndarray
    """[G, G, M, 2], the higher first"""

    @property
    def plane(self) -> tuple[np.ndarray, np.ndarray]:
        """T and S [G, G] of every game."""
        return tuple(np.meshgrid(self.temptation, self.sucker))

    @property
    def full(self) -> np.ndarray:
        """Whether both cooperate for certain in the end, [G, G, M]."""
        return (self.ends > 1 - NEAR).all(-1)


@dataclass(frozen=True)
class Trained:
    """Cooperation of trained pairs at the end of learning."""

    temptation: np.ndarray
    """[P]"""
    sucker: np.ndarray
    """[P]"""
    cooperation: np.ndarray
    """[P, P, R] of both agents together, rows are S, columns T"""


def planes(found: Surface, learned: Trained | None) -> figures.Figure:
    """The surface, its closed form, what tells them apart, and the gap to what was measured."""
    t, s = found.plane
    mean, closed = found.ends.mean((-1, -2)), theory.limits(t, s)
    gap = abs(found.ends - closed[:, :, None]).max((-1, -2))
    apart = (found.ends[..., 0] - found.ends[..., 1]).mean(-1)
    figure, axes = figures.panels(2, 3, size=(2.75, 2.4))
    drawn = {
        "(a) simulated cooperation": (mean, "mean P(C)", "black"),
        "(b) closed form": (closed.mean(-1), "mean P(C)", "black"),
        "(c) gap between (a) and (b)": (np.log10(gap + ROUNDING), "log10, worst start", "white"),
        "(d) starts to full cooperation": (found.full.mean(-1), "share of starts", "white"),
        "(e) apart in the end": (apart, "difference of the two", "white"),
    }
    for panel, (head, (values, text, ink)) in zip(axes.flat, drawn.items(), strict=False):
        low, high = (-16, 0) if text.startswith("log10") else (0, 1)
        mesh = figures.plane(panel, found.temptation, found.sucker, values, low=low, high=high)
        figures.colour_bar(panel, mesh, text)
        figures.title(panel, head)
        borders(panel, ink)
        panel.set(xlabel="temptation T", ylabel="sucker's payoff S")
    for (x, y), name in NAMES.items():
        axes[1, 1].text(x, y, name, fontsize=6, color="white", ha="center", va="center")
    for (x, y), name in BORDERS.items():
        axes[0, 1].text(x, y, name, fontsize=6, ha="center", va="center")
    if learned is not None:
        x, y = np.meshgrid(learned.temptation, learned.sucker)
        values = learned.cooperation.mean(-1)
        axes[0, 0].scatter(
            x, y, c=values, vmin=0, vmax=1, cmap=figures.MAGNITUDE, s=26, ec="white", lw=0.8
        )
        figures.title(axes[0, 0], "(a) simulated; dots: trained")
    exploring(axes[1, 2])
    return figure


def borders(panel, ink: str) -> None:
    """Solid between the four games; dashed where ends change."""
    panel.axhline(0, color=ink, lw=0.6)
    panel.axvline(1, color=ink, lw=0.6)
    panel.plot((0, 1), (0, -1), color=ink, lw=0.9, ls="--")
    t, s = np.meshgrid(np.linspace(1.001, 2, 200), np.linspace(-1, 1, 400))
    panel.contour(t, s, theory.parting(t, s), [0], colors=ink, linewidths=0.9, linestyles="--")
    edge = np.linspace(1, 2, 100)
    panel.plot(edge, (2 - edge) ** 2, color=ink, lw=0.9, ls=":")


def exploring(panel) -> None:
    """How much a policy cooperates that settles with its exploration, beside the measured value."""
    chance = np.linspace(0, 0.3, 100)
    fixed = theory.symmetric_point(*DILEMMA)
    own = theory.own_cooperation(fixed, chance)
    panel.plot(chance, own, color=figures.BLUE, label="the policy itself")
    panel.axhline(fixed, color=figures.BLACK, lw=0.8, label="acts as played: 5/6")
    panel.axhline(MEASURED, color=figures.ORANGE, ls="--", lw=1.0, label=f"measured: {MEASURED}")
    panel.set(xlabel="exploration", ylabel="P(C)", ylim=(0.78, 1.0))
    figures.title(panel, "(f) T = 1.2, S = -0.2")
    figures.legend(panel, loc="upper left")
