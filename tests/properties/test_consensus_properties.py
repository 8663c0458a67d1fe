"""Laws of weights, on arbitrary graphs, memberships and permutations."""

import networkx as nx
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal.errors import BadSetting
from commonweal.networks import consensus
from commonweal.networks.charters import unheard
from commonweal.networks.federations import Roll
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.networks.shapes import SHAPES, ShapeConfig

TIGHT = 1e-12
seeds = st.integers(0, 2**32 - 1)


@st.composite
def graphs(draw, least=1):
    """Any simple graph of up to 12 agents."""
    agents = draw(st.integers(least, 12))
    links = [(one, other) for one in range(agents) for other in range(one)]
    graph = nx.empty_graph(agents)
    if links:
        graph.add_edges_from(draw(st.lists(st.sampled_from(links), unique=True)))
    return graph


@st.composite
def permutations(draw):
    """Up to four permutations of up to 9 agents, with shares."""
    size, count = draw(st.integers(1, 9)), draw(st.integers(1, 4))
    found = [draw(st.permutations(range(size))) for _ in range(count)]
    shares = torch.tensor([draw(st.floats(0.01, 1)) for _ in range(count)], dtype=torch.float64)
    return torch.tensor(found), (shares / shares.sum()).tolist()


@st.composite
def shaped(draw):
    """Weights [R, M, M] of any shape among any members [R, M] on any graph."""
    graph, replicates = draw(graphs()), draw(st.integers(1, 3))
    size = len(graph)
    chance = torch.Generator().manual_seed(draw(seeds))
    roll = Roll(torch.arange(size), replicates, neighbourhoods(graph), chance)
    config = ShapeConfig(
        shape=draw(st.sampled_from(sorted(SHAPES))),
        weight=draw(st.floats(0, 1)),
        reach=draw(st.integers(1, 5)),
        groups=draw(st.integers(1, 3)),
        group_size=draw(st.integers(2, 6)),
    )
    members = torch.tensor(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    members = members.repeat(replicates, 1)
    return SHAPES[config.shape](config, roll).weigh(members), members


def parameters(seed, *shape):
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=chance, dtype=torch.float64)


def divided(theta):
    """What divides agents [..., M, P]: the length of their distances from the mean."""
    return torch.linalg.matrix_norm(theta - theta.mean(-2, keepdim=True))


@settings(deadline=None)
@given(graphs())
def test_metropolis_is_doubly_stochastic_and_symmetric_on_every_graph(graph):
    weights = consensus.metropolis(graph)
    consensus.check_doubly_stochastic(weights, TIGHT)
    consensus.check_positive(weights, 1 / len(graph))
    assert torch.equal(weights, weights.T)
    others = weights.clone().fill_diagonal_(0)
    assert {(i, j) for i, j in others.nonzero().tolist() if i < j} == {
        tuple(sorted(edge)) for edge in graph.edges
    }


@settings(deadline=None)
@given(graphs())
def test_weights_connect_as_their_graph_does(graph):
    weights = consensus.metropolis(graph)
    try:
        assert consensus.check_connected([weights]) == 1
        connected = True
    except BadSetting:
        connected = False
    assert connected == nx.is_connected(graph)


@settings(deadline=None)
@given(st.integers(1, 30), st.floats(0, 1), st.integers(1, 6))
def test_circulants_are_doubly_stochastic_and_give_others_their_weight(size, weight, reach):
    weights = consensus.circulant(size, weight, reach)
    consensus.check_doubly_stochastic(weights, TIGHT)
    expected = 1 - weight if size > 1 else 1.0
    assert (weights.diagonal() - expected).abs().max() < TIGHT


@settings(deadline=None)
@given(permutations())
def test_mixtures_of_permutations_are_doubly_stochastic(given_):
    consensus.check_doubly_stochastic(consensus.birkhoff(*given_), 1e-9)


@settings(deadline=None)
@given(shaped())
def test_every_shape_is_doubly_stochastic_among_any_members(case):
    weights, members = case
    consensus.check_doubly_stochastic(weights, 1e-5)
    own = torch.eye(members.shape[1]).expand_as(weights)
    assert torch.equal(weights[~members], own[~members])
    assert torch.equal(weights.mT[~members], own[~members])


@settings(deadline=None)
@given(shaped(), seeds)
def test_nobody_listens_to_riders_and_rows_still_sum_to_one(case, seed):
    weights, members = case
    riders = torch.rand(members.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    left = unheard(weights, riders)
    consensus.check_shares(left)
    others = ~torch.eye(members.shape[1], dtype=torch.bool)
    assert not left[riders.unsqueeze(1) & others].any()
    kept = ~riders.unsqueeze(1) & others
    assert torch.equal(left[kept], weights[kept])


@settings(deadline=None)
@given(
    st.one_of(
        graphs().map(consensus.metropolis), permutations().map(lambda p: consensus.birkhoff(*p))
    ),
    seeds,
)
def test_mixing_keeps_the_mean_and_shrinks_what_divides(weights, seed):
    theta = parameters(seed, len(weights), 5)
    mixed = weights @ theta
    torch.testing.assert_close(mixed.mean(0), theta.mean(0), rtol=0, atol=1e-12)
    assert divided(mixed) <= consensus.second_singular_value(weights) * divided(theta) + 1e-12


@settings(deadline=None)
@given(st.integers(2, 12), seeds)
def test_what_divides_shrinks_by_no_more_than_the_second_singular_value_at_worst(size, seed):
    # The bound is reached: by the direction that belongs to the second singular value.
    weights = consensus.circulant(size)
    _, values, directions = torch.linalg.svd(weights)
    theta = directions[1][:, None] * parameters(seed, 1, 3)
    factor = divided(weights @ theta) / divided(theta)
    torch.testing.assert_close(factor, consensus.second_singular_value(weights))
    torch.testing.assert_close(factor, values[1])


@settings(deadline=None, max_examples=50)
@given(st.lists(graphs(least=4).filter(lambda g: len(g) <= 5), min_size=1, max_size=6))
def test_the_span_of_a_sequence_is_the_smallest_by_a_naive_search(sequence):
    sequence = [nx.induced_subgraph(graph, range(4)) for graph in sequence]
    weights = [consensus.metropolis(nx.Graph(graph)) for graph in sequence]

    def together(start, span):
        union = nx.compose_all([nx.Graph(graph) for graph in sequence[start : start + span]])
        return nx.is_connected(union)

    spans = [
        span
        for span in range(1, len(sequence) + 1)
        if all(together(start, span) for start in range(len(sequence) - span + 1))
    ]
    try:
        assert consensus.check_connected(weights) == spans[0]
    except BadSetting:
        assert not spans


@settings(deadline=None, max_examples=30)
@given(st.integers(4, 10), seeds)
def test_halves_stay_apart_and_overlapping_groups_become_one(size, seed):
    def weights(name):
        chance = torch.Generator().manual_seed(seed)
        roll = Roll(torch.arange(size), 1, neighbourhoods(nx.cycle_graph(size)), chance)
        shape = SHAPES[name](ShapeConfig(shape=name), roll)
        everyone = torch.ones(1, size, dtype=torch.bool)
        return [shape.weigh(everyone)[0] for _ in range(20)]

    assert consensus.check_connected(weights("overlapping")) <= 10
    try:
        consensus.check_connected(weights("halves"))
    except BadSetting as error:
        assert f"leave 2 parts of {size} agents" in str(error)
    else:
        raise AssertionError("two halves cannot be connected")
