"""The speed of stacked learners beside a naive loop over agents, measured in one run.

    python -m benchmarks.training                    one table, about a minute
    python -m benchmarks.training --lanes 64 256 --hidden 64

Ten agents of the Matthew effect learn by PPO with networks of 256-256, the published size.  A complete
training step is one rollout of 50 rounds in every lane, with mini-batches of 50 samples.  Environment
steps per second of CPU time, one thread, the best of several repeats; the contestants take turns.

Beside Commonweal (indicators included) stand two loops with one module and one optimiser per agent
(`naive_ppo.py`) and the plain rules of `plain_resources.py`: one lane after the other, as the
published code plays and learns, and all lanes in each call of a network.  Lanes do not depend on
each other, so the loop over lanes is timed for some of them.
"""

import argparse
import random
import time
from collections.abc import Callable

import torch

from benchmarks.naive_ppo import Learner
from benchmarks.plain_resources import Matthew
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share

AGENTS, ROUNDS, INPUTS, REPEATS, SOME = 10, 50, 6, 3, 4


def plain(lanes: int) -> list[Matthew]:
    """Worlds by the plain rules."""
    draw = random.Random(0)
    return [
        Matthew(
            [[draw.random(), draw.random()] for _ in range(AGENTS)],
            [0.01 + 0.04 * draw.random() for _ in range(AGENTS)],
            [[draw.random(), draw.random()] for _ in range(3)],
            lambda number: [draw.random(), draw.random()],
        )
        for _ in range(lanes)
    ]


class Naive:
    """Agents with modules of their own in ``lanes`` plain worlds, ``width`` of them in one call."""

    def __init__(self, lanes: int, width: int, hidden: int) -> None:
        self.learners = [Learner(INPUTS, hidden) for _ in range(AGENTS)]
        worlds = plain(lanes)
        self.groups = [worlds[i : i + width] for i in range(0, lanes, width)]

    def rollout(self) -> None:
        """Play 50 rounds in every lane and learn from them."""
        for group in self.groups:
            notes = [[] for _ in self.learners]
            for _ in range(ROUNDS):
                seen = torch.tensor([world.sight() for world in group]).unbind(1)
                inputs = [who.look(rows) for who, rows in zip(self.learners, seen, strict=True)]
                acts = [who.act(x) for who, x in zip(self.learners, inputs, strict=True)]
                moves = torch.stack(acts, 1).tolist()
                order = range(AGENTS)
                paid = [w.step(m, order) for w, m in zip(group, moves, strict=True)]
                rewards = torch.tensor(paid).unbind(1)
                for note, step in zip(notes, zip(inputs, acts, rewards, strict=True), strict=True):
                    note.append(step)
            last = torch.tensor([world.sight() for world in group]).unbind(1)
            for who, note, rows in zip(self.learners, notes, last, strict=True):
                x, acts, rewards = (torch.stack(column) for column in zip(*note, strict=True))
                who.study(x, acts, rewards, who.normalised(rows), ROUNDS)


def ours(kind: str, lanes: int, hidden: int, device: str) -> Callable[[], None]:
    """One rollout of Commonweal in every lane."""
    world = assemble(
        Experiment(
            world={"kind": "matthew_effect"},
            lanes=lanes,
            steps=10**9,
            device=device,
            population=[Share(kind=kind, settings={"move": {"hidden": (hidden, hidden)}})],
        )
    )

    def rollout() -> None:
        for _ in range(ROUNDS):
            world.step()

    return rollout


def clock(device: str) -> float:
    """Seconds of CPU time; of wall time where an accelerator works beside it."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def measured(lanes: int, hidden: int, device: str) -> dict[str, float]:
    """Environment steps per second of every contestant."""
    some = min(SOME, lanes)
    contestants = {
        "stacked": (ours("ippo", lanes, hidden, device), lanes),
        "stacked, federated (fpf)": (ours("fpf", lanes, hidden, device), lanes),
        "naive, lane by lane": (Naive(some, 1, hidden).rollout, some),
        "naive, all lanes in each call": (Naive(lanes, lanes, hidden).rollout, lanes),
    }
    best: dict[str, float] = {}
    for repeat in range(REPEATS + 1):
        for name, (rollout, count) in contestants.items():
            start = clock(device)
            rollout()
            speed = count * ROUNDS / (clock(device) - start)
            if repeat:  # the first one warms up
                best[name] = max(best.get(name, 0.0), speed)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--hidden", type=int, default=256, help="width of both hidden layers")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for lanes in given.lanes:
        speeds = measured(lanes, given.hidden, given.device)
        base = speeds["naive, lane by lane"]
        print(f"{lanes} lanes, {given.hidden}-{given.hidden}, environment steps per second")
        for name, speed in speeds.items():
            print(f"  {name:30} {speed:10,.0f}   {speed / base:6.1f} x")


if __name__ == "__main__":
    main()
