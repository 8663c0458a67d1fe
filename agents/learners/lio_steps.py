"""One pair of rollouts of LIO as pure functions: how recipients step, and what givers make of it.

Recipient j takes one step of plain gradient ascent on an old rollout,
``theta_hat_j = theta_j + alpha g_j(eta)``, in which the incentives that it received count as reward.
So theta_hat depends on the parameters eta of those who gave, and a giver can differentiate what a new
rollout, lived through with theta_hat, brought to itself (Yang et al. 2020, Algorithm 1).

Letters: X policies, T rounds, B lanes, Y views, F features, A actions, P parameters of a policy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents.learners.exploration import exploring
from commonweal.agents.learners.multilayer import run


@dataclass(frozen=True)
class Lived:
    """What X agents saw and did in one rollout."""

    views: Tensor
    """[X, Y, F]: the different views"""
    places: Tensor
    """[X, T, B] int64: which of them was seen"""
    acts: Tensor
    """[X, T, B] int64: what was done"""
    ended: Tensor
    """[X, T, B] bool: whether the episode was over then"""
    share: Tensor
    """[X, 1, 1]: share eps of uniform moves among those done"""

    @property
    def features(self) -> Tensor:
        """[X, T * B, F]: what was seen."""
        index = self.places.flatten(1).unsqueeze(-1).expand(-1, -1, self.views.shape[-1])
        return self.views.gather(1, index)

    def of(self, rows: Tensor) -> "Lived":
        """The same of some agents, ``rows`` [X']."""
        return Lived(*(value[rows] for value in vars(self).values()))


def to_go(rewards: Tensor, ended: Tensor, discount: float) -> Tensor:
    """Discounted returns ``G_t = r_t + gamma (1 - ended_t) G_{t+1}``, [X, T, B]; differentiable.

    Nothing is known of what follows the last round of a rollout, which counts as nothing.
    """
    weights = discount * (~ended).to(rewards.dtype)
    sums = [rewards[:, -1]]
    for t in reversed(range(rewards.shape[1] - 1)):
        sums.append(rewards[:, t] + weights[:, t] * sums[-1])
    return torch.stack(sums[::-1], 1)


def against_others(returns: Tensor) -> Tensor:
    """Returns [X, T, B] less the mean of those of the other lanes at the same round.

    What other lanes brought does not depend on what was done in this one, so a policy gradient keeps
    its mean and loses most of its variance.  A single lane has none to compare with.
    """
    lanes = returns.shape[-1]
    if lanes == 1:
        return returns
    return (returns - returns.mean(-1, keepdim=True)) * (lanes / (lanes - 1))


def chances(layers: Sequence[Tensor], lived: Lived) -> Tensor:
    """Logarithms of the probabilities of all moves at all views, explored ones among them, [X, Y, A]."""
    mixture = exploring(run(layers, lived.views).softmax(-1), lived.share)
    return mixture.clamp(min=torch.finfo(mixture.dtype).tiny).log()


def taken(log: Tensor, lived: Lived) -> Tensor:
    """Entries of ``log`` [X, Y, A] for what was seen and done, [X, T, B]."""
    places = lived.places * log.shape[-1] + lived.acts
    return log.flatten(1).gather(1, places.flatten(1)).view(places.shape)


def score(log: Tensor, returns: Tensor, lived: Lived) -> Tensor:
    """``sum_t log m(a_t) G_t``, mean over lanes, [X]: its slope is the policy gradient."""
    return (taken(log, lived) * returns).sum(1).mean(-1)


def stepped(
    parameters: Tensor,
    layers: Callable[[Tensor], Sequence[Tensor]],
    lived: Lived,
    returns: Tensor,
    rate: float,
    entropy: float,
) -> Tensor:
    """``theta_hat = theta + alpha d/d theta [sum_t log m(a_t) G_t + beta sum_t H(m)]``, [X, P].

    Differentiable in ``returns``, so that what is built into them can be traced through the step.
    Source: Yang et al. 2020, update of the recipient; policies explore by a mixture m there as here.

    Args:
        parameters: [X, P] theta; taken as constants.
        layers: [X, P] -> layers of the policies.
        lived: the old rollout.
        returns: [X, T, B] G, incentives included.
        rate: alpha.
        entropy: beta.
    """
    leaf = parameters.detach().requires_grad_()
    log = chances(layers(leaf), lived)
    spread = -(log.exp() * log).sum(-1)
    bonus = spread.gather(1, lived.places.flatten(1)).view(lived.places.shape).sum(1).mean(-1)
    gain = score(log, returns, lived) + entropy * bonus
    (slope,) = torch.autograd.grad(gain.sum(), leaf, create_graph=returns.requires_grad)
    return leaf.detach() + rate * slope


def spent(given: Tensor, ended: Tensor, discount: float) -> Tensor:
    """``sum_t gamma^t |r_t|_1`` of what was given, mean over lanes, [K]; t counts within episodes.

    Source: Yang et al. 2020, cost of incentives.

    Args:
        given: [K, T, B, D] incentives, never negative.
        ended: [K, T, B] bool.
        discount: gamma.
    """
    weight, weights = torch.ones_like(given[:, 0, :, 0]), []
    for t in range(given.shape[1]):
        weights.append(weight)
        weight = torch.where(ended[:, t], torch.ones_like(weight), discount * weight)
    return (given.sum(-1) * torch.stack(weights, 1)).sum(1).mean(-1)
