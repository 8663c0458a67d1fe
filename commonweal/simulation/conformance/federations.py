"""Clauses of a charter, which names weights, and of an exchange, which carries them out."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from commonweal.agents.exchanges.base import Exchange
from commonweal.networks.federations import Charter
from commonweal.simulation.conformance.tools import differences, saved

MEETINGS = 12
"""How often a charter is asked, so that a period shows."""
TOLERANCE = 1e-5


def _returns(members: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(members, generator=rng) for _ in range(MEETINGS)]


def weights_are_shares(make: Callable[[], Charter], members: int) -> Iterator[str]:
    """Weights are [M, M], finite, not negative, and every row sums to one."""
    charter = make()
    for meeting, returns in enumerate(_returns(members)):
        weights = charter.convene(returns)
        if weights is None:
            continue
        if weights.shape != (members, members):
            yield f"meeting {meeting}: shape {tuple(weights.shape)}"
        elif not torch.isfinite(weights).all() or weights.min() < 0:
            yield f"meeting {meeting}: a weight is negative or not finite"
        elif (weights.sum(1) - 1).abs().max() > TOLERANCE:
            yield f"meeting {meeting}: a row sums to {weights.sum(1)[0]:.6f}"


def nothing_else_decides(make: Callable[[], Charter], members: int) -> Iterator[str]:
    """The same returns in the same state give the same weights, and returns stay as they are."""
    one, other = make(), make()
    for meeting, returns in enumerate(_returns(members)):
        kept = returns.clone()
        yield from differences(one.convene(returns), other.convene(kept), f"meeting {meeting}")
        yield from differences(returns, kept, f"returns of meeting {meeting}")


def memory_is_saved(make: Callable[[], Charter], members: int) -> Iterator[str]:
    """What a charter remembers is part of its state, so that it goes on after a checkpoint."""
    one = make()
    for place, returns in enumerate(_returns(members)):
        other = make()
        other.load(saved(one.state()))
        yield from differences(one.convene(returns), other.convene(returns), f"meeting {place}")


CHARTER_CLAUSES = (weights_are_shares, nothing_else_decides, memory_is_saved)


def _case(members: int, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    if weights is None:
        weights = torch.rand(members, members, generator=rng)
        weights /= weights.sum(1, keepdim=True)
    return torch.randn(2, members, 7, generator=rng), weights


def parameters_stay_parameters(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """Parameters keep their shape [R, M, P] and stay finite; those given are left as they are."""
    parameters, weights = _case(members)
    before = parameters.clone()
    after = make().apply(parameters, weights)
    if after.shape != before.shape or not torch.isfinite(after).all():
        yield f"shape {tuple(after.shape)}"
    yield from differences(parameters, before, "the parameters given")


def listeners_to_themselves_keep(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """Who listens only to itself keeps every bit of its parameters."""
    parameters, weights = _case(members)
    weights[0] = 0
    weights[0, 0] = 1
    before = parameters[:, 0].clone()
    yield from differences(make().apply(parameters, weights)[:, 0], before, "its parameters")


def replicates_stay_apart(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """Nothing passes from one replicate to another."""
    parameters, weights = _case(members)
    one = make().apply(parameters.clone(), weights)[1].clone()
    parameters[0] += 1
    yield from differences(one, make().apply(parameters, weights)[1], "the second replicate")


EXCHANGE_CLAUSES = (
    parameters_stay_parameters,
    replicates_stay_apart,
    listeners_to_themselves_keep,
)
