"""Many differentiable games at once beside one game at a time, measured in one run.

    python benchmarks/games.py                      one table, about a minute
    python benchmarks/games.py --lanes 10000 --device cuda

One round of a game: everybody's rewards, the gradients that the rule needs, and a step.  Three
ways to play 100,000 games of two players: all of them as lanes of one world; one world after the
other; and a plain loop that holds two numbers and an optimiser for each game and asks autograd
for its gradients.  The last two are timed on some games and scaled up.  Microseconds of
CPU time (of wall time on an accelerator) per game and round, one thread, best of several repeats.
"""

import argparse
import time
from collections.abc import Callable

import torch

from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share

WORLDS = ("toy_game", "public_goods")
KINDS = ("simul_ind", "simul_co", "aga")
ROUNDS, REPEATS = 10, 3


def toy(a: torch.Tensor) -> torch.Tensor:
    """Rewards of the toy game of Li et al. 2024, for one joint action [2]."""
    one = torch.sin(a[0] * a[1] + a[1] ** 2)
    return torch.stack((one, torch.cos(1 + a[0] - (1 + a[1]) ** 2) + a[0] * a[1] ** 2))


def pool(a: torch.Tensor) -> torch.Tensor:
    """Rewards of the public goods game of two, for one joint action [2]."""
    return 1 - a + 0.75 * a.sum()


def plain(world: str, kind: str, games: int, rounds: int) -> None:
    """Play games one after the other, as one would write it down."""
    payoffs = toy if world == "toy_game" else pool
    for _ in range(games):
        a = torch.rand(2, requires_grad=True)
        optimiser = torch.optim.SGD([a], lr=0.01)
        for _ in range(rounds):
            losses = -payoffs(a)
            if kind != "simul_co":
                own = torch.stack(
                    [torch.autograd.grad(losses[i], a, retain_graph=True)[0][i] for i in (0, 1)]
                )
            if kind == "simul_ind":
                a.grad = own
            else:
                (field,) = torch.autograd.grad(losses.sum(), a, create_graph=kind == "aga")
                a.grad = field.detach()
            if kind == "aga":
                curved = torch.zeros(2)
                if field.requires_grad:
                    (curved,) = torch.autograd.grad(field, a, field.detach())
                sign = torch.sign((a.grad @ curved) * (own @ curved + curved @ curved))
                a.grad = a.grad + sign * (own + curved)
            optimiser.step()


def framework(world: str, kind: str, lanes: int, rounds: int, device: str) -> Callable[[], None]:
    """A world of so many lanes, ready to be played for some rounds."""
    game = assemble(
        Experiment(
            world={"kind": world, "boundary": "none", "horizon": 10**6},
            population=[Share(kind=kind)],
            lanes=lanes,
            replicates=1,
            steps=10**9,
            device=device,
        )
    )
    game.step()

    def play() -> None:
        for _ in range(rounds):
            game.step()

    return play


def seconds(work: Callable[[], None], device: str) -> float:
    """Least time of several repeats."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    found = []
    for _ in range(REPEATS):
        start = clock()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(clock() - start)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lanes", type=int, default=100_000)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| game | rule | plain loop | one world | {given.lanes:,} lanes | ratio | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for world in WORLDS:
        for kind in KINDS:
            many = framework(world, kind, given.lanes, ROUNDS, given.device)
            ours = seconds(many, given.device) / ROUNDS / given.lanes
            one = seconds(framework(world, kind, 1, 300, "cpu"), "cpu") / 300
            naive = seconds(lambda w=world, k=kind: plain(w, k, 20, ROUNDS), "cpu") / ROUNDS / 20
            cells = [f"{1e6 * t:,.2f}" for t in (naive, one, ours)]
            cells += [f"{naive / ours:,.0f}", f"{one / ours:,.0f}"]
            print(f"| {world} | {kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
