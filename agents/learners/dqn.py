"""Deep Q-learning, every agent for itself: the learner of independent DQN.

One step of Adam per mini-batch down the squared error ``(r + gamma Q'(s', a') - Q(s, a))^2``, clipped by
the agent's own norm (Mnih et al. 2015, who cut off single errors instead; as a baseline of cooperation
Dong et al. 2024).  Letters as in `commonweal.agents.learners.q_networks`.
"""

from typing import final

import torch
from torch import Tensor

from commonweal.agents.learners.q_networks import QMind, taken


@final
class DQN(QMind):
    """A stack of Q-networks that learn from their own transitions, and may share gradients."""

    sees_gradients = True

    def improve(self) -> None:
        """One step on transitions that every slot draws for itself."""
        drawn = self.buffer.sample(self.config.batch, self.seat.generator)
        gradient = self.gradient(drawn, self.targets(drawn))
        own, *received = self.sharing(gradient, self.policy.parameters)
        self.policy.step(own, self.config.hyper())
        for turn in received:
            self.policy.step_some(turn, self.config.hyper())

    def targets(self, drawn: dict[str, Tensor]) -> Tensor:
        """``r + gamma Q'(s', a')`` [K, X], without the second term where nothing follows."""
        follows = self.promised(drawn["after"]) * drawn["goes_on"]
        return drawn["utility"] + self.config.discount * follows

    def gradient(self, drawn: dict[str, Tensor], targets: Tensor) -> Tensor:
        """Slopes [K, P] of each slot's mean squared error to ``targets`` [K, X]."""

        def loss(parameters: Tensor, some: slice) -> Tensor:
            values = self.recalled(parameters, drawn["seen"][some], some)
            return (taken(values, drawn["acts"][some]) - targets[some]).square().mean(1)

        leaf = self.policy.parameters.detach().requires_grad_()
        (found,) = torch.autograd.grad(loss(leaf, slice(None)).sum(), leaf)
        return found
