"""Perspective taking: losses by hand, the frozen lens, and what it comes to know of whom."""

import math

import pytest
import torch

from commonweal.agents.learners.multilayer import Perceptrons, run
from commonweal.agents.perspectives.base import insight
from commonweal.agents.perspectives.conversion import (
    Conversion,
    ConversionConfig,
    foretelling,
    resemblance,
)
from commonweal.agents.scene import Scene
from commonweal.records import Percept

CPU = torch.device("cpu")


class Eyes:
    """A lens of its own: one linear layer per slot, that learns nothing."""

    def __init__(self, slots, inputs, actions):
        rng = torch.Generator().manual_seed(5)
        self.networks = Perceptrons({"actor": (inputs, 8, actions)}, slots, rng, last=2.0)
        self.lessons, self.version = [], (0, 0)

    def read(self, views):
        return run(self.networks.layers(self.networks.parameters, "actor"), views)


def perspective(slots=2, inputs=3, neighbours=2, actions=2, **settings):
    about = {"inputs": inputs, "actions": actions, "slots": slots, "neighbours": neighbours}
    rng = torch.Generator().manual_seed(1)
    return Conversion(ConversionConfig(**settings), **about, generator=rng, device=CPU)


def scene(percept, others=None):
    def nothing():
        raise AssertionError("it looked where it must not")

    rows = percept.features.shape[:2]
    asked = nothing if others is None else lambda: others
    moves = torch.zeros(rows, dtype=torch.int64)
    mask = torch.ones(rows[0], 1, 2, dtype=torch.bool)
    return Scene({"view": percept}, moves, mask, asked, nothing, nothing)


def test_cross_entropy_by_hand():
    log = torch.tensor([[[[0.8, 0.2]], [[0.5, 0.5]]]]).log()  # [K, X, D, A]
    counts = torch.tensor([[[[3.0, 1.0]], [[0.0, 4.0]]]])
    expected = -(3 * math.log(0.8) + math.log(0.2) + 4 * math.log(0.5)) / 8
    assert foretelling(log, counts).item() == pytest.approx(expected)


def test_resemblance_by_hand():
    views = torch.tensor([[[1.0, 0.0]]])
    simulated = torch.tensor([[[[0.7, 0.1], [0.0, 1.0]]]])  # distances 0.4 and 2
    counts = torch.tensor([[[[3.0, 0.0], [0.0, 1.0]]]])
    assert resemblance(simulated, views, counts).item() == pytest.approx((3 * 0.4 + 2.0) / 4)


def test_neighbours_that_are_not_there_teach_nothing():
    log = torch.randn(1, 4, 2, 2, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    counts = torch.ones(1, 4, 2, 2)
    counts[:, :, 1] = 0
    other = log.clone()
    other[:, :, 1] = -50.0
    assert foretelling(log, counts) == foretelling(other, counts)
    assert foretelling(log, 0 * counts).item() == 0


def test_simulated_views_are_those_of_the_view_and_the_identity():
    mind = perspective()
    views = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(2))
    found = mind.simulated(mind.networks.parameters, views)
    layers = mind.networks.layers(mind.networks.parameters, "convert")
    for place in range(2):
        who = torch.zeros(2, 5, 2)
        who[..., place] = 1
        expected = run(layers, torch.cat((views, who), -1)).sigmoid()
        torch.testing.assert_close(found[:, :, place], expected)


def test_codes_are_imagined_as_their_features_and_nobody_looks_at_the_moves():
    mind, eyes = perspective(), Eyes(2, 3, 2)
    book = torch.randn(4, 3, generator=torch.Generator().manual_seed(3))
    codes = torch.tensor([[0, 3, 1], [2, 2, 0]])
    by_code = mind.imagine(scene(Percept(codes=codes, codebook=book)), eyes).moves
    by_view = mind.imagine(scene(Percept(dense=book[codes])), eyes).moves
    torch.testing.assert_close(by_code, by_view)
    assert by_code.shape == (2, 3, 2, 2)
    assert torch.allclose(by_code.sum(-1), torch.ones(2, 3, 2))


def test_what_is_imagined_follows_every_update():
    mind, eyes = perspective(learning_rate=0.05), Eyes(2, 3, 2)
    seen = scene(Percept(codes=torch.tensor([[0], [1]]), codebook=torch.eye(3)))
    before = mind.imagine(seen, eyes).moves.clone()
    counts = torch.tensor([5.0, 0.0]).expand(2, 3, 2, 2)
    eyes.lessons = [{"views": torch.eye(3).expand(2, -1, -1), "counts": counts}]
    mind.study(eyes)
    assert not torch.equal(mind.imagine(seen, eyes).moves, before)


@pytest.mark.parametrize("double_softmax", [False, True])
def test_it_learns_who_does_what_through_eyes_that_stay_as_they_are(double_softmax):
    mind, eyes = perspective(learning_rate=0.02, double_softmax=double_softmax), Eyes(2, 3, 2)
    frozen = eyes.networks.parameters.clone()
    # The first neighbour always cooperates, the second cooperates in the first view only.
    counts = torch.zeros(2, 3, 2, 2)
    counts[:, :, 0, 0] = 10
    counts[:, 0, 1, 0] = 10
    counts[:, 1:, 1, 1] = 10
    views = torch.eye(3).expand(2, -1, -1)
    eyes.lessons = [{"views": views, "counts": counts}] * 400
    reachable = eyes.read(torch.rand(2, 4096, 3, generator=torch.Generator())).softmax(-1)[..., 0]
    mind.study(eyes)
    told = mind.foreseen(mind.networks.parameters, views, eyes)[0].softmax(-1)[..., 0]
    assert torch.equal(eyes.networks.parameters, frozen)
    # As far as any view makes the own policy say so.
    low, high = reachable.amin(1, keepdim=True), reachable.amax(1, keepdim=True)
    where = (told - low[..., None]) / (high - low)[..., None]
    assert where[:, :, 0].min() > 0.7 and where[:, 0, 1].min() > 0.7
    assert where[:, 1:, 1].max() < 0.3


def test_of_many_views_some_are_drawn_anew_each_time():
    mind, eyes = perspective(rows=7), Eyes(2, 3, 2)
    views = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(6))
    asked = []
    mind.foreseen = lambda parameters, some, lens: (
        asked.append(some) or Conversion.foreseen(mind, parameters, some, lens)
    )
    eyes.lessons = [{"views": views, "counts": torch.ones(2, 8, 2, 2)}] * 20
    mind.study(eyes)
    assert all(some.shape == (2, 3, 3) for some in asked)
    places = [[views[0].tolist().index(row) for row in some[0].tolist()] for some in asked]
    assert all(len(set(few)) == 3 for few in places)
    assert {place for few in places for place in few} == set(range(8))


def test_closeness_to_the_own_view_is_weighed():
    views = 0.2 + 0.6 * torch.rand(2, 6, 3, generator=torch.Generator().manual_seed(4))
    counts = torch.ones(2, 6, 2, 2)
    apart = {}
    for delta in (0.0, 1.0):
        mind, eyes = perspective(delta=delta, learning_rate=0.02), Eyes(2, 3, 2)
        eyes.lessons = [{"views": views, "counts": counts}] * 300
        mind.study(eyes)
        simulated = mind.simulated(mind.networks.parameters, views)
        apart[delta] = resemblance(simulated, views, counts).mean().item()
    assert apart[1.0] < 0.15 < apart[0.0]


def test_insight_by_hand():
    beliefs = torch.tensor([[[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]]])
    found = insight(beliefs, torch.tensor([[0, 1, 0]]))
    assert found["accuracy"].tolist() == [[1.0, 0.5, 0.0]]
    expected = [-math.log(0.7), -math.log(0.5), -math.log(0.2)]
    assert found["cross_entropy"][0].tolist() == pytest.approx(expected)
    assert found["predicted"][0].tolist() == pytest.approx([0.7, 0.5, 0.2])
