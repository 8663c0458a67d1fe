"""Deep Q-learning: what is acted from, targets by hand, copies in time, each slot on its own."""

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.dqn import DQN
from commonweal.agents.learners.q_networks import QConfig, greedy
from commonweal.errors import BadSetting
from commonweal.records import Percept
from commonweal.settings import Settings
from commonweal.simulation.conformance.tools import differences, saved
from tests.seats import noted, seat, views

BOOK = torch.eye(4, 3) + 0.5 * torch.eye(4, 3).roll(1, 0)
SLOTS, LANES = 3, 2
SMALL = {"hidden": (8,), "warm_up": 1, "rollout": 1}


def mind(slots=SLOTS, lanes=LANES, actions=2, inputs=3, seed=4, **settings):
    there = seat(inputs, actions=actions, slots=slots, lanes=lanes, seed=seed)
    return DQN(QConfig(**SMALL | settings), there, object)


def valued(mind, live, copied=None):
    """Let networks value moves alike wherever they are: outputs are their last biases."""
    for stack, values in ((mind.policy.parameters, live), (mind.target, copied or live)):
        stack.zero_()
        mind.policy.layers(stack, "q")[-1][:, -1] = torch.tensor(values)
    return mind


def rounds(count, slots=SLOTS, dense=True, seed=7):
    """Steps that a mind may remember: drawn views, moves, rewards and ends."""
    rng = torch.Generator().manual_seed(seed)
    shape = slots, LANES
    for _ in range(count):
        codes, after = torch.randint(4, (2, *shape), generator=rng)
        ended = torch.rand(shape, generator=rng) < 0.3
        yield noted(
            views(dense, BOOK, codes),
            torch.randint(2, shape, generator=rng),
            torch.randn(shape, generator=rng),
            ended,
            ended & (torch.rand(shape, generator=rng) < 0.5),
            views(dense, BOOK, after),
        )


def study(mind, notes):
    for note in notes:
        mind.remember(note)
        mind.study(0.0, Own(Settings()))
    return mind


# ---- acting ------------------------------------------------------------------------------------


def test_equal_values_share_the_greedy_move():
    found = greedy(torch.tensor([[1.0, 3.0, 3.0], [2.0, -1.0, 0.0], [0.0, 0.0, 0.0]]))
    third = 1 / 3
    torch.testing.assert_close(
        found, torch.tensor([[0, 0.5, 0.5], [1, 0, 0], [third, third, third]])
    )


@pytest.mark.parametrize("dense", [False, True])
def test_moves_are_greedy_but_for_exploration(dense):
    there = valued(mind(actions=3, lanes=9000, explore_start=0.3), [1.0, 3.0, 3.0])
    seen = {"seen": views(dense, BOOK, torch.zeros(SLOTS, 9000, dtype=torch.int64))}
    chances = there.probabilities(seen)
    torch.testing.assert_close(chances[1, 5], torch.tensor([0.1, 0.45, 0.45]))
    torch.testing.assert_close(there.alone(1, 5, seen), chances[1, 5])
    share = there.act(seen).flatten().bincount() / (9000 * SLOTS)
    assert (share - torch.tensor([0.1, 0.45, 0.45])).abs().max() < 0.015


def test_exploration_falls_with_episodes_once_something_was_studied():
    there = mind(lanes=3, explore_start=0.5, explore_end=0.01, explore_episodes=6)
    there.watch({}, torch.ones(SLOTS, 3, dtype=torch.bool))
    assert there.exploration.share.flatten().tolist() == pytest.approx([0.5] * SLOTS)
    study(there, rounds(1))
    assert there.exploration.share.flatten().tolist() == pytest.approx([0.255] * SLOTS)


def test_a_table_of_values_follows_the_parameters():
    there, codes = mind(), torch.zeros(SLOTS, LANES, dtype=torch.int64)
    seen = {"seen": views(False, BOOK, codes)}
    for best in ([5.0, 0.0], [0.0, 5.0]):
        there.probabilities(seen)
        there.travelling().zero_()
        there.policy.layers(there.travelling(), "q")[-1][:, -1] = torch.tensor(best)
        chances = there.probabilities(seen)
        assert (chances.argmax(-1) == torch.tensor(best).argmax()).all()


# ---- what is learned ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("double", "ended", "truncated", "expected"),
    [
        (True, False, False, 2 + 0.5 * 4),  # the network prefers move 1, which its copy values at 4
        (False, False, False, 2 + 0.5 * 10),  # the copy prefers move 0
        (True, True, False, 2),
        (False, True, False, 2),
        (True, True, True, 4),
        (False, True, True, 7),
    ],
)
def test_targets_by_hand(double, ended, truncated, expected):
    there = valued(mind(double=double, discount=0.5), [1.0, 3.0], [10.0, 4.0])
    one = torch.ones(SLOTS, LANES)
    seen, ends = Percept(dense=torch.zeros(SLOTS, LANES, 3)), (one * ended > 0, one * truncated > 0)
    there.remember(noted(seen, one.long(), 2 * one, *ends))
    drawn = there.buffer.sample(10, there.seat.generator)
    assert there.targets(drawn).tolist() == [[expected] * LANES] * SLOTS
    # The squared error to 3, the value of move 1, has the slope 2 (3 - target) in its bias alone.
    found = there.policy.layers(there.gradient(drawn, there.targets(drawn)), "q")[-1][:, -1]
    torch.testing.assert_close(found, torch.tensor([[0.0, 2.0 * (3 - expected)]] * SLOTS))


@pytest.mark.parametrize("batch", [3, 64])
def test_codes_teach_what_views_teach(batch):
    """Fewer samples than views, and more, so that both ways to read codes are taken."""
    ends = [
        study(mind(batch=batch), rounds(12, dense=dense)).policy.parameters
        for dense in (False, True)
    ]
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_the_slope_of_the_squared_error():
    there = mind()
    for note in rounds(10):
        there.remember(note)
    drawn = there.buffer.sample(100, there.seat.generator)
    targets = there.targets(drawn)
    found, step = there.gradient(drawn, targets).double(), 1e-6
    rng, slots = torch.Generator().manual_seed(1), torch.arange(SLOTS).view(-1, 1)

    def error(parameters):
        first, last = there.policy.layers(parameters, "q")
        x = drawn["seen"].double()
        hidden = (x @ first[:, :-1] + first[:, -1:]).relu()
        values = hidden @ last[:, :-1] + last[:, -1:]
        row = torch.arange(values.shape[1])
        return (values[slots, row, drawn["acts"].long()] - targets).square().mean(1)

    parameters = there.policy.parameters.double()
    for _ in range(5):
        way = torch.randn(parameters.shape, generator=rng, dtype=torch.float64)
        slope = (error(parameters + step * way) - error(parameters - step * way)) / (2 * step)
        torch.testing.assert_close((found * way).sum(1), slope, rtol=1e-3, atol=1e-4)


def test_nothing_is_learned_before_enough_was_lived():
    there = mind(warm_up=9)
    before = there.policy.parameters.clone()
    notes = list(rounds(5))
    study(there, notes[:4])  # 8 transitions
    assert torch.equal(there.policy.parameters, before) and there.updates == 0
    study(there, notes[4:])
    assert not torch.equal(there.policy.parameters, before) and there.updates == 1


def test_the_copy_is_renewed_at_the_nth_mini_batch_and_only_then():
    there = mind(target_every=3, updates=2)
    start, after = there.target.clone(), []
    improve = there.improve

    def watched():
        improve()
        after.append(there.policy.parameters.clone())

    there.improve = watched
    notes = list(rounds(4))
    study(there, notes[:1])  # two mini-batches
    assert torch.equal(there.target, start)
    study(there, notes[1:2])  # the third, and a fourth
    assert torch.equal(there.target, after[2]) and not torch.equal(after[2], after[3])
    study(there, notes[2:])
    assert torch.equal(there.target, after[5]) and len(after) == 8


@pytest.mark.parametrize(("ends", "value"), [("never", 2.0), ("truncated", 2.0), ("rules", 1.0)])
def test_values_look_ahead_unless_the_rules_end_it(ends, value):
    """A reward of 1 in every round, half as much worth in the next: 2 for ever, 1 at the end."""
    there = mind(discount=0.5, learning_rate=0.02, target_every=20, hidden=(16,), max_norm=100.0)
    one, seen = torch.ones(SLOTS, LANES), Percept(dense=torch.ones(SLOTS, LANES, 3))
    ended, truncated = one * (ends != "never") > 0, one * (ends == "truncated") > 0
    acts = torch.tensor([[0, 1]]).expand(SLOTS, -1)
    study(there, [noted(seen, acts, one, ended, truncated)] * 300)
    found = there.values(there.policy.parameters, seen.dense)
    torch.testing.assert_close(found, torch.full_like(found, value), atol=0.02, rtol=0)


# ---- each slot on its own ----------------------------------------------------------------------


def only(note, slot):
    own = slice(slot, slot + 1)
    seen, after = (Percept(dense=p["seen"].dense[own]) for p in (note.seen, note.following()))
    return noted(
        *(seen, note.acts[own], note.utility[own], note.ended[own], note.truncated[own], after)
    )


def test_a_stack_learns_what_its_slots_learn_alone():
    # Mini-batches hold all there is, so that nothing is drawn.
    settings = {"batch": 1000, "target_every": 3, "updates": 2, "max_norm": 0.1}
    there, notes = mind(**settings), list(rounds(10))
    loners = [mind(slots=1, **settings) for _ in range(SLOTS)]
    for slot, loner in enumerate(loners):
        loner.travelling().copy_(there.travelling()[slot : slot + 1])
        loner.copy()
        study(loner, [only(note, slot) for note in notes])
    study(there, notes)
    alone = torch.cat([loner.travelling() for loner in loners])
    torch.testing.assert_close(there.travelling(), alone, rtol=1e-4, atol=1e-6)


def test_what_one_slot_earns_is_nothing_to_the_others():
    ends = []
    for bonus in (0.0, 1000.0):
        notes = list(rounds(8))
        for note in notes:
            note.utility[1] += bonus
        ends.append(study(mind(batch=4), notes).travelling())
    assert torch.equal(ends[0][[0, 2]], ends[1][[0, 2]])
    assert not torch.equal(ends[0][1], ends[1][1])


def test_a_saved_mind_goes_on_to_the_same_bits():
    settings = {"batch": 4, "capacity": 10, "target_every": 3, "max_norm": 0.5}
    one, other = mind(**settings), mind(seed=5, **settings)
    notes = list(rounds(20, dense=False))
    study(one, notes[:11])
    one.watch({}, torch.ones(SLOTS, LANES, dtype=torch.bool))
    other.load(saved(one.state()))
    other.seat.generator.set_state(one.seat.generator.get_state())
    for twin in (one, other):
        study(twin, notes[11:])
    assert not list(differences(one.state(), other.state()))
    seen = notes[0].seen
    assert torch.equal(one.probabilities(seen), other.probabilities(seen))


def test_a_buffer_too_small_to_begin_with_is_refused():
    with pytest.raises(BadSetting, match="warm_up = 30 .* capacity = 20"):
        QConfig(warm_up=30, capacity=20)


# ---- in federations ----------------------------------------------------------------------------


def test_gradients_are_shown_and_what_comes_back_is_stepped_one_after_another():
    there, plain = mind(learning_rate=0.1), mind(learning_rate=0.1)
    shown = []

    def sharing(gradient, parameters):
        shown.append((gradient.clone(), parameters.clone()))
        second = torch.zeros_like(gradient)
        second[0] = gradient[1]
        return gradient.clone(), second

    there.sharing = sharing
    (note,) = rounds(1)
    start = there.travelling().clone()
    study(there, [note])
    study(plain, [note])
    ((gradient, at),) = shown
    assert torch.equal(at, start)
    # A row of zeros takes no step, and leaves no trace in the optimiser.
    assert torch.equal(there.travelling()[1:], plain.travelling()[1:])
    assert there.policy.adam.steps.tolist() == [2, 1, 1]
    both = torch.zeros_like(gradient)
    both[0] = gradient[1]
    plain.policy.step_some(both, plain.config.hyper())
    assert torch.equal(there.travelling(), plain.travelling())
    assert not torch.equal(there.travelling()[0], start[0])


def test_what_travels_is_alive_and_the_copy_stays_at_home():
    there = mind()
    before = there.target.clone()
    there.travelling().zero_()
    seen = {"seen": views(True, BOOK, torch.zeros(SLOTS, LANES, dtype=torch.int64))}
    torch.testing.assert_close(there.probabilities(seen), torch.full((SLOTS, LANES, 2), 0.5))
    assert torch.equal(there.target, before) and before.abs().sum() > 0
