"""The evaluation policy by hand: credit, alignment, standard scores, schedules, mini-batches."""

from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import torch

from commonweal import codes
from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.actor_critic import epochs
from commonweal.agents.learners.verdicts import (
    VerdictConfig,
    Verdicts,
    disagreement,
    drifting,
    standardised,
)
from commonweal.networks import NETWORKS
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.records import Experience, Outcome
from commonweal.settings import Settings
from tests.seats import noted, seat, views
from tests.societies import society


@pytest.mark.parametrize(
    ("own", "others", "share"),
    [
        (1, (1, 1, 1), 0),
        (0, (0, 0, 0), 0),
        (1, (1, 1, 0), 1 / 4),
        (0, (1, 0, 0), 1 / 4),
        (1, (0, 1, 0), 2 / 4),
        (0, (1, 0, 1), 2 / 4),
        (1, (0, 0, 0), 3 / 4),
        (0, (1, 1, 1), 3 / 4),
    ],
)
def test_alignment_counts_those_who_judged_otherwise(own, others, share):
    verdict = torch.tensor([own, *others]).float().mean()
    assert disagreement(torch.tensor(own), verdict).item() == pytest.approx(share)
    literal = sum((own - other) ** 2 for other in (own, *others)) / 4
    assert literal == pytest.approx(share)


def test_standard_scores_by_hand():
    scores = standardised(torch.tensor([[1.0, 3.0, 5.0, 7.0], [2.0, 2.0, 2.0, 2.0]]))
    assert scores[0].tolist() == pytest.approx([-3 / 5**0.5, -1 / 5**0.5, 1 / 5**0.5, 3 / 5**0.5])
    assert scores[1].tolist() == [0, 0, 0, 0]


def test_drift_equals_the_loop_over_agents_that_rewrites_its_own_array():
    near = neighbourhoods(nx.star_graph(3))
    payoffs = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    expected = payoffs.numpy().astype(np.float64)
    for lane in expected:
        for agent in range(4):
            rows = (near.source == agent).numpy()
            mean, spread = lane.mean(), lane.std()
            lane[rows] = (lane[rows] - mean) / (spread + 1e-8)
    found = drifting(payoffs.double(), near.source).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_drift_leaves_the_last_agents_almost_raw():
    near = neighbourhoods(NETWORKS["square_lattice"](100, np.random.default_rng(0)))
    payoffs = torch.tensor([0.0, 1.0, 1.3, -0.33])[torch.arange(400) % 4][None]
    raw, whole = drifting(payoffs, near.source), standardised(payoffs)
    assert torch.allclose(raw[:, :4], whole[:, :4])
    zeros = raw[0, ::4]  # links that paid nothing: a standard score first, nearly 0 last
    assert zeros[0].item() == pytest.approx(whole[0, 0].item())
    assert abs(zeros[-1]) < 0.5 * abs(zeros[0])


def test_credit_is_what_that_very_neighbour_paid():
    near = neighbourhoods(nx.path_graph(3))
    dyads = torch.tensor([[1.0, 2.0, 3.0, 4.0]])  # 0-1, 1-0, 1-2, 2-1
    mind = Verdicts(VerdictConfig(alignment=0.2), seat(6, neighbours=2), None)
    acts = torch.tensor([[[1, 0], [1, 0], [0, 0]]])
    verdict = torch.tensor([[1.0, 0.5, 0.0]])
    never = torch.zeros(1, dtype=torch.bool)
    outcome = Outcome(torch.zeros(1, 3), never, dyads)
    experience = Experience({}, torch.zeros(1, 3).long(), outcome, {}, never, 0.0)
    earned, penalty = mind.credit(acts, SimpleNamespace(near=near, verdict=verdict), experience)
    scores = ((dyads - 2.5) / 1.25**0.5)[0]
    assert earned[0, 0, 0] == scores[0] and earned[0, 2, 0] == scores[3]
    assert earned[0, 1].tolist() == scores[1:3].tolist()
    # 0 called 1 good as one of two; 1 called 0 good alone and 2 bad alone; 2 called 1 bad.
    assert penalty[0, 0, 0].item() == pytest.approx(0.2 * 0.5)
    assert penalty[0, 1].tolist() == [0, 0]
    assert penalty[0, 2, 0].item() == pytest.approx(0.2 * 0.5)


@pytest.mark.parametrize(("progress", "passes"), [(0, 5), (0.25, 4), (0.5, 3), (0.875, 2), (1, 1)])
def test_epochs_fall_from_five_to_one(progress, passes):
    config = VerdictConfig()
    # At 0.875 the exact value is 1.5, and half goes to even.
    assert epochs(config.first_epochs, config.last_epochs, progress) == passes


def test_size_and_input_on_the_lattice():
    world = society("lr2", agents=16)
    mind = world.society.cohorts[0].minds["assess"]
    assert (mind.seat.inputs, mind.policy.shape.size) == (10, 2915)
    assert (mind.config.entropy, mind.config.alignment) == (0.0, 0.2)


def notes(mind, dense, rounds=4):
    """The same rollout as codes of views, or with the views written out."""
    rng = torch.Generator().manual_seed(5)
    book, rows = codes.codebook(4, True), (mind.seat.slots, mind.seat.lanes * 2)
    for turn in range(rounds):
        percept = views(dense, book, torch.randint(len(book), rows, generator=rng))
        yield noted(
            percept,
            torch.randint(2, rows, generator=rng),
            torch.randn(rows, generator=rng),
            torch.full(rows, turn == rounds - 1),
            penalty=torch.rand(rows, generator=rng),
        )


@pytest.mark.parametrize("batch", [1, 3, 5, 100])
def test_a_table_of_views_teaches_what_the_views_themselves_teach(batch):
    taught = []
    for dense in (False, True):
        mind = Verdicts(VerdictConfig(rollout=4, batch=batch), seat(8, neighbours=2), None)
        for note in notes(mind, dense):
            mind.remember(note)
        mind.study(0.0, Own(Settings()))
        taught.append(mind.policy.parameters.clone())
    torch.testing.assert_close(*taught, atol=2e-5, rtol=0)


def test_a_mini_batch_holds_whole_episodes_of_one_lane_after_the_other():
    mind = Verdicts(VerdictConfig(rollout=4, batch=4), seat(8, neighbours=2), None)
    kept = list(notes(mind, dense=True))
    for note in kept:
        mind.remember(note)
    first, second = list(mind.batches(slice(0, 1), 1.0))  # one epoch, a mini-batch for each lane
    for lane, batch in enumerate((first, second)):
        expected = torch.cat([n.seen["seen"].dense[0, 2 * lane : 2 * lane + 2] for n in kept])
        assert torch.equal(batch.x[0, :-1].T, expected)
    # A bad verdict has no advantage, a good one what was earned; the last round has the bootstrap.
    acts = torch.cat([n.acts[0, :2] for n in kept])
    gained = (first.gain + first.loss)[0]
    assert not gained[0].any()
    # Disagreement costs either verdict.
    cost = torch.cat([n.penalty[0, :2] for n in kept])
    assert torch.equal(first.penalty[0], torch.stack((cost * (acts == 0), cost * (acts == 1))))
    utility = torch.cat([n.utility[0, :2] for n in kept[:3]])
    assert torch.allclose(gained[1, :6], (acts[:6] * utility))
