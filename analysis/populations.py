"""Evolutionary dynamics over kinds: which kind would spread, and which would invade?

Pure functions of a payoff table ``[K, K]``: row the kind that is paid, column the kind
it meets.  Learning happens inside a run; these functions ask what selection between
kinds would make of the payoffs that learning leaves behind.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp

from commonweal.analysis.series import Estimate
from commonweal.errors import BadSetting


def imitate(own: ArrayLike, other: ArrayLike, selection: float = 1.0) -> np.ndarray:
    """Probability of taking over the other's kind: [...], [...] -> [...].

    The Fermi rule 1 / (1 + exp(-selection * (other - own))), Szabo and Toke 1998, with
    the intensity of selection of Traulsen et al. 2006.
    """
    return expit(selection * (np.asarray(other, float) - np.asarray(own, float)))


def replicator(
    payoffs: ArrayLike, shares: ArrayLike, *, steps: int = 1_000, width: float = 0.01
) -> np.ndarray:
    """Shares of kinds over time in a large mixed society: [K, K], [K] -> [steps + 1, K].

    dx_i/dt = x_i ((A x)_i - x . A x), Taylor and Jonker 1978, by the classical
    Runge-Kutta rule with steps of ``width``.
    """
    table = np.asarray(payoffs, float)

    def slope(x: np.ndarray) -> np.ndarray:
        fitness = table @ x
        return x * (fitness - x @ fitness)

    path = np.empty((steps + 1, len(table)))
    path[0] = np.asarray(shares, float) / np.sum(shares)
    for step in range(steps):
        x = path[step]
        k1 = slope(x)
        k2 = slope(x + width / 2 * k1)
        k3 = slope(x + width / 2 * k2)
        k4 = slope(x + width * k3)
        x = x + width / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        # Rounding leaves the simplex by parts in 1e16 each step; the sum is put right.
        path[step + 1] = x / x.sum()
    return path


def moran(
    payoffs: ArrayLike,
    agents: int,
    *,
    selection: float = 1.0,
    mutants: int = 1,
    fitness: str = "linear",
) -> float:
    """Probability that mutants of kind 0 take over a society of kind 1.

    The frequency-dependent Moran process of Nowak et al. 2004 in closed form (Karlin and
    Taylor 1975): nobody plays against itself, each birth replaces a random agent.

    Args:
        payoffs: [2, 2], row paid by column met; kind 0 is the mutant.
        agents: size of the society.
        selection: weight of the payoffs, 0 for neutral drift.
        mutants: how many there are at the start.
        fitness: "linear", 1 - selection + selection * payoff, which must be positive, or
            "exponential", exp(selection * payoff) (Traulsen et al. 2008), which is also
            the Fermi imitation process.
    """
    table = np.asarray(payoffs, float)
    i = np.arange(1, agents)
    mutant = (table[0, 0] * (i - 1) + table[0, 1] * (agents - i)) / (agents - 1)
    resident = (table[1, 0] * i + table[1, 1] * (agents - i - 1)) / (agents - 1)
    if fitness == "exponential":
        log_ratio = selection * (resident - mutant)
    elif fitness == "linear":
        mutant = 1 - selection + selection * mutant
        resident = 1 - selection + selection * resident
        if min(mutant.min(), resident.min()) <= 0:
            raise BadSetting(
                f"moran: selection = {selection} makes a linear fitness negative; "
                "weaken it or use fitness = 'exponential'"
            )
        log_ratio = np.log(resident) - np.log(mutant)
    else:
        raise BadSetting(f"moran: fitness = {fitness!r} is not one of 'linear', 'exponential'")
    # Sums of products of up to N-1 ratios overflow for strong selection; logarithms do not.
    weights = np.concatenate([[0.0], np.cumsum(log_ratio)])
    return float(np.exp(logsumexp(weights[:mutants]) - logsumexp(weights)))


def invasion(payoffs: ArrayLike, tolerance: float = 1e-12) -> np.ndarray:
    """Which kind, when rare, spreads among which: [K, K] -> [mutant, resident] bool.

    A mutant invades if it earns more against residents than they do among themselves,
    or as much and more against its own kind than they do (Maynard Smith 1982, the
    negation of an evolutionarily stable strategy).
    """
    table = np.asarray(payoffs, float)
    among = np.diag(table)
    first = table - among[None, :]
    second = among[:, None] - table.T
    equal = np.abs(first) <= tolerance
    return (first > tolerance) | (equal & (second > tolerance))


@dataclass(frozen=True)
class Invasion:
    """One question of invasion, answered from runs."""

    mutant: str
    resident: str
    advantage: Estimate
    """payoff of the rare mutants minus that of the residents in the same run"""

    @property
    def verdict(self) -> str:
        """What the interval allows to say; "undecided" when it holds zero or has no width."""
        if self.advantage.low > 0:
            return "invades"
        if self.advantage.high < 0:
            return "repelled"
        return "undecided"
