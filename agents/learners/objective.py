"""The clipped objective of stacked actor-critics and its gradient written out by hand.

For one slot (Schulman et al. 2017, eqs. 7 and 9; Ren et al. 2025, settings), with
w_a = exp(log p_a - log_old_a) and the sums of a `Batch` row,

    L = 1/total * sum over rows of
            sum over a of  -gain_a * min(w_a, 1 + clip) - loss_a * max(w_a, 1 - clip)
                           + penalty_a * w_a
            - entropy * count * H(p)  +  value_weight * (count * V**2 - 2 * V * target)

which for rows that are single samples is the usual mean of
-min(A w, A clip(w)) - entropy * H + value_weight * (V - G)**2, but for a constant.

`objective` states it for autograd and is the reference; `Backward` is the fast way, for
rectifiers and one value.
Letters as in `commonweal.agents.learners.stacked`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents.learners.batches import Batch
from commonweal.agents.learners.stacked import Shape, forward, split
from commonweal.errors import BrokenContract

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
    backward = Backward(shape, parameters.shape[0], batch.x.shape[-1], like=parameters)
    return backward(parameters, batch, hyper)


class Backward:
    """One pass forward and back for C slots and B rows, in memory that is used again and again.

    The batched product is fast only if its result is contiguous, so each block has a gradient of
    its own, and they are joined to rows [C, P] at the end.  The towers are worked off one after
    the other in the same memory, which so stays in the cache.
    """

    def __init__(self, shape: Shape, slots: int, rows: int, *, like: Tensor) -> None:
        """Make room for ``slots`` and ``rows``, of the device and type of ``like``."""
        if shape.activation != "relu" or shape.values != 1:
            raise BrokenContract(
                "the gradient written out by hand knows rectifiers and one value only, not "
                f"{shape.activation!r} and {shape.values}"
            )

        def room(*sizes: int) -> Tensor:
            return like.new_ones(slots, *sizes)

        self.shape = shape
        self.bound = None
        self.first = room(shape.blocks[0][1], rows)
        # Inputs of the deeper layers with their rows of ones, and the slopes at those inputs.
        self.hidden = [room(width + 1, rows) for width in shape.hidden]
        self.slopes = [room(width, rows) for width in shape.hidden]
        self.outputs = [[room(width, rows) for width in tower[1:]] for tower in shape.towers]
        self.blocks = [room(*block) for block in shape.blocks]
        self.flat = [block.flatten(1) for block in self.blocks]
        self.joined = room(shape.size)

    def _bind(self, parameters: Tensor) -> None:
        # All views are made here: at few slots they would cost as much as the arithmetic.
        first, *deeper = split(parameters, self.shape)
        _, *blocks = self.blocks
        self.weights = first.mT
        widths = [tower[0] for tower in self.shape.towers]
        self.towers = [
            (
                part,
                [
                    (layer.mT, layer[:, :-1], h, h[:, :-1], *room)
                    for layer, h, *room in zip(
                        deeper[tower::2],
                        self.hidden,
                        self.slopes,
                        self.outputs[tower],
                        blocks[tower::2],
                        strict=True,
                    )
                ],
            )
            for tower, part in enumerate(self.first.split(widths, 1))
        ]
        self.bound = parameters

    def __call__(self, parameters: Tensor, batch: Batch, hyper: Hyper) -> Tensor:
        """dL/dparameters of `objective` at ``parameters [C, P]``; good until the next call."""
        if self.bound is not parameters:
            self._bind(parameters)
        x = batch.x.expand(self.first.shape[0], -1, -1)
        torch.bmm(self.weights, x, out=self.first)
        for slope_at, (part, layers) in zip(
            (_slope_at_logits, _slope_at_values), self.towers, strict=True
        ):
            z = part
            for weights, _, h, active, _, out, _ in layers:
                torch.clamp_min(z, 0, out=active)
                z = torch.bmm(weights, h, out=out)
            slope = slope_at(z, batch, hyper)
            for level, (_, weights, h, active, before, _, block) in reversed(
                list(enumerate(layers))
            ):
                torch.bmm(h, slope.mT, out=block)
                torch.bmm(weights, slope, out=before)
                slope = before if level else part
                _threshold_backward(before, active, 0, grad_input=slope)
            if not layers:
                part.copy_(slope)
        torch.bmm(x, self.first.mT, out=self.blocks[0])
        return torch.cat(self.flat, 1, out=self.joined)


# threshold_backward(values, x, t) passes values where x > t and is 0 elsewhere.
_beyond = torch.ops.aten.threshold_backward
_threshold_backward = torch.ops.aten.threshold_backward.grad_input


def _slope_at_logits(logits: Tensor, batch: Batch, hyper: Hyper) -> Tensor:
    """dL/dlogits [K, A, B].

    With g_a = dL/dlog p_a it is g_a - p_a * sum_b g_b, and for the entropy
    entropy * count / total * p_a * (log p_a + H).
    """
    log = logits.log_softmax(1)
    p = log.exp()
    ratio = (log - batch.log_old).clamp_max_(MOST).exp_()
    # Gains count up to the upper bound of the ratio, losses down to the lower one.
    slope = _beyond(batch.gain, ratio, 1 + hyper.clip)
    slope.sub_(batch.gain).sub_(_beyond(batch.loss, ratio, 1 - hyper.clip))
    if batch.penalty is not None:
        slope += batch.penalty
    slope *= ratio
    slope.addcmul_(p, slope.sum(1, keepdim=True), value=-1)
    if hyper.entropy:
        plogp = log.mul_(p)
        plogp.addcmul_(p, plogp.sum(1, keepdim=True), value=-1)
        if isinstance(batch.count, Tensor):
            plogp *= batch.count.unsqueeze(1)
        slope.add_(plogp, alpha=hyper.entropy)
    return slope.div_(_by_slot(batch.total))


def _slope_at_values(values: Tensor, batch: Batch, hyper: Hyper) -> Tensor:
    """dL/dV [K, 1, B] at ``values [K, 1, B]``."""
    count = batch.count.unsqueeze(1) if isinstance(batch.count, Tensor) else batch.count
    slope = (values * count).sub_(batch.target.unsqueeze(1))
    return slope.mul_(2 * hyper.value_weight).div_(_by_slot(batch.total))


def _by_slot(number: Tensor | float) -> Tensor | float:
    """A number for each slot [K, 1, 1], or the same for all."""
    return number.view(-1, 1, 1) if isinstance(number, Tensor) else number
