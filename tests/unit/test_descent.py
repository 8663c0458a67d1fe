"""The stacked update equals one module, one loss and one Adam per learner."""

import math
from dataclasses import replace

import pytest
import torch

from commonweal.agents.learners.batches import Batch, blocked, sampled, tabulated
from commonweal.agents.learners.descent import AdamState, descend
from commonweal.agents.learners.objective import Hyper, gradient, objective
from commonweal.agents.learners.stacked import ActorCritics, Shape
from commonweal.errors import BadFile, BrokenContract
from tests.unit.test_stacked import make, module

HYPER = Hyper(entropy=0.03, max_norm=0.5, clip=0.1, value_weight=0.4)

ONE = {"actions": 2, "epochs": 1, "size": 8}


def experience(policy: ActorCritics, samples: int, seed: int = 5) -> dict[str, torch.Tensor]:
    """Samples of a slightly older policy, so that some ratios are clipped."""
    rng = torch.Generator().manual_seed(seed)
    slots, actions = policy.slots, policy.shape.actions
    dtype = policy.parameters.dtype

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=dtype)

    features = normal(slots, policy.shape.inputs, samples)
    older = policy.logits(features) + 0.2 * normal(slots, actions, samples)
    action = torch.randint(actions, (slots, samples), generator=rng)
    log_old = older.log_softmax(1).gather(1, action.unsqueeze(1)).squeeze(1)
    return {
        "features": features,
        "action": action,
        "log_old": log_old,
        "advantage": normal(slots, samples),
        "returns": normal(slots, samples) + 1,
    }


def lively(shape: Shape, slots: int, dtype=torch.float64) -> ActorCritics:
    """A policy whose logits and biases are not near zero, as they are at birth."""
    policy = make(shape, slots, 3, dtype)
    rng = torch.Generator().manual_seed(4)
    noise = torch.randn(policy.parameters.shape, generator=rng, dtype=dtype)
    policy.parameters += 0.2 * noise
    return policy


def plain_loss(towers, x, action, log_old, advantage, returns, penalty, hyper, normalise):
    """The loss as the papers write it, for one learner and one mini-batch of samples."""
    logits = towers["actor"](x)
    values = towers["critic"](x).squeeze(-1)
    chosen = torch.distributions.Categorical(logits=logits)
    if normalise:
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    ratio = (chosen.log_prob(action) - log_old).exp()
    clipped = ratio.clamp(1 - hyper.clip, 1 + hyper.clip)
    loss = -torch.min(advantage * ratio, advantage * clipped).mean()
    loss = loss + (penalty * ratio).mean() - hyper.entropy * chosen.entropy().mean()
    return loss + hyper.value_weight * (values - returns).square().mean()


def plain_descent(policy, samples, hyper, epochs, orders, size, normalise=False):
    """Rows of parameters that N modules, N torch.optim.Adam and a Python loop arrive at.

    ``orders [K][epochs][S]`` are the shuffles.
    """
    penalty = samples.get("penalty", torch.zeros_like(samples["advantage"]))
    for slot in range(policy.slots):
        towers = module(policy, slot)
        parameters = [p for tower in towers.values() for p in tower.parameters()]
        adam = torch.optim.Adam(parameters, hyper.learning_rate, hyper.betas, hyper.eps)
        for epoch in range(epochs):
            for part in orders[slot][epoch].split(size):
                loss = plain_loss(
                    towers,
                    samples["features"][slot][:, part].mT,
                    *(
                        samples[name][slot, part]
                        for name in ("action", "log_old", "advantage", "returns")
                    ),
                    penalty[slot, part],
                    hyper,
                    normalise,
                )
                adam.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, hyper.max_norm)
                adam.step()
        yield towers


def assert_same_towers(policy, plain, **tolerance):
    for slot, towers in enumerate(plain):
        for name, view in policy.views(slice(slot, slot + 1)).items():
            tower, level, kind = name.split(".")
            expected = getattr(towers[tower][2 * int(level)], kind)
            torch.testing.assert_close(view[0], expected.detach(), **tolerance)


def one_batch(policy: ActorCritics, shared: bool, penalised: bool) -> Batch:
    """A mini-batch whose rows stand for many samples each."""
    rng = torch.Generator().manual_seed(6)
    slots, rows, actions = policy.slots, 9, policy.shape.actions

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    x = normal(policy.shape.inputs, rows) if shared else normal(slots, policy.shape.inputs, rows)
    old = policy.logits(x) + 0.2 * normal(slots, actions, rows)
    return Batch(
        torch.cat([x, torch.ones_like(x[..., :1, :])], -2),
        old.log_softmax(1),
        gain=normal(slots, actions, rows).clamp(min=0),
        loss=normal(slots, actions, rows).clamp(max=0),
        penalty=normal(slots, actions, rows) if penalised else None,
        count=torch.randint(0, 5, (slots, rows), generator=rng).double(),
        target=normal(slots, rows),
        total=torch.arange(10.0, 10.0 + slots, dtype=torch.float64),
    )


@pytest.mark.parametrize("hidden", [(), (8,), (32, 32), (6, 5, 4)])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("penalised", [True, False])
@pytest.mark.parametrize("actions", [2, 3])
def test_hand_written_gradient_is_that_of_autograd(hidden, shared, penalised, actions):
    policy = lively(Shape(5, hidden, actions), 4)
    batch = one_batch(policy, shared, penalised)
    parameters = policy.parameters.clone().requires_grad_()
    objective(parameters, policy.shape, batch, HYPER).sum().backward()
    by_hand = gradient(policy.parameters, policy.shape, batch, HYPER)
    torch.testing.assert_close(by_hand, parameters.grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("other", [{"activation": "tanh"}, {"values": 2}])
def test_the_gradient_written_out_by_hand_is_refused_where_it_would_be_wrong(other):
    policy = make(Shape(5, **other), 2)
    with pytest.raises(BrokenContract, match="rectifiers and one value"):
        descend(policy, AdamState(policy), blocked(**experience(policy, 8), **ONE), HYPER)


def test_objective_of_samples_is_the_plain_loss_up_to_the_constant():
    policy = lively(Shape(5, (8,)), 3)
    samples = experience(policy, 30)
    samples["penalty"] = torch.rand(3, 30, dtype=torch.float64)
    (batch,) = blocked(**samples, actions=2, epochs=1, size=30)(slice(0, 3))
    losses = objective(policy.parameters, policy.shape, batch, HYPER)
    for slot in range(3):
        own = {name: tensor[slot] for name, tensor in samples.items()}
        x = own.pop("features").mT
        expected = plain_loss(module(policy, slot), x, **own, hyper=HYPER, normalise=False)
        constant = HYPER.value_weight * own["returns"].square().mean()
        torch.testing.assert_close(losses[slot] + constant, expected)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, {"rtol": 1e-8, "atol": 1e-9}), (torch.float32, {"rtol": 0, "atol": 2e-4})],
)
@pytest.mark.parametrize(("normalise", "max_norm"), [(True, 0.5), (False, 0.5), (True, 50.0)])
def test_stacked_update_equals_a_loop_over_modules(dtype, tolerance, normalise, max_norm):
    """Several epochs, a last smaller mini-batch, chunks of unlike size; clipped or never."""
    hyper = replace(HYPER, max_norm=max_norm)
    policy = lively(Shape(5), 5, dtype)
    samples = experience(policy, 50)
    # The source draws its shuffles from the same seed; recover them through an index feature.
    seen = dict(samples, features=torch.arange(50.0, dtype=dtype).expand(5, 5, 50))
    arguments = {"actions": 2, "epochs": 3, "size": 16, "normalise": normalise}

    def source(data):
        return sampled(**data, **arguments, generator=torch.Generator().manual_seed(9))

    drawn = torch.cat([batch.x[:, 0] for batch in source(seen)(slice(0, 5))], 1)
    orders = drawn.long().unflatten(1, (3, 50))
    plain = list(plain_descent(policy, samples, hyper, 3, orders, 16, normalise))
    adam = AdamState(policy)
    descend(policy, adam, source(samples), hyper, chunk=2)
    assert adam.steps.tolist() == [12] * 5
    assert_same_towers(policy, plain, **tolerance)


def test_tables_equal_samples():
    """Same mini-batches, summed over equal views or one by one; not divisible, with padding."""
    rng = torch.Generator().manual_seed(2)
    codebook = torch.randint(2, (6, 8), generator=rng).double()
    codes = torch.randint(8, (4, 70), generator=rng)
    one, other = lively(Shape(6), 4), lively(Shape(6), 4)
    samples = experience(one, 70)
    samples["features"] = codebook[:, codes].transpose(0, 1)
    table = (one.logits(codebook) + 0.2).log_softmax(1)
    table[:, 0] += 0.3
    samples["log_old"] = table[torch.arange(4)[:, None], samples["action"], codes]
    samples["penalty"] = torch.rand(4, 70, generator=rng, dtype=torch.float64)
    samples["weight"] = (torch.rand(4, 70, generator=rng) < 0.8).double()
    descend(one, AdamState(one), blocked(**samples, actions=2, epochs=3, size=32), HYPER)
    samples.pop("features")
    samples["log_old"] = table
    tables = tabulated(codes, codebook, **samples, epochs=3, size=32)
    (first, *_) = tables(slice(0, 4))
    assert first.x.shape == (7, 8)
    before = other.parameters.clone()
    descend(other, AdamState(other), tables, HYPER, chunk=2)
    assert (other.parameters - before).abs().max() > 0.01
    torch.testing.assert_close(other.parameters, one.parameters, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("normalise", [True, False])
def test_padded_samples_count_nowhere(normalise):
    """Wild padding behind the real samples changes nothing."""
    policy, padded = lively(Shape(5), 3), lively(Shape(5), 3)
    samples = experience(policy, 20)
    wide = {
        name: torch.cat([tensor, 1000 + torch.zeros_like(tensor[..., :12])], -1)
        for name, tensor in samples.items()
    }
    wide["action"][:, 20:] = 1
    wide["weight"] = (torch.arange(32) < 20).double().expand(3, -1)
    keywords = {"actions": 2, "epochs": 2, "normalise": normalise}
    descend(policy, AdamState(policy), blocked(**samples, **keywords, size=20), HYPER)
    descend(padded, AdamState(padded), blocked(**wide, **keywords, size=32), HYPER)
    torch.testing.assert_close(padded.parameters, policy.parameters, rtol=1e-9, atol=1e-11)


def test_a_mini_batch_of_padding_alone_leaves_finite_numbers():
    policy = lively(Shape(5), 2)
    samples = experience(policy, 8)
    weight = torch.tensor([[1.0] * 8, [0.0] * 8], dtype=torch.float64)
    before = policy.parameters.clone()
    source = blocked(**samples, weight=weight, actions=2, epochs=2, size=4, normalise=True)
    descend(policy, AdamState(policy), source, HYPER)
    assert torch.equal(policy.parameters[1], before[1])
    assert policy.parameters.isfinite().all()
    assert not torch.equal(policy.parameters[0], before[0])


def test_normalised_advantages_have_mean_0_and_sample_deviation_1():
    policy = lively(Shape(5), 3)
    samples = experience(policy, 45)
    samples["advantage"] = samples["advantage"] * 7 + 100
    source = sampled(
        **samples, actions=2, epochs=1, size=20, normalise=True, generator=torch.Generator()
    )
    widths = []
    for batch in source(slice(0, 3)):
        advantage = (batch.gain + batch.loss).sum(1)
        torch.testing.assert_close(advantage.mean(1), torch.zeros(3).double(), atol=1e-9, rtol=0)
        torch.testing.assert_close(advantage.std(1), torch.ones(3).double())
        widths.append(advantage.shape[1])
    assert widths == [20, 20, 5]


def test_each_slot_and_epoch_has_a_shuffle_of_its_own_whatever_the_chunk():
    policy = lively(Shape(5), 6)
    samples = experience(policy, 40)
    samples["features"] = torch.arange(40.0).expand(6, 5, 40)

    def drawn(parts):
        source = sampled(
            **samples,
            actions=2,
            epochs=3,
            size=8,
            normalise=False,
            generator=torch.Generator().manual_seed(1),
        )
        return torch.cat([torch.cat([b.x[:, 0] for b in source(part)], 1) for part in parts])

    whole = drawn([slice(0, 6)])
    epochs = whole.view(18, 40)
    assert torch.equal(epochs.sort(1).values, torch.arange(40.0).expand(18, 40))
    assert len(epochs.unique(dim=0)) == 18
    assert torch.equal(whole, drawn([slice(0, 4), slice(4, 6)]))


def test_shuffles_are_uniform():
    """All 24 orders of four samples, 500 times each on average."""
    slots = 12_000
    one = torch.zeros(slots, 4)
    features = torch.arange(4.0).expand(slots, 1, 4)
    source = sampled(
        features,
        one.long(),
        one,
        one,
        one,
        actions=2,
        epochs=1,
        size=4,
        normalise=False,
        generator=torch.Generator().manual_seed(0),
    )
    (batch,) = source(slice(0, slots))
    counts = batch.x[:, 0].unique(dim=0, return_counts=True)[1]
    assert len(counts) == 24
    # Chi-square with 23 degrees of freedom; 49.7 is exceeded once in a thousand.
    assert ((counts - 500.0) ** 2 / 500).sum() < 49.7


def test_an_action_that_was_all_but_impossible_does_no_harm():
    policy = make(Shape(2, ()), 1)
    batch = Batch(
        torch.ones(3, 1),
        torch.tensor([[[0.0], [-200.0]]]),
        gain=torch.tensor([[[1.0], [0.0]]]),
        loss=torch.zeros(1, 2, 1),
        penalty=None,
        count=torch.ones(1, 1),
        target=torch.zeros(1, 1),
        total=1.0,
    )
    assert gradient(policy.parameters, policy.shape, batch, HYPER).isfinite().all()


def test_newcomers_have_their_own_bias_correction():
    """Slots with unlike step counts, side by side, equal slots updated alone."""
    together = lively(Shape(5), 3)
    adam = AdamState(together)
    rng = torch.Generator().manual_seed(8)
    adam.steps.copy_(torch.tensor([0, 7, 100]))
    old = adam.steps > 0
    adam.first[old] = 1e-2 * torch.randn(adam.first[old].shape, generator=rng).double()
    adam.second[old] = 1e-4 * torch.rand(adam.second[old].shape, generator=rng).double()
    samples = experience(together, 24)
    keywords = {"actions": 2, "epochs": 2, "size": 12}
    alone = []
    for slot in range(3):
        policy = lively(Shape(5), 1)
        policy.parameters.copy_(together.parameters[slot : slot + 1])
        own = AdamState(policy)
        own.load({name: t[slot : slot + 1].clone() for name, t in adam.state().items()})
        mine = {name: tensor[slot : slot + 1] for name, tensor in samples.items()}
        descend(policy, own, blocked(**mine, **keywords), HYPER)
        alone.append(policy.parameters)
    descend(together, adam, blocked(**samples, **keywords), HYPER)
    assert adam.steps.tolist() == [4, 11, 104]
    torch.testing.assert_close(together.parameters, torch.cat(alone), rtol=1e-10, atol=1e-12)


def test_no_epochs_and_zero_learning_rate_leave_the_policy():
    policy = lively(Shape(5), 2)
    before, adam = policy.parameters.clone(), AdamState(policy)
    samples = experience(policy, 8)
    descend(policy, adam, blocked(**samples, actions=2, epochs=0, size=4), HYPER)
    assert adam.steps.tolist() == [0, 0]
    still = Hyper(learning_rate=0.0)
    descend(policy, adam, blocked(**samples, actions=2, epochs=1, size=4), still)
    assert adam.steps.tolist() == [2, 2]
    assert torch.equal(policy.parameters, before)


def test_update_can_be_interrupted_and_continued():
    """Two updates in one go, or with state saved and loaded between them."""
    samples = experience(lively(Shape(5), 2), 24)
    source = blocked(**samples, actions=2, epochs=2, size=12)
    whole, adam = lively(Shape(5), 2), AdamState(lively(Shape(5), 2))
    descend(whole, adam, source, HYPER)
    halves = [{k: v.clone() for k, v in part.state().items()} for part in (whole, adam)]
    descend(whole, adam, source, HYPER)
    later = make(Shape(5), 2, dtype=torch.float64)
    later.load(halves[0])
    resumed = AdamState(later)
    resumed.load(halves[1])
    descend(later, resumed, source, HYPER)
    assert torch.equal(later.parameters, whole.parameters)
    with pytest.raises(BadFile, match="first"):
        AdamState(lively(Shape(5), 1)).load(halves[1])


def test_descent_learns_the_better_action():
    """From even odds, action 1 paying more where the input is on, to near certainty."""
    policy = make(Shape(1, (8,)), 4)
    adam, rng = AdamState(policy), torch.Generator().manual_seed(0)
    for _ in range(30):
        features = torch.randint(2, (4, 1, 64), generator=rng).float()
        log = policy.logits(features).log_softmax(1)
        action = (torch.rand(4, 64, generator=rng) < log[:, 1].exp()).long()
        reward = (action == features[:, 0]).float()
        taken = log.gather(1, action.unsqueeze(1)).squeeze(1)
        source = sampled(
            features,
            action,
            taken,
            reward,
            reward,
            actions=2,
            epochs=3,
            size=32,
            generator=rng,
            normalise=True,
        )
        descend(policy, adam, source, Hyper())
    odds = policy.logits(torch.tensor([[0.0, 1.0]])).softmax(1)
    assert (odds[:, 0, 0] > 0.9).all() and (odds[:, 1, 1] > 0.9).all()
    values = policy.values(torch.tensor([[0.0, 1.0]]))
    assert math.isclose(float(values.mean()), 1, abs_tol=0.2)
