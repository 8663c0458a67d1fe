"""The speed of LASE beside a naive loop over agents and their co-players, measured in one run.

    python benchmarks/gifts.py                      two tables, about a minute
    python benchmarks/gifts.py --pair 64 --lattice 100 16

A complete training step is one rollout: rounds of acting, rewards and gifts, one update of the
acting networks, and eight mini-batches of 64 episodes for the SR networks and the conversion
network; two agents play 100 rounds of the iterated dilemma, agents on the square lattice 20.
Microseconds of CPU time per agent, lane and round, one thread, the least of several repeats.

Beside Commonweal (recorder included) stand the loop of `naive_gifts.py` with one lane after the
other, and the same with all lanes at once in every call.  Both learn alike, each agent from whole
mini-batches.  Lanes and agents do not depend on each other, so they are timed in part and scaled up:
the first for some lanes and rounds, and learning for some agents.

The second table is the counterfactual pass, own values had one co-player alone done otherwise, for
all co-players and all A actions: relative to A passes of the SR critic over a row for each co-player
in each row.  Where views are few, runs do not need it: they look the same values up in a table that
they make anew when the critic has learned.  Microseconds of CPU time.
"""

import argparse
import time
from collections.abc import Callable

import naive_gifts as naive
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from commonweal.agents.cohort import Cohort
from commonweal.agents.learners.actor_critic import merge
from commonweal.agents.learners.multilayer import Perceptrons, finish, run
from commonweal.agents.learners.relations import counterfactuals
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share
from commonweal.simulation.recorder import Recorder
from commonweal.worlds.base import World

# What is timed of the naive loop: lanes one at a time, agent-steps in them, and agents that learn.
LANES, STEPS, PUPILS = 3, 2400, 8
DENSE = ((100, 16, 80, 16, 2), (4, 320, 175, 3, 8))
"""Where views are too many for a table: slots, rows, inputs, co-players, actions."""


def least(work: Callable[[], None], repeats: int) -> float:
    """Seconds of CPU time."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


# ---- complete training steps -------------------------------------------------------------------


def settled(kind: str, agents: int, lanes: int) -> World:
    """A world of LASE whose buffers hold more than a mini-batch."""
    pair = kind == "iterated_dilemma"
    world = assemble(
        Experiment(
            world={"kind": kind},
            network={"kind": "complete" if pair else "square_lattice"},
            agents=agents,
            lanes=lanes,
            replicates=1,
            steps=10**9,
            population=[Share(kind="lase")],
        )
    )
    while world.society.cohorts[0].minds["give"].replay.filled <= naive.BATCH:
        world.step()
    return world


def ours(world: World, repeats: int) -> tuple[float, float]:
    """Seconds of acting and giving, and of learning, in one rollout of Commonweal."""
    rounds = world.horizon
    recorder, found, learning = Recorder(rounds, 1), [], 0.0
    study = Cohort._study

    def timed(*given) -> None:
        nonlocal learning
        start = time.process_time()
        study(*given)
        learning += time.process_time() - start

    Cohort._study = timed
    for _ in range(repeats):
        learning, start = 0.0, time.process_time()
        for _ in range(rounds):
            world.step()
            recorder.note(world)
        found.append((time.process_time() - start, learning))
    Cohort._study = study
    whole, learning = min(found)
    return whole - learning, learning


def theirs(world: World, repeats: int) -> tuple[tuple[float, float, float], str]:
    """Seconds of the naive loop for the same, and what of it was timed.

    Acting and giving lane by lane; with all lanes at once; and learning.
    """
    lanes, agents, rounds = world.lanes, world.neighbourhoods.agents, world.horizon
    near = world.neighbourhoods.view
    learners = [naive.Learner(near.shape[1]) for _ in range(agents)]
    some_lanes, pupils = min(LANES, lanes), learners[:PUPILS]
    some_rounds = min(rounds, max(1, STEPS // (some_lanes * agents)))
    start, record = world.state.last, {}

    def lane_by_lane() -> None:
        for lane in range(some_lanes):
            naive.rollout(learners, near, world.matrix, start[lane : lane + 1], some_rounds)

    def at_once() -> None:
        record.update(naive.rollout(learners, near, world.matrix, start, rounds))

    def learn() -> None:
        for agent, pupil in enumerate(pupils):
            naive.teach(pupil, record, agent)

    single = least(lane_by_lane, repeats) * lanes * rounds / (some_lanes * some_rounds)
    whole = least(at_once, 2)
    for agent, pupil in enumerate(pupils):
        while len(pupil.episodes) <= naive.BATCH:
            naive.remember(pupil, record, agent)
    scaled = (
        f"{type(world).__name__}: one lane at a time for {some_lanes} of {lanes} lanes and "
        f"{some_rounds} of {rounds} rounds, learning for {len(pupils)} of {agents} agents"
    )
    return (single, whole, least(learn, repeats) * agents / len(pupils)), scaled


def steps(kind: str, world: World, repeats: int) -> str:
    """Print the rows of one case; what of the naive loop was timed."""
    lanes, agents = world.lanes, world.neighbourhoods.agents
    acting, learning = ours(world, repeats)
    (single, at_once, study), scaled = theirs(world, repeats)
    rows = {
        "acting and giving": (single, at_once, acting),
        "learning": (study, study, learning),
        "whole": (single + study, at_once + study, acting + learning),
    }
    case = f"{agents} agents x {lanes} lanes, {kind}"
    for phase, times in rows.items():
        each = [f"{1e6 * t / (agents * lanes * world.horizon):,.2f}" for t in times]
        ratios = [f"{t / times[-1]:,.1f}" for t in times[:-1]]
        print(f"| {case} | {phase} | {' | '.join(each + ratios)} |", flush=True)
    return scaled


# ---- counterfactuals ---------------------------------------------------------------------------


def dense(sizes: tuple[int, ...], repeats: int) -> str:
    """Microseconds of A critic passes and of the counterfactual pass, and their ratio."""
    slots, rows, inputs, neighbours, actions = sizes
    rng = torch.Generator().manual_seed(0)
    widths = {"critic": (inputs + (1 + neighbours) * actions, 32, 1)}
    networks = Perceptrons(widths, slots, rng)
    layers = networks.layers(networks.parameters, "critic")
    seen = torch.rand(slots, rows, inputs, generator=rng)
    moves = torch.randint(actions, (slots, rows, 1 + neighbours), generator=rng)
    x = torch.cat((seen, one_hot(moves, actions).flatten(-2)), -1)
    spread = x.repeat_interleave(neighbours, 1)
    passes = actions * least(lambda: run(layers, spread), repeats)
    found = least(lambda: counterfactuals(layers, x, moves[..., 1:], actions), repeats)
    return f"{1e6 * passes:,.0f} | {1e6 * found:,.0f} | {found / passes:.2f}"


def looked_up(world: World, repeats: int) -> str:
    """Microseconds of looking the same up where views are few, and of the table behind it."""
    cohort = world.society.cohorts[0]
    mind, scene = cohort.minds["give"], cohort.scene
    views, codes = mind.views_of, merge(scene.seen).codes
    layers = mind.policy.layers(mind.policy.parameters, "critic")

    def table() -> Tensor:
        return finish(layers, views.first(layers[0])).squeeze(-1)

    def look_up() -> Tensor:
        return views.had_they(values, views.places(codes, scene.moves, scene.others), scene.others)

    values = table()
    return " | ".join(f"{1e6 * least(work, repeats):,.0f}" for work in (look_up, table))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pair", type=int, default=256, metavar="LANES")
    parser.add_argument(
        "--lattice", type=int, nargs=2, default=(400, 16), metavar=("AGENTS", "LANES")
    )
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cases = {"iterated_dilemma": (2, given.pair), "lattice": tuple(given.lattice)}
    worlds = {kind: settled(kind, *sizes) for kind, sizes in cases.items()}
    print(
        "| agents, lanes | part | one lane at a time | all lanes at once | Commonweal | ratio | ratio |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    scaled = [steps(kind, world, given.repeats) for kind, world in worlds.items()]
    print("\nThe naive loop is timed in part and scaled up.", *scaled, "", sep="\n")
    many = 20 * given.repeats
    print(
        "| slots, rows, inputs, co-players, actions | A critic passes | counterfactuals | ratio "
        "| looked up | table |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for world in worlds.values():
        seat = world.society.cohorts[0].minds["give"].seat
        sizes = seat.slots, seat.lanes, seat.inputs, seat.neighbours, seat.actions
        print(f"| {', '.join(map(str, sizes))} | {dense(sizes, many)} | {looked_up(world, many)} |")
    for sizes in DENSE:
        print(f"| {', '.join(map(str, sizes))} | {dense(sizes, many)} | | |")


if __name__ == "__main__":
    main()
