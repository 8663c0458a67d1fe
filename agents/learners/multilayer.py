"""Multilayer perceptrons of all slots at once, several named ones in one row of parameters.

What learns by automatic differentiation keeps its networks here; acting learners, whose gradients
are written out by hand, keep theirs in `stacked`.  A layer is a block ``[in + 1, out]`` whose last row
is the bias; hidden layers are rectified.

Letters: K slots, P parameters of a slot, X rows, F inputs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from commonweal.agents.learners.descent import AdamState, ClippedSteps
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.learners.stacked import chunks, orthogonal, restore

ROWS = 512
"""Rows worked through at a time on a CPU, so that activations stay in the cache."""


class Perceptrons:
    """K independent sets of networks ``name -> widths``, inputs first and outputs last.

    Args:
        widths: name -> widths of all layers.
        slots: K.
        generator: source of the starting weights.
        device: where the parameters live.
        last: gain of the output layers.
        start: ``orthogonal`` with gain sqrt(2), outputs with ``last``, and biases of zero; or ``glorot``,
            uniform weights and biases within ``sqrt(6 / (in + out))``, a bias of n counting as n by n.
    """

    def __init__(
        self,
        widths: Mapping[str, Sequence[int]],
        slots: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
        last: float = 1.0,
        start: str = "orthogonal",
    ) -> None:
        self.widths, self.slots = dict(widths), slots
        self.blocks: dict[str, list[slice]] = {}
        size = 0
        for name, sizes in self.widths.items():
            self.blocks[name] = []
            for rows, columns in pairwise(sizes):
                self.blocks[name].append(slice(size, size + (rows + 1) * columns))
                size += (rows + 1) * columns
        self.parameters = torch.zeros(slots, size, device=device)
        for name in self.widths:
            layers = self.layers(self.parameters, name)
            for level, layer in enumerate(layers, start=1):
                if start == "glorot":
                    _glorot(layer, generator)
                    continue
                gain = last if level == len(layers) else math.sqrt(2)
                for some in chunks(slots, 1024):
                    weight = layer[some, :-1]
                    noise = torch.randn(weight.shape, generator=generator, device=device)
                    weight.copy_(gain * orthogonal(noise))
        self.adam = AdamState(self)
        self.updates = 0

    def layers(self, parameters: Tensor, name: str) -> list[Tensor]:
        """Blocks [K, in + 1, out] of one network, views of ``parameters [K, P]``."""
        shapes = pairwise(self.widths[name])
        return [
            parameters[:, block].unflatten(1, (rows + 1, columns))
            for block, (rows, columns) in zip(self.blocks[name], shapes, strict=True)
        ]

    def step(self, gradient: Tensor, hyper: Hyper) -> None:
        """One step of Adam for every slot down ``gradient [K, P]``, which is clipped in place."""
        ClippedSteps(self.parameters, self.adam, slice(0, self.slots), hyper)(gradient)
        self.updates += 1

    def step_some(self, gradient: Tensor, hyper: Hyper) -> None:
        """The same for the slots whose row of the gradient is not all zero; the others keep every bit."""
        idle = ~gradient.any(1)
        if not idle.any():
            self.step(gradient, hyper)
            return
        held = self.parameters, self.adam.first, self.adam.second, self.adam.steps
        kept = [tensor[idle] for tensor in held]
        self.step(gradient, hyper)
        for tensor, rows in zip(held, kept, strict=True):
            tensor[idle] = rows

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever a parameter does; the fused step of Adam is not counted by torch itself."""
        return self.parameters._version, self.updates

    def views(self) -> dict[str, Tensor]:
        """Named live views: ``name.0.weight`` [K, out, in], ``name.0.bias`` [K, out], ..."""
        named = {}
        for name in self.widths:
            for level, layer in enumerate(self.layers(self.parameters, name)):
                named[f"{name}.{level}.weight"] = layer[:, :-1].mT
                named[f"{name}.{level}.bias"] = layer[:, -1]
        return named

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return ~torch.isfinite(self.parameters).all(1)

    def state(self) -> dict:
        """Parameters and optimiser."""
        return {"parameters": self.parameters, "adam": self.adam.state()}

    def load(self, state: dict) -> None:
        """Take over a ``state()``; views made before stay live."""
        restore(self.parameters, state["parameters"], "parameters")
        self.adam.load(state["adam"])


def _glorot(layer: Tensor, generator: torch.Generator) -> None:
    """Fill blocks [K, in + 1, out] uniformly (Glorot and Bengio 2010), biases too."""
    inputs, outputs = layer.shape[1] - 1, layer.shape[2]
    noise = torch.rand(layer.shape, generator=generator, device=layer.device).mul_(2).sub_(1)
    layer[:, :-1] = noise[:, :-1] * math.sqrt(6 / (inputs + outputs))
    layer[:, -1] = noise[:, -1] * math.sqrt(3 / outputs)


class Memo:
    """Something worked out from parameters, kept until they change."""

    def __init__(self) -> None:
        self.version: object = None
        self.value: Tensor | None = None

    def get(self, version: object, work_out: Callable[[], Tensor]) -> Tensor:
        """What was worked out at this version, now if need be."""
        if self.value is None or self.version != version:
            self.version, self.value = version, work_out()
        return self.value

    def clear(self) -> None:
        """Forget it: other parameters may have come to the same version."""
        self.value = None


def run(layers: Sequence[Tensor], x: Tensor) -> Tensor:
    """Outputs [K, X, out] of the layers [K, in + 1, out] at ``x [K, X, in]``; differentiable."""
    return finish(layers, affine(layers[0], x))


@torch.no_grad()
def infer(layers: Sequence[Tensor], x: Tensor) -> Tensor:
    """As `run`, without gradients, some rows at a time on a CPU so that activations stay in the cache."""
    size = ROWS if x.device.type == "cpu" else x.shape[1]
    out = x.new_empty(len(x), x.shape[1], layers[-1].shape[2])
    for some in chunks(x.shape[1], size):
        h = affine(layers[0], x[:, some])
        for layer in layers[1:]:
            h = affine(layer, h.relu_())
        out[:, some] = h
    return out


def gradient(
    networks: Perceptrons, name: str, x: Tensor, loss: Callable[[Tensor, slice], Tensor]
) -> Tensor:
    """Gradient [K, P] of ``loss(outputs [k, X, out], slots) -> [k]`` at inputs ``x [K, X, in]``.

    Only the loss is left to automatic differentiation: through the layers the gradient is written out,
    some slots at a time on a CPU, so that activations stay in the cache.  It is zero for networks of
    other names.
    """
    parameters = networks.parameters
    found = torch.zeros_like(parameters)
    size = max(1, ROWS // x.shape[1]) if x.device.type == "cpu" else networks.slots
    for some in chunks(networks.slots, size):
        layers = networks.layers(parameters[some], name)
        blocks = networks.layers(found[some], name)
        hidden = [x[some]]
        with torch.no_grad():
            for layer in layers[:-1]:
                hidden.append(affine(layer, hidden[-1]).relu_())
            outputs = affine(layers[-1], hidden[-1])
        outputs.requires_grad_()
        (slope,) = torch.autograd.grad(loss(outputs, some).sum(), outputs)
        for level in reversed(range(len(layers))):
            blocks[level][:, :-1] = hidden[level].mT @ slope
            blocks[level][:, -1] = slope.sum(1)
            if level:
                slope = slope @ layers[level][:, :-1].mT
                slope = torch.ops.aten.threshold_backward(slope, hidden[level], 0)
    return found


def affine(layer: Tensor, x: Tensor) -> Tensor:
    """``x W + b``: [K, X, in] to [K, X, out]."""
    return torch.baddbmm(layer[:, -1:], x, layer[:, :-1])


def finish(layers: Sequence[Tensor], first: Tensor) -> Tensor:
    """Outputs of the layers, given what comes out of the first before it is rectified."""
    for layer in layers[1:]:
        first = affine(layer, torch.relu(first))
    return first
