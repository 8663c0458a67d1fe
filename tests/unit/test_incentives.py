"""The incentive ledger by hand: who rewards whom, who pays, and the books that are kept of it."""

import networkx as nx
import pytest
import torch

from commonweal.errors import BrokenContract
from commonweal.networks.incentives import IncentiveConfig, IncentiveLedger
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.records import Experience, Outcome
from commonweal.simulation import files


def ledger(graph, lanes=1, givers=None, **settings):
    near = neighbourhoods(graph)
    who = torch.ones(near.agents, dtype=torch.bool)
    if givers is not None:
        who = torch.tensor([node in givers for node in range(near.agents)])
    active, config = {"incentivise": who}, IncentiveConfig(**settings)
    book = IncentiveLedger(config, near, lanes, active, torch.Generator())
    book.restart(torch.ones(lanes, dtype=torch.bool), None)
    return book


def lived(moves):
    """A round with the moves [L, N] and rewards that are not looked at."""
    never = torch.zeros(len(moves), dtype=torch.bool)
    return Experience({}, moves, Outcome(torch.randn(moves.shape), never), {}, never, 0.0)


def step(book, acts, moves=None):
    """A round with the acts [L, N, D]; what was moved."""
    nothing = torch.zeros(acts.shape[:2], dtype=torch.int64)
    return book.record({"incentivise": acts}, lived(nothing if moves is None else moves))


TRIANGLE = nx.complete_graph(3)
ACTS = torch.tensor([[[0.5, 0.25], [0.0, 0.0], [0.0, 1.0]]])
"""0 gives half of the most to 1 and a quarter to 2; 1 gives nothing; 2 gives all it can to 1"""


def test_receivers_gain_and_nobody_pays():
    book = ledger(TRIANGLE, most=4.0)
    assert step(book, ACTS).tolist() == [[0.0, 6.0, 1.0]]
    assert book.standing().tolist() == [[0.0, 6.0, 1.0]]
    assert book.page(0, 2).given == {0: 0.0, 1: 4.0}
    assert book.page(0, 2).received == {0: 1.0, 1: 0.0}


def test_one_can_give_three_as_published():
    assert step(ledger(TRIANGLE), ACTS).tolist() == [[0.0, 4.5, 0.75]]


def test_who_does_not_give_still_receives():
    book = ledger(TRIANGLE, givers=[0], most=4.0)
    assert step(book, ACTS).tolist() == [[0.0, 2.0, 1.0]]


@pytest.mark.parametrize(("act", "says"), [(1.5, "between 0 and 1.5"), (-0.5, "between -0.5 and")])
def test_acts_out_of_bounds_are_a_broken_contract(act, says):
    acts = torch.zeros(1, 3, 2)
    acts[0, 1, 0] = act
    with pytest.raises(BrokenContract, match=says):
        step(ledger(TRIANGLE), acts)


def test_what_is_paid_for_cooperation_and_for_defection():
    book = ledger(TRIANGLE, most=4.0, givers=[0, 2])
    step(book, ACTS, torch.tensor([[1, 0, 1]]))
    found = {name: (a.item(), b.item()) for name, (a, b) in book.indicators(lived(MOVES)).items()}
    # 0 and 2 give 2 and 4 to 1, who cooperates; 0 gives 1 to 2 and 2 nothing to 0, who defect.
    assert found == {"incentive_for_C": (6.0, 2.0), "incentive_for_D": (1.0, 2.0)}
    assert book.links()["incentive"][0].tolist() == [[2.0, 1.0], [0.0, 0.0], [0.0, 4.0]]


MOVES = torch.tensor([[1, 0, 1]])


def test_the_books_of_an_episode_and_of_life():
    book = ledger(nx.path_graph(2), lanes=2, most=2.0)
    acts = torch.tensor([[[0.5], [0.0]]]).expand(2, -1, -1)
    step(book, acts)
    step(book, 0 * acts)
    assert book.graph(1).edges[0, 1] == {"weight": 0.5, "last": 0.0, "gifts": 1.0, "life": 1.0}
    assert book.graph(1).nodes[0] == {"given": 1.0, "received": 0.0}
    assert book.graph(1).nodes[1] == {"given": 0.0, "received": 1.0}
    assert book.page(1, 0).further["is rewarded on average"] == {1: 0.5}
    assert book.page(1, 1).further["rewards on average"] == {0: 0.5}
    book.restart(torch.tensor([False, True]), None)
    assert book.graph(1).edges[0, 1] == {"weight": 0.0, "last": 0.0, "gifts": 0.0, "life": 1.0}
    assert book.graph(0).edges[0, 1]["gifts"] == 1.0


def test_readings_are_parts_of_the_most_and_a_neighbour_is_asked_about_with_them():
    book = ledger(TRIANGLE, most=4.0)
    step(book, ACTS)
    question = book.questions(MOVES)["incentivise"]
    assert question.percept.dense[0, :, :, 0].tolist() == [[0.0, 0.0], [0.5, 1.0], [0.25, 0.0]]
    assert book.readings()[0, 2].tolist() == [0.25, 0.0, 0.0, 1.0]


def test_the_graph_survives_a_file(tmp_path):
    book = ledger(TRIANGLE)
    step(book, ACTS)
    files.write_graph(tmp_path / "incentives.graphml", book.graph(0))
    read = nx.read_graphml(tmp_path / "incentives.graphml", node_type=int)
    assert read.is_directed() and read.edges[2, 1]["weight"] == 3.0


def test_links_of_a_redrawn_graph_begin_anew():
    book = ledger(nx.path_graph(3))
    step(book, torch.tensor([[[0.4, 0.0], [0.1, 0.3], [0.0, 0.0]]]))
    assert book.life.sum() > 0
    book.meet(neighbourhoods(nx.Graph([(0, 2), (1, 2)])))
    assert book.acts.abs().sum() == 0 and book.life.abs().sum() == 0
