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


class Perceptrons:
    """K independent sets of networks ``name -> widths``, inputs first and outputs last.

    Args:
        widths: name -> widths of all layers.
        slots: K.
        generator: source of the starting weights: orthogonal with gain sqrt(2), outputs with ``last``.
        device: where the parameters live.
        last: gain of the output layers.
    """

    def __init__(
        self,
        widths: Mapping[str, Sequence[int]],
        slots: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
        last: float = 1.0,
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


def affine(layer: Tensor, x: Tensor) -> Tensor:
    """``x W + b``: [K, X, in] to [K, X, out]."""
    return torch.baddbmm(layer[:, -1:], x, layer[:, :-1])


def finish(layers: Sequence[Tensor], first: Tensor) -> Tensor:
    """Outputs of the layers, given what comes out of the first before it is rectified."""
    for layer in layers[1:]:
        first = affine(layer, torch.relu(first))
    return first
