"""Readable traces of the lattice: maps of moves, rewards and standings, and what was measured."""

from collections.abc import Callable, Iterator

from commonweal.agents import AGENTS
from commonweal.agents.learners.norms import Norm
from commonweal.agents.learners.scripted import Scripted
from commonweal.agents.scripted import TitForTat, WinStayLoseShift
from commonweal.simulation.experiment import Share
from commonweal.worlds.base import World
from tests.societies import registered, society

SIDE = 4


class Judge(TitForTat):
    """Tit for tat that calls cooperation good and defection bad."""

    ledgers = ("reputation",)
    heads = {"move": Scripted, "assess": Norm}
    norm = (1, 1, 0, 0)


class Stern(WinStayLoseShift):
    """Win-stay lose-shift that judges sternly."""

    ledgers = ("reputation",)
    heads = {"move": Scripted, "assess": Norm}
    norm = (1, 0, 0, 1)


def grid(cells: list[str]) -> list[str]:
    """Cells of a lattice, row by row."""
    return [" ".join(cells[row : row + SIDE]) for row in range(0, SIDE * SIDE, SIDE)]


def maps(world: World) -> Iterator[str]:
    """What was played, earned and thought in the first lane, side by side."""
    moves, rewards = (
        values[0].tolist()
        for values in (world.society.experience.moves, world.society.experience.outcome.rewards)
    )
    standing = world.society.ledger("reputation").standing()[0].tolist()
    columns = (
        grid(["CD"[move] for move in moves]),
        grid([f"{reward:5.2f}" for reward in rewards]),
        grid([f"{value:5.3f}" for value in standing]),
    )
    for rows in zip(*columns, strict=True):
        yield "   ".join(rows)


def measured(world: World, digits: int) -> Iterator[str]:
    """Indicators of all lanes."""
    for name, (above, below) in sorted(world.measured.items()):
        count = below.sum().item()
        mean = f"{above.sum().item() / count:.{digits}f}" if count else "-"
        yield f"{name:24}{mean:>8}"


def scripted() -> Iterator[str]:
    """Six rounds of fixed strategies, two of which judge, in episodes of four."""
    with registered(AGENTS, "judge", Judge), registered(AGENTS, "stern", Stern):
        shares = [Share(kind="judge", count=7), Share(kind="stern", count=5)]
        shares += [Share(kind="grim", count=2), Share(kind="always_defect", count=2)]
        world = society(*shares, agents=SIDE * SIDE, lanes=1, world={"horizon": 4})
        yield "who"
        yield from grid([f"{agent.kind:13}" for agent in world.people])
        for turn in range(1, 7):
            world.step()
            yield f"\nround {turn}: moves, rewards, standings after it"
            yield from maps(world)
            yield from measured(world, 3)


def lr2() -> Iterator[str]:
    """The first episode of LR2, before anything is learned: play and verdicts of newborn minds."""
    # What is learned later differs in its last bits from processor to processor, and so some moves.
    world = society("lr2", agents=SIDE * SIDE, lanes=16)
    for turn in range(1, 20):
        world.step()
        if turn in (1, 2, 19):
            yield f"\nround {turn}: moves, rewards, standings after it"
            yield from maps(world)
            yield from measured(world, 2)
    agent = world.people[0]
    yield f"\nnext move of {agent.name}: " + ", ".join(f"{p:.2f}" for p in agent.probabilities)


TRACES: dict[str, Callable[[], Iterator[str]]] = {"scripted": scripted, "lr2": lr2}


def text(name: str) -> str:
    """The trace called ``name``, with its heading."""
    heading = (TRACES[name].__doc__ or "").strip()
    lines = [line.rstrip() for line in TRACES[name]()]
    return "\n".join([heading, "", *lines]).replace("\n\n\n", "\n\n") + "\n"
