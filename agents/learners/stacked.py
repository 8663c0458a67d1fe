"""Many small actor-critics held as rows of one tensor.

Every learner owns an actor tower and a critic tower of its own (Ren et al. 2025): hidden layers,
then logits over actions, or values.  A learner is one *slot*, a contiguous row of
``parameters [K, P]``, so that gradient clipping, Adam, mixing two learners and checkpoints are
single operations, and a run of slots is one block of memory.

A layer is stored as a block ``[in + 1, out]`` whose last row is the bias; activations are
feature-major and carry a row of ones, so a layer is one batched product and its bias gradient
comes with its weight gradient.  The first layers of the two towers read the same input and
share one block side by side: actor columns, then critic columns.

Letters: K slots, P parameters of a slot, F inputs, A actions, V values, B rows of a batch.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from commonweal.errors import BadFile

# Slots worked through at a time on a CPU: their activations stay in the cache.
CHUNK = 128

TOWERS = ("actor", "critic")


def tanh_(x: Tensor) -> Tensor:
    """``2 sigmoid(2x) - 1`` in place: the hyperbolic tangent, five times sooner than torch's own."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)


class Tanh(torch.autograd.Function):
    """`tanh_` of a copy, differentiable any number of times."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """The tangent itself."""
        y = tanh_(x.clone())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, slope: Tensor) -> Tensor:
        """``slope * (1 - y^2)``."""
        return torch.ops.aten.tanh_backward(slope, *ctx.saved_tensors)


ACTIVATIONS = {"relu": torch.relu, "tanh": Tanh.apply}
IN_PLACE = {"relu": torch.relu_, "tanh": tanh_}


@dataclass(frozen=True)
class Shape:
    """Sizes of one actor-critic; both towers have the same hidden widths."""

    inputs: int
    hidden: tuple[int, ...] = (32, 32)
    actions: int = 2
    activation: str = "relu"
    values: int = 1
    """V, how many things the critic foretells"""

    @cached_property
    def towers(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Output widths of the actor's layers and of the critic's."""
        return (*self.hidden, self.actions), (*self.hidden, self.values)

    @cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """[in + 1, out] of each stored block: the joint first layer, then actor, critic in turn."""
        actor, critic = self.towers
        blocks = [(self.inputs + 1, actor[0] + critic[0])]
        for level in range(1, len(actor)):
            blocks += [(tower[level - 1] + 1, tower[level]) for tower in self.towers]
        return tuple(blocks)

    @cached_property
    def size(self) -> int:
        """P, the number of parameters of one slot."""
        return sum(rows * columns for rows, columns in self.blocks)


def split(parameters: Tensor, shape: Shape) -> list[Tensor]:
    """Live views [K, in + 1, out] of the stored blocks of ``parameters [K, P]``."""
    ends = accumulate((rows * columns for rows, columns in shape.blocks), initial=0)
    return [
        parameters[:, start : start + rows * columns].unflatten(1, (rows, columns))
        for start, (rows, columns) in zip(ends, shape.blocks, strict=False)
    ]


def layers(parameters: Tensor, shape: Shape) -> tuple[list[Tensor], list[Tensor]]:
    """Live views [K, in + 1, out] of the actor's layers and of the critic's."""
    first, *deeper = split(parameters, shape)
    width = shape.towers[0][0]
    return [first[..., :width], *deeper[0::2]], [first[..., width:], *deeper[1::2]]


def towers(parameters: Tensor, shape: Shape, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [K, A, B] and values [K, V, B] of ``parameters [K, P]`` at ``x [K, F, B]`` or [F, B].

    Plain differentiable operations on any tensor of parameters, also twice differentiable.
    """
    heads = []
    for tower in layers(parameters, shape):
        h = x
        for level, layer in enumerate(tower):
            h = h if level == 0 else ACTIVATIONS[shape.activation](h)
            h = layer[:, :-1].mT @ h + layer[:, -1:].mT
        heads.append(h)
    return heads[0], heads[1]


def forward(parameters: Tensor, shape: Shape, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [K, A, B] and first values [K, B]; as `towers`."""
    logits, values = towers(parameters, shape, x)
    return logits, values[:, 0]


def newborn(
    shape: Shape,
    slots: int,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Fresh parameters [slots, P]: orthogonal weights, zero biases.

    Gain sqrt(2) for hidden layers, 0.01 for the logits, 1 for the values (Ren et al. 2025).
    """
    parameters = torch.zeros(slots, shape.size, device=device, dtype=dtype)
    for tower, last in zip(layers(parameters, shape), (0.01, 1.0), strict=True):
        for level, layer in enumerate(tower, start=1):
            gain = last if level == len(tower) else math.sqrt(2)
            for rows in chunks(slots, 1024):
                weight = layer[rows, :-1]
                noise = torch.randn(weight.shape, generator=generator, device=device, dtype=dtype)
                weight.copy_(gain * orthogonal(noise))
    return parameters


def orthogonal(noise: Tensor) -> Tensor:
    """Matrices [K, n, m] with orthonormal rows or columns, uniformly drawn if noise is normal."""
    if noise.shape[1] < noise.shape[2]:
        return orthogonal(noise.mT).mT
    q, r = torch.linalg.qr(noise)
    # The sign makes the factorisation unique, without which q would not be uniform.
    return q * r.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)


def chunks(slots: int, size: int) -> list[slice]:
    """Consecutive slices of about ``size``, alike to one, that cover ``slots``."""
    count = max(1, round(slots / size))
    return [slice(slots * i // count, slots * (i + 1) // count) for i in range(count)]


class ActorCritics:
    """K independent actor-critics of one shape."""

    def __init__(
        self,
        shape: Shape,
        slots: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Start with `newborn` parameters."""
        self.shape = shape
        self.parameters = newborn(shape, slots, generator, device, dtype)

    @property
    def slots(self) -> int:
        """K, the number of learners."""
        return self.parameters.shape[0]

    def views(self, rows: slice = slice(None)) -> dict[str, Tensor]:
        """Named live views: ``actor.0.weight`` [K, out, in], ``actor.0.bias`` [K, out], ..."""
        named = {}
        for name, tower in zip(TOWERS, layers(self.parameters[rows], self.shape), strict=True):
            for level, layer in enumerate(tower):
                named[f"{name}.{level}.weight"] = layer[:, :-1].mT
                named[f"{name}.{level}.bias"] = layer[:, -1]
        return named

    def logits(self, x: Tensor, rows: slice = slice(None)) -> Tensor:
        """Logits [K, A, B] of the slots ``rows`` at ``x [K, F, B]``, or at ``x [F, B]`` shared by
        all; no gradient.
        """
        return self._infer(0, x, rows)

    def values(self, x: Tensor, rows: slice = slice(None), head: int = 0) -> Tensor:
        """Values [K, B] of the slots ``rows`` at ``x [K, F, B]``, or at ``x [F, B]`` shared by all;
        no gradient.
        """
        return self.heads(x, rows)[:, head]

    def heads(self, x: Tensor, rows: slice = slice(None)) -> Tensor:
        """All values [K, V, B]; as `values`."""
        return self._infer(1, x, rows)

    @torch.no_grad()
    def _infer(self, tower: int, x: Tensor, rows: slice) -> Tensor:
        parameters = self.parameters[rows]
        slots = parameters.shape[0]
        out = x.new_empty(slots, self.shape.towers[tower][-1], x.shape[-1])
        activate = IN_PLACE[self.shape.activation]
        size = CHUNK if x.device.type == "cpu" else slots
        for some in chunks(slots, size):
            h = x[some] if x.dim() == 3 else x.expand(some.stop - some.start, *x.shape)
            for level, layer in enumerate(layers(parameters[some], self.shape)[tower]):
                h = h if level == 0 else activate(h)
                h = torch.baddbmm(layer[:, -1:].mT, layer[:, :-1].mT, h)
            out[some] = h
        return out

    def state(self) -> dict[str, Tensor]:
        """All there is to know of the learners' networks."""
        return {"parameters": self.parameters}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a ``state()``; views made before stay live."""
        restore(self.parameters, state["parameters"], "parameters")


def restore(own: Tensor, given: Tensor, name: str) -> None:
    """Copy a saved tensor into an own one of the same shape; a silent broadcast is refused."""
    if own.shape != given.shape:
        raise BadFile(f"{name}: saved {tuple(given.shape)}, here {tuple(own.shape)}")
    own.copy_(given)
