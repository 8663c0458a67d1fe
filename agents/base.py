"""The agent object: a Mesa agent over its row, its page and its memberships.

A kind of agent is a subclass that names its components; it holds no arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import mesa
from torch import Tensor

from commonweal.agents.exchanges.base import Exchange, NoExchange
from commonweal.agents.learners.base import Mind
from commonweal.agents.learners.gradients import Rule, own
from commonweal.agents.learners.scripted import ByHand
from commonweal.agents.perspectives.base import Blind, Perspective
from commonweal.agents.preferences.base import Preference, Selfish
from commonweal.errors import BadSetting
from commonweal.networks.federations import Alone, Charter
from commonweal.networks.ledgers import Page
from commonweal.settings import Settings
from commonweal.spaces import Discrete, WorldSpec

if TYPE_CHECKING:
    from commonweal.agents.cohort import Cohort


class Agent(mesa.Agent):
    """One decision maker: it carries its learners, its page in every ledger and its ties.

    Class attributes are the kind's composition; each has a do-nothing default.  A setting in
    ``Config`` that bears the name of a head or of ``preference`` holds that component's settings.
    """

    Config: ClassVar[type[Settings]] = Settings
    senses: ClassVar[tuple[str, ...]] = ("actions",)
    """channels of the world, or ledgers whose readings are seen, in this order"""
    heads: ClassVar[dict[str, type[Mind]]] = {"move": ByHand}
    """one mind per head: ``move``, and heads of ledgers such as ``assess``"""
    turns: ClassVar[tuple[str, ...]] = ("move",)
    """which head learns, one rollout each in turn; ``rest`` is a rollout in which none does"""
    ledgers: ClassVar[tuple[str, ...]] = ()
    """ledgers that the kind keeps or reads"""
    preference: ClassVar[type[Preference]] = Selfish
    theory: ClassVar[type[Perspective]] = Blind
    charter: ClassVar[type[Charter]] = Alone
    exchange: ClassVar[type[Exchange]] = NoExchange
    gradient_rule: ClassVar[Rule] = staticmethod(own)
    choices: ClassVar[int] = 0
    """number of actions that the kind understands; 0 = any"""

    def __init__(self, model: mesa.Model, node: int, cohort: Cohort, member: int) -> None:
        super().__init__(model)
        self.node, self.cohort, self.member = node, cohort, member

    @classmethod
    def accepts(cls, spec: WorldSpec, name: str, world: str, ledgers: tuple[str, ...]) -> None:
        """Raise `BadSetting` in one line if agents of this kind cannot live in a world."""
        if not isinstance(spec.actions, Discrete):
            raise BadSetting(
                f"agent {name} cannot play in world {world}: its actions are continuous"
            )
        if cls.choices and spec.actions.n != cls.choices:
            raise BadSetting(
                f"agent {name} cannot play in world {world}: it knows {cls.choices} actions, "
                f"the world has {spec.actions.n}"
            )
        missing = [s for s in cls.senses if s not in spec.channels and s not in ledgers]
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
    def federations(self) -> list[Charter]:
        """The federations it belongs to; empty for agents that stand alone."""
        return [] if isinstance(self.cohort.charter, Alone) else [self.cohort.charter]

    @property
    def parameters(self) -> dict[str, dict[str, Tensor]]:
        """Head -> name -> live view of its own parameters in the focus lane's replicate."""
        return {
            head: {name: view[self.slot] for name, view in mind.views().items()}
            for head, mind in self.cohort.minds.items()
        }

    @property
    def probabilities(self) -> list[float]:
        """Probabilities of its next move in the focus lane, from its own part alone."""
        seen = self.cohort.perceive(self.model.observation)
        row = self.model.focus % self.model.lanes_each
        return self.cohort.minds["move"].alone(self.slot, row, seen).tolist()

    def page(self, ledger: str = "reputation") -> Page:
        """Its part of a ledger in the focus lane."""
        return self.model.society.ledger(ledger).page(self.model.focus, self.node)
