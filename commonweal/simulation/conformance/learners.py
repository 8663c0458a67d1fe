"""Clauses of learning: each slot on its own, from its own notes, towards what pays."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from commonweal.agents import AGENTS
from commonweal.agents.cohort import Cohort
from commonweal.agents.learners.base import Mind, Note
from commonweal.agents.scene import Scene
from commonweal.errors import BadSetting
from commonweal.networks.federations import Alone
from commonweal.records import Percept
from commonweal.simulation.assembly import assemble
from commonweal.simulation.conformance.tools import differences
from commonweal.simulation.conformance.villages import experiment, tuned
from commonweal.simulation.experiment import Experiment, Share

WHOLE = 10**6
"""A mini-batch larger than any rollout, so that the order of samples does not matter."""
EAGER = {"explore_start": 0.1, "explore_end": 0.1, "warm_up": 16, "learning_rate": 0.02}
EAGER |= {"decisions": 1, "controller_rate": 0.005}
"""Settings, by their last name, with which what is found shows soon."""
TOLERANCE = 1e-4
"""Largest difference of a parameter, a hundredth of Adam's first step."""


class Rollout:
    """The notes of one head's first rollout, and what its mind was before and after."""

    def __init__(self, mind: Mind) -> None:
        self.mind, self.notes, self.before, self.progress = mind, [], {}, 0.0
        self.after: dict[str, Tensor] = {}
        self._remember, self._study = mind.remember, mind.study
        mind.remember, mind.study = self.remember, self.study

    def remember(self, note: Note) -> None:
        """Keep a note, with what follows worked out now, then pass it on."""
        if not self.notes:
            self.before = deepcopy(self.mind.state())
        after = note.following()
        note = replace(note, following=lambda: after)
        # What is asked of a scene later on would be answered by another round.
        _ = note.scene.others, note.scene.outlook, note.scene.truth
        if not self.after:
            self.notes.append(note)
        self._remember(note)

    def study(self, progress: float, rule: Any) -> None:
        """Let the mind study and keep what came of it."""
        first, self.progress, self.rule = not self.after, progress, rule
        self._study(progress, rule)
        if first:
            self.after = {title: view.clone() for title, view in self.mind.views().items()}


def rollouts(name: str, world: str) -> tuple[Cohort, dict[str, Rollout]]:
    """The first rollout of every head that learns, two replicates of a small ring."""
    setting = experiment(name, world, replicates=2)
    # Who only explores learns nothing from what came of it.
    table = tuned(name, rollout=4, batch=WHOLE, warm_up=1, every=1, explore_start=0.5)
    shares = [Share(kind=name, settings=table)]
    village = assemble(replace(setting, population=shares))
    cohort = village.society.cohorts[0]
    watched = {head: Rollout(mind) for head, mind in cohort.minds.items() if mind.learns}
    for _ in range(1000):
        if all(rollout.after for rollout in watched.values()):
            break
        village.step()
    return cohort, watched


def part(value: Any, slots: slice, count: int) -> Any:
    """The share of some slots in a nested state, all of whose tensors begin with the slot."""
    if isinstance(value, Percept):
        if value.codes is None:
            return Percept(dense=value.dense[slots])
        return Percept(codes=value.codes[slots], codebook=value.codebook)
    if isinstance(value, Scene):
        others, outlook, truth = value.others, value.outlook, value.truth
        return Scene(
            part(value.seen, slots, count),
            value.moves[slots],
            value.mask[slots],
            lambda: others[slots],
            lambda: outlook[slots],
            lambda: truth[slots],
        )
    if isinstance(value, dict):
        return {key: part(inner, slots, count) for key, inner in value.items()}
    if isinstance(value, Tensor) and value.dim() and len(value) == count:
        return value[slots].clone()
    if isinstance(value, list) and len(value) == count:
        return value[slots]
    return value


def excerpt(note: Note, slots: slice, cohort: Cohort) -> Note:
    """A note as some slots of one replicate alone would have taken it."""
    after = part(note.following(), slots, cohort.slots)
    fields = {key: part(getattr(note, key), slots, cohort.slots) for key in vars(note)}
    lanes, each = cohort.place.lanes_each, cohort.slots // cohort.place.replicates
    first = slots.start // each * lanes
    step = note.experience
    outcome = replace(step.outcome, **_cut(step.outcome, slice(first, first + lanes)))
    step = replace(step, moves=step.moves[first : first + lanes], outcome=outcome)
    return replace(note, **fields | {"following": lambda: after, "experience": step})


def _cut(record: Any, lanes: slice) -> dict[str, Tensor]:
    return {key: value[lanes] for key, value in vars(record).items() if value is not None}


def pupil(cohort: Cohort, rollout: Rollout, slots: slice, seed: int = 0) -> Mind:
    """A mind of its own for all slots or for one, as they were before the rollout."""
    mind, count = rollout.mind, cohort.slots
    generator = torch.Generator(cohort.place.device).manual_seed(seed)
    company, number = mind.seat.company, len(range(*slots.indices(count)))
    if number == 1:
        own = slots.start % len(company.members)
        company = replace(
            company,
            members=company.members[own : own + 1],
            replicates=1,
            wants=lambda rewards: mind.seat.company.wants(rewards)[:, own : own + 1],
        )
    seat = replace(mind.seat, slots=number, generator=generator, company=company)
    twin = type(mind)(mind.config, seat, mind.kind)
    twin.load(part(rollout.before, slots, count))
    generator.manual_seed(seed)
    return twin


# ---- the clauses ----------------------------------------------------------------------------


def stacked_equals_solo(name: str, world: str) -> Iterator[str]:
    """Agents that learn in one stack end with the parameters of agents that learn alone."""
    if not AGENTS[name].gradient_rule.separate:
        return  # learns from the others by design
    cohort, watched = rollouts(name, world)
    if cohort.ties.exchange.steers:
        return  # the same
    for head, rollout in watched.items():
        if not rollout.after:
            yield f"{head} never studied"
            continue
        if rollout.mind.social or rollout.mind.mutual:
            continue  # the same, mind by mind
        for slot in (0, cohort.slots // 2, cohort.slots - 1):
            slots = slice(slot, slot + 1)
            solo = pupil(cohort, rollout, slots)
            for note in rollout.notes:
                solo.remember(excerpt(note, slots, cohort))
            solo.study(rollout.progress, rollout.rule)
            for title, view in solo.views().items():
                worst = (view[0] - rollout.after[title][slot]).abs().max()
                if not worst < TOLERANCE:
                    yield f"{head}: {title} of slot {slot} differs by {worst:.2g}"


def learning_is_separate(name: str, world: str) -> Iterator[str]:
    """What one agent earned changes what it learns and nothing that the others learn."""
    kind = AGENTS[name]
    if not kind.gradient_rule.separate or kind.charter is not Alone:
        return  # learns with the others by design
    cohort, watched = rollouts(name, world)
    chosen = cohort.slots // 2
    for head, rollout in watched.items():
        if rollout.mind.exact or rollout.mind.social or rollout.mind.mutual:
            continue  # learns from the rules, or from the others, and not from what it earned
        learned = []
        for bonus in (0.0, 1.0):
            twin = pupil(cohort, rollout, slice(0, cohort.slots))
            for turn, note in enumerate(rollout.notes):
                utility = note.utility.clone()
                utility[chosen, turn % 2 :: 2] += bonus
                twin.remember(replace(note, utility=utility))
            twin.study(rollout.progress, rollout.rule)
            learned.append({title: view.clone() for title, view in twin.views().items()})
        one, other = learned
        others = torch.arange(cohort.slots) != chosen
        for title in one:
            yield from differences(one[title][others], other[title][others], f"{head}: {title}")
        if all(torch.equal(one[title][chosen], other[title][chosen]) for title in one):
            yield f"{head}: what slot {chosen} earned taught it nothing"


def replicates_are_separate(name: str, world: str) -> Iterator[str]:
    """What agents of one replicate earned changes nothing that those of another learn."""
    cohort, watched = rollouts(name, world)
    lanes, each = cohort.place.lanes_each, cohort.slots // cohort.place.replicates
    for head, rollout in watched.items():
        if rollout.mind.exact:
            continue  # learns from the rules
        learned = []
        for bonus in (0.0, 1.0):
            twin = pupil(cohort, rollout, slice(0, cohort.slots))
            for turn, note in enumerate(rollout.notes):
                utility, outcome = note.utility.clone(), note.experience.outcome
                rewards = outcome.rewards.clone()
                utility[each:] += bonus * (turn % 2)
                rewards[lanes:] += bonus * (turn % 2)
                step = replace(note.experience, outcome=replace(outcome, rewards=rewards))
                twin.remember(replace(note, utility=utility, experience=step))
            twin.study(rollout.progress, rollout.rule)
            twin.teach(rollout.progress)
            learned.append({title: view.clone() for title, view in twin.views().items()})
        for title in learned[0]:
            one, other = (views[title][:each] for views in learned)
            yield from differences(one, other, f"{head}: {title}")


def improves(name: str, world: str) -> Iterator[str]:
    """A learner finds the better of two moves, whichever it is, where that is plain."""
    kind = AGENTS[name]
    mind = kind.heads.get("move")
    if mind is None or not mind.learns:
        return
    bandits = {
        "cooperate": {"reward": 1.0, "sucker": 0.8, "temptation": 0.2, "punishment": 0.0},
        "defect": {"reward": 0.0, "sucker": 0.2, "temptation": 0.8, "punishment": 1.0},
    }
    for best, payoffs in bandits.items():
        setting = Experiment(
            agents=kind.players or 4,
            lanes=16,
            steps=40_000,
            world={"kind": "lattice"} | payoffs,
            network={"kind": "complete" if kind.players else "ring"},
            population=[Share(kind=name, settings={} if mind.social else tuned(name, **EAGER))],
        )
        try:
            village = assemble(setting)
        except BadSetting:  # a kind for other worlds
            return
        level: list[float] = []
        found = 0.0
        # Sooner is no better: learners of one step a rollout need more of them than others.
        while village.steps_taken < setting.steps and found < 0.8:
            village.step()
            above, below = village.measured["cooperation"]
            share = (above.sum() / below.sum()).item()
            level.append(share if best == "cooperate" else 1 - share)
            found = sum(level[-20:]) / 20
        if found < 0.8:
            yield f"{found:.2f} of all moves {best} where that pays"


def climbs(name: str, world: str) -> Iterator[str]:
    """A learner of continuous actions gives more where giving pays each and all, else less."""
    mind = AGENTS[name].continuous
    if mind is None or not mind.learns:
        return
    for multiplier, direction in ((6.0, 1), (0.1, -1)):
        setting = Experiment(
            agents=2,
            lanes=20,
            replicates=1,
            steps=200,
            world={"kind": "public_goods", "multiplier": multiplier},
            # The game is linear, where a rule of signs may be told to do the opposite.
            population=[Share(kind=name, settings=tuned(name, zero_sign=0))],
        )
        village = assemble(setting)
        level = []
        for _ in range(10):
            village.step()
            level.append(village.measured["action"][0].mean().item() / 2)
        if (level[-1] - level[0]) * direction <= 0.01:
            yield f"contributions go from {level[0]:.3f} to {level[-1]:.3f} at {multiplier}"
