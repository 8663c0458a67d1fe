"""The society: all cohorts of a world and the ledgers they keep together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from commonweal.agents.base import Agent
from commonweal.agents.cohort import Cohort
from commonweal.agents.place import Place
from commonweal.errors import UnknownName, known
from commonweal.lanes import mean, mean_by_action
from commonweal.networks.federations import Federation
from commonweal.networks.ledgers import Ledger, Question
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Experience, Indicators, Layer, Observation
from commonweal.spaces import Box, Discrete

if TYPE_CHECKING:
    from commonweal.worlds.base import World


class Society:
    """Lets all cohorts decide and receive; implements the `Population` protocol.

    Args:
        cohorts: disjoint cohorts that cover all nodes.
        place: the world, with the ledgers founded for these cohorts.
    """

    def __init__(self, cohorts: list[Cohort], place: Place) -> None:
        self.cohorts, self.place, self.ledgers = cohorts, place, place.ledgers
        self.people: list[Agent] = []
        for cohort in cohorts:
            cohort.outlook = self.outlook
        self.senses = {sense for cohort in cohorts for sense in cohort.senses}
        if any(cohort.kind.oversees for cohort in cohorts):
            self.senses |= {"overview", *place.spec.view}
        self.begun = False
        self.around: Neighbourhoods | None = None
        """the graph to which ``watchers`` belong"""

    def settle(self, world: World) -> None:
        """Make the agent objects, one per node, in the order of the nodes."""
        who = {
            node: (cohort, member)
            for cohort in self.cohorts
            for member, node in enumerate(cohort.members.tolist())
        }
        self.people = [who[node][0].kind(world, node, *who[node]) for node in range(len(who))]
        kinds = torch.zeros(len(who), dtype=torch.int64, device=self.place.device)
        for i, cohort in enumerate(self.cohorts):
            kinds[cohort.members] = i
        self.kinds = kinds

    def ledger(self, name: str) -> Ledger:
        """A ledger by name."""
        if name not in self.ledgers:
            raise UnknownName(f"this society keeps no ledger {name!r}{known(name, self.ledgers)}")
        return self.ledgers[name]

    @property
    def federations(self) -> dict[str, Federation]:
        """Cohort -> its federation, for cohorts that have one."""
        return {c.name: c.federation for c in self.cohorts if c.federation.active}

    # ---- one step -----------------------------------------------------------------------

    def decide(self, observation: Observation) -> Tensor:
        """Joint move, [L, N] or [L, N, size]."""
        return self._joint(lambda cohort: cohort.decide(observation))

    def _joint(self, part: Callable[[Cohort], Tensor]) -> Tensor:
        space = self.place.spec.actions
        shape = (self.place.replicates * self.place.lanes_each, self.place.near.agents)
        if isinstance(space, Box):
            whole = torch.zeros(*shape, space.size, device=self.place.device)
        else:
            whole = torch.zeros(shape, dtype=torch.int64, device=self.place.device)
        for cohort in self.cohorts:
            whole = cohort.put(whole, part(cohort))
        return whole.contiguous()

    def outlook(self) -> Tensor:
        """Probabilities with which everybody made its last move, [L, N, A]; for oracles."""
        first = self.cohorts[0].chances()
        shape = (len(first), self.place.near.agents, first.shape[-1])
        whole = torch.zeros(shape, device=first.device)
        for cohort in self.cohorts:
            whole = cohort.put(whole, cohort.chances())
        return whole

    def receive(self, experience: Experience) -> None:
        """Judge, record, want and learn."""
        self.experience = experience
        acts: dict[str, Tensor] = {}
        moved = torch.zeros_like(experience.outcome.rewards)
        for cohort in self.cohorts:
            cohort.look_around(experience)
        for ledger in self.ledgers.values():
            for head, question in ledger.questions(experience.played).items():
                acts[head] = self._answers(head, question)
            moved += ledger.record({head: acts[head] for head in ledger.heads}, experience)
        moves: list[Tensor] = []

        def foresee(head: str) -> Question:
            # The next moves, drawn once for all heads that ask, before any restart.
            if not moves:
                moves.append(self._joint(lambda c: c.foresee(experience.following)))
            return self.place.book(head).questions(moves[0])[head]

        for cohort in self.cohorts:
            cohort.receive(experience, acts, moved, foresee)
        for cohort in self.cohorts:
            cohort.conclude(experience)

    def _answers(self, head: str, question: Question) -> Tensor:
        near = self.place.near
        counted = isinstance(self.place.book(head).heads[head], Discrete)
        whole = torch.zeros(
            *question.moves.shape,
            near.view.shape[1],
            dtype=torch.int64 if counted else torch.float32,
            device=near.view.device,
        )
        for cohort in self.cohorts:
            if head in cohort.minds:
                whole = cohort.put(whole, cohort.respond(head, question))
        return whole

    def restart(self, over: Tensor, standing: Tensor | None) -> None:
        """Ledgers that remember only an episode begin anew in the lanes ``over`` [L]."""
        for ledger in self.ledgers.values():
            if ledger.memory == "episode" or not self.begun:
                ledger.restart(over, standing)
        self.begun = True

    def meet(self, near: Neighbourhoods) -> None:
        """The graph was redrawn."""
        self.place.near = near
        for ledger in self.ledgers.values():
            ledger.meet(near)

    # ---- reading ------------------------------------------------------------------------

    def indicators(self) -> Indicators:
        """What ledgers and learners measure, utilities, and each kind apart where several live.

        Action 0 of a discrete world is its cooperative one, unless the world says otherwise.
        """
        experience, result = self.experience, {}
        rewards, played = experience.outcome.rewards, experience.played
        for ledger in self.ledgers.values():
            result |= ledger.indicators(experience)
        utility = rewards.clone()
        for cohort in self.cohorts:
            utility = cohort.put(utility, cohort.utility)
        level, good = "", torch.zeros_like(rewards)
        if isinstance(self.place.spec.actions, Box):
            level, good = "action", played.mean(-1)
            result["utility"] = mean(utility)
        elif self.place.spec.cooperative:
            level, good = "cooperation", (played == 0).float()
            result |= mean_by_action("utility", utility, good)
        else:
            result["utility"] = mean(utility)
        several = len(self.cohorts) > 1
        for cohort in self.cohorts:
            suffix = f"/{cohort.name}" if several else ""
            if several and level:
                result[level + suffix] = mean(good[:, cohort.members])
            if several:
                result[f"reward{suffix}"] = mean(rewards[:, cohort.members])
            for name, value in cohort.readings().items():
                result[name + suffix] = (value, torch.ones_like(value))
            for name, pair in cohort.ties.indicators(rewards).items():
                result[name + suffix] = pair
        return result | self._about_neighbours()

    def _about_neighbours(self) -> Indicators:
        """What is measured neighbour by neighbour: all, by who measures, and by who is measured.

        ``gift_weight/lase`` is what agents of this kind give, ``gift_weight_to/lase`` what they get.
        """
        near, found = self.place.near, {}
        for ledger in self.ledgers.values():
            found |= ledger.links()
        for cohort in self.cohorts:
            for name, own in cohort.insight.items():
                values = found.get(name)
                values = own.new_zeros(len(own), *near.view.shape) if values is None else values
                found[name] = cohort.put(values, own)
        if self.around is not near:
            self.around, self.watchers = near, {name: self._watchers(name) for name in found}
        return {
            title: ((values * some).sum((1, 2)), count.expand(len(values)))
            for name, values in found.items()
            for title, some, count in self.watchers[name]
        }

    def _watchers(self, name: str) -> list[tuple[str, Tensor, Tensor]]:
        """Title, links [N, D] and their number, of each group by which ``name`` is measured."""
        near = self.place.near
        acts = torch.zeros(near.agents, dtype=torch.bool, device=near.mask.device)
        for ledger in self.ledgers.values():
            if name in ledger.links():
                acts |= torch.stack(list(ledger.active.values())).any(0)
        for cohort in self.cohorts:
            if name in cohort.insight:
                acts[cohort.members] = True
        who = near.mask & acts[:, None]
        groups = {name: who}
        if len(self.cohorts) > 1:
            for i, cohort in enumerate(self.cohorts):
                groups[f"{name}/{cohort.name}"] = who & (self.kinds == i)[:, None]
                groups[f"{name}_to/{cohort.name}"] = who & (self.kinds[near.view] == i)
        return [(title, some, some.sum().float()) for title, some in groups.items() if some.any()]

    def layers(self) -> dict[str, Layer]:
        """What ledgers draw, and the kinds where several live together."""
        result = {}
        for ledger in self.ledgers.values():
            result |= ledger.layers()
        if len(self.cohorts) > 1:
            names = tuple(cohort.name for cohort in self.cohorts)
            lanes = self.place.replicates * self.place.lanes_each
            result["kind"] = Layer(self.kinds.expand(lanes, -1), 0, len(names) - 1, names)
        return result

    # ---- saving -------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Cohorts and ledgers."""
        return {
            "cohorts": {cohort.name: cohort.state() for cohort in self.cohorts},
            "ledgers": {name: ledger.state() for name, ledger in self.ledgers.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        for cohort in self.cohorts:
            cohort.load(state["cohorts"][cohort.name])
        for name, ledger in self.ledgers.items():
            ledger.load(state["ledgers"][name])
