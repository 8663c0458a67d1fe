"""What the gradient rules cost learners with networks, beside plain updates, in one run.

    python benchmarks/gradient_rules.py             one table, about a minute
    python benchmarks/gradient_rules.py --repeats 50
    python benchmarks/gradient_rules.py --case 5 256 400 80    only this one

An update is one epoch of mini-batches over a rollout of chance, for networks with two hidden
layers.  Milliseconds of CPU time, one thread, the least of several repeats:

direction   one mini-batch: policies forward, losses, and the rule's gradient of them
update      all mini-batches: the above, critics, entropy bonus, clipping, Adam, and whatever
            comes before, such as advantages and shuffles

Each is compared with the own gradient of the same learner.  Two other plain updates stand below:
independent PPO by autograd, one loss of policy, critic and entropy for each agent, and the same
written out by hand, as runs use it where no rule is needed.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import torch

from commonweal.agents.gradients.altruistic import Altruistic, AltruisticConfig
from commonweal.agents.gradients.base import GradientRule, Own
from commonweal.agents.gradients.collective import Collective
from commonweal.agents.gradients.consensus import Consensus
from commonweal.agents.gradients.symplectic import Symplectic
from commonweal.agents.learners.base import Company, Note, Seat
from commonweal.agents.learners.descent import ClippedSteps
from commonweal.agents.learners.objective import objective
from commonweal.agents.learners.ppo import PPO, PPOConfig
from commonweal.agents.learners.team_objective import game
from commonweal.agents.learners.team_ppo import TeamPPO, TeamPPOConfig
from commonweal.records import Experience, Outcome, Percept
from commonweal.settings import Settings

# Agents, widths, mini-batch, lanes; the last but one are the defaults on the lattice.
CASES = [(5, 64, 1000, 200), (10, 64, 400, 80), (100, 32, 40, 16), (2, 32, 40, 16)]
INPUTS, ROUNDS = 5, 20
RULES = (Own, Collective, Altruistic, Consensus, Symplectic)


def sitting(agents: int, lanes: int) -> Seat:
    """A seat for a mind without any society."""
    company = Company(None, torch.arange(agents), agents, 1, lambda own: own)
    generator = torch.Generator().manual_seed(0)
    return Seat(INPUTS, 2, agents, lanes, 1, generator, torch.device("cpu"), company)


def rollout(agents: int, lanes: int) -> list[Note]:
    """Steps of chance, the last of which ends all episodes."""
    rng = torch.Generator().manual_seed(1)
    rows, kept = (agents, lanes), []
    for turn in range(ROUNDS):
        percept = {"seen": Percept(dense=torch.randn(*rows, INPUTS, generator=rng))}
        over = torch.full(rows, turn == ROUNDS - 1)
        rewards = torch.randn(lanes, agents, generator=rng)
        moves = torch.randint(2, (lanes, agents), generator=rng)
        outcome = Outcome(rewards, over[0])
        step = Experience({}, moves, outcome, {}, over[0], 0.0)
        kept.append(Note(percept, moves.T, rewards.T, over, over, lambda p=percept: p, step))
    return kept


class Plain(PPO.__base__):
    """Independent PPO whose gradients autograd finds."""

    Config = PPOConfig
    batches = PPO.batches

    def improve(self, progress: float, rule: GradientRule) -> None:
        """Descend everybody's own objective."""
        hyper, rows = self.hyper(progress), slice(0, self.policy.slots)
        step = ClippedSteps(self.policy.parameters, self.adam, rows, hyper)
        for batch in self.batches(rows, progress):
            parameters = self.policy.parameters.clone().requires_grad_()
            loss = objective(parameters, self.policy.shape, batch, hyper).sum()
            step(torch.autograd.grad(loss, parameters)[0])


def least(work: Callable[[], None], repeats: int) -> float:
    """Milliseconds of CPU time."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return 1000 * min(found)


def update(mind: PPO | TeamPPO, rule: GradientRule, notes: list[Note], repeats: int) -> float:
    """Milliseconds of one study."""
    for note in notes:
        mind.remember(note)
    kept = list(mind.notes)

    def study() -> None:
        mind.notes = list(kept)
        mind.study(0.0, rule)

    return least(study, repeats)


def direction(mind: TeamPPO, rule: GradientRule, notes: list[Note], repeats: int) -> float:
    """Milliseconds of one direction."""
    for note in notes:
        mind.remember(note)
    batch = next(mind.batches(slice(0, mind.policy.slots), 0.0))
    mind.notes.clear()
    c, policy = mind.config, mind.policy

    def turn() -> None:
        play, _ = game(policy.parameters, policy.shape, batch, c.clip, c.joint_ratio)
        rule.direction(play)

    return least(turn, repeats)


def measure(agents: int, width: int, size: int, lanes: int, repeats: int) -> None:
    """Print the rows of one case."""
    notes, own = rollout(agents, lanes), None
    settings = {"hidden": (width, width), "batch": size}
    case = f"{agents} agents, 2 x {width}, {size}"
    for kind in RULES:
        rule = kind(AltruisticConfig(strength=1) if kind is Altruistic else kind.Config())
        for joint in (False, True):
            config = TeamPPOConfig(**settings, joint_ratio=joint)

            def made(config=config, kind=kind) -> TeamPPO:
                return TeamPPO(config, sitting(agents, lanes), SimpleNamespace(gradient_rule=kind))

            if joint and kind not in (Collective, Altruistic):
                continue
            found = [how(made(), rule, notes, repeats) for how in (direction, update)]
            own = own or found
            cells = [f"{t:.2f} | {t / base:.2f}" for t, base in zip(found, own, strict=True)]
            name = kind.__name__.lower() + (", joint ratios" if joint else "")
            print(f"| {case} | {name} | {' | '.join(cells)} |", flush=True)
    for name, kind in (("PPO by autograd", Plain), ("PPO by hand", PPO)):
        seat = replace(sitting(agents, lanes))
        spent = update(kind(PPOConfig(**settings), seat, None), Own(Settings()), notes, repeats)
        print(f"| {case} | {name} | | | {spent:.2f} | {spent / own[1]:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument(
        "--case",
        type=int,
        nargs=4,
        metavar=("AGENTS", "WIDTH", "BATCH", "LANES"),
        help="only this case; a rollout is 20 rounds in so many lanes",
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| agents, widths, mini-batch | rule | direction | ratio | update | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for case in [given.case] if given.case else CASES:
        measure(*case, given.repeats)


if __name__ == "__main__":
    main()
