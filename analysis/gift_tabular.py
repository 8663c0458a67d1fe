"""Two tabular learners that give: does the theory of gifts hold for samples?

Both have one number, the logit of cooperating, and learn it by REINFORCE (Williams 1992) from the
payoffs that they hold after gifts in batches of one-round games.  What each expects of the other is
known, observed or uniform.  Payoffs are normalised as in `gift_theory`.  Derived here as a check of
the closed forms; Kong et al. 2024 do not have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from commonweal.analysis.gift_theory import weight_table

MODELS = ("exact", "observed", "uniform")
"""what is expected of the other: its probability, the moving average of its acts, or 1/2"""
LEARNING_RATE = 0.5
MEMORY = 0.95
"""what is left of an observation after one more batch"""
SETTLED = 1000
"""last updates, whose means are the outcome"""


@dataclass(frozen=True)
class Outcome:
    """Means of each learner over the last updates."""

    cooperation: np.ndarray
    """[n, 2] probability of cooperating"""
    weight: np.ndarray
    """[n, 2] gift weight that it gave in a round"""


def learn(
    model: str,
    temptation: float,
    sucker: float,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    batch: int = 100,
    updates: int = 3000,
) -> Outcome:
    """Let a pair of learners of every seed meet for ``updates`` batches of rounds."""
    streams = [np.random.default_rng(seed) for seed in seeds]
    logits = np.stack([stream.normal(size=2) for stream in streams])
    observed = half = np.full_like(logits, 0.5)
    payoffs = np.array((1.0, sucker, temptation, 0.0))
    cooperation, weight = np.zeros((2, *logits.shape))
    for update in range(updates):
        policy = 1 / (1 + np.exp(-logits))
        drawn = np.stack([stream.random((batch, 2)) for stream in streams])
        good = drawn < policy[:, None]
        expected = {"exact": policy, "observed": observed, "uniform": half}[model]
        joint = 2 * ~good + ~good[..., ::-1]
        # A weight depends on what is expected of the other.
        table = np.broadcast_to(weight_table(expected[:, None, ::-1]), (*joint.shape, 4))
        given = np.take_along_axis(table, joint[..., None], -1)[..., 0]
        earned = payoffs[joint]
        held = (1 - given) * earned + (given * earned)[..., ::-1]
        score = good - policy[:, None]
        advantage = held - held.mean(1, keepdims=True)
        logits = logits + LEARNING_RATE * (advantage * score).mean(1)
        observed = MEMORY * observed + (1 - MEMORY) * good.mean(1)
        if update >= updates - SETTLED:
            cooperation += policy / SETTLED
            weight += given.mean(1) / SETTLED
    return Outcome(cooperation, weight)
