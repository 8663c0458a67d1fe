"""Worlds about resources, all lanes at once, beside plain Python, measured in one run.

    python -m benchmarks.resources                      one table, about half a minute
    python -m benchmarks.resources --lanes 1 100000 --device cuda

Environment steps per second: moves drawn beforehand are played, rewards and returns worked out,
and everybody's sight and the indicators with them; episodes end and begin anew.  Plain Python
plays one lane, looks as well, and measures nothing but returns.  CPU time (wall time on an
accelerator), one thread, best of several repeats; the sizes take turns, so that all meet the same
machine.
"""

import argparse
import random
import time
from collections.abc import Callable

import networkx as nx
import torch

from benchmarks.plain_resources import Job, Matthew, Plant
from commonweal.randomness import Streams
from commonweal.records import Experience, Indicators, Observation
from commonweal.worlds import WORLDS

AGENTS = {"job_scheduling": 4, "matthew_effect": 10, "manufacturing_plant": 5}
EPISODE, REPEATS = 200, 5


class Tape:
    """A population whose moves are written down beforehand; it looks and learns nothing."""

    senses, people = {"sight"}, []

    def __init__(self, moves: torch.Tensor) -> None:
        self.moves, self.turn = moves.unbind(), 0

    def decide(self, observation: Observation) -> torch.Tensor:
        """The next moves."""
        self.turn += 1
        return self.moves[self.turn % len(self.moves)]

    def receive(self, experience: Experience) -> None:
        """Nothing."""

    def restart(self, over: torch.Tensor, standing: torch.Tensor | None) -> None:
        """Nothing."""

    def indicators(self) -> Indicators:
        """Nothing."""
        return {}


def ours(name: str, lanes: int, device: str) -> Callable[[int], None]:
    """Play so many rounds in all lanes."""
    agents, kind = AGENTS[name], WORLDS[name]
    graph = nx.complete_graph(agents)
    world = kind(kind.Config(), lambda: graph, Streams(0), lanes=lanes, device=device)
    generator = torch.Generator().manual_seed(0)
    moves = torch.randint(5, (64, lanes, agents), generator=generator)
    world.populate(Tape(moves.to(device)))

    def play(rounds: int) -> None:
        for _ in range(rounds):
            world.step()

    return play


def plain(name: str) -> Callable[[int], None]:
    """Play so many rounds in one lane."""
    rng, agents = random.Random(0), AGENTS[name]
    moves = [[rng.randrange(5) for _ in range(agents)] for _ in range(64)]

    def cells(low: int, high: int, number: int) -> list[tuple[int, int]]:
        line = range(low, high + 1)
        return rng.sample([(row, column) for row in line for column in line], number)

    def anywhere(_: int = 0) -> list[float]:
        return [rng.random(), rng.random()]

    def gem(_: int) -> tuple[tuple[int, int], int]:
        return (rng.randint(3, 8), rng.randint(3, 8)), rng.randrange(3)

    def begin() -> Job | Matthew | Plant:
        if name == "job_scheduling":
            return Job(cells(1, 5, agents), cells(2, 4, 1)[0])
        if name == "matthew_effect":
            places = [anywhere() for _ in range(agents)]
            sizes = [0.01 + 0.04 * rng.random() for _ in range(agents)]
            return Matthew(places, sizes, [anywhere() for _ in range(3)], anywhere)
        kinds = [rng.randrange(3) for _ in range(8)]
        return Plant(cells(2, 9, agents), cells(3, 8, 8), kinds, gem)

    def play(rounds: int) -> None:
        for turn in range(rounds):
            if turn % EPISODE == 0:
                world = begin()
            world.step(moves[turn % 64], range(agents))
            world.sight()

    return play


def seconds(play: Callable[[int], None], rounds: int, device: str) -> float:
    """Time of a round."""
    if device == "cpu":
        start = time.process_time()
        play(rounds)
        return (time.process_time() - start) / rounds
    torch.cuda.synchronize()
    start = time.perf_counter()
    play(rounds)
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 64, 1024])
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    heads = [f"{lanes:,} lanes | ratio" for lanes in given.lanes]
    print(f"| steps per second | plain Python | {' | '.join(heads)} |")
    print(f"| --- | ---: |{' ---: |' * 2 * len(given.lanes)}")
    for name in AGENTS:
        games = [ours(name, lanes, given.device) for lanes in given.lanes]
        slow, found = [], [[] for _ in games]
        for _ in range(REPEATS):
            slow.append(seconds(plain(name), 5 * EPISODE, "cpu"))
            for game, times in zip(games, found, strict=True):
                times.append(seconds(game, 2 * EPISODE, given.device))
        rates = [lanes / min(times) for lanes, times in zip(given.lanes, found, strict=True)]
        cells = [f"{rate:,.0f} | {rate * min(slow):,.1f}" for rate in rates]
        print(f"| {name} | {1 / min(slow):,.0f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
