"""Clipped policy and value descent for stacked learners, the hot path of every simulation.

The objective of one slot (Schulman et al. 2017, eqs. 7 and 9; Ren et al. 2025, sections 6.1 and
6.2 of the specification), with w_a = exp(log p_a - log_old_a), is

    L = 1/total * sum over rows of
            sum over a of -gain_a * min(w_a, 1 + clip) - loss_a * max(w_a, 1 - clip)
                          + penalty_a * w_a
            - entropy * count * H(p) + value_weight * (count * V**2 - 2 * V * target)

which for rows that are single samples is the usual mean of
-min(A w, A clip(w)) - entropy * H + value_weight * (V - G)**2, up to a constant.

`objective` states it for autograd; `gradient` is the same derivative written out by hand, and
`descend` the loop of clipping and Adam around it.  Shape letters as in
`commonweal.agents.learners.stacked`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents.learners.batches import Batch, Source
from commonweal.agents.learners.stacked import (
    ActorCritics,
    Shape,
    chunks,
    forward,
    layers,
    restore,
    split,
)

# Beyond this a ratio would overflow float32.  Actions nobody took may be this unlikely to have
# been taken; their zero gain must not meet an infinite ratio.
MOST = 60.0

CHUNK = 64


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


class AdamState:
    """First and second moments [K, P] and steps taken [K] of each slot (Kingma and Ba 2015)."""

    def __init__(self, policy: ActorCritics) -> None:
        self.first = torch.zeros_like(policy.parameters)
        self.second = torch.zeros_like(policy.parameters)
        self.steps = torch.zeros(policy.slots, dtype=torch.int64, device=self.first.device)

    def state(self) -> dict[str, Tensor]:
        """Moments and steps."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a ``state()``."""
        for name, own in self.state().items():
            restore(own, state[name], name)


def objective(parameters: Tensor, shape: Shape, batch: Batch, hyper: Hyper) -> Tensor:
    """L [K] of ``parameters [K, P]`` on a mini-batch, differentiable: the reference."""
    logits, values = forward(parameters, shape, batch.x)
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


class Workspace:
    """Memory for one pass forward and back of C slots over B rows, used again and again."""

    def __init__(self, shape: Shape, slots: int, x: Tensor) -> None:
        rows = x.shape[-1]
        self.x = x.new_ones(slots if x.dim() == 3 else 1, shape.inputs + 1, rows)
        self.inputs = self.x.expand(slots, -1, -1)
        # Each layer's input with its row of ones, by tower and level; the first is shared.
        self.hidden = [
            [x.new_ones(slots, width + 1, rows) for width in shape.hidden] for _ in shape.towers
        ]
        self.first = x.new_empty(slots, shape.blocks[0][1], rows)
        self.outputs = [
            [x.new_empty(slots, width, rows) for width in tower[1:]] for tower in shape.towers
        ]
        self.backward = [
            [x.new_empty(slots, width, rows) for width in shape.hidden] for _ in shape.towers
        ]
        self.blocks = [x.new_empty(slots, *block) for block in shape.blocks]
        self.gradient = x.new_empty(slots, shape.size)

    def parts(self, shape: Shape) -> tuple[Tensor, Tensor]:
        """The two towers' shares of what the joint first layer put out."""
        return self.first.split([tower[0] for tower in shape.towers], 1)


def gradient(
    parameters: Tensor, shape: Shape, batch: Batch, hyper: Hyper, space: Workspace | None = None
) -> Tensor:
    """dL/d(parameters) [K, P] of `objective`, written out; lies in ``space``, to be used at once."""
    space = space or Workspace(shape, parameters.shape[0], batch.x)
    first, *deeper = split(parameters, shape)
    space.x[:, :-1] = batch.x
    torch.bmm(first.mT, space.inputs, out=space.first)
    ends = []
    for tower, z in enumerate(space.parts(shape)):
        for level, layer in enumerate(deeper[tower::2]):
            h = space.hidden[tower][level]
            torch.clamp_min(z, 0, out=h[:, :-1])
            z = torch.bmm(layer.mT, h, out=space.outputs[tower][level])
        ends.append(z)
    slopes = _slope_of_logits(ends[0], batch, hyper), _slope_of_values(ends[1], batch, hyper)
    for tower, (slope, part) in enumerate(zip(slopes, space.parts(shape), strict=True)):
        for level, layer in reversed(list(enumerate(deeper[tower::2]))):
            h = space.hidden[tower][level]
            torch.bmm(h, slope.mT, out=space.blocks[1 + 2 * level + tower])
            back = torch.bmm(layer[:, :-1], slope, out=space.backward[tower][level])
            slope = back if level else part
            torch.ops.aten.threshold_backward.grad_input(back, h[:, :-1], 0, grad_input=slope)
        if not shape.hidden:
            part.copy_(slope)
    torch.bmm(space.inputs, space.first.mT, out=space.blocks[0])
    return torch.cat([block.flatten(1) for block in space.blocks], 1, out=space.gradient)


def _slope_of_logits(logits: Tensor, batch: Batch, hyper: Hyper) -> Tensor:
    """dL/dlogits [K, A, B].

    With g_a = dL/dlog p_a this is g_a - p_a * sum_b g_b, and for the entropy
    entropy * count / total * p_a * (log p_a + H).
    """
    log = logits.log_softmax(1)
    p = log.exp()
    ratio = (log - batch.log_old).clamp_(max=MOST).exp_()
    slope = torch.where(ratio < 1 + hyper.clip, batch.gain, 0)
    slope += torch.where(ratio > 1 - hyper.clip, batch.loss, 0)
    slope = slope.neg_() if batch.penalty is None else torch.sub(batch.penalty, slope, out=slope)
    slope *= ratio
    slope.addcmul_(p, slope.sum(1, keepdim=True), value=-1)
    if hyper.entropy:
        plogp = p * log
        bonus = plogp.addcmul_(p, plogp.sum(1, keepdim=True), value=-1)
        count = batch.count.unsqueeze(1) if isinstance(batch.count, Tensor) else batch.count
        slope += bonus.mul_(count).mul_(hyper.entropy)
    return slope.div_(_by_slot(batch.total, 3))


def _slope_of_values(values: Tensor, batch: Batch, hyper: Hyper) -> Tensor:
    """dL/dV [K, 1, B] for ``values [K, 1, B]``."""
    slope = (values[:, 0] * batch.count).sub_(batch.target)
    return slope.mul_(2 * hyper.value_weight).div_(_by_slot(batch.total, 2)).unsqueeze(1)


def _by_slot(number: Tensor | float, dimensions: int) -> Tensor | float:
    """A number for each slot, ready to be combined with a tensor of so many dimensions."""
    if isinstance(number, Tensor):
        return number.view(-1, *[1] * (dimensions - 1))
    return number


def descend(
    policy: ActorCritics, adam: AdamState, batches: Source, hyper: Hyper, *, chunk: int = CHUNK
) -> None:
    """Take one clipped Adam step for each mini-batch and slot, a chunk of slots after the other.

    Within a chunk all mini-batches of all epochs are worked off, so that its parameters,
    gradients and moments stay in the cache; on an accelerator all slots are one chunk.

    Args:
        policy: the learners, changed in place.
        adam: their optimiser state, changed in place.
        batches: source of mini-batches for given slots.
        hyper: learning rate and the rest.
        chunk: slots worked through at a time on a CPU.
    """
    size = chunk if policy.parameters.device.type == "cpu" else policy.slots
    spaces = {}
    with torch.no_grad():
        for rows in chunks(policy.slots, size):
            _descend_rows(policy, adam, batches, hyper, rows, spaces)


def _descend_rows(policy, adam, batches, hyper, rows, spaces) -> None:
    parameters, first, second = (t[rows] for t in (policy.parameters, adam.first, adam.second))
    done = adam.steps[rows]
    steps = int(done[0]) if bool((done == done[0]).all()) else done.unsqueeze(1).double()
    taken = 0
    for taken, batch in enumerate(batches(rows), start=1):
        key = parameters.shape[0], batch.x.shape
        if key not in spaces:
            spaces[key] = Workspace(policy.shape, parameters.shape[0], batch.x)
        slope = gradient(parameters, policy.shape, batch, hyper, spaces[key])
        norm = torch.linalg.vector_norm(slope, dim=1, keepdim=True)
        slope *= (hyper.max_norm / (norm + 1e-6)).clamp_(max=1)
        step(parameters, slope, first, second, steps + taken, hyper)
    done += taken


def step(
    parameters: Tensor,
    slope: Tensor,
    first: Tensor,
    second: Tensor,
    steps: Tensor | int,
    hyper: Hyper,
) -> None:
    """One Adam step of parameters [K, P]; ``steps`` counts it, for all slots or each [K, 1].

    With unbiased moments m' = m / (1 - beta1**t) and v' = v / (1 - beta2**t) the step
    -learning_rate * m' / (sqrt(v') + eps) is taken as -learning_rate * m / (a * sqrt(v) + b);
    ``slope`` is used up.
    """
    beta1, beta2 = hyper.betas
    a = (1 - beta1**steps) / (1 - beta2**steps) ** 0.5
    b = hyper.eps * (1 - beta1**steps)
    if isinstance(steps, Tensor):
        a, b = a.to(slope.dtype), b.to(slope.dtype)
    first.lerp_(slope, 1 - beta1)
    second.mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
    root = torch.sqrt(second, out=slope).mul_(a).add_(b)
    parameters.addcdiv_(first, root, value=-hyper.learning_rate)
