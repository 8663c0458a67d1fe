"""Gradient rules: what becomes of the learners' gradients before a step is taken.

A rule is a function of the objectives of all slots [K] (losses, differentiable), their mean over
the community and the stacked parameters [K, P]; it returns the gradient to follow, [K, P].
"""

from collections.abc import Callable

import torch
from torch import Tensor

from commonweal.agents.learners.batches import Source
from commonweal.agents.learners.descent import AdamState, ClippedSteps
from commonweal.agents.learners.objective import Hyper, objective
from commonweal.agents.learners.stacked import ActorCritics

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]


def own(objectives: Tensor, collective: Tensor, parameters: Tensor) -> Tensor:
    """Everybody follows the gradient of their own loss; the do-nothing rule."""
    return torch.autograd.grad(objectives.sum(), parameters)[0]


def follow(
    policy: ActorCritics, adam: AdamState, source: Source, hyper: Hyper, *, rule: Rule
) -> None:
    """`descend` for any rule: all slots at once, gradients by autograd.

    The rule sees the objectives of everybody, so the slots cannot be worked through in chunks.
    """
    rows = slice(0, policy.slots)
    step = ClippedSteps(policy.parameters, adam, rows, hyper)
    for batch in source(rows):
        parameters = policy.parameters.detach().requires_grad_()
        objectives = objective(parameters, policy.shape, batch, hyper)
        gradient = rule(objectives, objectives.mean(), parameters)
        with torch.no_grad():
            step(gradient.detach().clone())
