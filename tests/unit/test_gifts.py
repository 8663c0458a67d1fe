"""The gift ledger by hand: who gives what to whom, and the books that are kept of it."""

import networkx as nx
import pytest
import torch

from commonweal.errors import BrokenContract
from commonweal.networks.gifts import GiftConfig, GiftLedger
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.records import Experience, Outcome
from commonweal.simulation import files


def ledger(graph, lanes=1, givers=None, **settings):
    near = neighbourhoods(graph)
    who = torch.ones(near.agents, dtype=torch.bool)
    if givers is not None:
        who = torch.tensor([node in givers for node in range(near.agents)])
    book = GiftLedger(GiftConfig(**settings), near, lanes, {"give": who}, torch.Generator())
    book.restart(torch.ones(lanes, dtype=torch.bool), None)
    return book


def step(book, shares, rewards):
    """A round with the shares [L, N, D] and rewards [L, N]; what was moved."""
    never = torch.zeros(len(rewards), dtype=torch.bool)
    moves = torch.zeros(rewards.shape, dtype=torch.int64)
    experience = Experience({}, moves, Outcome(rewards, never), {}, never, 0.0)
    return book.record({"give": shares}, experience)


TRIANGLE = nx.complete_graph(3)
SHARES = torch.tensor([[[0.5, 0.25], [0.0, 0.0], [0.0, 1.0]]])
"""0 gives half to 1 and a quarter to 2; 1 gives nothing; 2 gives all to 1"""
REWARDS = torch.tensor([[4.0, 1.0, -2.0]])


def test_shares_of_the_own_reward_are_passed_on():
    book = ledger(TRIANGLE)
    # 0 gives 2 to 1 and 1 to 2; 2 passes its loss of 2 on to 1.
    assert step(book, SHARES, REWARDS).tolist() == [[-3.0, 0.0, 3.0]]
    assert book.standing().tolist() == [[0.0, 1.5, 0.25]]


def test_what_was_received_is_not_passed_on():
    book = ledger(nx.path_graph(3))
    everything = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])  # 0 to 1, and 1 to 2
    assert step(book, everything, torch.tensor([[5.0, 0.0, 0.0]])).tolist() == [[-5.0, 5.0, 0.0]]


def test_losses_stay_where_they_are_if_only_gains_are_given():
    book = ledger(TRIANGLE, gift_positive_only=True)
    assert step(book, SHARES, REWARDS).tolist() == [[-3.0, 2.0, 1.0]]


def test_who_does_not_give_keeps_everything_and_still_receives():
    book = ledger(TRIANGLE, givers=[0])
    assert step(book, SHARES, REWARDS).tolist() == [[-3.0, 2.0, 1.0]]
    assert book.indicators(None)["given"] == (0.75, 1.0)


@pytest.mark.parametrize(
    ("shares", "says"),
    [([[0.6, 0.6], [0, 0], [0, 0]], "sum to at most 1.2"), ([[-0.1, 0], [0, 0], [0, 0]], "-0.1")],
)
def test_impossible_shares_are_a_broken_contract(shares, says):
    with pytest.raises(BrokenContract, match=says):
        step(ledger(TRIANGLE), torch.tensor([shares], dtype=torch.float32), REWARDS)


def test_the_books_of_an_episode_and_of_life():
    book = ledger(nx.path_graph(2), lanes=2)
    shares = torch.tensor([[[0.5], [0.0]]]).expand(2, -1, -1)
    step(book, shares, torch.tensor([[2.0, 1.0], [6.0, 1.0]]))
    step(book, 0 * shares, torch.tensor([[2.0, 1.0], [6.0, 1.0]]))
    edge = book.graph(1).edges[0, 1]
    assert edge == {"weight": 0.25, "last": 0.0, "gifts": 3.0, "life": 3.0}
    assert book.graph(1).nodes[0] == {"given": 3.0, "received": 0.0}
    assert book.graph(1).nodes[1] == {"given": 0.0, "received": 3.0}
    book.restart(torch.tensor([False, True]), None)
    assert book.graph(1).edges[0, 1] == {"weight": 0.0, "last": 0.0, "gifts": 0.0, "life": 3.0}
    assert book.graph(0).edges[0, 1]["gifts"] == 1.0


def test_reciprocity_and_the_weight_of_links():
    book = ledger(nx.path_graph(3))
    # 0 gives 0.4 to 1, who gives 0.1 back and 0.3 to 2.
    step(book, torch.tensor([[[0.4, 0.0], [0.1, 0.3], [0.0, 0.0]]]), torch.ones(1, 3))
    above, below = book.indicators(None)["reciprocity"]
    assert (above.item(), below.item()) == (pytest.approx(0.2), pytest.approx(0.8))
    assert book.links()["gift_weight"][0, 1].tolist() == pytest.approx([0.1, 0.3])


def test_a_neighbour_is_asked_about_with_what_it_gave():
    book = ledger(TRIANGLE)
    step(book, SHARES, REWARDS)
    question = book.questions(torch.zeros(1, 3, dtype=torch.int64))["give"]
    assert question.percept.dense[0, :, :, 0].tolist() == [[0.0, 0.0], [0.5, 1.0], [0.25, 0.0]]


def test_the_graph_survives_a_file(tmp_path):
    book = ledger(TRIANGLE)
    step(book, SHARES, REWARDS)
    files.write_graph(tmp_path / "gifts.graphml", book.graph(0))
    read = nx.read_graphml(tmp_path / "gifts.graphml", node_type=int)
    assert read.edges[2, 1]["weight"] == 1.0 and read.edges[2, 1]["gifts"] == -2.0
    assert read.is_directed()


def test_links_of_a_redrawn_graph_begin_anew():
    book = ledger(nx.path_graph(3))
    step(book, torch.tensor([[[0.4, 0.0], [0.1, 0.3], [0.0, 0.0]]]), torch.ones(1, 3))
    book.meet(neighbourhoods(nx.Graph([(0, 2), (1, 2)])))
    assert book.acts.abs().sum() == 0 and book.life.abs().sum() == 0
