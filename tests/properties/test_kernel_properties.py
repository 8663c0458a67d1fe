"""Laws of the kernel that hold for all inputs."""

import networkx as nx
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from commonweal import codes
from commonweal.agents.cohort import Cohort
from commonweal.agents.learners.base import draw
from commonweal.agents.scripted import AlwaysCooperate
from commonweal.lanes import choose
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.networks.reputation import ReputationConfig, ReputationLedger
from commonweal.records import Experience, Outcome
from commonweal.worlds.lattice import LatticeState
from commonweal.worlds.payoffs import marks, pairwise
from tests.societies import society

settings.register_profile("kernel", deadline=None, max_examples=40)
settings.load_profile("kernel")

seeds = st.integers(0, 2**31)


@st.composite
def graphs(draw, most=7):
    """Any simple graph, isolated agents and all."""
    agents = draw(st.integers(1, most))
    pairs = [(i, j) for i in range(agents) for j in range(i)]
    graph = nx.empty_graph(agents)
    graph.add_edges_from(draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else [])
    return graph


def rng(seed):
    return torch.Generator().manual_seed(seed)


PLACES = {
    (replicates, lanes): society(
        "random", agents=5, lanes=lanes, replicates=replicates, network={"kind": "complete"}
    ).society.place
    for replicates in (1, 2, 3)
    for lanes in (1, 2)
}


@given(
    st.sampled_from(sorted(PLACES)),
    st.sets(st.integers(0, 4), min_size=1),
    st.integers(0, 2),
    seeds,
)
def test_gather_then_scatter_is_the_identity(shape, members, extra, seed):
    nodes = torch.tensor(sorted(members))
    cohort = Cohort("c", AlwaysCooperate, AlwaysCooperate.Config(), nodes, PLACES[shape])
    replicates, lanes = shape
    x = torch.randn(replicates * lanes, 5, *[3] * extra, generator=rng(seed))
    rows = cohort.gather(x)
    assert rows.shape == (replicates * len(members), lanes, *[3] * extra)
    assert torch.equal(cohort.scatter(rows), x[:, nodes])
    assert torch.equal(cohort.gather_own(cohort.scatter(rows)), rows)
    whole = cohort.put(x.clone(), cohort.scatter(rows))
    assert torch.equal(whole, x)


@given(st.lists(st.booleans(), min_size=1, max_size=6), seeds)
def test_choose_is_idempotent_and_takes_no_third_way(over, seed):
    over, generator = torch.tensor(over), rng(seed)

    def record():
        last = torch.randint(2, (len(over), 3), generator=generator)
        payoff = torch.rand(len(over), 3, generator=generator)
        return LatticeState(last, payoff, torch.rand(len(over), generator=generator) < 0.5)

    fresh, stale = record(), record()
    once = choose(over, fresh, stale)
    twice = choose(over, fresh, once)
    other = choose(~over, stale, fresh)
    for name in vars(once):
        value = getattr(once, name)
        assert torch.equal(value, getattr(twice, name))
        assert torch.equal(value, getattr(other, name))
        assert torch.equal(value[over], getattr(fresh, name)[over])
        assert torch.equal(value[~over], getattr(stale, name)[~over])


@given(st.integers(1, 7), st.booleans(), seeds)
def test_codes_stand_for_what_one_hot_writes_out(width, regular, seed):
    generator = rng(seed)
    filled = torch.randint(width + 1, (5, 4), generator=generator)
    if regular:
        filled = torch.full_like(filled, width)
    mask = torch.arange(width) < filled[..., None]
    signs = torch.randint(2, (5, 4, width), generator=generator)  # padding holds anything
    book, found = codes.codebook(width, regular), codes.encode(signs, mask, regular)
    assert torch.equal(book[found], codes.one_hot(signs, mask))
    assert torch.equal(book[codes.encode(signs.bool(), mask, regular)], book[found])
    assert len(book.unique(dim=0)) == len(book)


@given(graphs(), st.integers(2, 4), seeds)
def test_pairwise_equals_the_loop_over_neighbours(graph, actions, seed):
    generator, near = rng(seed), neighbourhoods(graph)
    table = torch.randn(actions, actions, generator=generator)
    moves = torch.randint(actions, (2, near.agents), generator=generator)
    earned = near.sum(pairwise(table, moves, near))
    for lane in range(2):
        for i in graph:
            literal = sum(table[moves[lane, i], moves[lane, j]].item() for j in graph[i])
            assert abs(earned[lane, i].item() - literal) < 1e-4


@given(graphs(), st.floats(-5, 5), seeds)
def test_scaling_payoffs_scales_rewards(graph, factor, seed):
    near = neighbourhoods(graph)
    table, moves = torch.randn(2, 2, generator=rng(seed)), marks(2, near.agents, 0.5, rng(seed))
    once, scaled = (near.sum(pairwise(m, moves, near)) for m in (table, factor * table))
    torch.testing.assert_close(scaled, factor * once, atol=1e-4, rtol=1e-4)


@given(graphs(), st.integers(1, 3), st.sampled_from(["random", "marks"]), seeds)
def test_standings_stay_shares_whatever_is_said(graph, sight, start, seed):
    near, generator = neighbourhoods(graph, sight), rng(seed)
    judges = {"assess": torch.rand(near.agents, generator=generator) < 0.7}
    book = ReputationLedger(ReputationConfig(start=start), near, 2, judges, generator)
    standing = torch.randint(2, (2, near.agents), generator=generator).float()
    book.restart(torch.ones(2, dtype=torch.bool), standing)
    never = torch.zeros(2, dtype=torch.bool)
    for _ in range(8):
        moves = torch.randint(2, (2, near.agents), generator=generator)
        acts = torch.randint(2, (2, *near.view.shape), generator=generator)
        outcome = Outcome(torch.zeros(2, near.agents), never)
        before = book.standing().clone()
        book.record({"assess": acts}, Experience({}, moves, outcome, {}, never, 0.0))
        for values in (book.standing(), book.readings(), book.verdict):
            assert ((values >= 0) & (values <= 1)).all()
        for i in graph:
            heard = [
                acts[:, j, m].float()
                for j in graph[i]
                for m in range(near.view.shape[1])
                if judges["assess"][j] and near.mask[j, m] and near.view[j, m] == i
            ]
            expected = before[:, i]
            if heard:
                expected = 0.6 * expected + 0.4 * torch.stack(heard).mean(0)
            torch.testing.assert_close(book.standing()[:, i], expected)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=5).filter(any), seeds)
def test_draws_are_as_frequent_as_they_are_probable(weights, seed):
    chances = torch.tensor(weights).float() / sum(weights)
    drawn = draw(chances.expand(4000, -1), rng(seed))
    shares = torch.bincount(drawn, minlength=len(weights)) / 4000
    assert (shares[chances == 0] == 0).all()
    assert (shares - chances).abs().max() < 0.048  # six standard errors of a coin
