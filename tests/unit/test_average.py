"""The running average of what neighbours did, by hand."""

import pytest
import torch

from commonweal.agents.perspectives.average import AverageConfig, RunningAverage
from commonweal.agents.scene import Scene
from commonweal.records import Percept

NEVER = torch.zeros(1, 2, dtype=torch.bool)


def perspective(slots=1, neighbours=2, actions=2, **settings):
    return RunningAverage(
        AverageConfig(**settings),
        inputs=3,
        actions=actions,
        slots=slots,
        neighbours=neighbours,
        generator=torch.Generator(),
        device=torch.device("cpu"),
    )


def scene(others=None, mask=None, slots=1, lanes=2):
    def nothing():
        raise AssertionError("it looked where it must not")

    asked = nothing if others is None else lambda: torch.tensor(others)
    there = torch.tensor([[[True, True]]] if mask is None else mask).expand(slots, -1, -1)
    seen = {"view": Percept(dense=torch.zeros(slots, lanes, 3))}
    own = torch.zeros(slots, lanes, dtype=torch.int64)
    return Scene(seen, own, there, asked, nothing, nothing)


def believed(mind, **about):
    """Chances that the neighbours cooperate, [K, D], and that they are alike in all lanes."""
    moves = mind.imagine(scene(**about), None).moves
    assert moves.dtype == torch.float32 and (moves == moves[:, :1]).all()
    torch.testing.assert_close(moves.sum(-1), torch.ones(moves.shape[:-1]))
    return moves[:, 0, :, 0].tolist()


def test_before_anything_was_seen_all_moves_are_as_likely():
    mind = perspective(slots=2, actions=4)
    assert believed(mind, slots=2) == [[0.25, 0.25]] * 2
    assert mind.imagine(scene(slots=2, lanes=5), None).moves.shape == (2, 5, 2, 4)


def test_plain_counts_by_hand():
    mind = perspective(forgetting=0)
    # Rows are lanes, columns neighbours: 3 of 4 and 0 of 4 moves cooperate.
    mind.remember(scene([[[0, 1], [0, 1]]]), NEVER)
    assert believed(mind) == [[1.0, 0.0]]
    mind.remember(scene([[[0, 1], [1, 1]]]), NEVER)
    assert believed(mind) == [[0.75, 0.0]]
    mind.remember(scene([[[1, 0], [1, 0]]]), ~NEVER)  # the end of an episode changes nobody
    assert believed(mind) == [[0.5, pytest.approx(1 / 3)]]


def test_forgetting_by_hand():
    mind = perspective(forgetting=0.5)
    mind.remember(scene([[[0, 1], [0, 1]]]), NEVER)
    assert believed(mind) == [[1.0, 0.0]]
    mind.remember(scene([[[1, 0], [1, 1]]]), NEVER)
    # Weights 1/2 and 1: cooperation was 1 and then 0, or 0 and then 1/2.
    assert believed(mind)[0] == pytest.approx([(0.5 * 1 + 0) / 1.5, 0.5 / 1.5])


def test_in_the_long_run_a_new_round_has_the_weight_of_forgetting():
    mind = perspective(forgetting=0.1)
    for _ in range(300):
        mind.remember(scene([[[0, 0], [0, 0]]]), NEVER)
    mind.remember(scene([[[1, 0], [1, 0]]]), NEVER)
    assert believed(mind)[0] == pytest.approx([0.9, 1.0])


def test_agents_know_their_own_neighbours_and_nobody_where_none_stands():
    mind, mask = perspective(slots=2, forgetting=0), [[[True, True]], [[True, False]]]
    mind.remember(scene([[[0, 1]] * 2, [[1, 1]] * 2], mask, slots=2), NEVER.expand(2, -1))
    assert believed(mind, slots=2) == [[1.0, 0.0], [0.0, 0.5]]


def test_counts_go_on_where_single_precision_would_stand_still():
    mind = perspective(forgetting=0)
    mind.counts += 2**24
    before = mind.counts.sum().item()
    mind.remember(scene([[[0, 1], [0, 1]]]), NEVER)
    assert mind.counts.sum().item() == before + 2


def test_what_was_counted_is_saved():
    mind, other = perspective(forgetting=0.2), perspective(forgetting=0.2)
    mind.remember(scene([[[0, 1], [1, 1]]]), NEVER)
    other.load({name: value.clone() for name, value in mind.state().items()})
    for _ in range(2):
        assert believed(other) == believed(mind) != [[0.5, 0.5]]
        for each in (mind, other):
            each.remember(scene([[[1, 0], [1, 0]]]), NEVER)


def test_it_tells_neighbours_apart():
    assert RunningAverage.identities and not RunningAverage.needs_lens
