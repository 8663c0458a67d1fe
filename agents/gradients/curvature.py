"""Products with the Jacobian H of a gradient field, without ever forming it.

The rows of H belong to the components of the field, its columns to the parameters.  A product
costs as much as a few gradients, however many parameters there are.
"""

import torch
from torch import Tensor

from commonweal.agents.gradients.base import pulled_back


def transposed_product(field: Tensor, vector: Tensor, parameters: Tensor) -> Tensor:
    """``H^T v`` of a differentiable field, all [G, M, P].

    Source: Pearlmutter 1994, reverse mode.  For the collective gradient H is symmetric, and
    ``H_c^T xi_c`` is the gradient of ``|xi_c|^2 / 2`` (Li et al. 2024).
    """
    return pulled_back(field, vector, parameters)


def product(field: Tensor, vector: Tensor, parameters: Tensor) -> Tensor:
    """``H v`` of a differentiable field, all [G, M, P].

    Reverse mode twice: ``H^T u`` is linear in u, and its derivative in u applied to v is ``H v``.
    """
    dummy = torch.zeros_like(field, requires_grad=True)
    return pulled_back(pulled_back(field, dummy, parameters, graph=True), vector, dummy)


def inner(first: Tensor, second: Tensor) -> Tensor:
    """Inner product over all players' blocks, one per copy of the game: [G, M, P] to [G]."""
    return (first * second).flatten(1).sum(1)
