"""Weights with which agents listen to each other, and the laws that lead them to a consensus.

Row i of a matrix C says how much agent i listens to each.  Where rows and columns sum to one, mixing
parameters by C keeps their mean and shrinks what divides them at least by the second singular value
of C.  Assumptions 4 and 5 are those of Dong et al. 2025, theorem 2; the weights along a graph are
those of Xiao, Boyd and Lall 2005.

Letters: M agents, T meetings.  All weights are of double precision.
"""

from collections.abc import Sequence

import networkx as nx
import torch
from torch import Tensor

from commonweal.errors import BadSetting

TOLERANCE = 1e-5
"""How far a sum of weights of single precision may lie from one"""


# ---- builders -----------------------------------------------------------------------------


def links(graph: nx.Graph) -> Tensor:
    """[M, M] bool: row i is true where i listens to j, in the order of the graph's nodes.

    An edge u -> v of a directed graph says that v listens to u.
    """
    table = nx.to_numpy_array(graph, weight=None) > 0
    return torch.from_numpy(table.T.copy()).fill_diagonal_(False)


def metropolis(graph: nx.Graph | Tensor) -> Tensor:
    """Weights along an undirected graph: 1 / (1 + the larger degree), the rest for oneself.

    ``graph`` is one of NetworkX, or its symmetric `links` [..., M, M] without a diagonal.
    """
    joined = graph if isinstance(graph, Tensor) else links(graph)
    degree = joined.sum(-1)
    larger = torch.maximum(degree.unsqueeze(-1), degree.unsqueeze(-2))
    weights = joined.double() / (1 + larger)
    return weights + torch.diag_embed(1 - weights.sum(-1))


def uniform_cliques(labels: Tensor, members: Tensor) -> Tensor:
    """Everybody listens equally to all of its own label; [..., M] both, ``members`` bool.

    Who is no member listens to itself.
    """
    same = labels.unsqueeze(-1) == labels.unsqueeze(-2)
    same = same & members.unsqueeze(-1) & members.unsqueeze(-2)
    same = same | torch.diag_embed(~members)
    return same.double() / same.sum(-1, keepdim=True)


def uniform_clique(size: int) -> Tensor:
    """[M, M] of M agents that all listen equally to all."""
    everyone = torch.ones(size, dtype=torch.bool)
    return uniform_cliques(torch.zeros(size), everyone)


def circulant(size: int, weight: float = 0.1, reach: int = 2) -> Tensor:
    """[M, M] on a ring: ``weight`` shared among the ``reach`` next on either side.

    Who stands there twice, as on small rings, is listened to twice as much; places that lead
    back to oneself are left out.  Source of the defaults: Dong et al. 2025, published code.
    """
    return rings(torch.ones(size, dtype=torch.bool), weight, reach)


def rings(members: Tensor, weight: float, reach: int) -> Tensor:
    """`circulant` among ``members`` [..., M] bool in their order; others listen to themselves."""
    place, size = members.cumsum(-1), members.sum(-1).clamp(min=1)[..., None, None]
    ahead = (place.unsqueeze(-2) - place.unsqueeze(-1)) % size
    among = members.unsqueeze(-1) & members.unsqueeze(-2)
    steps = [sign * step for step in range(1, reach + 1) for sign in (1, -1)]
    ties = torch.stack([(ahead - step) % size == 0 for step in steps]).sum(0)
    others = ties * (among & (ahead > 0))
    shares = weight * others.double() / others.sum(-1, keepdim=True).clamp(min=1)
    return shares + torch.diag_embed(1 - shares.sum(-1))


def birkhoff(permutations: Tensor, weights: Sequence[float]) -> Tensor:
    """[..., M, M] mixture of ``permutations`` [..., P, M] int64 by P ``weights`` that sum to one.

    Agent i listens to ``permutations[..., p, i]`` with weight p, so that a directed graph too has
    rows and columns that sum to one (Birkhoff 1946).
    """
    shares = torch.as_tensor(weights, dtype=torch.float64, device=permutations.device)
    if shares.shape != permutations.shape[-2:-1]:
        raise BadSetting(
            f"weights of {len(shares)} permutations are given, of {permutations.shape[-2]} needed"
        )
    if float(shares.min()) < 0 or abs(float(shares.sum()) - 1) > TOLERANCE:
        raise BadSetting(
            f"weights of permutations {shares.tolist()} sum to {float(shares.sum()):.6g}; "
            "they must be shares of one"
        )
    size = permutations.shape[-1]
    if not bool((permutations.sort(-1).values == torch.arange(size, device=shares.device)).all()):
        raise BadSetting(f"permutations must name each of the agents 0 to {size - 1} once")
    chosen = torch.nn.functional.one_hot(permutations, size).double()
    return (shares[:, None, None] * chosen).sum(-3)


# ---- laws ---------------------------------------------------------------------------------


def check_shares(weights: Tensor, tolerance: float = TOLERANCE) -> None:
    """Refuse weights [..., M, M] of which one is negative or a row does not sum to one."""
    if weights.ndim < 2 or weights.shape[-1] != weights.shape[-2]:
        raise BadSetting(f"weights of shape {tuple(weights.shape)} are not square")
    wrong = ~(weights >= 0) | ~weights.isfinite()
    if bool(wrong.any()):
        *_, row, column = place = wrong.nonzero()[0].tolist()
        value = float(weights[tuple(place)])
        raise BadSetting(f"weight of row {row}, column {column} is {value:.6g}; it must be a share")
    _check_sums("row", weights.sum(-1), tolerance)


def check_doubly_stochastic(weights: Tensor, tolerance: float = TOLERANCE) -> None:
    """Refuse weights [..., M, M] that are no shares, or of which a column does not sum to one."""
    check_shares(weights, tolerance)
    _check_sums("column", weights.sum(-2), tolerance)


def check_positive(weights: Tensor, least: float) -> None:
    """Refuse weights [..., M, M] below ``least``, on the diagonal or where anybody is heard.

    What is missing by rounding is let pass.  Assumption 5 of Dong et al. 2025, beside that of `check_doubly_stochastic`.
    """
    own = torch.eye(weights.shape[-1], dtype=torch.bool, device=weights.device)
    wrong = (weights < least * (1 - TOLERANCE)) & (own | (weights != 0))
    if bool(wrong.any()):
        *_, row, column = place = wrong.nonzero()[0].tolist()
        value = float(weights[tuple(place)])
        raise BadSetting(f"weight of row {row}, column {column} is {value:.6g}, below {least:.6g}")


def check_connected(sequence: Sequence[Tensor]) -> int:
    """Fewest meetings B such that any B in a row connect everybody with everybody.

    ``sequence``: T weights [M, M].  The union of the edges of B meetings in a row is strongly
    connected, Assumption 4 of Dong et al. 2025.  Refused where not even all T together are.
    """
    heard = torch.stack([weights != 0 for weights in sequence]).cumsum(0)
    before = torch.cat((torch.zeros_like(heard[:1]), heard))
    if not _connected(before[-1]):
        count = nx.number_strongly_connected_components(_digraph(before[-1]))
        raise BadSetting(
            f"{len(sequence)} meetings leave {count} parts of {heard.shape[-1]} agents unconnected"
        )
    low, high = 1, len(sequence)
    while low < high:
        span = (low + high) // 2
        if all(_connected(union) for union in before[span:] - before[:-span]):
            high = span
        else:
            low = span + 1
    return low


def second_singular_value(weights: Tensor) -> Tensor:
    """How much of what divides agents is left at most after mixing, [..., M, M] -> [...].

    For symmetric weights it is the second largest modulus of an eigenvalue; 0 for one agent.
    """
    values = torch.linalg.svdvals(weights.double())
    return values[..., 1] if values.shape[-1] > 1 else torch.zeros_like(values[..., 0])


def _check_sums(line: str, sums: Tensor, tolerance: float) -> None:
    wrong = (sums - 1).abs() > tolerance
    if bool(wrong.any()):
        place = wrong.nonzero()[0].tolist()
        total = float(sums[tuple(place)])
        raise BadSetting(f"weights of {line} {place[-1]} sum to {total:.6g}; they must sum to 1")


def _digraph(heard: Tensor) -> nx.DiGraph:
    return nx.from_numpy_array((heard > 0).cpu().numpy(), create_using=nx.DiGraph)


def _connected(heard: Tensor) -> bool:
    return nx.is_strongly_connected(_digraph(heard))
