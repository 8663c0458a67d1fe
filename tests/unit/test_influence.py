"""Social influence: the reward by hand, and the model of the others that it rests on."""

import math
from copy import deepcopy

import networkx as nx
import pytest
import torch

from commonweal.agents.learners.multilayer import run
from commonweal.agents.perspectives.anticipation import (
    MOST,
    Anticipation,
    AnticipationConfig,
    influence,
)
from commonweal.agents.preferences.base import Income
from commonweal.agents.preferences.influence import (
    Influence,
    InfluenceConfig,
    influential,
    risen,
)
from commonweal.agents.scene import Scene
from commonweal.errors import BrokenContract
from commonweal.networks.neighbourhoods import neighbourhoods
from commonweal.records import Percept
from commonweal.simulation.experiment import Share
from tests.societies import society

BOOK = torch.eye(3)


def perspective(slots=2, neighbours=2, actions=2, **settings):
    return Anticipation(
        AnticipationConfig(**settings),
        inputs=3,
        actions=actions,
        slots=slots,
        neighbours=neighbours,
        generator=torch.Generator().manual_seed(1),
        device=torch.device("cpu"),
    )


def scene(own, others, codes=None, mask=None, dense=False):
    """A round; nobody may ask for the true policies of others."""

    def nothing():
        raise AssertionError("it looked where it must not")

    codes = torch.zeros_like(own) if codes is None else codes
    percept = Percept(dense=BOOK[codes]) if dense else Percept(codes=codes, codebook=BOOK)
    mask = torch.ones(len(own), 1, others.shape[-1], dtype=torch.bool) if mask is None else mask
    even = torch.full((*own.shape, 2), 0.5)
    return Scene({"view": percept}, own, mask, lambda: others, lambda: even, nothing)


def rounds(seed, slots=2, lanes=3, neighbours=2, **about):
    """One round after the other, in which everything is drawn."""
    rng = torch.Generator().manual_seed(seed)
    while True:
        own = torch.randint(2, (slots, lanes), generator=rng)
        others = torch.randint(2, (slots, lanes, neighbours), generator=rng)
        codes = torch.randint(3, (slots, lanes), generator=rng)
        yield scene(own, others, codes, **about)


def ends(round_, value=False):
    return torch.full(round_.moves.shape, value)


# ---- the reward ---------------------------------------------------------------------------


def test_influence_by_hand():
    # One neighbour: after cooperation it cooperates with 0.9, after defection with 0.2.
    after = torch.tensor([[[0.9, 0.1]], [[0.2, 0.8]]])
    chances = torch.tensor([0.75, 0.25])
    usual = 0.75 * 0.9 + 0.25 * 0.2  # 0.725
    for own, p in ((0, 0.9), (1, 0.2)):
        expected = p * math.log(p / usual) + (1 - p) * math.log((1 - p) / (1 - usual))
        found = influence(after, torch.tensor(own), chances)
        assert found.tolist() == [pytest.approx(expected, rel=1e-5)]


def test_influence_is_nothing_where_nothing_changes_and_is_cut_off():
    same = torch.tensor([[[0.3, 0.7]], [[0.3, 0.7]]])
    assert influence(same, torch.tensor(1), torch.tensor([0.5, 0.5])).item() == pytest.approx(0)
    certain = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    found = influence(certain, torch.tensor(1), torch.tensor([0.5, 0.5]))
    assert found.item() == pytest.approx(math.log(2))
    assert influence(certain, torch.tensor(1), torch.tensor([1.0, 0.0])).item() == MOST == 10


def test_neighbours_are_swayed_one_by_one():
    after = torch.tensor([[[1.0, 0.0], [0.4, 0.6]], [[0.0, 1.0], [0.4, 0.6]]])  # [A, D, A']
    found = influence(after, torch.tensor(0), torch.tensor([0.5, 0.5]))
    assert found.tolist() == pytest.approx([math.log(2), 0.0], abs=1e-6)


def test_the_weight_rises_and_stays():
    assert [risen(2.0, 0.5, p) for p in (0.0, 0.25, 0.5, 1.0)] == [0.0, 1.0, 2.0, 2.0]
    assert risen(2.0, 0.0, 0.0) == 2.0
    assert InfluenceConfig().rise == pytest.approx(1 / 3)


def test_the_reward_by_hand():
    there = torch.tensor([[True, True], [True, False]])
    found = influential(torch.tensor([1.0, -0.2]), torch.tensor([[0.1, 0.3]] * 2), there, 2.0)
    assert found.tolist() == pytest.approx([1.8, 0.0])


def test_the_weight_follows_the_run_and_gifts_count():
    liking = Influence(InfluenceConfig(weight=2.0, rise=0.5), 2, 2, torch.Generator())
    near = neighbourhoods(nx.complete_graph(2))
    sway = torch.tensor([[[0.3], [0.1]]])
    moved = torch.tensor([[0.5, -0.5]])
    for progress, weight in ((0.0, 0.0), (0.25, 1.0), (0.9, 2.0)):
        income = Income(torch.ones(1, 2), torch.arange(2), moved, {}, near, None, sway, progress)
        expected = [1.5 + weight * 0.3, 0.5 + weight * 0.1]
        assert liking.utility(income)[0].tolist() == pytest.approx(expected)


def test_without_a_model_of_the_others_there_is_nothing_to_reward():
    liking = Influence(InfluenceConfig(), 2, 2, torch.Generator())
    with pytest.raises(BrokenContract, match="tells of none"):
        liking.utility(Income(torch.ones(1, 2), torch.arange(2), torch.zeros(1, 2)))


# ---- the model of the others ----------------------------------------------------------------


@pytest.mark.parametrize("dense", [False, True])
def test_the_network_reads_the_view_the_own_move_and_those_of_the_neighbours(dense):
    mind, now = perspective(), next(rounds(0, dense=dense))
    mind.imagine(now, None)
    percept = now.seen["view"]
    found = mind.after_each(percept.dense if dense else percept.codes, now.others)
    layers = mind.networks.layers(mind.networks.parameters, "next")
    eye = torch.eye(2)
    for own in range(2):
        moves = torch.cat((eye[[own]].expand(2, 3, -1), eye[now.others].flatten(2)), -1)
        logits = run(layers, torch.cat((percept.features, moves), -1))
        torch.testing.assert_close(found[:, :, own], logits.unflatten(2, (2, 2)).softmax(-1))


def test_beliefs_are_those_of_the_round_before():
    one, other = perspective(learning_rate=0.0), perspective(learning_rate=0.0)
    one.networks.parameters *= 5
    other.networks.parameters *= 5
    first, second, third = (now for now, _ in zip(rounds(0), range(3), strict=False))
    changed = scene(second.moves, 1 - second.others, second.seen["view"].codes)
    for mind, middle in ((one, second), (other, changed)):
        beliefs = mind.imagine(first, None)
        assert (beliefs.moves == 0.5).all()
        mind.remember(first, ends(first))
        after = mind.after_each(first.seen["view"].codes, first.others)
        mind.told = mind.imagine(middle, None).moves
        where = first.moves[..., None, None, None].expand(-1, -1, 1, 2, 2)
        torch.testing.assert_close(mind.told, after.gather(2, where).squeeze(2))
        assert mind.told.std() > 0.01
        mind.remember(middle, ends(middle))
    assert torch.equal(one.told, other.told)  # blind to what was then done,
    later = one.imagine(third, None).moves, other.imagine(third, None).moves
    assert not torch.allclose(*later)  # but not to what had been done


def test_before_a_new_episode_all_is_open():
    mind, many = perspective(), rounds(0)
    mind.networks.parameters *= 5
    now = next(many)
    mind.imagine(now, None)
    over = ends(now)
    over[:, 1] = True
    mind.remember(now, over)
    told = mind.imagine(next(many), None).moves
    assert (told[:, 1] == 0.5).all() and (told[:, [0, 2]] != 0.5).all()


def test_where_nobody_stands_nobody_is_swayed_and_nothing_learned():
    mask = torch.tensor([[[True, True]], [[True, False]]])
    minds, after = [perspective(), perspective()], []
    for mind, value in zip(minds, (0, 1), strict=True):
        mind.networks.parameters *= 20  # so that every move says something
        before = mind.networks.parameters.clone()
        for now, _ in zip(rounds(0, mask=mask), range(5), strict=False):
            now.others[1, :, 1] = value  # the own move stands in for nobody's
            sway = mind.imagine(now, None).influence
            assert (sway[1, :, 1] == 0).all() and (sway[0] > 0).all()
            mind.remember(now, ends(now))
        mind.study(None)
        output = mind.networks.layers(mind.networks.parameters - before, "next")[-1]
        learned = output.unflatten(2, (2, 2)).abs().amax((1, 3))  # [K, D]
        assert learned[1, 1] == 0 and learned[1, 0] > 0 and (learned[0] > 0).all()
        after.append(mind.networks.parameters)
    assert torch.equal(*after)


def lived(mind, many, count, respond):
    """Rounds in which the neighbours answer the own last move; the influence of the last ones."""
    last, sways = None, []
    for now, _ in zip(many, range(count), strict=False):
        if last is not None:
            now.others[:] = respond(last, now.others)
        sways.append(mind.imagine(now, None).influence)
        mind.remember(now, ends(now))
        last = now
        if len(mind.notes) >= 20:
            mind.study(None)
    return torch.stack(sways[-20:]).mean((0, 2))


def test_it_learns_whom_it_sways():
    mind = perspective(learning_rate=0.02)

    def respond(last, drawn):
        drawn[..., 0] = last.moves  # the first neighbour copies, the second does what it likes
        return drawn

    sway = lived(mind, rounds(0, lanes=8), 600, respond)
    assert sway[:, 0].min() > 0.9 * math.log(2)
    assert sway[:, 1].max() < 0.02


def test_it_learns_answers_to_joint_moves():
    mind = perspective(learning_rate=0.02)

    def respond(last, drawn):
        drawn[..., 0] = last.moves ^ last.others[..., 1]  # hinges on both of them
        return drawn

    sway = lived(mind, rounds(0, lanes=8), 600, respond)
    assert sway[:, 0].min() > 0.9 * math.log(2)


def test_a_step_by_hand():
    # A linear network at zero: every answer is as likely, and the slope is what was seen and done.
    mind = perspective(slots=1, neighbours=1, learning_rate=0.5, passes=1, max_norm=1e6)
    mind.networks = type(mind.networks)({"next": (7, 2)}, 1, mind.generator)
    mind.networks.parameters.zero_()
    own = torch.tensor([[0, 1]])
    first = scene(own, torch.tensor([[[1], [0]]]), torch.tensor([[2, 1]]))
    second = scene(own, torch.tensor([[[0], [0]]]))
    for now in (first, second):
        mind.imagine(now, None)
        mind.remember(now, ends(now))
    mind.study(None)
    moved = mind.networks.layers(mind.networks.parameters, "next")[0][0]
    # Adam's first step goes by signs: towards the answer 0 wherever an input was 1.
    inputs = torch.tensor([0.0, 1, 1, 1, 1, 1, 1, 1])
    torch.testing.assert_close(moved, 0.5 * torch.stack((inputs, -inputs), 1), rtol=1e-4, atol=1e-4)


def test_nothing_is_learned_across_the_end_of_an_episode():
    mind, many = perspective(), rounds(0)
    before = mind.networks.parameters.clone()
    for now, _ in zip(many, range(4), strict=False):
        mind.imagine(now, None)
        mind.remember(now, ends(now, True))
    mind.study(None)
    assert torch.equal(mind.networks.parameters, before)


def test_the_last_round_of_a_rollout_waits_for_its_answer():
    mind, many = perspective(), rounds(0)
    before = mind.networks.parameters.clone()
    for turn in range(2):
        now = next(many)
        mind.imagine(now, None)
        mind.remember(now, ends(now))
        mind.study(None)
        assert torch.equal(mind.networks.parameters, before) == (turn == 0)
        assert len(mind.notes) == 1


def test_a_saved_model_goes_on_amid_a_rollout():
    mind, many = perspective(), rounds(0)
    for _ in range(3):
        now = next(many)
        mind.imagine(now, None)
        mind.remember(now, ends(now))
    other = perspective()
    other.networks.parameters.zero_()
    other.load(deepcopy(mind.state()))
    for turn in range(6):
        now = next(many)
        told, heard = (each.imagine(now, None) for each in (mind, other))
        assert torch.equal(told.moves, heard.moves)
        assert torch.equal(told.influence, heard.influence)
        for each in (mind, other):
            each.remember(now, ends(now))
            if turn % 2:
                each.study(None)
    assert torch.equal(mind.networks.parameters, other.networks.parameters)


# ---- in a society ----------------------------------------------------------------------------


def test_agents_are_paid_for_swaying_tit_for_tat():
    seeks = Share(
        kind="social_influence",
        count=1,
        settings={"move": {"rollout": 20}, "preference": {"weight": 3.0, "rise": 0.5}},
    )
    village = society(
        seeks,
        Share(kind="tit_for_tat", count=1),
        world={"kind": "iterated_dilemma"},
        agents=2,
        lanes=8,
        steps=8 * 400,
    )
    cohort = next(c for c in village.society.cohorts if c.name == "social_influence")
    for turn in range(1, 401):
        village.step()
        bonus = cohort.utility - village.society.experience.outcome.rewards[:, cohort.members]
        sway = cohort.beliefs.influence[0]  # one agent, one neighbour: [B, 1]
        torch.testing.assert_close(bonus, 3.0 * min(1, turn / 200) * sway)
    assert cohort.perspective.notes and sway.mean() > 0.3
    assert village.measured["accuracy"][0].sum() / village.measured["accuracy"][1].sum() > 0.9
