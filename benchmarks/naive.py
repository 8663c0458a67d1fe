"""The same job written plainly: one module and one optimiser per agent, a loop over agents.

LR2 on a periodic square lattice (Ren et al. 2025; sections 1 to 6 of the specification): both
policies act, verdicts become reputations, and rollouts train the dilemma policies and the
evaluation policies in turn.  Batched over lanes and neighbours, as anyone would; all else is an
agent at a time, by autograd.  It is the yardstick for the stacked learners and is not tuned for
or against.

    python benchmarks/naive.py 100
"""

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributions import Categorical

TEMPTATION, SUCKER = 1.3, -0.33
MEMORY, SHARE = 0.6, 0.6
DISCOUNT, TRACE, CLIP, MAX_NORM = 0.99, 0.05, 0.2, 0.5
ENTROPY, ALIGNMENT, LEARNING_RATE = 0.05, 0.2, 0.01
EPOCHS, BATCH, NEIGHBOURS = 5, 40, 4


def tower(inputs: int, outputs: int, last_gain: float) -> nn.Sequential:
    layers = []
    for wide, narrow, gain in ((inputs, 32, 2**0.5), (32, 32, 2**0.5), (32, outputs, last_gain)):
        linear = nn.Linear(wide, narrow)
        nn.init.orthogonal_(linear.weight, gain)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class ActorCritic(nn.Module):
    """One role of one agent, with its optimiser."""

    def __init__(self, inputs: int) -> None:
        """Start as Ren et al. 2025 do."""
        super().__init__()
        self.actor = tower(inputs, 2, 0.01)
        self.critic = tower(inputs, 1, 1.0)
        self.optimiser = torch.optim.Adam(self.parameters(), lr=LEARNING_RATE, eps=1e-5)

    def act(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Action, its log-probability and the value at ``x [B, F]``."""
        with torch.no_grad():
            choice = Categorical(logits=self.actor(x))
            action = choice.sample()
            return action, choice.log_prob(action), self.value(x)

    def value(self, x: Tensor) -> Tensor:
        """Values [B]."""
        return self.critic(x).squeeze(-1)

    def learn(self, x, action, log_old, advantage, returns, penalty, entropy) -> None:
        """One clipped step on one mini-batch (Schulman et al. 2017)."""
        choice = Categorical(logits=self.actor(x))
        ratio = (choice.log_prob(action) - log_old).exp()
        clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
        loss = -torch.min(advantage * ratio, advantage * clipped).mean()
        loss = loss + (penalty * ratio).mean() - entropy * choice.entropy().mean()
        loss = loss + 0.5 * (self.value(x) - returns).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), MAX_NORM)
        self.optimiser.step()


class Clock:
    """CPU seconds by phase."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Charge what happens inside to ``name``."""
        start = time.process_time()
        yield
        self.seconds[name] += time.process_time() - start


def lattice(side: int) -> Tensor:
    """Neighbours [N, 4] on the periodic square lattice: right, down, left, up."""
    node = torch.arange(side * side).view(side, side)
    rolls = (node.roll(-1, 1), node.roll(-1, 0), node.roll(1, 1), node.roll(1, 0))
    return torch.stack(rolls, -1).view(-1, NEIGHBOURS)


def everyone(policies: list[ActorCritic], x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Let all agents act on ``x [lanes, N, ..., F]``, one after the other."""
    acts = [policy.act(x[:, agent]) for agent, policy in enumerate(policies)]
    return tuple(torch.stack(part, 1) for part in zip(*acts, strict=True))


def rollout(movers, judges, near: Tensor, lanes: int, rounds: int, clock: Clock) -> dict:
    """One episode in all lanes; every entry is [rounds, lanes, N, ...]."""
    agents = len(movers)
    payoff = torch.tensor([[1.0, SUCKER], [TEMPTATION, 0.0]])
    # Agent i stands at place back[m] in the list of its m-th neighbour.
    back = torch.tensor([2, 3, 0, 1])
    received = torch.rand(lanes, agents, NEIGHBOURS)
    reputation = received.mean(-1)
    received = torch.zeros_like(received)
    record = defaultdict(list)
    for _ in range(rounds):
        seen = torch.cat([reputation[:, near], reputation.unsqueeze(-1)], -1)
        with clock.phase("acting"):
            move, move_log, move_value = everyone(movers, seen)
        with clock.phase("game"):
            dyads = payoff[move.unsqueeze(-1), move[:, near]]
            question = judged(move, received, near)
        with clock.phase("acting"):
            verdict, verdict_log, verdict_value = everyone(judges, question)
        with clock.phase("game"):
            received = verdict[:, near, back].float()
            reputation = MEMORY * reputation + (1 - MEMORY) * received.mean(-1)
            scores = (dyads - dyads.mean((1, 2), True)) / (dyads.std((1, 2), keepdim=True) + 1e-8)
            others = received.mean(-1)[:, near]
            row = {
                "seen": seen,
                "move": move,
                "move_log": move_log,
                "move_value": move_value,
                "reward": dyads.sum(-1) * (SHARE + (1 - SHARE) * reputation),
                "question": question,
                "verdict": verdict,
                "verdict_log": verdict_log,
                "verdict_value": verdict_value,
                "score": scores,
                "penalty": ALIGNMENT * torch.where(verdict == 1, 1 - others, others),
            }
            for name, value in row.items():
                record[name].append(value)
    stacked = {name: torch.stack(values) for name, values in record.items()}
    stacked["last_seen"] = torch.cat([reputation[:, near], reputation.unsqueeze(-1)], -1)
    stacked["last_question"] = judged(move, received, near)
    return stacked


def judged(move: Tensor, received: Tensor, near: Tensor) -> Tensor:
    """What is seen of each neighbour: its move and the verdicts on it, [lanes, N, 4, 10]."""
    signs = torch.cat([move[:, near].unsqueeze(-1), received[:, near].long()], -1)
    return nn.functional.one_hot(signs, 2).flatten(-2).float()


def teach_movers(movers: list[ActorCritic], record: dict) -> None:
    """Section 6.1 of the specification, agent after agent."""
    rounds = len(record["reward"])
    for agent, policy in enumerate(movers):
        rewards = record["reward"][:, :, agent]
        values = record["move_value"][:, :, agent]
        with torch.no_grad():
            following = policy.value(record["last_seen"][:, agent])
        advantages, advantage = torch.empty_like(rewards), torch.zeros_like(rewards[0])
        for t in reversed(range(rounds)):
            delta = rewards[t] + DISCOUNT * following - values[t]
            advantage = delta + DISCOUNT * TRACE * advantage
            advantages[t], following = advantage, values[t]
        returns = (advantages + values).flatten()
        x = record["seen"][:, :, agent].flatten(0, 1)
        action = record["move"][:, :, agent].flatten()
        log_old = record["move_log"][:, :, agent].flatten()
        for _ in range(EPOCHS):
            for part in torch.randperm(len(x)).split(BATCH):
                scaled = advantages.flatten()[part]
                scaled = (scaled - scaled.mean()) / (scaled.std() + 1e-8)
                sample = x[part], action[part], log_old[part], scaled, returns[part]
                policy.learn(*sample, penalty=torch.zeros(len(part)), entropy=ENTROPY)


def teach_judges(judges: list[ActorCritic], record: dict) -> None:
    """Section 6.2 of the specification, agent after agent."""
    rounds = len(record["score"])
    for agent, policy in enumerate(judges):
        with torch.no_grad():
            scores = record["score"][:, :, agent].clone()
            scores[-1] += DISCOUNT * policy.value(record["last_question"][:, agent])
        returns, following = torch.empty_like(scores), torch.zeros_like(scores[0])
        for t in reversed(range(rounds)):
            following = scores[t] + DISCOUNT * following
            returns[t] = following
        fields = {
            "x": record["question"][:, :, agent],
            "action": record["verdict"][:, :, agent],
            "log_old": record["verdict_log"][:, :, agent],
            "advantage": record["verdict"][:, :, agent] * scores,
            "returns": returns,
            "penalty": record["penalty"][:, :, agent],
        }
        # Lane after lane, in order: a mini-batch is two whole episodes, all neighbours.
        rows = {name: field.transpose(0, 1).flatten(0, 2) for name, field in fields.items()}
        for _ in range(EPOCHS):
            for start in range(0, len(rows["x"]), BATCH * NEIGHBOURS):
                part = slice(start, start + BATCH * NEIGHBOURS)
                policy.learn(**{name: row[part] for name, row in rows.items()}, entropy=0.0)


def run(
    agents: int, lanes: int = 16, rounds: int = 20, rollouts: int = 2, seed: int = 0
) -> tuple[float, dict[str, float]]:
    """Agent-steps per CPU-second, and CPU seconds by phase."""
    torch.manual_seed(seed)
    near = lattice(math.isqrt(agents))
    movers = [ActorCritic(NEIGHBOURS + 1) for _ in range(len(near))]
    judges = [ActorCritic(2 + 2 * NEIGHBOURS) for _ in range(len(near))]
    clock = Clock()
    for number in range(rollouts):
        record = rollout(movers, judges, near, lanes, rounds, clock)
        if number % 2 == 0:
            with clock.phase("learning to move"):
                teach_movers(movers, record)
        else:
            with clock.phase("learning to judge"):
                teach_judges(judges, record)
    steps = len(near) * lanes * rounds * rollouts
    return steps / sum(clock.seconds.values()), dict(clock.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("agents", type=int, nargs="*", default=[16, 100, 400])
    torch.set_num_threads(1)
    for agents in parser.parse_args().agents:
        speed, seconds = run(agents)
        phases = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
        print(f"{agents:6d} agents: {speed:8,.0f} agent-steps per CPU-second ({phases})")


if __name__ == "__main__":
    main()
