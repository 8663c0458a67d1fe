"""The stacked actor-critics: shape, start, views and outputs."""

from itertools import pairwise

import pytest
import torch

from commonweal.agents.learners import stacked
from commonweal.agents.learners.stacked import ActorCritics, Shape, forward, towers
from commonweal.errors import BadFile


def make(shape: Shape, slots: int, seed: int = 0, dtype=torch.float32) -> ActorCritics:
    return ActorCritics(shape, slots, torch.Generator().manual_seed(seed), dtype=dtype)


def module(policy: ActorCritics, slot: int) -> dict[str, torch.nn.Sequential]:
    """The same actor-critic as plain torch modules, filled through the named views."""
    views = policy.views(slice(slot, slot + 1))
    activation = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[policy.shape.activation]
    found = {}
    for name, outputs in (("actor", policy.shape.actions), ("critic", policy.shape.values)):
        widths = [policy.shape.inputs, *policy.shape.hidden, outputs]
        modules = []
        for level, (inputs, outs) in enumerate(pairwise(widths)):
            linear = torch.nn.Linear(inputs, outs, dtype=policy.parameters.dtype)
            with torch.no_grad():
                linear.weight.copy_(views[f"{name}.{level}.weight"][0])
                linear.bias.copy_(views[f"{name}.{level}.bias"][0])
            modules += [linear, activation()]
        found[name] = torch.nn.Sequential(*modules[:-1])
    return found


@pytest.mark.parametrize(("inputs", "size"), [(5, 2595), (10, 2915)])
def test_sizes_are_those_of_the_paper(inputs, size):
    assert Shape(inputs).size == size
    assert make(Shape(inputs), 3).parameters.shape == (3, size)


@pytest.mark.parametrize("hidden", [(), (4,), (32, 32), (7, 5, 3)])
def test_views_name_every_parameter_once(hidden):
    policy = make(Shape(6, hidden, 3), 2)
    policy.parameters.copy_(torch.arange(policy.parameters.numel()).view_as(policy.parameters))
    views = policy.views()
    assert len(views) == 4 * (len(hidden) + 1)
    seen = torch.cat([view.flatten() for view in views.values()]).sort().values
    assert torch.equal(seen, policy.parameters.flatten())


def test_views_are_live():
    policy = make(Shape(5), 4)
    x = torch.rand(5, 3)
    before = policy.values(x)
    policy.views(slice(1, 2))["critic.2.bias"] += 2
    moved = (policy.values(x) - before)[:, 0]
    torch.testing.assert_close(moved, torch.tensor([0.0, 2.0, 0.0, 0.0]))


def test_start_is_orthogonal_with_the_gains_of_the_paper():
    policy = make(Shape(10), 50)
    views = policy.views()
    for name, view in views.items():
        if name.endswith("bias"):
            assert not view.any()
            continue
        gain = {"actor.2": 0.01, "critic.2": 1.0}.get(name[:-7], 2**0.5)
        rows, columns = view.shape[1:]
        square = view @ view.mT if rows <= columns else view.mT @ view
        expected = (gain**2 * torch.eye(min(rows, columns))).expand_as(square)
        torch.testing.assert_close(square, expected, atol=2e-6, rtol=0)
    # Without the sign correction the diagonals of a factor are of one sign.
    assert 0.3 < (views["actor.1.weight"].diagonal(dim1=1, dim2=2) > 0).float().mean() < 0.7
    assert not torch.equal(policy.parameters[0], policy.parameters[1])


def test_start_follows_the_generator():
    assert torch.equal(make(Shape(5), 3, 7).parameters, make(Shape(5), 3, 7).parameters)
    assert not torch.equal(make(Shape(5), 3, 7).parameters, make(Shape(5), 3, 8).parameters)


@pytest.mark.parametrize("hidden", [(), (8,), (32, 32)])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("activation", "heads"), [("relu", 1), ("relu", 2), ("tanh", 3)])
def test_outputs_are_those_of_plain_modules(hidden, shared, activation, heads, monkeypatch):
    monkeypatch.setattr(stacked, "CHUNK", 3)
    policy = make(Shape(5, hidden, 3, activation, heads), 7, dtype=torch.float64)
    policy.parameters += 0.1 * torch.randn_like(policy.parameters)
    x = torch.randn(*(() if shared else (7,)), 5, 11, dtype=torch.float64)
    before = x.clone()
    logits, values = policy.logits(x), policy.values(x)
    assert logits.shape == (7, 3, 11)
    assert values.shape == (7, 11)
    every = policy.heads(x)
    assert every.shape == (7, heads, 11)
    for slot in range(7):
        plain = module(policy, slot)
        own = (x if shared else x[slot]).mT
        torch.testing.assert_close(logits[slot].mT, plain["actor"](own))
        torch.testing.assert_close(every[slot].mT, plain["critic"](own))
    for head in range(heads):
        assert torch.equal(policy.values(x, head=head), every[:, head])
    torch.testing.assert_close((logits, every), towers(policy.parameters, policy.shape, x))
    torch.testing.assert_close((logits, values), forward(policy.parameters, policy.shape, x))
    assert torch.equal(x, before)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_forward_can_be_differentiated_twice(activation):
    shape = Shape(3, (4,), 2, activation)
    policy = make(shape, 2, dtype=torch.float64)
    x = torch.rand(2, 3, 5, dtype=torch.float64)
    assert torch.autograd.gradgradcheck(
        lambda parameters: tuple(out.square().sum() for out in forward(parameters, shape, x)),
        policy.parameters.clone().requires_grad_(),
    )


def test_state_comes_back_and_keeps_views():
    old, new = make(Shape(5), 3, 1), make(Shape(5), 3, 2)
    view = new.views()["actor.1.weight"]
    new.load({name: tensor.clone() for name, tensor in old.state().items()})
    assert torch.equal(new.parameters, old.parameters)
    assert torch.equal(view, old.views()["actor.1.weight"])


def test_state_of_another_size_is_refused():
    with pytest.raises(BadFile, match="parameters"):
        make(Shape(5), 3).load(make(Shape(5), 1).state())


@pytest.mark.parametrize(("slots", "size"), [(0, 4), (1, 4), (7, 3), (100, 96), (10_000, 96)])
def test_chunks_cover_all_slots_once_and_evenly(slots, size):
    parts = stacked.chunks(slots, size)
    assert [i for part in parts for i in range(slots)[part]] == list(range(slots))
    lengths = [part.stop - part.start for part in parts]
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= 1.5 * size
