"""Put the components of a kind together in a world: their sizes, and what does not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from commonweal.agents.learners.base import Company, Giver, Seat
from commonweal.agents.perspectives.base import Perspective
from commonweal.errors import BrokenContract
from commonweal.records import Observation
from commonweal.spaces import Box, Discrete

if TYPE_CHECKING:
    from commonweal.agents.cohort import Cohort


def seat_at(cohort: Cohort, head: str) -> Seat:
    """Where the mind of a head sits.

    Moves, and gifts that answer to the round as it was lived, are decided by what is sensed; other
    social acts by what the ledger asks.
    """
    place, width = cohort.place, cohort.place.near.view.shape[1]
    minds = cohort.kind.minds(place.spec)
    rows = 1 if head == "move" else width
    if head == "move" or issubclass(minds[head], Giver):
        inputs, actions = sensed(cohort), choices(place.spec.actions)
    else:
        ledger = place.book(head)
        moves = torch.zeros(ledger.lanes, place.near.agents, dtype=torch.int64)
        inputs = ledger.questions(moves.to(place.device))[head].percept.width
        actions = choices(ledger.heads[head])
    company = Company(
        place.spec,
        cohort.members,
        place.near.agents,
        place.replicates,
        cohort.wants,
        place.ledgers,
        cohort.minds,
        overseen(cohort),
    )
    generator, device = cohort.generator, place.device
    return Seat(inputs, actions, cohort.slots, place.lanes_each, rows, generator, device, company)


def theory(cohort: Cohort) -> Perspective:
    """The perspective of a cohort."""
    place, kind = cohort.place, cohort.kind
    config = getattr(cohort.config, "perspective", None) or kind.theory.Config()
    return kind.theory(
        config,
        inputs=sensed(cohort),
        actions=choices(place.spec.actions),
        slots=cohort.slots,
        neighbours=place.near.view.shape[1],
        generator=cohort.generator,
        device=place.device,
    )


def choices(space: object) -> int:
    """Number of choices, or of numbers in one continuous action; one share for one neighbour."""
    if isinstance(space, Discrete):
        return space.n
    return space.size if isinstance(space, Box) else 1


def sensed(cohort: Cohort) -> int:
    """Width of all that a kind senses in its world."""
    place, width = cohort.place, 0
    for sense in cohort.senses:
        ledger = place.ledgers.get(sense)
        width += place.spec.channels[sense] if ledger is None else ledger.readings().shape[-1]
    return width


def overseen(cohort: Cohort) -> int:
    """Width of the state of the whole world; 0 for kinds that do not oversee it.

    Worlds without a channel ``overview`` are known by what all agents see, side by side.
    """
    if not cohort.kind.oversees:
        return 0
    spec, agents = cohort.place.spec, cohort.place.near.agents
    return spec.channels.get("overview", agents * sum(spec.channels[name] for name in spec.view))


def overview(cohort: Cohort, observation: Observation) -> Tensor:
    """State of the whole world [L, S], for kinds that oversee it."""
    if "overview" in observation:
        return observation["overview"].features[:, 0]
    seen = [observation[name].features for name in cohort.place.spec.view]
    return torch.cat(seen, -1).flatten(1)


def check(cohort: Cohort) -> None:
    """Raise `BrokenContract` where components of a kind do not go together."""
    kind, minds = cohort.kind, cohort.minds.values()
    cohort.ties.admit(cohort.name, cohort.minds)
    if not cohort.rule.separate and not any(mind.joint for mind in minds):
        raise BrokenContract(
            f"agent {cohort.name}: its gradient rule {kind.gradient_rule.__name__} needs a learner "
            "that knows what the community wants"
        )
    if cohort.preference.ledgers and any(mind.exact for mind in minds):
        raise BrokenContract(
            f"agent {cohort.name}: its preference {kind.preference.__name__} reads the ledger "
            f"{cohort.preference.ledgers[0]!r}, which no exact gradient passes through"
        )
    if kind.theory.needs_lens and cohort.lens is None:
        raise BrokenContract(
            f"agent {cohort.name}: its perspective {kind.theory.__name__} puts itself in the others' "
            "place, which takes a mind that weighs what they do"
        )
