"""The agent object: a Mesa agent over its row, its page and its memberships.

A kind of agent is a subclass that names its components; it holds no arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

import mesa
from torch import Tensor

from commonweal.agents.exchanges.base import Exchange, NoExchange
from commonweal.agents.gradients.base import GradientRule, Own
from commonweal.agents.learners.base import Mind
from commonweal.agents.learners.scripted import ByHand
from commonweal.agents.perspectives.base import Blind, Perspective
from commonweal.agents.preferences.base import Preference, Selfish
from commonweal.errors import BadSetting
from commonweal.networks.federations import Alone, Charter, Federation
from commonweal.networks.ledgers import LEDGERS, Page
from commonweal.settings import Settings
from commonweal.spaces import Discrete, WorldSpec

if TYPE_CHECKING:
    from commonweal.agents.cohort import Cohort


class Agent(mesa.Agent):
    """One decision maker: it carries its learners, its page in every ledger and its ties.

    Class attributes are the kind's composition; each has a do-nothing default.  A setting in
    ``Config`` that bears the name of a head, or is called ``continuous``, ``preference``,
    ``perspective``, ``rule``, ``charter`` or ``exchange``, holds that component's settings.
    """

    Config: ClassVar[type[Settings]] = Settings
    senses: ClassVar[tuple[str, ...]] = ("actions",)
    """channels of the world, or ledgers whose readings are seen, in this order; ``view`` stands for
    the channels of the world's ordinary observation"""
    heads: ClassVar[dict[str, type[Mind]]] = {"move": ByHand}
    """one mind per head: ``move``, and heads of ledgers such as ``assess``"""
    continuous: ClassVar[type[Mind] | None] = None
    """the mind that moves where actions are continuous; None if the kind does not live there"""
    turns: ClassVar[tuple[str, ...]] = ("move",)
    """which head learns, one rollout each in turn; ``rest`` is a rollout in which none does, and
    heads joined by ``+`` learn from the same rollout, whose length is that of the first"""
    ledgers: ClassVar[tuple[str, ...]] = ()
    """ledgers that the kind keeps or reads"""
    preference: ClassVar[type[Preference]] = Selfish
    theory: ClassVar[type[Perspective]] = Blind
    charter: ClassVar[type[Charter]] = Alone
    """who takes part in the federation of its cohort, and who listens to whom"""
    exchange: ClassVar[type[Exchange]] = NoExchange
    """what members of the federation do to each other's parameters or gradients"""
    oversees: ClassVar[bool] = False
    """whether its learners are trained with the state of the whole world, which no agent acts on"""
    gradient_rule: ClassVar[type[GradientRule]] = Own
    """what becomes of the gradients of the minds that know what the community wants"""
    choices: ClassVar[int] = 0
    """number of actions that the kind understands; 0 = any"""
    players: ClassVar[int] = 0
    """number of agents of the only worlds it lives in; 0 = any"""

    def __init__(self, model: mesa.Model, node: int, cohort: Cohort, member: int) -> None:
        super().__init__(model)
        self.node, self.cohort, self.member = node, cohort, member

    @final
    @classmethod
    def minds(cls, spec: WorldSpec) -> dict[str, type[Mind]]:
        """Head -> mind in a world with these actions; empty if the kind cannot act there."""
        move = cls.heads.get("move") if isinstance(spec.actions, Discrete) else cls.continuous
        return {} if move is None else cls.heads | {"move": move}

    @final
    @classmethod
    def part(cls, head: str, spec: WorldSpec) -> str:
        """Name of the setting that holds the settings of a head."""
        return head if isinstance(spec.actions, Discrete) or head != "move" else "continuous"

    @final
    @classmethod
    def sees(cls, spec: WorldSpec) -> tuple[str, ...]:
        """Channels and ledgers that the kind reads in a world."""
        senses = [spec.view if sense == "view" else (sense,) for sense in cls.senses]
        return tuple(name for names in senses for name in names)

    @classmethod
    def accepts(cls, spec: WorldSpec, name: str, world: str, ledgers: tuple[str, ...]) -> None:
        """Raise `BadSetting` in one line if agents of this kind cannot live in a world."""
        minds = cls.minds(spec)
        if not minds:
            discrete = isinstance(spec.actions, Discrete)
            theirs = "one of a few choices" if discrete else "continuous"
            own = "continuous" if discrete else "a choice among a few"
            raise BadSetting(
                f"agent {name} cannot play in world {world}: actions there are {theirs}, "
                f"and what it does is {own}"
            )
        if minds["move"].exact and spec.payoffs is None:
            raise BadSetting(
                f"agent {name} cannot play in world {world}: it follows exact gradients, "
                "and this world's payoffs are not a known function of the joint action"
            )
        if cls.theory.identities and not spec.lasting:
            raise BadSetting(
                f"agent {name} cannot play in world {world} on this network: its perspective tells "
                "neighbours apart, and here they are others in every round"
            )
        flat = [row for row in spec.matrix if max(row) == min(row)]
        if flat and any(mind.counterfactual for mind in minds.values()):
            raise BadSetting(
                f"agent {name} cannot play in world {world}: a move that pays {flat[0][0]:g} whatever "
                "the co-player does leaves nothing to compare its act with; payoffs in a row must differ"
            )
        if cls.choices and isinstance(spec.actions, Discrete) and spec.actions.n != cls.choices:
            raise BadSetting(
                f"agent {name} cannot play in world {world}: it knows {cls.choices} actions, "
                f"the world has {spec.actions.n}"
            )
        for ledger in cls.ledgers:
            known = LEDGERS[ledger].actions
            if known and isinstance(spec.actions, Discrete) and spec.actions.n != known:
                raise BadSetting(
                    f"agent {name} cannot play in world {world}: its ledger {ledger!r} judges "
                    f"{known} actions, the world has {spec.actions.n}"
                )
        if "view" in cls.senses and not spec.view:
            raise BadSetting(
                f"agent {name} cannot play in world {world}: nothing there is meant to be looked at"
            )
        missing = [s for s in cls.sees(spec) if s not in spec.channels and s not in ledgers]
        if missing:
            raise BadSetting(
                f"agent {name} cannot play in world {world}: it needs to see {missing[0]!r}, "
                f"the world shows {', '.join(sorted(spec.channels))}"
            )

    @property
    def kind(self) -> str:
        """Name of the kind."""
        return self.cohort.name

    @property
    def name(self) -> str:
        """Kind and node."""
        return f"{self.kind} {self.node}"

    @property
    def neighbours(self) -> list[Agent]:
        """The agents at adjacent nodes."""
        people = self.model.people
        return [people[node] for node in sorted(self.model.graph[self.node])]

    @property
    def slot(self) -> int:
        """Row of the stacks that serves this agent in the focus lane."""
        replicate, _ = divmod(self.model.focus, self.model.lanes_each)
        return replicate * len(self.cohort.members) + self.member

    @property
    def learner(self) -> dict[str, Mind]:
        """Head -> the mind of its cohort, of which it owns one slot."""
        return self.cohort.minds

    @property
    def perspective(self) -> Perspective:
        """Its theory of mind."""
        return self.cohort.perspective

    @property
    def federations(self) -> list[Federation]:
        """The federations it took part in when they last met, in the replicate of the focus lane."""
        federation, replicate = self.cohort.federation, self.model.focus // self.model.lanes_each
        return [federation] if bool(federation.members[replicate, self.member]) else []

    @property
    def parameters(self) -> dict[str, dict[str, Tensor]]:
        """Head -> name -> live view of its own parameters in the focus lane's replicate."""
        return {
            head: {name: view[self.slot] for name, view in mind.views().items()}
            for head, mind in self.cohort.minds.items()
        }

    @property
    def probabilities(self) -> list[float]:
        """Probabilities of its next move in the focus lane, from its own part alone; where
        actions are continuous, the move itself.
        """
        seen = self.cohort.perceive(self.model.observation)
        row = self.model.focus % self.model.lanes_each
        return self.cohort.minds["move"].alone(self.slot, row, seen).tolist()

    @property
    def beliefs(self) -> dict[int, list[float]]:
        """Neighbour in view -> probabilities of its last move as this agent expected them, in the
        focus lane; empty without a theory of mind, and before anything was played.
        """
        moves, near = self.cohort.beliefs.moves, self.model.neighbourhoods
        if moves is None:
            return {}
        row = moves[self.slot, self.model.focus % self.model.lanes_each]
        seen = near.view[self.node][near.mask[self.node]].tolist()
        return dict(zip(seen, row[: len(seen)].tolist(), strict=True))

    def page(self, ledger: str = "reputation") -> Page:
        """Its part of a ledger in the focus lane."""
        return self.model.society.ledger(ledger).page(self.model.focus, self.node)
