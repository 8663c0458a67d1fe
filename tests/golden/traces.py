"""Readable traces: who moved how, what it earned, what was seen, thought and measured.

Those of the lattice are maps, those of small games have a line for each round.
"""

from collections.abc import Callable, Iterator

import networkx as nx
from torch import Tensor

from commonweal.agents import AGENTS
from commonweal.agents.learners.norms import Norm
from commonweal.agents.learners.scripted import Scripted
from commonweal.agents.scripted import TitForTat, WinStayLoseShift
from commonweal.simulation.experiment import Share
from commonweal.worlds.base import World
from commonweal.worlds.memory import STATES
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


def states(world: World) -> str:
    """What each agent of the first lane saw of its partners: states of memory-1 policies."""
    seen = world.show(world.state, "state").features[0].unflatten(-1, (-1, len(STATES)))
    sights = [[STATES[row.index(1)] for row in rows if 1 in row] for rows in seen.tolist()]
    return " | ".join(" ".join(names) for names in sights)


def iterated_dilemma() -> Iterator[str]:
    """Fixed strategies as pairs, and on a triangle with a tail, in episodes of four rounds."""
    tail = nx.Graph([(0, 1), (0, 2), (0, 3), (2, 3)])
    games = [
        (nx.path_graph(2), ("tit_for_tat", "always_defect")),
        (nx.path_graph(2), ("always_defect", "win_stay_lose_shift")),
        (tail, ("tit_for_tat", "grim", "win_stay_lose_shift", "always_defect")),
    ]
    for graph, kinds in games:
        rules = {"kind": "iterated_dilemma", "horizon": 4}
        world = society(*kinds, graph=graph, lanes=1, world=rules)
        yield "\n" + ", ".join(agent.kind for agent in world.people)
        yield "moves, rewards, states after the round"
        for _ in range(5):
            world.step()
            experience = world.society.experience
            moves = " ".join("CD"[move] for move in experience.moves[0])
            yield f"{moves}   {numbers(experience.outcome.rewards, 2)}   {states(world)}"
    yield from measured(world, 3)


def numbers(values: Tensor, digits: int) -> str:
    """Numbers of the first lane, in columns."""
    return " ".join(f"{value:{digits + 4}.{digits}f}" for value in values[0].flatten().tolist())


def gifts() -> Iterator[str]:
    """Who gives half of its reward away, evenly, on a triangle with a tail: moves, rewards before and
    after gifts, and all shares and gifts of the episode.
    """
    graph = nx.Graph([(0, 1), (0, 2), (0, 3), (2, 3)])
    rules = {"kind": "iterated_dilemma", "horizon": 3}
    shares = [
        Share(kind="generous", count=2),
        Share(kind="tit_for_tat"),
        Share(kind="always_defect"),
    ]
    world = society(*shares, graph=graph, lanes=1, world=rules)
    book = world.society.ledger("gifts")
    yield ", ".join(agent.kind for agent in world.people)
    for _ in range(4):
        world.step()
        experience = world.society.experience
        moves = " ".join("CD"[move] for move in experience.moves[0])
        rewards = experience.outcome.rewards
        utility = rewards.clone()
        for cohort in world.society.cohorts:
            utility = cohort.put(utility, cohort.utility)
        yield f"{moves}   {numbers(rewards, 3)}   {numbers(utility, 3)}"
    for giver, receiver, books in book.graph(0).edges(data=True):
        if books["life"]:
            sums = " ".join(f"{name} {value:.3f}" for name, value in books.items())
            yield f"{giver} to {receiver}: {sums}"
    yield from measured(world, 3)


def toy_game() -> Iterator[str]:
    """AgA and individual ascent from the usual start: actions, rewards, and the sign of AgA."""
    for kind in ("aga", "simul_ind"):
        world = society(kind, agents=2, lanes=1, world={"kind": "toy_game"})
        yield f"\n{kind}"
        for turn in range(1, 13):
            world.step()
            played, rewards = world.state.last, world.society.experience.outcome.rewards
            sign = f"{world.measured['sign'][0].item():6.0f}" if kind == "aga" else ""
            yield f"{turn:2}  {numbers(played, 4)}   {numbers(rewards, 4)}{sign}"


def public_goods() -> Iterator[str]:
    """Contributions tried, contributions made, rewards: strategies on a star, and two AgA players."""
    shares = [Share(kind="conditional_cooperator", count=2, settings={"matching": 0.6})]
    shares += [Share(kind="full_contributor"), Share(kind="free_rider")]
    start = {"start": [0.1, 0.6]}
    games = [(nx.star_graph(3), shares, {}), (nx.path_graph(2), ["aga"], start)]
    for graph, people, settings in games:
        rules = {"kind": "public_goods"} | settings
        world = society(*people, graph=graph, lanes=1, replicates=1, world=rules)
        yield "\n" + ", ".join(agent.kind for agent in world.people)
        for turn in range(1, 5):
            world.step()
            experience = world.society.experience
            outcome = experience.outcome
            columns = (experience.moves, outcome.played, outcome.rewards)
            still = "   all stand still" if world.state.over.all() else ""
            yield f"{turn:2}  " + "   ".join(numbers(column, 5) for column in columns) + still
        yield from measured(world, 5)


def board(world: World, low: int, things: dict[tuple[int, int], str]) -> Iterator[str]:
    """Who stands where in the first lane: agents by number, things on free cells by letter."""
    signs = dict(things)
    places = world.board.places(world.state.cell[0]).long().tolist()
    for agent, (row, column) in enumerate(places):
        signs[row, column] = str(agent)
    line = range(low, low + world.board.side)
    for row in line:
        yield " ".join(signs.get((row, column), ".") for column in line)


def played(world: World, digits: int) -> str:
    """Moves and rewards of the first lane."""
    experience = world.society.experience
    moves = " ".join(world.spec.actions.labels[move][0] for move in experience.moves[0])
    return f"{moves}   {numbers(experience.outcome.rewards, digits)}"


def job_scheduling() -> Iterator[str]:
    """Three that walk to the resource R and one that moves at random: moves, rewards, the board."""
    shares = [Share(kind="nearest", count=3), Share(kind="random", count=1)]
    rules = {"kind": "job_scheduling", "horizon": 4}
    world = society(*shares, agents=4, lanes=1, network={"kind": "complete"}, world=rules)
    yield ", ".join(agent.kind for agent in world.people)
    for turn in range(1, 7):
        world.step()
        (place,) = world.board.places(world.state.resource).long().tolist()
        yield f"\nround {turn}: {played(world, 0)}"
        yield from board(world, 1, {tuple(place): "R"})
    yield from measured(world, 3)


def matthew_effect() -> Iterator[str]:
    """Three that walk to the nearest of two resources: moves, rewards, x, y and size of each, resources."""
    rules = {"kind": "matthew_effect", "resources": 2, "smallest": 0.08, "horizon": 12}
    world = society("nearest", agents=3, lanes=1, network={"kind": "complete"}, world=rules)
    for turn in range(1, 15):
        world.step()
        state = world.state
        places = " |".join(
            numbers(state.place[:, i], 3) + numbers(state.size[:, i : i + 1], 3) for i in range(3)
        )
        yield f"{turn:2} {played(world, 0)}   {places}   R{numbers(state.resource, 3)}"
        if world.episode_ended:
            yield from measured(world, 3)


def manufacturing_plant() -> Iterator[str]:
    """Five that walk to the nearest gem, A, B or C: moves, rewards, the board, gems in hand."""
    rules = {"kind": "manufacturing_plant", "horizon": 8}
    world = society("nearest", agents=5, lanes=1, network={"kind": "complete"}, world=rules)
    for turn in range(1, 10):
        world.step()
        state = world.state
        places = world.board.places(state.gem[0]).long().tolist()
        kinds = ["ABC"[kind] for kind in state.kind[0]]
        yield f"\nround {turn}: {played(world, 2)}"
        yield from board(world, 2, {tuple(p): k for p, k in zip(places, kinds, strict=True)})
        hands = (
            "".join(k * int(n) for k, n in zip("ABC", hand, strict=True)) or "-"
            for hand in state.held[0].tolist()
        )
        yield "in hand: " + " ".join(hands)
        if world.episode_ended:
            yield from measured(world, 3)


TRACES: dict[str, Callable[[], Iterator[str]]] = {
    "scripted": scripted,
    "lr2": lr2,
    "iterated_dilemma": iterated_dilemma,
    "gifts": gifts,
    "toy_game": toy_game,
    "public_goods": public_goods,
    "job_scheduling": job_scheduling,
    "matthew_effect": matthew_effect,
    "manufacturing_plant": manufacturing_plant,
}


def text(name: str) -> str:
    """The trace called ``name``, with its heading."""
    heading = (TRACES[name].__doc__ or "").strip()
    lines = [line.rstrip() for line in TRACES[name]()]
    return "\n".join([heading, "", *lines]).replace("\n\n\n", "\n\n") + "\n"
