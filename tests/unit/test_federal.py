"""Common models by hand: pulls, uploads, aggregation, and who is left out of them."""

import pytest
import torch

from commonweal.agents.exchanges.federal import (
    Federal,
    FederalConfig,
    aggregate,
    draw_together,
    proximal,
    pull,
    senders,
    upload,
)
from commonweal.networks.federations import Meeting, identity


def federal(**settings):
    return Federal(FederalConfig(**settings))


def meeting(members):
    members = torch.tensor(members)
    return Meeting(members, identity(members))


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


THETA = torch.tensor([[[1.0], [3.0], [100.0]]], dtype=torch.float64)
COMMONS = torch.tensor([[[0.0], [2.0]]], dtype=torch.float64)
TWO_OF_THREE = [[True, True, False]]


# ---- the equations --------------------------------------------------------------------------


def test_one_pull_by_hand():
    assert pull(torch.tensor(2.0), torch.tensor(6.0), 0.25) == 3
    assert proximal(torch.tensor(2.0), torch.tensor(6.0), 0.5) == -2
    assert upload(torch.tensor(6.0), torch.tensor(2.0), 0.25) == 5
    assert draw_together(torch.tensor(6.0), torch.tensor(2.0), 0.25) == 5


def test_the_proximal_gradient_is_that_of_the_square():
    theta = drawn(5).requires_grad_()
    omega = drawn(5, seed=1)
    (1.5 * (theta - omega).square().sum()).backward()
    assert torch.allclose(proximal(theta.detach(), omega, 3.0), theta.grad)


def test_only_members_are_averaged():
    omega = torch.tensor([[4.0], [4.0]])
    uploads = torch.tensor([[[0.0], [2.0], [float("nan")]], [[0.0], [2.0], [9.0]]])
    members = torch.tensor([[True, True, False], [False, False, False]])
    assert aggregate(omega, uploads, members, 0.5).tolist() == [[2.5], [4.0]]


@pytest.mark.parametrize("eta", [0.3, 1.0, 1.5])
def test_uploads_and_aggregation_in_closed_form(eta):
    omega, theta, rate = drawn(2, 4), drawn(2, 6, 4, seed=1), 0.2
    members = torch.tensor([[True] * 3 + [False] * 3, [True, False] * 3])
    found = aggregate(omega, upload(omega.unsqueeze(1), theta, rate), members, eta)
    mean = torch.stack([theta[r, members[r]].mean(0) for r in range(2)])
    assert torch.allclose(found, omega - eta * rate * (omega - mean), atol=1e-12)


def test_the_whole_way_is_the_plain_mean():
    theta = drawn(1, 4, 3)
    everybody = torch.ones(1, 4, dtype=torch.bool)
    sent = upload(drawn(1, 3, seed=1).unsqueeze(1), theta, 0.8)
    found = aggregate(drawn(1, 3, seed=1), sent, everybody, 1.25)
    assert torch.allclose(found, theta.mean(1), atol=1e-12)


# ---- a meeting ------------------------------------------------------------------------------


def test_a_meeting_by_hand():
    exchange = federal(utilitarian=2.0, egalitarian=4.0, rate=0.125, federation_rate=0.5)
    theta, models = exchange.apply(THETA, THETA, COMMONS, meeting(TWO_OF_THREE))
    # A quarter of the way to 0, then half of the rest to 2.
    assert theta.flatten().tolist() == [1.375, 2.125, 38.5]
    # Members send a quarter of 1.375 and 2.125; half of their mean; then half of the way to 2.
    assert models.flatten().tolist() == [0.109375 + 1, 2]


def test_pulls_follow_one_another():
    theta, commons = drawn(2, 3, 4), drawn(2, 2, 4, seed=1)
    exchange = federal(utilitarian=3.0, egalitarian=5.0, rate=0.1)
    found, _ = exchange.apply(theta, theta, commons, meeting([[True] * 3] * 2))
    omega, omega_bar = commons.unsqueeze(2).unbind(1)
    closed = (1 - 0.5) * ((1 - 0.3) * theta + 0.3 * omega) + 0.5 * omega_bar
    assert torch.allclose(found, closed, atol=1e-12)
    other_order = (1 - 0.3) * ((1 - 0.5) * theta + 0.5 * omega_bar) + 0.3 * omega
    assert not torch.allclose(found, other_order, atol=1e-3)


def test_the_code_for_ppo_sends_theta():
    exchange = federal(rate=0.1, federation_rate=1.5, upload="theta")
    theta, models = exchange.apply(THETA, THETA, COMMONS, meeting(TWO_OF_THREE))
    # 0.9 * (0.9 * x) + 0.2, and the mean of the two members' is 1.82.
    assert theta.flatten().tolist() == pytest.approx([1.01, 2.63, 81.2])
    moved = -0.5 * 0 + 1.5 * 1.82
    assert models.flatten().tolist() == pytest.approx([0.9 * moved + 0.2, 2])


@pytest.mark.parametrize("sent", ["omega_up", "theta"])
@pytest.mark.parametrize("place", ["post_step", "in_loss"])
def test_outsiders_never_reach_the_common_models(sent, place):
    exchange = federal(upload=sent, proximal=place, rate=0.1)
    other = THETA.clone()
    other[0, 2] = -7
    found = [exchange.apply(x, x, COMMONS, meeting(TWO_OF_THREE))[1] for x in (THETA, other)]
    assert torch.equal(*found)
    other[0, 0] = -7
    assert not torch.equal(
        exchange.apply(other, other, COMMONS, meeting(TWO_OF_THREE))[1], found[0]
    )


def test_riders_are_pulled_and_send_nothing():
    """Agent 1 listens to agent 0 and is not heard; agent 2 stays by itself and sends."""
    weights = torch.tensor([[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]])
    riding = Meeting(torch.ones(1, 3, dtype=torch.bool), weights)
    # Without the rider agent 0 listens to nobody, and it is heard.
    assert senders(riding).tolist() == [[True, False, True]]
    exchange = federal(upload="theta", rate=0.25, egalitarian=0.0)
    theta, models = exchange.apply(THETA, THETA, COMMONS, riding)
    assert theta.flatten().tolist() == [0.75, 2.25, 75]
    assert models.flatten().tolist() == [(0.75 + 75) / 2, 2]


def test_outsiders_may_be_left_where_they_are():
    theta, _ = federal(pulled="members").apply(THETA, THETA, COMMONS, meeting(TWO_OF_THREE))
    assert torch.equal(theta[0, 2], THETA[0, 2]) and not (theta[0, :2] == THETA[0, :2]).any()


def test_replicates_do_not_touch():
    theta, commons = drawn(2, 3, 4), drawn(2, 2, 4, seed=1)
    other, others = theta.clone(), commons.clone()
    other[1], others[1] = 8, 9
    both = meeting([[True, True, False]] * 2)
    found, models = federal().apply(theta, theta, commons, both)
    again, same = federal().apply(other, other, others, both)
    assert torch.equal(found[0], again[0]) and torch.equal(models[0], same[0])


@pytest.mark.parametrize("place", ["post_step", "in_loss"])
def test_without_strength_agents_learn_alone_bit_for_bit(place):
    exchange = federal(utilitarian=0.0, egalitarian=0.0, proximal=place)
    theta, own = drawn(2, 3, 4).float(), drawn(2, 3, 4, seed=2).float()
    commons = drawn(2, 2, 4, seed=1).float()
    found, _ = exchange.apply(theta, theta, commons, meeting([[True] * 3] * 2))
    assert torch.equal(found, theta)
    (gradient,) = exchange.gradients(own, theta, None)
    assert torch.equal(gradient, own)


def test_the_common_models_handed_in_are_left_alone():
    commons, theta = COMMONS.clone(), THETA.clone()
    federal(rate=0.5).apply(theta, theta, commons, meeting(TWO_OF_THREE))
    assert torch.equal(commons, COMMONS) and torch.equal(theta, THETA)


# ---- pulls as part of the loss --------------------------------------------------------------


def test_pulls_in_the_loss_start_with_the_first_meeting():
    exchange = federal(utilitarian=2.0, egalitarian=4.0, rate=0.25, proximal="in_loss")
    assert exchange.steers and not federal().steers
    own = torch.ones_like(THETA)
    assert exchange.gradients(own, THETA, meeting(TWO_OF_THREE))[0] is own
    theta, models = exchange.apply(THETA, THETA, COMMONS, meeting(TWO_OF_THREE))
    assert torch.equal(theta, THETA)
    # Half of the members' mean, then all the way to omega bar.
    assert models.flatten().tolist() == [2, 2]
    (drawn_to,) = exchange.gradients(own, THETA, None)
    assert drawn_to.flatten().tolist() == [1 - 6, 1 + 6, 1 + 6 * 98]


def test_pulls_in_the_loss_go_to_the_copies_of_the_last_meeting():
    exchange = federal(proximal="in_loss", rate=0.0)
    exchange.apply(THETA, THETA, COMMONS, meeting(TWO_OF_THREE))
    own = torch.zeros_like(THETA)
    (drawn_to,) = exchange.gradients(own, THETA, None)
    assert drawn_to.flatten().tolist() == [1 - 1, 3 + 1, 100 + 98]
    exchange.apply(THETA, THETA, COMMONS + 10, meeting(TWO_OF_THREE))
    (later,) = exchange.gradients(own, THETA, None)
    assert later.flatten().tolist() == [0 - 20, 4 - 20, 198 - 20]


def test_only_members_hold_copies_if_only_they_are_pulled():
    exchange = federal(proximal="in_loss", pulled="members")
    exchange.apply(THETA, THETA, COMMONS, meeting(TWO_OF_THREE))
    own = torch.zeros_like(THETA)
    (found,) = exchange.gradients(own, THETA, None)
    assert (found[0, :2] != own[0, :2]).any() and torch.equal(found[0, 2], own[0, 2])


def test_copies_survive_a_resumed_run():
    exchange, fresh = federal(proximal="in_loss"), federal(proximal="in_loss")
    assert exchange.state() == {}
    exchange.apply(THETA, THETA, COMMONS, meeting(TWO_OF_THREE))
    fresh.load(exchange.state())
    own = torch.ones_like(THETA)
    one, other = (x.gradients(own, THETA, None)[0] for x in (exchange, fresh))
    assert torch.equal(one, other) and not torch.equal(one, own)
    fresh.load({})
    assert fresh.gradients(own, THETA, None)[0] is own
