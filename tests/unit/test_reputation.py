"""The reputation ledger by hand: updates, routing, beginnings, and those who never judge."""

import networkx as nx
import numpy as np
import pytest
import torch

from commonweal.networks import NETWORKS
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.networks.reputation import ReputationConfig, ReputationLedger, smoothed
from commonweal.records import Experience, Outcome
from commonweal.simulation.experiment import Share
from tests.societies import society

LATTICE = NETWORKS["square_lattice"](16, np.random.default_rng(0))


def ledger(graph, lanes=1, judges=None, **settings):
    near = neighbourhoods(graph)
    active = torch.ones(near.agents, dtype=torch.bool)
    if judges is not None:
        active = torch.tensor([node in judges for node in range(near.agents)])
    generator = torch.Generator().manual_seed(0)
    book = ReputationLedger(
        ReputationConfig(**settings), near, lanes, {"assess": active}, generator
    )
    book.restart(torch.ones(lanes, dtype=torch.bool), torch.ones(lanes, near.agents))
    return book


def write(book, bits):
    never = torch.zeros(len(bits), dtype=torch.bool)
    moves = torch.zeros(len(bits), book.near.agents, dtype=torch.int64)
    outcome = Outcome(moves.float(), never)
    return book.record({"assess": bits}, Experience({}, moves, outcome, {}, never, 0.0))


@pytest.mark.parametrize(
    ("bits", "after"), [((1, 1, 0, 0), 0.5), ((1, 1, 1, 1), 0.7), ((0, 0, 0, 0), 0.3)]
)
def test_update_by_hand(bits, after):
    assert smoothed(torch.tensor(0.5), torch.tensor(bits).float().mean(), 0.6) == pytest.approx(
        after
    )


@pytest.mark.parametrize(
    ("verdicts", "after"), [((1, 1, 0, 0), 0.5), ((1, 1, 1, 1), 0.7), ((0, 0, 1, 0), 0.4)]
)
def test_the_ledger_updates_everyone_at_once(verdicts, after):
    book = ledger(LATTICE)
    book.rho.fill_(0.5)
    bits = torch.zeros(1, 16, 4, dtype=torch.int64)
    # The neighbours of 5: right 6, down 9, left 4, up 1; each finds 5 at its own place.
    for judge, place, bit in zip((6, 9, 4, 1), (2, 3, 0, 1), verdicts, strict=True):
        assert book.near.view[judge, place] == 5
        bits[0, judge, place] = bit
    moved = write(book, bits)
    assert book.standing()[0, 5].item() == pytest.approx(after)
    others = [node for node in range(16) if node != 5]
    assert book.standing()[0, others].tolist() == pytest.approx([0.3] * 15)
    assert book.page(0, 5).received == dict(zip((6, 9, 4, 1), verdicts, strict=True))
    assert not moved.any()


def test_verdicts_lie_in_the_order_of_whom_they_concern():
    book = ledger(LATTICE)
    for judge in range(16):
        for place in range(4):
            bits = torch.zeros(1, 16, 4, dtype=torch.int64)
            bits[0, judge, place] = 1
            write(book, bits)
            judged = int(book.near.view[judge, place])
            question = book.questions(torch.zeros(1, 16, dtype=torch.int64))["assess"]
            for other in book.near.view[judged].tolist():  # every neighbour of the judged
                row = book.near.view[other].tolist().index(judged)
                seen = question.percept.features[0, other, row].tolist()
                good = [int(m == (2, 3, 0, 1)[place]) for m in range(4)]
                assert seen == [1, 0] + [v for g in good for v in (1 - g, g)]


def test_questions_show_the_move_and_yesterdays_verdicts():
    book = ledger(nx.path_graph(3))
    write(book, torch.tensor([[[1, 0], [0, 1], [0, 0]]]))  # 0 praises 1, and 1 praises 2
    features = book.questions(torch.tensor([[0, 1, 0]]))["assess"].percept.features[0]
    # What 0 and 2 see of 1: it defected, 0 called it good and 2 called it bad.
    assert features[0, 0].tolist() == features[2, 0].tolist() == [0, 1, 0, 1, 1, 0]
    # What 1 sees of 0 and of 2: they cooperated; 1 called 0 bad and 2 good; no second neighbour.
    assert features[1].tolist() == [[1, 0, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0]]


def test_in_the_first_round_everyone_counts_as_bad():
    book = ledger(LATTICE, lanes=64)  # one in two thousand would round to 1
    features = book.questions(torch.zeros(64, 16, dtype=torch.int64))["assess"].percept.features
    assert (features == torch.tensor([1.0, 0] + [1, 0] * 4)).all()


def test_random_beginnings_have_three_decimals_and_their_mean_is_the_standing():
    book = ledger(LATTICE, lanes=4)
    thousandths = book.received * 1000
    assert torch.allclose(thousandths, thousandths.round(), atol=1e-3)
    assert len(book.received.unique()) > 100
    for node in (0, 7):
        page = book.page(3, node)
        assert page.standing == pytest.approx(sum(page.received.values()) / 4, abs=1e-6)


def test_beginnings_by_marks():
    near = neighbourhoods(LATTICE)
    book = ledger(LATTICE, start="marks")
    marked = (torch.arange(16) % 3 == 0).float()[None]
    book.restart(torch.tensor([True]), marked)
    assert torch.equal(book.standing(), marked)
    assert torch.equal(book.received, marked[:, near.source])


def test_readings_are_the_neighbours_standings_then_the_own():
    book = ledger(LATTICE)
    book.rho = torch.arange(16.0)[None] / 16
    assert (book.readings()[0, 5] * 16).tolist() == [6, 9, 4, 1, 5]


def test_readings_of_irregular_graphs_tell_absence_from_bad_standing():
    book = ledger(nx.path_graph(3))
    book.rho = torch.tensor([[0.0, 0.5, 0.25]])
    assert book.readings()[0].tolist() == [
        [0.5, 0, 1, 0, 0.0],
        [0.0, 0.25, 1, 1, 0.5],
        [0.5, 0, 1, 0, 0.25],
    ]


def test_only_those_who_judge_count():
    book = ledger(nx.path_graph(4), judges={1})
    book.rho.fill_(0.5)
    before = book.received.clone()
    write(book, torch.ones(1, 4, 2, dtype=torch.int64))
    # 1 judges 0 and 2; nobody judges 1 and 3.
    assert book.standing()[0].tolist() == pytest.approx([0.7, 0.5, 0.7, 0.5])
    unheard = (book.near.target != 1).nonzero().flatten()
    assert torch.equal(book.received[:, unheard], before[:, unheard])


def test_a_mixed_society_is_judged_by_those_who_judge():
    world = society(Share(kind="lr2", count=4), "always_cooperate", agents=16, lanes=2)
    kinds = [agent.kind for agent in world.people]
    before = world.society.ledger("reputation").standing().clone()
    world.step()
    alone = 0
    for lane in range(2):
        world.focus = lane
        for agent in world.people:
            page = agent.page()
            heard = [bit for other, bit in page.received.items() if kinds[other] == "lr2"]
            old = before[lane, agent.node].item()
            new = old if not heard else 0.6 * old + 0.4 * sum(heard) / len(heard)
            assert page.standing == pytest.approx(new, abs=1e-6)
            alone += not heard
    assert alone  # the case did occur


def test_a_page_shows_both_directions():
    book = ledger(nx.path_graph(3))
    write(book, torch.tensor([[[1, 0], [0, 1], [0, 0]]]))
    assert book.page(0, 1).received == {0: 1, 2: 0}
    assert book.page(0, 1).given == {0: 0, 2: 1}
    assert book.graph(0).edges[0, 1]["good"] == 1 and book.graph(0).edges[1, 0]["good"] == 0
