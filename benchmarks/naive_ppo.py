"""Independent PPO written plainly: one module and one optimiser per network, agent by agent.

The yardstick for `training.py`.  Learns as `commonweal.agents.learners.split_ppo` does with its
defaults: a running normalisation of inputs, generalised advantages, one step of actor and critic per
mini-batch.  Not tuned for or against.
"""

import torch
from torch import Tensor, nn

ACTIONS = 5
DISCOUNT, TRACE, CLIP, ENTROPY = 0.98, 0.97, 0.1, 0.03


def network(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of rectifiers."""
    return nn.Sequential(
        *(nn.Linear(inputs, hidden), nn.ReLU()),
        *(nn.Linear(hidden, hidden), nn.ReLU()),
        nn.Linear(hidden, outputs),
    )


class Learner:
    """One agent; X stands for the samples of a rollout, lane after lane."""

    def __init__(self, inputs: int, hidden: int) -> None:
        self.actor, self.critic = network(inputs, hidden, ACTIONS), network(inputs, hidden, 1)
        self.actor_steps = torch.optim.Adam(self.actor.parameters(), 1e-4)
        self.critic_steps = torch.optim.Adam(self.critic.parameters(), 1e-3)
        self.count, self.mean = 0.0, torch.zeros(inputs)
        self.square = torch.zeros(inputs)

    def normalised(self, seen: Tensor) -> Tensor:
        """Inputs [B, F] less the mean, over the deviation, of all that counted so far."""
        spread = (self.square / max(self.count, 1.0)).sqrt()
        return ((seen - self.mean) / torch.where(spread > 1e-4, spread, 1.0)).clamp(-10, 10)

    def look(self, seen: Tensor) -> Tensor:
        """Normalised inputs [B, F]; what is seen counts from the next time on."""
        x = self.normalised(seen)
        total, mean = self.count + len(seen), seen.mean(0)
        gap = mean - self.mean
        self.square += (seen - mean).square().sum(0) + gap.square() * self.count * len(seen) / total
        self.mean += gap * len(seen) / total
        self.count = total
        return x

    @torch.no_grad()
    def act(self, x: Tensor) -> Tensor:
        """Actions [B] at inputs [B, F]."""
        return torch.multinomial(self.actor(x).softmax(-1), 1).squeeze(1)

    @torch.no_grad()
    def advantages(self, x: Tensor, rewards: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Advantages and returns [T, B] of a rollout [T, B, F] that ``last`` [B, F] follows."""
        values = self.critic(x).squeeze(-1)
        following, later = self.critic(last).squeeze(-1), torch.zeros_like(rewards[0])
        found = torch.zeros_like(rewards)
        for t in reversed(range(len(rewards))):
            later = rewards[t] + DISCOUNT * following - values[t] + DISCOUNT * TRACE * later
            found[t], following = later, values[t]
        return found, found + values

    def step(self, x: Tensor, acts: Tensor, log_old: Tensor, credit: Tensor, goal: Tensor) -> None:
        """One step of each network on a mini-batch [X, F]."""
        self.critic_steps.zero_grad()
        (self.critic(x).squeeze(-1) - goal).square().mean().backward()
        self.critic_steps.step()
        log = self.actor(x).log_softmax(-1).gather(1, acts.unsqueeze(1)).squeeze(1)
        ratio = (log - log_old).exp()
        gain = torch.min(ratio * credit, ratio.clamp(1 - CLIP, 1 + CLIP) * credit)
        self.actor_steps.zero_grad()
        (-(gain - ENTROPY * log.exp() * log).mean()).backward()
        self.actor_steps.step()

    def study(self, x: Tensor, acts: Tensor, rewards: Tensor, last: Tensor, size: int) -> None:
        """Learn from a rollout [T, B, ...] in mini-batches of ``size`` samples."""
        advantages, returns = self.advantages(x, rewards, last)
        credit = (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-10)
        x, acts = x.flatten(0, 1), acts.flatten()
        with torch.no_grad():
            log_old = self.actor(x).log_softmax(-1).gather(1, acts.unsqueeze(1)).squeeze(1)
        parts = (x, acts, log_old, credit.flatten(), returns.flatten())
        for some in torch.randperm(len(x)).split(size):
            self.step(*(values[some] for values in parts))
