"""Games of gradient rules at one joint point, made from functions of it."""

import torch

from commonweal.agents.gradients.base import Game


def game(losses, point, collective=None, groups=None):
    """The game at ``point`` [G, M, P]; ``losses`` and ``collective`` are functions of the point.

    The collective loss is the sum of all losses unless given, and everybody a group of their own.
    """
    parameters = point.detach().clone().requires_grad_()
    each = losses(parameters)
    whole = each.sum(1) if collective is None else collective(parameters)
    alone = torch.arange(parameters.shape[1])
    return Game(each, whole, parameters, alone if groups is None else torch.as_tensor(groups))


def pair(first, second):
    """Losses of two players with one number each, from two functions of x and y."""

    def losses(point):
        x, y = point[..., 0, 0], point[..., 1, 0]
        return torch.stack((first(x, y), second(x, y)), -1)

    return losses


def smooth(players, size, seed):
    """Random losses that are neither quadratic nor separable, and four points; float64."""
    generator, d = torch.Generator().manual_seed(seed), players * size

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64) / d**0.5

    tilt, bend, cube = random(players, d), random(players, d, d), random(players, d)

    def losses(point):
        w = point.flatten(1)
        wave = torch.sin(w @ tilt.T) + (w @ cube.T) ** 3 / 3
        return wave + torch.einsum("gi,mij,gj->gm", w, bend, w) / 2

    return losses, 3 * random(4, players, size)


def quadratic(own, collective, hessian):
    """A game at 0 with given own gradients and collective gradient [G, M] and Hessian [G, M, M]."""

    def whole(point):
        x = point.squeeze(-1)
        curved = (x.unsqueeze(1) @ hessian @ x.unsqueeze(-1)).flatten() / 2
        return curved + (collective * x).sum(1)

    return game(lambda point: own * point.squeeze(-1), torch.zeros_like(own).unsqueeze(-1), whole)


def angles_kept(of, direction):
    """Where ``direction`` keeps the claim on angles of Li et al. 2024, and what it loses; both [G].

    With the collective gradient u and the curvature c = H u: where <u, c> >= 0, near stable optima,
    the angle to c is to be no larger than that of u; where <u, c> < 0, near unstable ones, no
    smaller.  The loss is the drop in cos^2 of the angle, which is to rise in both cases.
    """
    u = torch.autograd.grad(of.collective.sum(), of.parameters, create_graph=True)[0]
    c = torch.autograd.grad(u, of.parameters, u.detach(), retain_graph=True)[0]
    before, after = (torch.cosine_similarity(x.flatten(1), c.flatten(1)) for x in (u, direction))
    before, after = before.detach(), after.detach()
    kept = torch.where(before >= 0, after >= before, after <= before)
    return kept, before**2 - after**2
