"""LASE written plainly, from algorithm 1 of Kong et al. 2024: the yardstick for `gifts.py`.

One module per network and one optimiser per learner for each agent; loops over agents, over the
co-players of each, and over rounds.  For each co-player: the converted observation, the policy
inferred from it, and own values of all it might have done.  All of it is batched over lanes, so
that with one lane at a time it is the loop as one would first write it down, and with all lanes
at once a stronger one.  It is not tuned for or against.  Two actions, 0 = cooperate, 1 = defect.

Letters: L lanes, T rounds, N agents, D neighbours of each, F inputs, A actions.
"""

import random
from collections import deque
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, one_hot

ACTIONS, NOTHING, STATES = 2, 2, 5
DISCOUNT, VALUE_WEIGHT, MAX_NORM, LEARNING_RATE = 0.99, 0.5, 1.0, 1e-3
EXPLORE_START, EXPLORE_END, EXPLORE_EPISODES = 0.5, 0.05, 2000
CAPACITY, BATCH, MINIBATCHES, DELTA = 5000, 64, 8, 0.1

Episode = tuple[Tensor, Tensor, Tensor, Tensor]
"""what one agent lived through: seen [T, F], own moves [T], those of others [T, D], rewards [T]"""


def tower(widths: tuple[int, ...], last: float) -> nn.Sequential:
    """Rectified layers; starting weights as in Commonweal."""
    layers = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        nn.init.orthogonal_(layers[-2].weight, 2**0.5)
        nn.init.zeros_(layers[-2].bias)
    nn.init.orthogonal_(layers[-2].weight, last)
    return nn.Sequential(*layers[:-1])


class Learner:
    """One agent: acting networks, SR networks, conversion network, and what it remembers."""

    def __init__(self, neighbours: int) -> None:
        """Start anew among so many neighbours."""
        inputs, joint = STATES * neighbours, ACTIONS * (1 + neighbours)
        self.actor = tower((inputs, 32, ACTIONS), last=0.01)
        self.critic = tower((inputs, 32, 1), last=1.0)
        self.sr_actor = tower((inputs, 32, ACTIONS), last=0.01)
        self.sr_critic = tower((inputs + joint, 32, 1), last=0.01)
        self.convert = tower((inputs + neighbours, 32, 32, inputs), last=1.0)
        self.acting = self.optimiser(self.actor, self.critic)
        self.relating = self.optimiser(self.sr_actor, self.sr_critic)
        self.converting = self.optimiser(self.convert)
        self.neighbours = neighbours
        self.identities = torch.eye(neighbours)
        self.episodes: deque[Episode] = deque(maxlen=CAPACITY)
        self.played = 0

    @staticmethod
    def optimiser(*modules: nn.Module) -> torch.optim.Adam:
        """Adam over some networks."""
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.Adam(parameters, lr=LEARNING_RATE, eps=1e-5)

    # ---- acting and giving -----------------------------------------------------------------

    def mixture(self, seen: Tensor) -> Tensor:
        """Probabilities [B, A] with exploration at ``seen`` [B, F]."""
        share = EXPLORE_END - EXPLORE_START
        share = EXPLORE_START + share * min(1, self.played / EXPLORE_EPISODES)
        return (1 - share) * self.actor(seen).softmax(-1) + share / ACTIONS

    @torch.no_grad()
    def act(self, seen: Tensor) -> Tensor:
        """Moves [B]."""
        return torch.multinomial(self.mixture(seen), 1).squeeze(-1)

    def joint_value(self, seen: Tensor, own: Tensor, others: Tensor) -> Tensor:
        """Own values [...] of joint moves [...] and [..., D]."""
        moves = torch.cat((own.unsqueeze(-1), others), -1)
        joint = one_hot(moves, ACTIONS).flatten(-2).float()
        return self.sr_critic(torch.cat((seen, joint), -1)).squeeze(-1)

    def simulate(self, seen: Tensor, neighbour: int) -> Tensor:
        """What a neighbour may see [..., F]."""
        who = self.identities[neighbour].expand(*seen.shape[:-1], -1)
        return self.convert(torch.cat((seen, who), -1)).sigmoid()

    @torch.no_grad()
    def weights(self, seen: Tensor, own: Tensor, others: Tensor) -> Tensor:
        """Shares [B, D] for the neighbours after a round."""
        found = []
        for j in range(self.neighbours):
            inferred = self.sr_actor(self.simulate(seen, j)).softmax(-1)
            options = others.repeat(ACTIONS, 1, 1)
            options[..., j] = torch.arange(ACTIONS).unsqueeze(-1)
            copies = seen.expand(ACTIONS, -1, -1), own.expand(ACTIONS, -1)
            values = self.joint_value(*copies, options).T
            real = values.gather(-1, others[:, j : j + 1]).squeeze(-1)
            spread = values.amax(-1) - values.amin(-1)
            weight = (real - (inferred * values).sum(-1)) / (self.neighbours * spread)
            found.append(torch.where(spread < 1e-8, 0.0, weight.clamp(min=0)))
        return torch.stack(found, -1)

    # ---- learning --------------------------------------------------------------------------

    def learn_to_act(self, seen: Tensor, moves: Tensor, totals: Tensor, last: Tensor) -> None:
        """One step on whole episodes [T, L, ...]; ``last`` [L, F] is seen when time is up."""
        with torch.no_grad():
            following, returns = self.critic(last).squeeze(-1), torch.empty_like(totals)
            for t in reversed(range(len(totals))):
                following = returns[t] = totals[t] + DISCOUNT * following
        values = self.critic(seen).squeeze(-1)
        log = self.mixture(seen).gather(-1, moves.unsqueeze(-1)).squeeze(-1).log()
        loss = -((returns - values.detach()) * log).mean()
        descend(self.acting, loss + VALUE_WEIGHT * mse_loss(values, returns))
        self.played += totals.shape[1]

    def draw(self) -> Episode:
        """Episodes of a mini-batch, each field [n, T, ...]; all where there are no more."""
        drawn = list(self.episodes)
        if len(drawn) > BATCH:
            drawn = random.choices(drawn, k=BATCH)
        return tuple(torch.stack(field) for field in zip(*drawn, strict=True))

    def learn_relations(self, batch: Episode) -> None:
        """One step of the SR networks, on own rewards alone."""
        seen, own, others, rewards = batch
        values = self.joint_value(seen, own, others)
        target = rewards[:, :-1] + DISCOUNT * values[:, 1:].detach()
        error = (target - values[:, :-1]).detach()
        log = self.sr_actor(seen[:, :-1]).log_softmax(-1)
        taken = log.gather(-1, own[:, :-1].unsqueeze(-1)).squeeze(-1)
        loss = -(error * taken).mean() + VALUE_WEIGHT * mse_loss(values[:, :-1], target)
        descend(self.relating, loss)

    def learn_to_convert(self, batch: Episode) -> None:
        """One step of the conversion network, through the SR policy."""
        seen, _, others, _ = batch
        loss = 0.0
        for j in range(self.neighbours):
            simulated = self.simulate(seen, j)
            logits = self.sr_actor(simulated).flatten(0, 1)
            loss = loss + (1 - DELTA) * cross_entropy(logits, others[..., j].flatten())
            loss = loss + DELTA * (simulated - seen).abs().sum(-1).mean()
        descend(self.converting, loss / self.neighbours)

    def study(self) -> None:
        """All mini-batches after a rollout."""
        batches = [self.draw() for _ in range(MINIBATCHES)]
        for batch in batches:
            self.learn_relations(batch)
        for batch in batches:
            self.learn_to_convert(batch)


def descend(optimiser: torch.optim.Adam, loss: Tensor) -> None:
    """One clipped step of the optimiser's own parameters alone."""
    (group,) = optimiser.param_groups
    optimiser.zero_grad()
    loss.backward(inputs=group["params"])
    nn.utils.clip_grad_norm_(group["params"], MAX_NORM)
    optimiser.step()


# ---- the game --------------------------------------------------------------------------------


def observe(last: Tensor, near: Tensor) -> Tensor:
    """State of each link, s0, CC, CD, DC, DD, one-hot [L, N, 5 D], after the moves ``last`` [L, N]."""
    own = last.unsqueeze(-1)
    states = torch.where(own == NOTHING, 0, 1 + 2 * own + last[:, near])
    return one_hot(states, STATES).flatten(-2).float()


def transfer(shares: Tensor, rewards: Tensor, near: Tensor) -> Tensor:
    """Rewards [L, N] after everybody gave ``shares`` [L, N, D] of its own."""
    totals = rewards.clone()
    for giver, neighbours in enumerate(near.tolist()):
        for place, receiver in enumerate(neighbours):
            gift = shares[:, giver, place] * rewards[:, giver]
            totals[:, giver] -= gift
            totals[:, receiver] += gift
    return totals


def rollout(
    learners: list[Learner], near: Tensor, matrix: Tensor, last: Tensor, rounds: int
) -> dict[str, Tensor]:
    """Play so many rounds from the moves ``last`` [L, N]; a record [T, L, N, ...] of them."""
    rows = []
    for _ in range(rounds):
        seen = observe(last, near)
        last = torch.stack([one.act(seen[:, i]) for i, one in enumerate(learners)], -1)
        others = last[:, near]
        rewards = matrix[last.unsqueeze(-1), others].sum(-1)
        shares = [
            one.weights(seen[:, i], last[:, i], others[:, i]) for i, one in enumerate(learners)
        ]
        shares = torch.stack(shares, 1)
        rows.append((seen, last, others, rewards, shares, transfer(shares, rewards, near)))
    names = ("seen", "moves", "others", "rewards", "shares", "totals")
    fields = (torch.stack(field) for field in zip(*rows, strict=True))
    return dict(zip(names, fields, strict=True)) | {"last": observe(last, near)}


def remember(learner: Learner, record: dict[str, Tensor], agent: int) -> None:
    """Keep the episodes of all lanes."""
    for lane in range(record["moves"].shape[1]):
        names = ("seen", "moves", "others", "rewards")
        learner.episodes.append(tuple(record[name][:, lane, agent] for name in names))


def teach(learner: Learner, record: dict[str, Tensor], agent: int) -> None:
    """All that one agent learns after a rollout."""
    own = (record[name][:, :, agent] for name in ("seen", "moves", "totals"))
    learner.learn_to_act(*own, record["last"][:, agent])
    remember(learner, record, agent)
    learner.study()
