"""Running normalisation of what agents see, each by the mean and spread of its own past."""

from typing import Any

import torch
from torch import Tensor

NONE, FEATURE, SCALAR = "none", "feature", "scalar"
CUT = 10.0
"""Normalised inputs are cut off here, on both sides."""


class Inputs:
    """Makes inputs of K slots comparable: less the mean, over the standard deviation, cut at +-10.

    ``feature`` keeps a mean and a variance of each feature, ``scalar`` one of all features together, as
    the public code of Dong et al. 2025 does, ``none`` leaves inputs as they are.
    """

    def __init__(self, how: str, slots: int, features: int, device: torch.device) -> None:
        self.how = how
        self.count = torch.zeros(slots, 1, 1, dtype=torch.float64, device=device)
        self.mean = torch.zeros(slots, 1, features, dtype=torch.float64, device=device)
        self.square = torch.zeros_like(self.mean)
        """sum of squared deviations"""
        self._refresh()

    def observe(self, x: Tensor) -> None:
        """Take inputs [K, B, F] into account (Chan et al. 1983, merging of moments)."""
        if self.how == NONE:
            return
        new, axes = x.double(), (1, 2) if self.how == SCALAR else (1,)
        number = x.shape[1] * (x.shape[2] if self.how == SCALAR else 1)
        mean = new.mean(axes, keepdim=True)
        square = (new - mean).square().sum(axes, keepdim=True)
        total = self.count + number
        gap = mean - self.mean
        self.square = self.square + square + gap.square() * self.count * number / total
        self.mean = self.mean + gap * number / total
        self.count = total
        self._refresh()

    def _refresh(self) -> None:
        variance = self.square / self.count.clamp(min=1)
        spread = torch.where(variance > 1e-8, variance.sqrt(), torch.ones_like(variance))
        self._shift, self._scale = self.mean.float(), (1 / spread).float()

    def normalised(self, x: Tensor, slots: slice = slice(None)) -> Tensor:
        """Inputs [k, B, F] of some slots as their networks see them."""
        if self.how == NONE:
            return x
        return ((x - self._shift[slots]) * self._scale[slots]).clamp_(-CUT, CUT)

    def state(self) -> dict[str, Any]:
        """Moments so far."""
        return {"count": self.count, "mean": self.mean, "square": self.square}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        device = self.count.device
        for name in ("count", "mean", "square"):
            setattr(self, name, state[name].to(device))
        self._refresh()
