"""PPO written plainly: one module and one optimiser for every network, samples one by one."""

import torch
from torch import nn

from commonweal.agents.learners.split_steps import SplitPPOConfig


def network(stack, name, slot):
    """One network of a stack as a module of its own."""
    parts = []
    for layer in stack.layers(stack.parameters, name):
        linear = nn.Linear(layer.shape[1] - 1, layer.shape[2])
        linear.weight.data = layer[slot, :-1].T.clone()
        linear.bias.data = layer[slot, -1].clone()
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def flat(module):
    """Its parameters in the order of a row of a stack, [P]."""
    layers = [part for part in module if isinstance(part, nn.Linear)]
    rows = [torch.cat((layer.weight.T, layer.bias.unsqueeze(0))) for layer in layers]
    return torch.cat([row.flatten() for row in rows]).detach()


def adam(module, rate):
    return torch.optim.Adam(module.parameters(), lr=rate, eps=1e-8)


def log_of(actor, x, acts):
    """Log-probabilities [X] of the acts [X] at inputs [X, F]."""
    return torch.log_softmax(actor(x), -1)[torch.arange(len(acts)), acts]


def actor_loss(actor, x, acts, log_old, credit, config: SplitPPOConfig):
    """The clipped objective, and the entropy term of the action taken."""
    log = log_of(actor, x, acts)
    ratio = (log - log_old).exp()
    kept = ratio.clamp(1 - config.clip, 1 + config.clip)
    gain = torch.minimum(ratio * credit, kept * credit)
    return -(gain - config.entropy * log.exp() * log).mean()


def step(module, optimiser, loss):
    """One step of an optimiser down a loss; returns the squared norm of its gradient."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def judged(values, after, rewards, ended, truncated, discount, trace):
    """Advantages [T] of one lane; ``after``: step -> value of what followed it."""
    rounds, found = len(rewards), []
    for t in range(rounds):
        advantage, weight = 0.0, 1.0
        for s in range(t, rounds):
            if ended[s] and not truncated[s]:
                following = 0.0
            elif ended[s] or s == rounds - 1:
                following = after[s]
            else:
                following = values[s + 1]
            advantage += weight * (rewards[s] + discount * following - values[s])
            weight *= discount * trace
            if ended[s]:
                break
        found.append(advantage)
    return torch.stack(found)


def appraised(critic, x, after, rewards, ended, truncated, config):
    """Advantages and targets [T, B]; ``x`` and ``after`` [T, B, G], the others [T, B]."""
    with torch.no_grad():
        values, following = critic(x)[..., 0], critic(after)[..., 0]
    lanes = [
        judged(*(rows[:, b] for rows in (values, following, rewards, ended, truncated)),
               config.discount, config.trace)
        for b in range(x.shape[1])
    ]  # fmt: skip
    advantages = torch.stack(lanes, 1)
    return advantages, advantages + values


def standard(values):
    """Less the mean, over the deviation of the population."""
    return (values - values.mean()) / (values.std(correction=0) + 1e-10)


class Moments:
    """Inputs of one agent, normalised by all that it has seen before."""

    def __init__(self, how):
        self.how, self.seen = how, []

    def __call__(self, x):
        """Rows [B, F] before they are noted."""
        if self.how == "none":
            return x
        if not self.seen:
            return x.clamp(-10, 10)
        past = torch.cat(self.seen).double()
        spread = past.var(0, correction=0)
        spread = torch.where(spread > 1e-8, spread.sqrt(), 1.0)
        return ((x - past.mean(0)) / spread).clamp(-10, 10).float()


class Agent:
    """One agent with an actor, a critic and moments of its own."""

    def __init__(self, mind, slot):
        self.config, c = mind.config, mind.config
        self.actor = network(mind.actors, "actor", slot)
        self.critic = network(mind.critics, "critic", slot)
        self.actor_adam = adam(self.actor, c.learning_rate)
        self.critic_adam = adam(self.critic, c.critic_rate)
        self.moments, self.pending = Moments(c.inputs), None

    def study(self, seen, following, acts, utility, ended, truncated, orders=None):
        """Learn from a rollout: ``seen`` and ``following`` [T, B, F], the others [T, B]."""
        x, after = [], []
        for now, then in zip(seen, following, strict=True):
            x.append(self.moments(now))
            after.append(self.moments(then))
            self.moments.seen.append(now)
        x, after, c = torch.stack(x), torch.stack(after), self.config
        advantages, targets = appraised(self.critic, x, after, utility, ended, truncated, c)
        x, acts, targets = x.flatten(0, 1), acts.flatten(), targets.flatten()
        credit = standard(advantages.flatten())
        with torch.no_grad():
            log_old = log_of(self.actor, x, acts)
        for epoch in range(c.epochs):
            whole = torch.arange(len(acts))
            order = whole if orders is None else orders[epoch]
            for some in order.split(c.batch or len(order)):
                loss = (self.critic(x[some])[:, 0] - targets[some]).square().mean()
                step(self.critic, self.critic_adam, loss)
                if not self._descend(x[some], acts[some], log_old[some], credit[some]):
                    return

    def _descend(self, x, acts, log_old, credit):
        """One step of the actor; false if its gradient is too small for one."""
        if self.pending is not None:
            self._set(self.pending)
            self.actor_adam.step()
        self.actor_adam.zero_grad()
        actor_loss(self.actor, x, acts, log_old, credit, self.config).backward()
        gradient = [p.grad.clone() for p in self.actor.parameters()]
        if sum(float(g.square().sum()) for g in gradient) <= self.config.tolerance:
            self.pending = None
            return False
        if self.config.delayed:
            self.pending = gradient
        else:
            self.actor_adam.step()
        return True

    def _set(self, gradient):
        for parameter, own in zip(self.actor.parameters(), gradient, strict=True):
            parameter.grad = own.clone()
