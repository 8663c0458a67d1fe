"""All agents of one kind: stacked minds, and the one place that knows both orders of rows.

The world orders by lane and agent, [L, N, ...]; minds order by slot, [K, B, ...].  Lanes are
replicate-major, L = R * B; every member of every replicate has a slot of its own, K = R * M.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from commonweal.agents.base import Agent
from commonweal.agents.composition import check, overview, seat_at, theory
from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.base import (
    Giver,
    Mind,
    Note,
    by_lane,
    by_slot,
    draw,
)
from commonweal.agents.perspectives.base import insight
from commonweal.agents.place import Place
from commonweal.agents.preferences.base import Income
from commonweal.agents.scene import Scene
from commonweal.agents.ties import Ties
from commonweal.errors import BrokenContract, Diverged
from commonweal.networks.federations import Federation
from commonweal.networks.ledgers import Question
from commonweal.networks.neighbourhoods import Neighbourhoods
from commonweal.records import Beliefs, Experience, Observation, Percept
from commonweal.settings import Settings
from commonweal.spaces import Box


class Cohort:
    """M agents of one kind in all lanes and replicates.

    Args:
        name: of the cohort; that of the kind, unless two cohorts share a kind.
        kind: the class of its agents.
        config: the kind's settings.
        members: [M] int64 nodes.
        place: the world.
    """

    def __init__(
        self, name: str, kind: type[Agent], config: Settings, members: Tensor, place: Place
    ) -> None:
        self.name, self.kind, self.config, self.place = name, kind, config, place
        self.members = members.to(place.device)
        self.everyone = len(members) == place.near.agents
        self.slots = place.replicates * len(members)
        self.generator = generator = place.streams.torch(f"agents/{name}", place.device)
        self.senses = kind.sees(place.spec)
        self.ties = Ties(self)
        preference = getattr(config, "preference", None) or kind.preference.Config()
        self.preference = kind.preference(preference, len(members), place.near.agents, generator)
        self.rule = kind.gradient_rule(getattr(config, "rule", None) or kind.gradient_rule.Config())
        self.plain = Own(Settings())
        self.minds: dict[str, Mind] = {}
        for head, mind in kind.minds(place.spec).items():
            seat = seat_at(self, head)
            # A mind without settings of its own follows the kind's.
            own = config if mind.Config is Settings else mind.Config()
            given = getattr(config, kind.part(head, place.spec), None)
            self.minds[head] = mind(given or own, seat, kind)
        self.perspective = theory(self)
        self.lens = next((mind for mind in self.minds.values() if isinstance(mind, Giver)), None)
        check(self)
        self.outlook: Callable[[], Tensor]
        self.around: Neighbourhoods | None = None
        """the graph to which ``view`` [M * D] and ``mask`` [K, 1, D] belong"""
        self.beliefs = Beliefs()
        self.insight: dict[str, Tensor] = {}
        self.turn, self.rounds, self.last_progress = 0, 0, 0.0

    def wants(self, rewards: Tensor) -> Tensor:
        """What the members make of everybody's rewards [L, N], before gifts, [L, M]."""
        nothing = torch.zeros_like(rewards if self.everyone else rewards[:, self.members])
        return self.preference.utility(Income(rewards, self.members, nothing))

    # ---- the two orders -----------------------------------------------------------------

    def gather(self, x: Tensor) -> Tensor:
        """[L, N, ...] to [K, B, ...]: the members' rows, by slot."""
        return self.gather_own(x if self.everyone else x[:, self.members])

    def gather_own(self, own: Tensor) -> Tensor:
        """The same for values of the members alone, [L, M, ...]."""
        return by_slot(own, self.place.replicates)

    def scatter(self, rows: Tensor) -> Tensor:
        """[K, B, ...] to [L, M, ...]: the inverse of `gather` on the members."""
        return by_lane(rows, self.place.replicates)

    def put(self, whole: Tensor, part: Tensor) -> Tensor:
        """``whole`` [L, N, ...] with the members' ``part`` [L, M, ...] written in."""
        if self.everyone:
            return part
        whole[:, self.members] = part.to(whole.dtype)
        return whole

    def _rows(self, percept: Percept) -> Percept:
        if percept.codes is None:
            return Percept(dense=self.gather(percept.dense))
        return Percept(codes=self.gather(percept.codes), codebook=percept.codebook)

    def _lanes(self, lanes: Tensor, width: int = 1) -> Tensor:
        """[L] to [K, B * width]: a fact of the lane, for every row."""
        rows = lanes.view(self.place.replicates, 1, -1).expand(-1, len(self.members), -1)
        return rows.flatten(0, 1).repeat_interleave(width, 1)

    # ---- seeing and acting --------------------------------------------------------------

    def perceive(self, observation: Observation) -> dict[str, Percept]:
        """What the members see, by sense, rows [K, B]."""
        seen = {}
        for sense in self.senses:
            ledger = self.place.ledgers.get(sense)
            shown = observation[sense] if ledger is None else Percept(dense=ledger.readings())
            seen[sense] = self._rows(shown)
        return seen

    def decide(self, observation: Observation) -> Tensor:
        """Moves of the members, [L, M] or [L, M, size]."""
        self.seen = self.perceive(observation)
        mind, space = self.minds["move"], self.place.spec.actions
        self.moves = mind.act(self.seen)
        if isinstance(space, Box) and not mind.learns:
            low, high = self.moves.min().item(), self.moves.max().item()
            if not space.low <= low <= high <= space.high:
                given = high if low >= space.low else low
                raise BrokenContract(
                    f"agent {self.name}: it does {given:g}, which lies outside "
                    f"[{space.low:g}, {space.high:g}], the actions of this world"
                )
        return self.scatter(self.moves)

    def foresee(self, observation: Observation) -> Tensor:
        """Moves as they would be drawn at an observation; nothing is remembered."""
        outlook = self.minds["move"].probabilities(self.perceive(observation))
        continuous = isinstance(self.place.spec.actions, Box)
        return self.scatter(outlook if continuous else draw(outlook, self.generator))

    def chances(self) -> Tensor:
        """Probabilities with which the members made their last moves, [L, M, A]."""
        return self.scatter(self.minds["move"].probabilities(self.seen))

    def look_around(self, experience: Experience) -> None:
        """After the moves and before social acts: what was believed of the neighbours, and what came."""
        near, members = self.place.near, self.members
        if self.around is not near:
            self.around = near
            self.view = near.view[members].flatten()
            self.mask = near.mask[members].repeat(self.place.replicates, 1).unsqueeze(1)

        def met(values: Tensor) -> Tensor:
            seen = values[:, self.view].unflatten(1, (len(members), -1))
            return self.gather_own(seen)

        self.scene = Scene(
            self.seen,
            self.gather(experience.played),
            self.mask,
            lambda: met(experience.played),
            lambda: self.minds["move"].probabilities(self.seen),
            lambda: met(self.outlook()),
        )
        self.beliefs = self.perspective.imagine(self.scene, self.lens)
        if self.beliefs.moves is not None:
            found = insight(self.beliefs.moves, self.scene.others)
            self.insight = {name: self.scatter(value) for name, value in found.items()}

    def respond(self, head: str, question: Question) -> Tensor:
        """Social acts of the members, [L, M, D]."""
        mind = self.minds[head]
        if isinstance(mind, Giver):
            return self.scatter(mind.give(self.scene, self.beliefs))
        if not mind.learns:
            acts = mind.answer(question)
            return acts if self.everyone else acts[:, self.members]
        self.asked = self._asked(head, question)
        self.acts = mind.act(self.asked)
        return self.scatter(self.acts.unflatten(1, (self.place.lanes_each, -1)))

    def _asked(self, head: str, question: Question) -> dict[str, Percept]:
        rows = self._rows(question.percept)
        if rows.codes is None:
            return {head: Percept(dense=rows.dense.flatten(1, 2))}
        return {head: Percept(codes=rows.codes.flatten(1), codebook=rows.codebook)}

    # ---- learning -----------------------------------------------------------------------

    @property
    def learning(self) -> list[str]:
        """The heads whose turn it is to learn; none in a turn of rest."""
        heads = self.kind.turns[self.turn].split("+")
        return [head for head in heads if head in self.minds and self.minds[head].learns]

    def receive(
        self,
        experience: Experience,
        acts: dict[str, Tensor],
        moved: Tensor,
        foresee: Callable[[str], Question],
    ) -> None:
        """Want and remember.

        ``acts``: head -> what everybody did, [L, N, D]; ``moved``: reward that ledgers moved,
        [L, N]; ``foresee(head)``: the question of the
        next round as far as it can be known before any restart.
        """
        standing = {name: self.place.ledgers[name].standing() for name in self.preference.ledgers}
        if not self.everyone:
            moved = moved[:, self.members]
            standing = {name: value[:, self.members] for name, value in standing.items()}
        influence = self.beliefs.influence
        income = Income(
            experience.outcome.rewards,
            self.members,
            moved,
            standing,
            self.place.near,
            experience.ended,
            None if influence is None else self.scatter(influence),
            experience.progress,
        )
        self.utility = self.preference.utility(income)
        self.ties.earn(self.utility)
        for head in self.learning:
            if head == "move":
                note = self._note(self.utility, experience)
            elif isinstance(self.minds[head], Giver):
                note = self._note(income.rewards, experience)
            else:
                note = self._social_note(head, experience, acts, foresee)
            self.minds[head].remember(note)

    def _note(self, utility: Tensor, experience: Experience) -> Note:
        after = partial(self.perceive, experience.following)
        ends = self._lanes(experience.ended), self._lanes(experience.truncated)
        utility = self.gather_own(utility)
        note = Note(self.seen, self.moves, utility, *ends, after, experience, scene=self.scene)
        if not self.kind.oversees:
            return note
        return replace(
            note,
            overview=self._overview(experience.observation),
            overview_after=partial(self._overview, experience.following),
        )

    def _overview(self, observation: Observation) -> Tensor:
        """State of the whole world for every row, [K, B, S]."""
        whole = overview(self, observation).unsqueeze(1)
        return self.gather_own(whole.expand(-1, len(self.members), -1))

    def conclude(self, experience: Experience) -> None:
        """End the round: study when the rollout of this turn is complete.

        Apart from `receive`, since no cohort may change while another still foresees it.
        """
        ended = self._lanes(experience.ended)
        for mind in self.minds.values():
            mind.watch(self.seen, ended)
        self.perspective.remember(self.scene, ended)
        self.rounds += 1
        first = self.minds[self.learning[0] if self.learning else "move"]
        if self.rounds >= first.rollout:
            self._study(experience)

    def _social_note(
        self,
        head: str,
        experience: Experience,
        acts: dict[str, Tensor],
        foresee: Callable[[str], Question],
    ) -> Note:
        near, mind = self.place.near, self.minds[head]
        utility, penalty = mind.credit(acts[head], self.place.book(head), experience)
        counts = near.mask.float().expand(len(utility), -1, -1)
        return Note(
            self.asked,
            self.acts,
            self.gather(utility).flatten(1),
            self._lanes(experience.ended, near.view.shape[1]),
            self._lanes(experience.truncated, near.view.shape[1]),
            lambda: self._asked(head, foresee(head)),
            experience,
            self.gather(penalty).flatten(1),
            None if near.regular else self.gather(counts).flatten(1),
            self.scene,
        )

    def _study(self, experience: Experience) -> None:
        """Learn, let the federation meet, and pass the turn on.

        Schedules refer to the end of the previous rollout, so that the first update uses the
        values of the start (Ren et al. 2025, settings).
        """
        minds = {head: self.minds[head] for head in self.learning}
        for head, mind in minds.items():
            with self.ties.studying(head, mind):
                mind.study(self.last_progress, self.rule if mind.joint else self.plain)
            mind.teach(self.last_progress)
        if minds:
            self.perspective.study(self.lens)
            for part, mind in {**minds, "perspective": self.perspective}.items():
                self._check(part, mind.broken(), experience)
        self.last_progress = experience.progress
        self.turn, self.rounds = (self.turn + 1) % len(self.kind.turns), 0

    def _check(self, part: str, broken: Tensor | None, experience: Experience) -> None:
        if broken is not None and bool(broken.any()):
            replicate, member = divmod(int(broken.nonzero()[0]), len(self.members))
            node = int(self.members[member])
            raise Diverged(
                f"agent {self.name} {node} (replicate {replicate}): parameters of its {part!r} "
                f"learner are no longer finite, at {experience.progress:.1%} of the run"
            )

    @property
    def federation(self) -> Federation:
        """Who of them shares with whom; without meetings for agents that learn alone."""
        return self.ties.federation

    def readings(self) -> dict[str, Tensor]:
        """What its minds measured when they last studied, name -> [L]."""
        return {name: v for mind in self.minds.values() for name, v in mind.readings().items()}

    # ---- saving -------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Minds, federation, and where the turns stand."""
        return {
            "minds": {head: mind.state() for head, mind in self.minds.items()},
            "perspective": self.perspective.state(),
            "preference": self.preference.state(),
            "ties": self.ties.state(),
            "turn": self.turn,
            "rounds": self.rounds,
            "progress": self.last_progress,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        for head, mind in self.minds.items():
            mind.load(state["minds"].get(head, {}))
        self.perspective.load(state["perspective"])
        self.preference.load(state["preference"])
        self.ties.load(state["ties"])
        self.turn, self.rounds = state["turn"], state["rounds"]
        self.last_progress = state["progress"]
