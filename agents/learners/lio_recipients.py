"""Policies that learn by steps which others can foresee: the recipients of LIO (Yang et al. 2020)."""

from dataclasses import dataclass
from typing import Any, final

from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.a2c import rollout_of
from commonweal.agents.learners.actor_critic import look_up, merge
from commonweal.agents.learners.base import Mind, Note, Seat, draw
from commonweal.agents.learners.exploration import Exploration
from commonweal.agents.learners.lio_notes import Notes
from commonweal.agents.learners.lio_steps import against_others, stepped, to_go
from commonweal.agents.learners.multilayer import Memo, Perceptrons, run
from commonweal.records import Percept
from commonweal.settings import Settings, setting

PAPER = "Yang et al. 2020"
RELEASED = "Yang et al. 2020, released for the iterated dilemma"


@dataclass(frozen=True, kw_only=True)
class RecipientConfig(Settings):
    """Settings of the policies."""

    hidden: tuple[int, ...] = setting(
        (16, 8), "widths of the hidden layers", low=1, source=RELEASED
    )
    rollout: int = setting(
        0, "rounds of a rollout, in every lane; 0 = one episode of the world", low=0, source=PAPER
    )
    learning_rate: float = setting(
        1e-3, "step size alpha, of plain gradient ascent", low=0, high=1, source=RELEASED
    )
    discount: float = setting(0.99, "weight of the next round", low=0, high=1, source=RELEASED)
    entropy: float = setting(0.1, "entropy bonus of a round", low=0, source=RELEASED)
    baseline: bool = setting(
        True, "measure returns against those of the other lanes at the same round"
    )
    explore_start: float = setting(
        1.0, "share eps of uniform moves at the start", low=0, high=1, source=RELEASED
    )
    explore_end: float = setting(
        0.01, "share of uniform moves in the end", low=0, high=1, source=RELEASED
    )
    explore_episodes: int = setting(
        5000,
        "episodes, over all lanes, in which it falls from start to end",
        low=1,
        source=RELEASED,
    )


@final
class Recipients(Mind):
    """Policies that take one step of plain policy gradient for each old rollout.

    What the last step started from is kept for those who gave: ``before``, the parameters [K, P],
    ``old``, the rollout, and ``share_before``, what was explored in it.
    """

    Config = RecipientConfig
    learns = True

    def __init__(self, config: RecipientConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.rollout = rollout_of(config.rollout, seat)
        widths = {"policy": (seat.inputs, *config.hidden, seat.actions)}
        self.policy = Perceptrons(widths, seat.slots, seat.generator, seat.device)
        self.notes = Notes(seat.device)
        self.exploration = Exploration(config, seat)
        self.before = self.policy.parameters.clone()
        self.share_before = self.exploration.share
        self.old: dict[str, Tensor] = {}
        self._table = Memo()

    def layers(self, parameters: Tensor) -> list[Tensor]:
        """Layers of the policies with ``parameters`` [X, P]."""
        return self.policy.layers(parameters, "policy")

    # ---- acting ------------------------------------------------------------------------

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B] int64, drawn."""
        return draw(self.probabilities(seen), self.seat.generator)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions, explored ones among them, [K, B, A]."""
        percept, layers = merge(seen), self.layers(self.policy.parameters)
        if percept.codes is None:
            return self.exploration.mixed(run(layers, percept.dense).softmax(-1))
        views = percept.codebook.expand(self.seat.slots, -1, -1)
        table = self._table.get(self.policy.version, lambda: run(layers, views).softmax(-1))
        return self.exploration.mixed(look_up(table, percept.codes))

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from its own row of the stack."""
        layers = self.layers(self.policy.parameters[slot : slot + 1])
        x = merge(seen).features[slot, row]
        return self.exploration.mixed_alone(run(layers, x[None, None])[0, 0].softmax(-1), slot)

    def watch(self, seen: dict[str, Percept], ended: Tensor) -> None:
        """Count episodes."""
        self.exploration.count(ended)

    # ---- learning ----------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep one round of the old rollout; ``utility`` contains the incentives."""
        self.notes.add(note)

    def study(self, progress: float, rule: GradientRule) -> None:
        """Step, then explore as the episodes so far ask for."""
        c = self.config
        self.old, self.before = self.notes.take(), self.policy.parameters.clone()
        self.share_before = self.exploration.share
        lived = self.notes.lived(self.old, self.share_before)
        returns = self.returns(self.old["utility"], self.old["ended"])
        after = stepped(self.before, self.layers, lived, returns, c.learning_rate, c.entropy)
        self.policy.parameters.copy_(after)
        self.exploration.renew()

    def returns(self, rewards: Tensor, ended: Tensor) -> Tensor:
        """What policy gradients weigh moves by, [X, T, B]; differentiable in the rewards."""
        returns = to_go(rewards, ended, self.config.discount)
        return against_others(returns) if self.config.baseline else returns

    # ---- reading and saving ------------------------------------------------------------

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.policy.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return self.policy.broken()

    def state(self) -> dict[str, Any]:
        """Networks, the rollout so far, the last step, and how far exploration has fallen."""
        return {
            "policy": self.policy.state(),
            "notes": self.notes.state(),
            "old": self.old,
            "before": self.before,
            "share_before": self.share_before,
        } | self.exploration.state()

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.policy.load(state["policy"])
        self.notes.load(state["notes"])
        device = self.seat.device
        self.old = {name: value.to(device) for name, value in state["old"].items()}
        self.before, self.share_before = (
            state["before"].to(device),
            state["share_before"].to(device),
        )
        self.exploration.load(state)
        self._table.clear()
