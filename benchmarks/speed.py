"""Speed and memory of the complete LR2 loop beside the naive loop, measured in one run.

    python benchmarks/speed.py                     one table, about ten minutes
    python benchmarks/speed.py 16 100              only these sizes
    python benchmarks/speed.py 10000 --device cuda

Workload: 16 lanes, rollouts of 20 rounds, mini-batches of 40, 5 epochs, the two policies
learning in turns; square lattice, one thread.  Rates are agent-steps per CPU-second (per
second of wall time on an accelerator), the best of several repeats.  The naive loop is timed whole
up to 400 agents; beyond, its acting is timed for one round of all agents and its learning for 50
of them, and both are scaled up, because the whole would take most of an hour.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

SIZES = [16, 100, 400, 2_500, 10_000]
WHOLE, SAMPLE = 400, 50
LANES, ROUNDS = 16, 20


def naive(agents: int) -> float:
    """Agent-steps per CPU-second of one module and one optimiser per agent."""
    import naive as plain

    if agents <= WHOLE:
        return max(plain.run(agents)[0] for _ in range(2 if agents < WHOLE else 1))
    near = plain.lattice(math.isqrt(agents))
    movers = [plain.ActorCritic(5) for _ in range(agents)]
    judges = [plain.ActorCritic(10) for _ in range(agents)]
    clock = plain.Clock()
    plain.rollout(movers, judges, near, LANES, 1, clock)
    record = plain.rollout(
        movers[:WHOLE], judges[:WHOLE], plain.lattice(20), LANES, ROUNDS, plain.Clock()
    )
    with clock.phase("learning"):
        plain.teach_movers(movers[:SAMPLE], record)
        plain.teach_judges(judges[:SAMPLE], record)
    learning = clock.seconds.pop("learning") * agents / SAMPLE
    # Two rollouts: one trains the movers, one the judges.
    seconds = sum(clock.seconds.values()) * 2 * ROUNDS + learning
    return agents * LANES * ROUNDS * 2 / seconds


def ours(agents: int, device: str) -> dict[str, float]:
    """Rate of the complete loop, share of what is not acting and learning, build time."""
    import torch

    from commonweal.agents.cohort import Cohort
    from commonweal.simulation.assembly import assemble
    from commonweal.simulation.experiment import Experiment, Share
    from commonweal.simulation.recorder import Recorder

    clock = time.process_time if device == "cpu" else time.perf_counter
    fixed = {"first_epochs": 5, "last_epochs": 5}
    share = Share(kind="lr2", settings={"move": fixed, "assess": fixed})
    experiment = Experiment(agents=agents, population=[share], device=device, steps=10**9)
    assemble(experiment.__class__(agents=16, population=[share], device=device)).close()
    start = time.perf_counter()
    world = assemble(experiment)
    build = time.perf_counter() - start
    recorder = Recorder(ROUNDS, 1)

    minds = 0.0
    for name in ("decide", "respond", "receive", "conclude", "foresee"):
        method = getattr(Cohort, name)

        def timed(self, *given, method=method):
            nonlocal minds
            start = clock()
            result = method(self, *given)
            minds += clock() - start
            return result

        setattr(Cohort, name, timed)

    best, rest = math.inf, 1.0
    for repeat in range(5 if agents <= 2_500 else 3):
        minds, start = 0.0, clock()
        for _ in range(2 * ROUNDS):
            world.step()
            recorder.note(world)
        if device != "cpu":
            torch.cuda.synchronize()
        seconds = clock() - start
        if repeat and seconds < best:
            best, rest = seconds, 1 - minds / seconds
    return {
        "rate": agents * LANES * ROUNDS * 2 / best,
        "rest": rest,
        "build": build,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def measure(who: str, agents: int, device: str) -> float | dict[str, float]:
    """One measurement in a process of its own, so that peaks of memory do not mix."""
    call = [sys.executable, __file__, "--measure", who, str(agents), "--device", device]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("agents", type=int, nargs="*", default=SIZES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--measure", choices=("naive", "ours"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        import torch

        sys.path.append(str(Path(__file__).parent.parent))
        torch.set_num_threads(1)
        size = options.agents[0]
        print(json.dumps(naive(size) if options.measure == "naive" else ours(size, options.device)))
        return
    print(
        "| agents | naive loop | Commonweal | ratio | host, rules, ledgers, recorder | build | memory |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for agents in options.agents:
        slow, fast = measure("naive", agents, "cpu"), measure("ours", agents, options.device)
        print(
            f"| {agents:,} | {slow:,.0f} | {fast['rate']:,.0f} | {fast['rate'] / slow:.0f} "
            f"| {fast['rest']:.1%} | {fast['build']:.2f} s | {fast['memory']:.2f} GiB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
