"""The game on a mini-batch against the exact game, and its clipping."""

from dataclasses import replace

import pytest
import torch

from commonweal.agents.gradients.altruistic import Altruistic, AltruisticConfig
from commonweal.agents.gradients.base import GradientRule, Own, simultaneous
from commonweal.agents.gradients.collective import Collective, collective_gradient
from commonweal.agents.gradients.curvature import transposed_product
from commonweal.agents.learners.batches import Batch
from commonweal.agents.learners.objective import Hyper, objective
from commonweal.agents.learners.objective import gradient as by_hand
from commonweal.agents.learners.stacked import ActorCritics, Shape, forward, towers
from commonweal.agents.learners.team_objective import TeamBatch, gradient, own, put, surrogate
from commonweal.settings import Settings

SHAPE = Shape(3, (4,), 2, "tanh", values=2)
HYPER = Hyper(clip=0.2, entropy=0.03, value_weight=0.4)
# What each of two players earns by their joint action: a dilemma that is not symmetric.
PAYOFFS = torch.tensor([[[3.0, -2.0], [4.0, 2.0]], [[3.0, 4.0], [-2.0, 1.0]]]).double()


def lively(slots: int, shape: Shape = SHAPE, seed: int = 0) -> torch.Tensor:
    """Parameters of policies whose logits and biases are not near zero, as at birth."""
    rng = torch.Generator().manual_seed(seed)
    policy = ActorCritics(shape, slots, rng, dtype=torch.float64)
    noise = torch.randn(policy.parameters.shape, generator=rng, dtype=torch.float64)
    return policy.parameters + 0.5 * noise


class Looking(GradientRule):
    """Keeps the derivatives of the game that it is shown."""

    def direction(self, game):
        """Nobody moves."""
        self.losses, self.collective = game.losses.detach(), game.collective.detach()
        self.xi = simultaneous(game.losses, game.parameters, game.groups)
        field = collective_gradient(game.collective, game.parameters, graph=True)
        self.xi_c = field.detach()
        self.curvature = transposed_product(field, self.xi_c, game.parameters)
        return torch.zeros_like(game.parameters), {}


def seen(parameters, batch, joint_ratio, clip=0.2, shape=SHAPE):
    looking = Looking(Settings())
    gradient(parameters, shape, batch, Hyper(clip=clip), looking, joint_ratio=joint_ratio)
    return looking


# ---- one round of a game of two, exactly ---------------------------------------------------


INPUT = torch.tensor([[0.3, -1.0, 0.7], [1.2, 0.4, -0.5]]).double()
JOINT = torch.cartesian_prod(torch.arange(2), torch.arange(2))


def policies(parameters):
    """Probabilities [2, A] of both players, each at its own input."""
    logits, _ = forward(parameters, SHAPE, INPUT.unsqueeze(-1))
    return logits[..., 0].softmax(1)


def expected(parameters):
    """What both expect to earn, [2]."""
    first, second = policies(parameters)
    return torch.einsum("a,iab,b->i", first, PAYOFFS, second)


def whole_game(parameters) -> TeamBatch:
    """All joint actions as samples; what they pay is weighted by how likely they are."""
    p = policies(parameters)
    weight = 4 * p[0, JOINT[:, 0]] * p[1, JOINT[:, 1]]
    paid = PAYOFFS[:, JOINT[:, 0], JOINT[:, 1]]
    log_old = p.log().gather(1, JOINT.T)
    team = (weight * paid.sum(0)).unsqueeze(0)
    x = INPUT.unsqueeze(-1).expand(-1, -1, 4)
    return TeamBatch(x, JOINT.T, log_old, weight * paid, team, torch.zeros(2, 2, 4).double())


def truth(parameters):
    """Losses [2] as a function of the actors alone, [2 * Q], and the actors."""
    actors = own(parameters, SHAPE, 0)
    order = torch.zeros_like(parameters)
    put(order, SHAPE, 0, torch.arange(1.0, actors.numel() + 1).double().view_as(actors))
    places = order.flatten().argsort()[-actors.numel() :]

    def losses(given):
        return -expected(parameters.flatten().index_copy(0, places, given).view_as(parameters))

    return losses, actors.flatten()


def slope(function, at, step=1e-5):
    """Central differences of a function of a vector, along each of its entries."""
    ways = step * torch.eye(len(at)).double()
    return torch.stack([(function(at + way) - function(at - way)) / (2 * step) for way in ways])


@pytest.mark.parametrize("joint_ratio", [True, False])
def test_gradients_are_those_of_the_exact_game(joint_ratio):
    parameters = lively(2)
    losses, actors = truth(parameters)
    found = seen(parameters, whole_game(parameters), joint_ratio)
    torch.testing.assert_close(found.losses[0], losses(actors))
    jacobian = torch.autograd.functional.jacobian(losses, actors)
    torch.testing.assert_close(slope(losses, actors).T, jacobian, rtol=0, atol=1e-8)
    xi = torch.stack([jacobian[i].view(2, -1)[i] for i in range(2)])
    torch.testing.assert_close(found.xi[0], xi, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.xi_c[0].flatten(), jacobian.sum(0), rtol=0, atol=1e-12)
    assert xi.abs().max() > 0.1


def test_only_joint_ratios_know_the_curvature_between_agents():
    parameters = lively(2)
    losses, actors = truth(parameters)

    def field(at):
        return torch.autograd.functional.jacobian(lambda w: losses(w).sum(), at)

    hessian = torch.autograd.functional.hessian(lambda w: losses(w).sum(), actors)
    torch.testing.assert_close(slope(field, actors), hessian, rtol=0, atol=1e-8)
    half = len(actors) // 2
    assert hessian[:half, half:].abs().max() > 0.05
    apart = torch.block_diag(hessian[:half, :half], hessian[half:, half:])
    xi_c, batch = field(actors), whole_game(parameters)
    joint, single = (seen(parameters, batch, ratio).curvature.flatten() for ratio in (True, False))
    torch.testing.assert_close(joint, hessian @ xi_c, rtol=0, atol=1e-12)
    torch.testing.assert_close(single, apart @ xi_c, rtol=0, atol=1e-12)
    assert (single - joint).abs().max() > 0.01
    # And by differences of differences, without any Hessian.
    ahead, behind = (field(actors + step * xi_c) for step in (1e-5, -1e-5))
    torch.testing.assert_close(joint, (ahead - behind) / 2e-5, rtol=0, atol=1e-6)


# ---- mini-batches of samples -------------------------------------------------------------------


def samples(replicates, members, count, shape=SHAPE, seed=1, spread=0.2) -> TeamBatch:
    """Samples of slightly older policies, so that some ratios are clipped."""
    rng = torch.Generator().manual_seed(seed)
    slots = replicates * members

    def normal(*sizes):
        return torch.randn(*sizes, generator=rng, dtype=torch.float64)

    x = normal(slots, shape.inputs, count)
    logits, _ = forward(lively(slots, shape), shape, x)
    old = logits + spread * normal(slots, shape.actions, count)
    action = torch.randint(shape.actions, (slots, count), generator=rng)
    log_old = old.log_softmax(1).gather(1, action.unsqueeze(1)).squeeze(1)
    advantages = normal(slots, count), normal(replicates, count)
    return TeamBatch(x, action, log_old, *advantages, normal(slots, 2, count))


def one_by_one(batch: TeamBatch, actions: int = 2) -> Batch:
    """The same samples for the objective of independent learners."""
    taken = (batch.action.unsqueeze(1) == torch.arange(actions).view(-1, 1)).double()
    advantage = batch.own.unsqueeze(1) * taken
    return Batch(
        torch.cat([batch.x, torch.ones_like(batch.x[:, :1])], 1),
        batch.log_old.unsqueeze(1),
        advantage.clamp(min=0),
        advantage.clamp(max=0),
        None,
        1.0,
        batch.targets[:, 0],
        float(batch.x.shape[-1]),
    )


@pytest.mark.parametrize("joint_ratio", [True, False])
@pytest.mark.parametrize("hidden", [(), (8,), (6, 5)])
def test_own_is_what_independent_learners_descend(hidden, joint_ratio):
    shape = Shape(5, hidden, 3, "tanh", values=2)
    parameters, batch = lively(6, shape), samples(2, 3, 30, shape)
    found, readings = gradient(
        parameters, shape, batch, HYPER, Own(Settings()), joint_ratio=joint_ratio
    )
    leaf = parameters.clone().requires_grad_()
    team = (towers(leaf, shape, batch.x)[1][:, 1] - batch.targets[:, 1]).square().mean(1)
    alone = objective(leaf, shape, one_by_one(batch, 3), HYPER) + HYPER.value_weight * team
    alone.sum().backward()
    torch.testing.assert_close(found, leaf.grad, rtol=1e-9, atol=1e-11)
    assert readings == {}


def test_own_on_rectifiers_is_the_gradient_written_out_by_hand():
    shape = Shape(5, (8, 8), 2, values=2)
    parameters, batch = lively(4, shape), samples(2, 2, 30, shape)
    plain = replace(shape, values=1)
    single = parameters.new_zeros(4, plain.size)
    put(single, plain, 0, own(parameters, shape, 0))
    hand = by_hand(single, plain, one_by_one(batch), HYPER)
    found, _ = gradient(parameters, shape, batch, HYPER, Own(Settings()), joint_ratio=False)
    torch.testing.assert_close(own(found, shape, 0), own(hand, plain, 0), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("joint_ratio", [True, False])
def test_altruism_of_no_strength_is_team_play_to_the_bit(joint_ratio):
    parameters, batch = lively(6), samples(2, 3, 20)
    team, none, some = (
        gradient(parameters, SHAPE, batch, HYPER, rule, joint_ratio=joint_ratio)[0]
        for rule in (
            Collective(Settings()),
            Altruistic(AltruisticConfig(strength=0)),
            Altruistic(AltruisticConfig(strength=1)),
        )
    )
    assert torch.equal(none, team)
    assert not torch.equal(some, team)


def test_critics_play_no_part_and_a_rule_does_not_touch_their_gradient():
    parameters, batch = lively(6), samples(2, 3, 20)
    rules = Own(Settings()), Altruistic(AltruisticConfig(strength=100))
    one, other = (
        gradient(parameters, SHAPE, batch, HYPER, rule, joint_ratio=True)[0] for rule in rules
    )
    assert torch.equal(own(one, SHAPE, 1), own(other, SHAPE, 1))
    assert not torch.equal(own(one, SHAPE, 0), own(other, SHAPE, 0))


def test_the_gradient_of_one_replicate_is_that_of_its_samples_alone():
    parameters, batch = lively(6), samples(2, 3, 20)
    rule = Altruistic(AltruisticConfig(strength=2, sign_rule="exact"))
    both, readings = gradient(parameters, SHAPE, batch, HYPER, rule, joint_ratio=True)
    fields = {name: value[len(value) // 2 :] for name, value in vars(batch).items()}
    alone, measured = gradient(
        parameters[3:], SHAPE, TeamBatch(**fields), HYPER, rule, joint_ratio=True
    )
    torch.testing.assert_close(both[3:], alone, rtol=1e-12, atol=1e-14)
    for name in rule.measures:
        torch.testing.assert_close(readings[name][1:], measured[name])


# ---- clipping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [0.0, 0.2])
def test_the_surrogate_is_the_smaller_of_two_products(clip):
    ratio = torch.tensor([0.1, 0.8, 0.9, 1.0, 1.1, 1.2, 3.0]).double().requires_grad_()
    for advantage in (-2.0, 0.0, 1.5):
        found = surrogate(ratio, torch.tensor(advantage).double(), clip)
        clipped = ratio.clamp(1 - clip, 1 + clip)
        literal = torch.minimum(ratio * advantage, clipped * advantage).mean()
        torch.testing.assert_close(found, literal)
    # A first step counts in full even where nothing beyond it is trusted.
    (here,) = torch.autograd.grad(surrogate(ratio, torch.tensor(1.0), 0.0), ratio)
    assert here.tolist() == pytest.approx([1 / 7] * 4 + [0] * 3)


def shifted(parameters, batch, factor) -> TeamBatch:
    """The same samples, as if their ratios were ``factor`` [K, B]."""
    logits, _ = forward(parameters, SHAPE, batch.x)
    taken = logits.log_softmax(1).gather(1, batch.action.unsqueeze(1)).squeeze(1)
    return replace(batch, log_old=taken - factor.log())


@pytest.mark.parametrize("joint_ratio", [True, False])
@pytest.mark.parametrize(("ratio", "sign"), [(1.5, 1.0), (0.5, -1.0)])
def test_samples_beyond_the_clip_give_neither_gradient_nor_curvature(ratio, sign, joint_ratio):
    parameters, batch = lively(4), samples(2, 2, 12)
    batch = replace(batch, own=sign * batch.own.abs(), team=sign * batch.team.abs())
    beyond = (torch.arange(12) < 7).expand(4, 12)
    mixed = shifted(parameters, batch, torch.where(beyond, ratio, 1.0).double())
    without = replace(
        mixed,
        own=mixed.own.masked_fill(beyond, 0),
        team=mixed.team.masked_fill(beyond[:2], 0),
    )
    found, expected = (seen(parameters, given, joint_ratio) for given in (mixed, without))
    for name in ("xi", "xi_c", "curvature"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).abs().max() > 1e-4
    lost = seen(
        parameters, shifted(parameters, batch, torch.full((4, 12), ratio).double()), joint_ratio
    )
    for name in ("xi", "xi_c", "curvature"):
        assert not getattr(lost, name).any()
    # On the other side, where a step mends what went wrong, all of them count.
    back = shifted(parameters, batch, torch.full((4, 12), 2 - ratio).double())
    assert seen(parameters, back, joint_ratio).xi_c.abs().min(2).values.max() > 0


def test_a_joint_ratio_may_leave_the_clip_although_no_single_one_does():
    parameters, batch = lively(2), samples(1, 2, 10)
    batch = replace(batch, team=batch.team.abs())
    apart = shifted(parameters, batch, torch.full((2, 10), 1.15).double())
    assert seen(parameters, apart, False).xi_c.any()
    assert not seen(parameters, apart, True).xi_c.any()
    opposed = shifted(parameters, batch, torch.tensor([[1.5], [1 / 1.5]]).double().expand(2, 10))
    assert seen(parameters, opposed, True).xi_c.any()


@pytest.mark.parametrize("joint_ratio", [True, False])
def test_an_action_that_was_all_but_impossible_does_no_harm(joint_ratio):
    parameters, batch = lively(4), samples(2, 2, 12)
    batch = replace(batch, log_old=batch.log_old.clone())
    batch.log_old[:, 3] = -1000.0
    rule = Altruistic(AltruisticConfig(strength=1))
    found, _ = gradient(parameters, SHAPE, batch, HYPER, rule, joint_ratio=joint_ratio)
    assert found.isfinite().all()


def test_a_tower_taken_out_and_put_back_is_the_same():
    parameters = torch.arange(2.0 * SHAPE.size).view(2, -1)
    copy = torch.full_like(parameters, -1)
    for tower in range(2):
        put(copy, SHAPE, tower, own(parameters, SHAPE, tower))
    assert torch.equal(copy, parameters)
