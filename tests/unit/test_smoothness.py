"""Payoffs that cannot be followed are found before the game begins; those that can are not."""

import pytest
import torch

from commonweal.errors import BrokenContract
from tests.games import Squares, game, paying


class Once(torch.autograd.Function):
    """The square, whose gradient is a constant to autograd."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g


class Lost(Once):
    """The same, without a word about it."""

    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0].detach() * g.detach()


class Wrong(Once):
    """The square, with the gradient of its half."""

    @staticmethod
    def backward(ctx, g):
        return ctx.saved_tensors[0] * g


def of(function):
    """Each player earns a function of its own action, plus all of the joint action's sum."""
    return lambda actions: function(actions[..., 0]) + actions.sum((-1, -2)).unsqueeze(-1)


def partly(actions):
    """The first player's reward is rounded, the second's is not."""
    one, two = actions[..., 0, 0], actions[..., 1, 0]
    return torch.stack((two + 0.01 * torch.floor(3 * one), one * two), -1)


def winner(actions):
    """One unit to the highest bid."""
    own = actions[..., 0]
    return (own == own.max(-1, keepdim=True).values).to(own) - own


@pytest.mark.parametrize(
    ("payoffs", "says"),
    [
        (lambda a: a.sum((-1, -2)), r"have the shape \[3\]; \[3, 2\] is needed"),
        (lambda a: a, r"have the shape \[3, 2, 1\]; \[3, 2\] is needed"),
        (lambda a: [1.0], "are a list; a tensor"),
        (lambda a: a[..., 0] @ torch.eye(2, dtype=torch.float64), "torch.float32 fail: Runtime"),
        (lambda a: a[..., 5], "fail: IndexError"),
        (lambda a: a[:, :, 0] * 1.0, "fail: IndexError|have the shape"),
        (lambda a: a[..., 0].float(), "turn torch.float64 into torch.float32"),
        (lambda a: a[..., 0] / 0, "are not finite everywhere"),
        (lambda a: a[..., 0] - a.mean(), "depend on others that are given with it"),
        (lambda a: a[..., 0] + torch.rand(()), "differ from call to call"),
        (lambda a: a[..., 0].detach(), "let no gradient through"),
        (lambda a: torch.from_numpy(a.detach().numpy())[..., 0], "let no gradient through"),
        (lambda a: torch.from_numpy(a[..., 0].numpy()), "fail: RuntimeError.*numpy"),
        (lambda a: torch.ones_like(a[..., 0]), "let no gradient through"),
        (lambda a: a[..., 0] * a.detach().sum((-1, -2))[..., None], "their gradient says"),
        (of(Wrong.apply), "their gradient says"),
        (of(lambda x: x.round() + (x - x.detach())), "their gradient says"),
        (of(Once.apply), "cannot be differentiated twice: "),
        (of(Lost.apply), "cannot be differentiated twice: their gradient changes"),
        (of(lambda x: torch.floor(3 * x)), "jump by"),
        (of(torch.round), "jump by"),
        (of(lambda x: torch.sign(x - 0.4)), "jump by"),
        (of(lambda x: (x > 0.6).to(x)), "jump by"),
        (partly, "jump by"),
        (winner, "jump by"),
        (of(lambda x: torch.sqrt(x - 0.2)), "are not finite everywhere"),
        (of(lambda x: torch.where(x > 0.4, (x - 0.4).sqrt(), 0)), "have a gradient that is not"),
        (of(lambda x: 1 / (x - 0.4)), "jump by"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_line(payoffs, says):
    with pytest.raises(BrokenContract, match=says) as caught:
        game(paying(payoffs))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("world games: payoffs ")


@pytest.mark.parametrize(
    "payoffs",
    [
        lambda a: a[..., 0],
        lambda a: 1e-6 * a[..., 0] + 1e6,
        lambda a: a.prod(-2).expand(a.shape[:-1]),
        of(lambda x: torch.sin(40 * x)),
        of(lambda x: torch.sigmoid(1000 * (x - 0.4))),
        of(lambda x: torch.log(x)),
        of(lambda x: 1e8 * x**2),
        # Kinks are no jumps, and seen only where they are hit.
        of(lambda x: torch.relu(x - 0.4)),
        of(lambda x: (x - 0.4).abs()),
        of(lambda x: torch.minimum(x, x.flip(-1))),
    ],
)
@pytest.mark.parametrize("players", [2, 60])
def test_what_can_be_followed_is_let_through(payoffs, players):
    world = game(paying(payoffs), players)
    assert world.spec.payoffs(torch.rand(7, players, 1)).shape == (7, players)


def test_a_jump_anywhere_among_many_is_seen():
    def one_rounds(actions):
        own = actions[..., 0]
        return torch.cat((own[..., :-1], torch.round(own[..., -1:])), -1) - own.mean(-1, True)

    with pytest.raises(BrokenContract, match="jump by|their gradient says"):
        game(paying(one_rounds), 200)


def test_the_windows_own_scale_counts():
    class Config(Squares.Config):
        @property
        def window(self):
            return 1e5, 1e5 + 1e-3

    game(type("Far", (Squares,), {"Config": Config}))


def test_whoever_asks_without_gradients_gets_the_same_answer():
    with torch.no_grad():
        game("toy_game")
        with pytest.raises(BrokenContract, match="jump by"):
            game(paying(of(torch.round)))
