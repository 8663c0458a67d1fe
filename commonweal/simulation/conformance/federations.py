"""Clauses of a charter, which decides who meets, and of an exchange, which carries it out."""

from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx
import torch
from torch import Tensor

from commonweal.agents.exchanges.base import Exchange
from commonweal.networks.federations import Charter, Meeting, Roll
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.simulation.conformance.tools import differences, saved

MEETINGS = 12
"""How often a charter is asked, so that a period shows."""
SAVED = (2, 3, 5, 9)
"""Meetings before which its state goes through a checkpoint: one ends each period up to six."""
REPLICATES = 3
TOLERANCE = 1e-5
FIRST = 1
"""Node of the first agent: nodes and places in a cohort are not the same."""


def roll(members: int, seed: int = 0) -> Roll:
    """Agents at the nodes 1 .. M of a ring of M + 3, so that they stand in a row."""
    near = neighbourhoods(nx.cycle_graph(members + 3))
    nodes = torch.arange(FIRST, members + FIRST)
    return Roll(nodes, REPLICATES, near, torch.Generator().manual_seed(seed))


def _returns(members: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(REPLICATES, members, generator=rng) for _ in range(MEETINGS)]


def _masks(members: int) -> list[Tensor]:
    """Members of any number in each replicate, none and all too: people join as they please."""
    rng = torch.Generator().manual_seed(2)
    order = torch.rand(members + 1, REPLICATES, members, generator=rng).argsort(-1)
    counts = torch.arange(members + 1)[:, None] + torch.arange(REPLICATES)
    return list(order < (counts % (members + 1)).unsqueeze(-1))


def _met(charter: Charter, returns: Tensor) -> tuple[Tensor, Tensor]:
    members = charter.volunteers(returns)
    return members, charter.weigh(members)


def members_are_a_mask(make: Callable[[Roll], Charter], members: int) -> Iterator[str]:
    """Who takes part is true or false for each replicate and agent, [R, M]."""
    charter = make(roll(members))
    for meeting, returns in enumerate(_returns(members)):
        mask = charter.volunteers(returns)
        if mask.dtype != torch.bool or mask.shape != returns.shape:
            yield f"meeting {meeting}: {mask.dtype} {tuple(mask.shape)}"
        charter.weigh(mask)


def weights_are_shares(make: Callable[[Roll], Charter], members: int) -> Iterator[str]:
    """Weights are [R, M, M], finite, not negative, and every row sums to one."""
    charter = make(roll(members))
    for meeting, mask in enumerate(_masks(members)):
        weights = charter.weigh(mask)
        if weights.shape != (REPLICATES, members, members):
            yield f"meeting {meeting}: shape {tuple(weights.shape)}"
        elif not torch.isfinite(weights).all() or weights.min() < 0:
            yield f"meeting {meeting}: a weight is negative or not finite"
        elif (off := (weights.sum(-1) - 1).abs()).max() > TOLERANCE:
            yield f"meeting {meeting}: a row sums to {weights.sum(-1).flatten()[off.argmax()]:.6f}"


def outsiders_keep_their_own(make: Callable[[Roll], Charter], members: int) -> Iterator[str]:
    """Rows and columns of those who take no part are those of the identity."""
    charter, own = make(roll(members)), torch.eye(members)
    for meeting, mask in enumerate(_masks(members)):
        weights, out = charter.weigh(mask), ~mask
        if (weights[out] != own.expand_as(weights)[out]).any():
            yield f"meeting {meeting}: an outsider listens to somebody"
        if (weights.mT[out] != own.expand_as(weights)[out]).any():
            yield f"meeting {meeting}: somebody listens to an outsider"


def nothing_else_decides(make: Callable[[Roll], Charter], members: int) -> Iterator[str]:
    """The same questions in the same state get the same answers, and stay as they are."""
    one, other = make(roll(members)), make(roll(members))
    for meeting, returns in enumerate(_returns(members)):
        told = returns.clone()
        mask = one.volunteers(told)
        named = mask.clone()
        yield from differences(told, returns, f"returns of meeting {meeting}")
        answers = named, one.weigh(mask)
        yield from differences(mask, named, f"members of meeting {meeting}")
        yield from differences(_met(other, returns), answers, f"meeting {meeting}")


def replicates_decide_apart(make: Callable[[Roll], Charter], members: int) -> Iterator[str]:
    """It decides for each replicate by that replicate's returns and members alone."""
    one, other = make(roll(members)), make(roll(members))
    for meeting, returns in enumerate(_returns(members)):
        changed = returns.clone()
        changed[0] = 1 - 3 * changed[0]
        for a, b in zip(_met(one, returns), _met(other, changed), strict=True):
            yield from differences(a[1:], b[1:], f"the others, in meeting {meeting}")
    for meeting, mask in enumerate(_masks(members)):
        changed = mask.clone()
        changed[0] = ~changed[0]
        weights = one.weigh(mask)[1:], other.weigh(changed)[1:]
        yield from differences(*weights, f"weights of the others, in meeting {meeting}")


def memory_is_saved(make: Callable[[Roll], Charter], members: int) -> Iterator[str]:
    """What a charter remembers is part of its state, so that it goes on after a checkpoint."""
    one = make(roll(members))
    for meeting, returns in enumerate(_returns(members)):
        if meeting not in SAVED:
            _met(one, returns)
            continue
        # Founded by other chances, so that what was drawn then has to be saved too.
        other = make(roll(members, seed=meeting))
        other.load(saved(one.state()))
        other.roll.generator.set_state(one.roll.generator.get_state())
        yield from differences(_met(one, returns), _met(other, returns), f"meeting {meeting}")


CHARTER_CLAUSES = (
    members_are_a_mask,
    weights_are_shares,
    outsiders_keep_their_own,
    nothing_else_decides,
    replicates_decide_apart,
    memory_is_saved,
)


OUTSIDER, LONER = 0, 1
"""Who takes no part, and a member whom the meeting gives nobody else's weight."""


class _Case:
    """Agents of which one is an outsider, and one a member that listens to itself alone."""

    def __init__(self, exchange: Exchange, members: int) -> None:
        rng = torch.Generator().manual_seed(1)
        self.exchange = exchange
        mask = torch.ones(REPLICATES, members, dtype=torch.bool)
        mask[:, OUTSIDER] = False
        weights = torch.rand(REPLICATES, members, members, generator=rng)
        weights[:, :, OUTSIDER] = 0
        weights[:, [OUTSIDER, LONER]] = 0
        weights[:, OUTSIDER, OUTSIDER] = weights[:, LONER, LONER] = 1
        self.meeting = Meeting(mask, weights / weights.sum(-1, keepdim=True))
        sizes = [members] * 3 + [exchange.commons]
        drawn = [torch.randn(REPLICATES, size, 7, generator=rng) for size in sizes]
        self.before, self.after, self.own, self.commons = drawn

    def given(self) -> dict[str, Tensor]:
        """All that the exchange is given."""
        meeting = vars(self.meeting)
        return {k: v for k, v in {**vars(self), **meeting}.items() if isinstance(v, Tensor)}

    def steps(self) -> Tensor:
        """Gradients to step down, one after another, [steps, R, M, P]; the own ones unless it steers."""
        if not self.exchange.steers:
            return self.own.unsqueeze(0)
        return torch.stack(self.exchange.gradients(self.own, self.before, self.meeting))

    def outcome(self) -> dict[str, Tensor]:
        """What becomes of parameters and common models, then of gradients."""
        after, commons = self.exchange.apply(self.before, self.after, self.commons, self.meeting)
        return {"parameters": after, "common models": commons, "gradients": self.steps()}


def parameters_stay_parameters(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """All keep their shapes and stay finite; those given are left as they are."""
    case = _Case(make(), members)
    given = {name: value.clone() for name, value in case.given().items()}
    outcome = case.outcome()
    shapes = {"parameters": case.after.shape, "common models": case.commons.shape}
    shapes["gradients"] = (len(outcome["gradients"]), *case.own.shape)
    for name, value in outcome.items():
        if value.shape != shapes[name] or not torch.isfinite(value).all():
            yield f"{name}: shape {tuple(value.shape)}"
    for name, value in case.given().items():
        yield from differences(value, given[name], f"{name} that were given")


def replicates_stay_apart(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """Nothing passes from one replicate to another."""
    yield from _unmoved(make, members, (0, slice(None)), slice(None))


def outsiders_are_not_heard(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """What outsiders have or learn reaches neither other agents nor common models."""
    yield from _unmoved(make, members, (slice(None), OUTSIDER), slice(OUTSIDER + 1, None))


def _unmoved(
    make: Callable[[], Exchange], members: int, changed: Any, watched: slice
) -> Iterator[str]:
    """What changes for agents ``watched`` of the other replicates when others learn otherwise."""
    one, other = _Case(make(), members), _Case(make(), members)
    for value in (other.before, other.after, other.own):
        value[changed] += 1
    if changed[0] == 0:
        other.commons[0] += 1
    for case in (one, other):  # so that what an exchange remembers has a say
        case.outcome()
    before, after = one.outcome(), other.outcome()
    for name in before:
        agents = slice(None) if name == "common models" else watched
        pair = [outcome[name][..., 1:, agents, :] for outcome in (before, after)]
        yield from differences(*pair, name)


def listeners_to_themselves_keep(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """Who listens only to itself keeps every bit, unless common models reach it."""
    case = _Case(make(), members)
    if case.exchange.commons:
        return
    outcome = case.outcome()
    for who in (OUTSIDER, LONER):
        yield from differences(outcome["parameters"][:, who], case.after[:, who], "its parameters")
        first, *further = outcome["gradients"][:, :, who]
        yield from differences(first, case.own[:, who], "its gradients")
        if any(step.any() for step in further):
            yield "it steps with somebody else's gradients"


def exchanges_are_saved(make: Callable[[], Exchange], members: int) -> Iterator[str]:
    """What an exchange remembers is part of its state, so that it goes on after a checkpoint."""
    one, other = _Case(make(), members), _Case(make(), members)
    one.outcome()
    other.exchange.load(saved(one.exchange.state()))
    yield from differences(one.steps(), other.steps(), "gradients")
    yield from differences(one.outcome(), other.outcome(), "outcome")


EXCHANGE_CLAUSES = (
    parameters_stay_parameters,
    replicates_stay_apart,
    outsiders_are_not_heard,
    listeners_to_themselves_keep,
    exchanges_are_saved,
)
