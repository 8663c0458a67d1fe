"""All agents of one kind: stacked minds, and the one place that knows both orders of rows.

The world orders by lane and agent, [L, N, ...]; minds order by slot, [K, B, ...].  Lanes are
replicate-major, L = R * B; every member of every replicate has a slot of its own, K = R * M.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from commonweal.agents.base import Agent
from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.base import Company, Mind, Note, Seat, by_lane, by_slot, draw
from commonweal.agents.place import Place
from commonweal.errors import BrokenContract, Diverged
from commonweal.networks.ledgers import Question
from commonweal.records import Experience, Observation, Percept
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
        self.perspective = kind.theory()
        self.charter, self.exchange = kind.charter(), kind.exchange()
        preference = getattr(config, "preference", None) or kind.preference.Config()
        self.preference = kind.preference(preference, len(members), place.near.agents, generator)
        self.rule = kind.gradient_rule(getattr(config, "rule", None) or kind.gradient_rule.Config())
        self.plain = Own(Settings())
        self.minds: dict[str, Mind] = {}
        for head, mind in kind.minds(place.spec).items():
            seat = self._seat(head, generator)
            # A mind without settings of its own follows the kind's.
            own = config if mind.Config is Settings else mind.Config()
            given = getattr(config, kind.part(head, place.spec), None)
            self.minds[head] = mind(given or own, seat, kind)
        if not self.rule.separate and not any(mind.joint for mind in self.minds.values()):
            raise BrokenContract(
                f"agent {name}: its gradient rule {kind.gradient_rule.__name__} needs a learner "
                "that knows what the community wants"
            )
        if self.preference.ledgers and any(mind.exact for mind in self.minds.values()):
            raise BrokenContract(
                f"agent {name}: its preference {kind.preference.__name__} reads the ledger "
                f"{self.preference.ledgers[0]!r}, which no exact gradient passes through"
            )
        self.earned = torch.zeros(len(members), device=place.device)
        self.turn, self.rounds, self.last_progress = 0, 0, 0.0

    def _seat(self, head: str, generator: torch.Generator) -> Seat:
        place, width = self.place, self.place.near.view.shape[1]
        if head == "move":
            inputs = sum(self._width(sense) for sense in self.kind.senses)
            space = place.spec.actions
            rows, actions = 1, space.size if isinstance(space, Box) else space.n
        else:
            ledger = place.book(head)
            moves = torch.zeros(ledger.lanes, place.near.agents, dtype=torch.int64)
            inputs = ledger.questions(moves.to(place.device))[head].percept.width
            rows, actions = width, ledger.heads[head].n
        company = Company(
            place.spec, self.members, place.near.agents, place.replicates, self._wants
        )
        return Seat(
            inputs, actions, self.slots, place.lanes_each, rows, generator, place.device, company
        )

    def _wants(self, rewards: Tensor) -> Tensor:
        own = rewards if self.everyone else rewards[:, self.members]
        nothing = torch.zeros_like(own)
        return self.preference.utility(own, rewards.sum(-1, keepdim=True), nothing, {})

    def _width(self, sense: str) -> int:
        if sense in self.place.ledgers:
            return self.place.ledgers[sense].readings().shape[-1]
        return self.place.spec.channels[sense]

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
        for sense in self.kind.senses:
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

    def respond(self, head: str, question: Question) -> Tensor:
        """Social acts of the members, [L, M, D]."""
        mind = self.minds[head]
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
    def head(self) -> str:
        """The head whose turn it is to learn, or ``rest``."""
        return self.kind.turns[self.turn]

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
        own = experience.outcome.rewards
        welfare = own.sum(-1, keepdim=True)
        if not self.everyone:
            own, moved = own[:, self.members], moved[:, self.members]
            standing = {name: value[:, self.members] for name, value in standing.items()}
        self.utility = self.preference.utility(own, welfare, moved, standing)
        self.earned = self.earned + self.utility.mean(0)
        mind = self.minds.get(self.head)
        if mind is not None and mind.learns:
            if self.head == "move":
                after = partial(self.perceive, experience.following)
                ends = self._lanes(experience.ended), self._lanes(experience.truncated)
                utility = self.gather_own(self.utility)
                note = Note(self.seen, self.moves, utility, *ends, after, experience)
            else:
                note = self._social_note(self.head, experience, acts, foresee)
            mind.remember(note)

    def conclude(self, experience: Experience) -> None:
        """End the round: study when the rollout of this turn is complete.

        Apart from `receive`, since no cohort may change while another still foresees it.
        """
        ended = self._lanes(experience.ended)
        for mind in self.minds.values():
            mind.watch(self.seen, ended)
        self.perspective.study(self.seen)
        self.rounds += 1
        if self.rounds >= self.minds.get(self.head, self.minds["move"]).rollout:
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
        )

    def _study(self, experience: Experience) -> None:
        """Learn, let the federation meet, and pass the turn on.

        Schedules refer to the end of the previous rollout, so that the first update uses the
        values of the start (Ren et al. 2025, settings).
        """
        mind = self.minds.get(self.head)
        if mind is not None and mind.learns:
            mind.study(self.last_progress, self.rule if mind.joint else self.plain)
            self._share(mind)
            self._check(mind, experience)
        self.last_progress = experience.progress
        self.turn, self.rounds = (self.turn + 1) % len(self.kind.turns), 0

    def _share(self, mind: Mind) -> None:
        weights = self.charter.convene(self.earned)
        self.earned = torch.zeros_like(self.earned)
        if weights is not None:
            stack = mind.policy.parameters
            rows = stack.view(self.place.replicates, len(self.members), -1)
            stack.copy_(self.exchange.apply(rows, weights).view_as(stack))

    def _check(self, mind: Mind, experience: Experience) -> None:
        broken = mind.broken()
        if bool(broken.any()):
            replicate, member = divmod(int(broken.nonzero()[0]), len(self.members))
            node = int(self.members[member])
            raise Diverged(
                f"agent {self.name} {node} (replicate {replicate}): parameters of its "
                f"{self.head!r} learner are no longer finite, at {experience.progress:.1%} of the run"
            )

    def readings(self) -> dict[str, Tensor]:
        """What its minds measured when they last studied, name -> [L]."""
        return {name: v for mind in self.minds.values() for name, v in mind.readings().items()}

    # ---- saving -------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Minds, charter, and where the turns stand."""
        return {
            "minds": {head: mind.state() for head, mind in self.minds.items()},
            "charter": self.charter.state(),
            "earned": self.earned,
            "turn": self.turn,
            "rounds": self.rounds,
            "progress": self.last_progress,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        for head, mind in self.minds.items():
            mind.load(state["minds"].get(head, {}))
        self.charter.load(state["charter"])
        self.earned = state["earned"].to(self.place.device)
        self.turn, self.rounds = state["turn"], state["rounds"]
        self.last_progress = state["progress"]
