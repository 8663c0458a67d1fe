"""Gradient rules: what becomes of the learners' gradients before a step is taken.

A rule is a function of the objectives of all slots [K] (losses, differentiable), their mean over
the community and the stacked parameters [K, P]; it returns the gradient to follow, [K, P].
"""

from collections.abc import Callable

import torch
from torch import Tensor

from commonweal.agents.learners.batches import Source
from commonweal.agents.learners.descent import AdamState
from commonweal.agents.learners.objective import Hyper, objective
from commonweal.agents.learners.stacked import ActorCritics

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]


def own(objectives: Tensor, collective: Tensor, parameters: Tensor) -> Tensor:
    """Everybody follows the gradient of their own loss; the do-nothing rule."""
    return torch.autograd.grad(objectives.sum(), parameters)[0]


def follow(
    policy: ActorCritics, adam: AdamState, source: Source, hyper: Hyper, *, rule: Rule
) -> None:
    """`descend` for any rule: all slots at once, gradients by autograd (Kingma and Ba 2015).

    The rule sees the objectives of everybody, so the slots cannot be worked through in chunks.
    """
    beta1, beta2 = hyper.betas
    for batch in source(slice(0, policy.slots)):
        parameters = policy.parameters.detach().requires_grad_()
        objectives = objective(parameters, policy.shape, batch, hyper)
        gradient = rule(objectives, objectives.mean(), parameters).detach()
        norm = gradient.norm(dim=1, keepdim=True)
        gradient = gradient * (hyper.max_norm / (norm + 1e-6)).clamp(max=1.0)
        adam.steps += 1
        steps = adam.steps[:, None]
        adam.first.lerp_(gradient, 1 - beta1)
        adam.second.lerp_(gradient.square(), 1 - beta2)
        scale = (adam.second / (1 - beta2**steps)).sqrt() + hyper.eps
        policy.parameters -= hyper.learning_rate * adam.first / (1 - beta1**steps) / scale
