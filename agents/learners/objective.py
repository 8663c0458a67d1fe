"""The clipped objective of stacked actor-critics and its gradient written out by hand.

For one slot (Schulman et al. 2017, eqs. 7 and 9; Ren et al. 2025, sections 6.1 and 6.2 of the
specification), with w_a = exp(log p_a - log_old_a) and the sums of a `Batch` row,

    L = 1/total * sum over rows of
            sum over a of  -gain_a * min(w_a, 1 + clip) - loss_a * max(w_a, 1 - clip)
                           + penalty_a * w_a
            - entropy * count * H(p)  +  value_weight * (count * V**2 - 2 * V * target)

which for rows that are single samples is the usual mean of
-min(A w, A clip(w)) - entropy * H + value_weight * (V - G)**2, but for a constant.

`objective` states it for autograd and is the reference; `Backward` is the fast way.
Letters as in `commonweal.agents.learners.stacked`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents.learners.batches import Batch
from commonweal.agents.learners.stacked import Shape, forward, split

# Logarithm of the largest ratio told from infinity.  Only an action that was all but impossible
# and that nobody took gets there, and its zero gain must not meet an infinite ratio.
MOST = 60.0


@dataclass(frozen=True)
class Hyper:
    """Numbers of one update, the same for all slots; defaults from Ren et al. 2025."""

    learning_rate: float = 0.01
    clip: float = 0.2
    entropy: float = 0.0
    value_weight: float = 0.5
    max_norm: float = 0.5
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-5


def objective(parameters: Tensor, shape: Shape, batch: Batch, hyper: Hyper) -> Tensor:
    """L [K] of ``parameters [K, P]`` on a mini-batch, in plain differentiable operations."""
    logits, values = forward(parameters, shape, batch.x[..., :-1, :])
    log = logits.log_softmax(1)
    ratio = (log - batch.log_old).clamp(max=MOST).exp()
    policy = -batch.gain * ratio.clamp(max=1 + hyper.clip)
    policy = policy - batch.loss * ratio.clamp(min=1 - hyper.clip)
    if batch.penalty is not None:
        policy = policy + batch.penalty * ratio
    entropy = -(log.exp() * log).sum(1)
    squares = batch.count * values.square() - 2 * values * batch.target
    rows = policy.sum(1) - hyper.entropy * batch.count * entropy + hyper.value_weight * squares
    return rows.sum(1) / batch.total


def gradient(parameters: Tensor, shape: Shape, batch: Batch, hyper: Hyper) -> Tensor:
    """dL/dparameters [K, P] of `objective`, without autograd."""
    backward = Backward(shape, parameters, batch.x.shape[-1])
    backward.bind(parameters)
    return backward(batch, hyper)


class Backward:
    """One pass forward and back for C slots and B rows, in memory that is used again and again.

    The batched product is fast only if its result is contiguous, so each block has a gradient of
    its own, and they are joined to rows [C, P] at the end.  The towers are worked off one
    after the other in the same memory, which so stays in the cache.
    """

    def __init__(self, shape: Shape, like: Tensor, rows: int) -> None:
        slots = like.shape[0]
        self.widths = [tower[0] for tower in shape.towers]
        self.first = like.new_empty(slots, shape.blocks[0][1], rows)
        # Inputs of the deeper layers, each with its row of ones.
        self.hidden = [like.new_ones(slots, width + 1, rows) for width in shape.hidden]
        self.before = [like.new_empty(slots, width, rows) for width in shape.hidden]
        self.after = [
            [like.new_empty(slots, width, rows) for width in tower[1:]] for tower in shape.towers
        ]
        self.blocks = [like.new_empty(slots, *block) for block in shape.blocks]
        self.gradient = like.new_empty(slots, shape.size)
        # Views are made once: at few slots they would cost as much as the arithmetic.
        self._parts = self.first.split(self.widths, 1)
        self._first = self.first.mT
        self._hidden = [(h, h[:, :-1]) for h in self.hidden]
        self._flat = [block.flatten(1) for block in self.blocks]

    def bind(self, parameters: Tensor) -> None:
        """Work on ``parameters [C, P]`` from now on, live."""
        first, *deeper = split(parameters, self._shape)
        self._weights = first.mT
        self._layers = [[(w.mT, w[:, :-1]) for w in deeper[tower::2]] for tower in (0, 1)]
