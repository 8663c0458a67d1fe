"""Clauses of a kind of agent: what it plays, what it shows of itself, and what it learns from.

How a learner uses its notes is checked in `learners`.
"""

import gc
import weakref
from collections.abc import Iterator
from copy import copy, deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import mesa
import torch
from torch import Tensor

from commonweal.agents import AGENTS
from commonweal.agents.base import Agent
from commonweal.errors import BadSetting
from commonweal.settings import Settings, flags
from commonweal.simulation.assembly import assemble
from commonweal.simulation.conformance.learners import (
    climbs,
    improves,
    learning_is_separate,
    replicates_are_separate,
    stacked_equals_solo,
)
from commonweal.simulation.conformance.ledgers import extremes
from commonweal.simulation.conformance.tools import (
    another,
    differences,
    documentation,
    saved,
    settings,
    shadowed,
    source,
    unsound,
)
from commonweal.simulation.conformance.villages import ROUNDS, experiment, scripted_in, villages
from commonweal.simulation.experiment import settable, with_value
from commonweal.spaces import Box, Discrete, Shares

# ---- the clauses ----------------------------------------------------------------------------


def is_documented(name: str, world: str) -> Iterator[str]:
    """It stands in a file of its name, or in a family whose docstring lists it."""
    yield from documentation(AGENTS, name)


def names_a_source(name: str, world: str) -> Iterator[str]:
    """Its docstring or its module's names a source."""
    yield from source(AGENTS, name)


def settings_survive(name: str, world: str) -> Iterator[str]:
    """Settings survive a file and say what they mean."""
    yield from settings(AGENTS[name].Config)


def shadows_nothing(name: str, world: str) -> Iterator[str]:
    """Nothing of Mesa's agent is shadowed."""
    yield from shadowed(AGENTS[name], mesa.Agent, {*dir(mesa.Agent), "model", "unique_id", "pos"})


def components_are_reachable(name: str, world: str) -> Iterator[str]:
    """Every setting of every component is set by its dotted flag, and arrives there."""
    kind, setting = AGENTS[name], experiment(name, world)
    spec = assemble(setting).spec
    parts: dict[str, type[Settings]] = {
        kind.part(head, spec): mind.Config for head, mind in kind.minds(spec).items()
    }
    parts |= {"preference": kind.preference.Config, "rule": kind.gradient_rule.Config}
    parts |= {"charter": kind.charter.Config, "exchange": kind.exchange.Config}
    parts["perspective"] = kind.theory.Config
    for part, config in parts.items():
        for flag in flags(config, f"{name}.{part}"):
            if flag.name not in settable(setting):
                yield f"no flag --{flag.name}"
                continue
            value = another(settable(setting)[flag.name])
            try:
                changed = with_value(setting, flag.name, value)
                cohort = assemble(changed).society.cohorts[0]
            except BadSetting:  # at odds with the other settings
                continue
            owners = {"preference": cohort.preference, "rule": cohort.rule}
            owners["perspective"] = cohort.perspective
            owners |= {"charter": cohort.federation.charter, "exchange": cohort.ties.exchange}
            owners["continuous"] = cohort.minds["move"]
            found = (owners | cohort.minds if part in kind.heads else owners)[part].config
            for step in flag.name.split(".")[2:]:
                found = getattr(found, step)
            if found != value:
                yield f"--{flag.name} {value} arrives as {found}"


def moves_are_legal(name: str, world: str) -> Iterator[str]:
    """Moves and social acts are legal on regular and irregular graphs, indicators sound."""
    for label, village in villages(name, world):
        space, cohort = village.spec.actions, village.society.cohorts[0]
        actions = space.n if isinstance(space, Discrete) else space.size
        for _ in range(ROUNDS):
            moves = village.society.decide(village.observation)
            if isinstance(space, Box):
                if moves.dtype != torch.float32 or not torch.isfinite(moves).all():
                    yield f"{label}: moves {moves.dtype} that are not all numbers"
                if moves.shape != (village.lanes, village.neighbourhoods.agents, space.size):
                    yield f"{label}: moves {tuple(moves.shape)}"
            elif moves.dtype != torch.int64 or moves.min() < 0 or moves.max() >= actions:
                yield f"{label}: moves {sorted(set(moves.flatten().tolist()))} of {actions}"
            village.step()
            yield from unsound(village.measured, village.lanes, label)
        chances = cohort.minds["move"].probabilities(cohort.perceive(village.observation))
        if isinstance(space, Box):
            continue
        if chances.shape != (cohort.slots, village.lanes_each, actions):
            yield f"{label}: probabilities are {tuple(chances.shape)}"
        elif chances.min() < 0 or (chances.sum(-1) - 1).abs().max() > 1e-5:
            yield f"{label}: probabilities do not sum to one"


def social_acts_are_legal(name: str, world: str) -> Iterator[str]:
    """Answers to a ledger's question are among those it understands."""
    for label, village in villages(name, world):
        for ledger in village.society.ledgers.values():
            written: list[dict[str, Tensor]] = []
            record = ledger.record

            def kept(acts: dict, now: Any, record: Any = record, written: list = written) -> Tensor:
                written.append(acts)
                return record(acts, now)

            ledger.record = kept
            for _ in range(ROUNDS):
                village.step()
            for head, space in ledger.heads.items():
                acts = torch.stack([act[head] for act in written])
                low, high = extremes(space)
                if acts.min() < low or acts.max() > high:
                    yield f"{label}: {head} between {acts.min()} and {acts.max()}"
                if isinstance(space, Shares) and acts.sum(-1).max() > 1 + 1e-5:
                    yield f"{label}: {head} sums to {acts.sum(-1).max()}"


def object_equals_cohort(name: str, world: str) -> Iterator[str]:
    """What an agent says of its next move is what its cohort's row says, in every lane."""
    setting = experiment(name, world, scripted_in(world), agents=6, replicates=2)
    village = assemble(setting)
    for _ in range(5):
        village.step()
    cohort = village.society.cohorts[0]
    rows = cohort.minds["move"].probabilities(cohort.perceive(village.observation))
    lanes = cohort.scatter(rows)
    for lane in range(village.lanes):
        village.focus = lane
        for member, node in enumerate(cohort.members.tolist()):
            agent, row = village.people[node], lanes[lane, member]
            if agent.node != node or not isinstance(agent, AGENTS[name]):
                yield f"node {node} holds {agent.name}"
            if not torch.allclose(torch.tensor(agent.probabilities), row, atol=1e-5):
                yield f"{agent.name} in lane {lane}: {agent.probabilities}"


def parameters_are_live(name: str, world: str) -> Iterator[str]:
    """What is written into an agent's parameters is what its cohort acts on."""
    village = assemble(experiment(name, world, scripted_in(world), replicates=2))
    for _ in range(2):
        village.step()
    village.focus = village.lanes - 1
    cohort = village.society.cohorts[0]
    agent = village.people[int(cohort.members[-1])]
    for head, views in agent.parameters.items():
        mind = cohort.minds[head]
        before = {title: view.clone() for title, view in mind.views().items()}
        for view in views.values():
            view += torch.linspace(-1, 1, view.numel()).view_as(view)
        for title, view in mind.views().items():
            changed = (view != before[title]).flatten(1).any(1).nonzero().flatten().tolist()
            if changed != [agent.slot]:
                yield f"{head} {title}: slots {changed} changed, not {agent.slot}"
    rows = cohort.minds["move"].probabilities(cohort.perceive(village.observation))
    row = rows[agent.slot, village.focus % village.lanes_each]
    if not torch.allclose(torch.tensor(agent.probabilities), row, atol=1e-5):
        yield f"{agent.name} now says {agent.probabilities}, its cohort {row.tolist()}"


def beliefs_are_rows(name: str, world: str) -> Iterator[str]:
    """What an agent believes of its neighbours is its row: chances, in every lane."""
    for label, village in villages(name, world):
        for _ in range(ROUNDS):
            village.step()
        cohort, near = village.society.cohorts[0], village.neighbourhoods
        moves = cohort.beliefs.moves
        for lane in range(village.lanes) if moves is not None else ():
            village.focus = lane
            for member, node in enumerate(cohort.members.tolist()):
                found = village.people[node].beliefs
                if list(found) != near.view[node][near.mask[node]].tolist():
                    yield f"{label}: {node} has beliefs about {list(found)}"
                row = cohort.scatter(moves)[lane, member, : len(found)]
                if list(found.values()) != row.tolist():
                    yield f"{label}: {node} in lane {lane} believes {found}"
                if len(found) and not torch.allclose(row.sum(-1), torch.ones(len(found))):
                    yield f"{label}: beliefs of {node} sum to {row.sum(-1).tolist()}"


def beliefs_foretell(name: str, world: str) -> Iterator[str]:
    """What it believes of its neighbours' moves was not read off the moves."""
    for label, village in villages(name, world):
        for _ in range(ROUNDS):
            village.step()
        cohort = village.society.cohorts[0]
        scene, told = cohort.scene, []
        actions = village.spec.actions
        if cohort.beliefs.moves is None or not isinstance(actions, Discrete):
            return
        for turned in (scene.others, (scene.others + 1) % actions.n):
            other = replace(scene, ask_others=lambda turned=turned: turned)
            other.truth = scene.truth
            told.append(copy(cohort.perspective).imagine(other, cohort.lens).moves)
        yield from differences(*told, label)


def seed_decides(name: str, world: str) -> Iterator[str]:
    """The same seed gives the same bits, parameters and series; another seed others."""
    ends = []
    for seed in (0, 0, 1):
        village = assemble(experiment(name, world, seed=seed))
        for _ in range(ROUNDS):
            village.step()
        ends.append(deepcopy(village.state_dict() | {"measured": village.measured}))
    yield from differences(ends[0], ends[1])
    if not any(differences(ends[0]["streams"], ends[2]["streams"])):
        yield "seeds 0 and 1 draw alike"
    minds = [end["society"]["cohorts"][name]["minds"] for end in ends]
    for head, mind in AGENTS[name].heads.items():
        if mind.learns and not any(differences(minds[0][head], minds[2][head])):
            yield f"seeds 0 and 1 learn the same {head}"


def lives_beside_the_others(name: str, world: str) -> Iterator[str]:
    """It lives beside every other kind that the world admits."""
    kinds = tuple((other, AGENTS[other]) for other in AGENTS.names())
    others = [
        other
        for other in admitted(world, kinds)
        if other != name and AGENTS[other].players in (0, AGENTS[name].players)
    ]
    # Where only a few can be, with one of the others at a time; else all kinds are the same society.
    groups = (
        [(name, other) for other in others] if AGENTS[name].players else [sorted({name, *others})]
    )
    for group in groups:
        try:
            yield from together(world, tuple((member, AGENTS[member]) for member in group))
        except BadSetting:
            if len(group) > 2:
                raise
            # A single one of the other kind may be too few, for a federation say.


@cache
def admitted(world: str, kinds: tuple[tuple[str, type[Agent]], ...]) -> tuple[str, ...]:
    """Which of the kinds can live in a world."""
    found = []
    for name, _ in kinds:
        try:
            assemble(experiment(name, world, agents=4)).close()
        except BadSetting:
            continue
        found.append(name)
    return tuple(found)


@cache
def together(world: str, kinds: tuple[tuple[str, type[Agent]], ...]) -> tuple[str, ...]:
    """What is wrong where agents of all these kinds live together; worked out once."""
    (name, _), *others = kinds
    names = tuple(other for other, _ in others)
    try:
        village = assemble(experiment(name, world, names, agents=2 * len(kinds)))
    except BadSetting:
        if len(kinds) < 4:
            raise
        # More than there is room for: one half of the kinds lives in another world.
        half = len(kinds) // 2
        return together(world, kinds[:half]) + together(world, kinds[half:])
    faults: list[str] = []
    for _ in range(ROUNDS):
        village.step()
        faults += unsound(village.measured, village.lanes, "together")
    if {agent.kind for agent in village.people} != {name, *names}:
        faults.append("someone is missing")
    village.close()
    return tuple(faults)


def checkpoint_continues(name: str, world: str) -> Iterator[str]:
    """A saved society, loaded into a fresh one amid a rollout, goes on to the same bits."""
    setting = experiment(name, world, scripted_in(world))
    village, fresh = assemble(setting), assemble(setting)
    if village.horizon:
        village.clock[1] = village.horizon - 5  # lanes of unlike age; one ends as it is saved
    for _ in range(5):
        village.step()
    state = saved(village.state_dict())
    fresh.load_state_dict(state)
    yield from differences(fresh.state_dict(), state)
    for _ in range(ROUNDS):
        village.step()
        fresh.step()
        yield from differences(fresh.measured, village.measured, "indicators")
    yield from differences(fresh.state_dict(), village.state_dict())


def closing_frees_it(name: str, world: str) -> Iterator[str]:
    """A closed world with such agents, held by nobody, is collected."""
    gc.freeze()  # what was there before need not be looked through
    village = assemble(experiment(name, world))
    village.step()
    village.close()
    gone = weakref.ref(village), weakref.ref(village.people[0])
    del village
    gc.collect()
    gc.unfreeze()
    if gone[0]() is not None or gone[1]() is not None:
        yield "something still holds it"


AGENT_CLAUSES = (
    is_documented,
    names_a_source,
    settings_survive,
    shadows_nothing,
    components_are_reachable,
    moves_are_legal,
    social_acts_are_legal,
    object_equals_cohort,
    parameters_are_live,
    beliefs_are_rows,
    beliefs_foretell,
    seed_decides,
    lives_beside_the_others,
    checkpoint_continues,
    closing_frees_it,
    stacked_equals_solo,
    learning_is_separate,
    replicates_are_separate,
    improves,
    climbs,
)
