"""What both sides of a link did in the last round: the states of memory-1 policies, as a channel.

The state of a link is CC, CD, DC or DD, own action first, and s0 before the first round; each
side has its own view, and what is CD for one is DC for the other.  A row shows the states of the
D neighbours in view, one-hot and side by side, zeros where a neighbour is missing.  The own
action is the same on all links, so only few rows can occur where neighbours are few: these are
tabulated, and shown as codes.

The order of the rows in the table: those before the first round, one for each number of
neighbours that occurs; then those of who cooperated and those of who defected, each in the order
of `commonweal.codes`.  Letters: L lanes, N agents, D neighbours in view, C rows.

Source: Nowak and Sigmund 1993 for memory-1 policies.
"""

import networkx as nx
import torch
from torch import Tensor

from commonweal import codes
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Percept
from commonweal.spaces import Discrete, WorldSpec

NOTHING = 2
"""stands for the action of those who have not played yet"""

STATES = ("s0", "CC", "CD", "DC", "DD")
"""States of a memory-1 policy, own action first, in the order of the channel ``state``."""


def spec(
    matrix: tuple[tuple[float, ...], ...], width: int, horizon: int, graph: nx.Graph
) -> WorldSpec:
    """What is seen and can be done in a two-action dilemma among neighbours who remember the last
    round, ``width`` of them in view at most; ``matrix`` is own action first.
    """
    channels = {"opening": 1, "own": 2, "actions": 2 * width, "payoffs": 1 + width}
    channels["state"] = len(STATES) * width
    return WorldSpec(
        Discrete(2, ("C", "D")),
        channels,
        horizon,
        dyadic=True,
        view=("state",),
        matrix=matrix,
        lasting=not graph.graph.get("redrawn", False),
    )


def states_of_links(last: Tensor, others: Tensor, mask: Tensor) -> Tensor:
    """Place in `STATES` of every link in view, [..., D]; one more where ``mask`` is False.

    ``last`` [...] are own actions and ``others`` [..., D] those of the neighbours; where the own
    action is `NOTHING`, those of the neighbours do not matter.
    """
    own = last.unsqueeze(-1)
    state = torch.where(own == NOTHING, 0, 1 + 2 * own + others)
    return torch.where(mask, state, len(STATES))


def one_hot(last: Tensor, others: Tensor, mask: Tensor) -> Tensor:
    """The states of `states_of_links` written out, [..., 5 * D] float32."""
    signs = torch.eye(len(STATES) + 1, len(STATES), device=last.device)
    return signs[states_of_links(last, others, mask)].flatten(-2)


def codebook(width: int, regular: bool, opening: bool) -> Tensor | None:
    """All rows of ``width`` links, [C, 5 * width], or None beyond `codes.LIMIT`.

    ``opening`` says whether there are rows before the first round.  With them C = 1 + 2 * 2**D
    where all rows are full (``regular``), else 1 + D + 2 * (2**(D + 1) - 1).
    """
    signs = codes.codebook(width, regular)
    if signs is None:
        return None
    met = signs.unflatten(-1, (width, 2))
    others, mask = met[..., 1].long(), met.sum(-1) > 0
    book = [one_hot(torch.full((len(signs),), own), others, mask) for own in (0, 1)]
    if opening:
        filled = torch.arange(width) < torch.tensor(_numbers(width, regular))[:, None]
        nobody = torch.full((len(filled),), NOTHING)
        book.insert(0, one_hot(nobody, filled.long(), filled))
    whole = torch.cat(book)
    return whole if len(whole) <= codes.LIMIT else None


def _numbers(width: int, regular: bool) -> range:
    """How many neighbours an agent may have in view."""
    return range(width if regular else 0, width + 1)


def encode(last: Tensor, others: Tensor, mask: Tensor, regular: bool, opening: bool) -> Tensor:
    """Rows of the codebook [...] that show what `one_hot` writes out."""
    numbers = _numbers(others.shape[-1], regular)
    first = len(numbers) if opening else 0
    code = first + last * sum(2**d for d in numbers) + codes.encode(others, mask, regular)
    if not opening:
        return code
    return torch.where(last == NOTHING, 0 if regular else mask.sum(-1), code)


def seen(last: Tensor, near: Neighbourhoods, book: Tensor | None, opening: bool) -> Percept:
    """The channel ``state`` when the last actions are ``last`` [L, N], [L, N, 5 * D].

    ``book`` is the `codebook` of the graph, or None.
    """
    others = near.met(last)
    if book is None:
        return Percept(dense=one_hot(last, others, near.mask))
    code = encode(last, others, near.mask, near.regular, opening)
    return Percept(codes=code, codebook=book)
