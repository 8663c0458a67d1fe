"""Advantage actor-critic that explores by a mixture: the acting learner of Kong et al. 2024.

An agent acts from ``(1 - eps) pi + eps / |A|`` and takes one step for each rollout along the gradient
of ``A_t log m(a_t)``, m being that mixture and A_t a generalised advantage (Schulman et al. 2016;
lambda 1 is the return minus the value, lambda 0 the one-step error of the paper's text).  Its
networks are rectified layers, an actor's and a critic's, or with a memory those of `Recurrent`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.actor_critic import ActorCriticMind, at
from commonweal.agents.learners.base import Mind, Note, Seat, draw
from commonweal.agents.learners.batches import Batch, blocked, tabulated
from commonweal.agents.learners.descent import AdamState
from commonweal.agents.learners.exploration import Exploration
from commonweal.agents.learners.lstm import LSTMs
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.learners.ppo import recalled, rounds, samples
from commonweal.agents.learners.recurrent import Recurrent
from commonweal.agents.learners.returns import generalised_advantages
from commonweal.agents.learners.stacked import ActorCritics
from commonweal.errors import BadSetting
from commonweal.records import Percept
from commonweal.settings import Settings, setting

PAPER = "Kong et al. 2024"
OURS = "Kong et al. 2024 do not print theirs"


@dataclass(frozen=True, kw_only=True)
class A2CConfig(Settings):
    """Settings of the actor-critic."""

    hidden: tuple[int, ...] = setting((32,), "widths of the hidden layers", low=1, source=PAPER)
    recurrent: int = setting(
        0,
        "width of an LSTM after the hidden layers, shared by policy and value; 0 = none "
        "(Kong et al. 2024 have 32)",
        low=0,
    )
    rollout: int = setting(
        0, "rounds between updates, in every lane; 0 = one episode of the world", low=0
    )
    learning_rate: float = setting(1e-3, "step size", low=0, high=1, source=OURS)
    discount: float = setting(0.99, "weight of the next round", low=0, high=1, source=OURS)
    trace: float = setting(
        1.0,
        "weight lambda of later advantages: 1 takes whole returns, 0 is the one-step error",
        low=0,
        high=1,
        source=PAPER,
    )
    entropy: float = setting(0.0, "entropy bonus", low=0, source=PAPER)
    value_weight: float = setting(0.5, "weight of the value loss", low=0, source=OURS)
    max_norm: float = setting(1.0, "largest gradient norm of one agent", low=0, source=OURS)
    explore_start: float = setting(
        0.5, "share eps of uniform moves at the start", low=0, high=1, source=OURS
    )
    explore_end: float = setting(
        0.05, "share of uniform moves in the end", low=0, high=1, source=OURS
    )
    explore_episodes: int = setting(
        2000, "episodes, over all lanes, in which it falls from start to end", low=1, source=OURS
    )
    gradient_of: str = setting(
        "mixture",
        "whose log-probability is differentiated: that of the mixture that acts, or that of the "
        "policy alone, as if nothing were explored",
        choices=("mixture", "policy"),
    )

    def hyper(self) -> Hyper:
        """Settings of the update; nothing is clipped at ratio one."""
        return Hyper(
            learning_rate=self.learning_rate,
            entropy=self.entropy,
            value_weight=self.value_weight,
            max_norm=self.max_norm,
        )


class Feedforward(ActorCriticMind):
    """Networks without memory, and their rollout.

    At the parameters that acted, d log m = (1 - eps) pi / m * d log pi; so the gradient is that of
    the clipped objective at ratio one with advantages scaled by that factor.
    """

    Config = A2CConfig

    def __init__(
        self, config: A2CConfig, seat: Seat, kind: type, exploration: Exploration, rollout: int
    ) -> None:
        super().__init__(config, seat, kind)
        self.exploration, self.rollout = exploration, rollout

    def propose(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [K, B, A] to act from; a round begins."""
        return self.probabilities(seen)

    def hyper(self, progress: float) -> Hyper:
        """Those of the settings."""
        return self.config.hyper()

    def batches(self, slots: slice, progress: float) -> Iterator[Batch]:
        """The whole rollout as one mini-batch, summed over samples that see the same."""
        c = self.config
        chosen = samples(self.column("acts", slots)).long()
        seen = samples(self.column("seen", slots))
        coded = not seen.is_floating_point()
        if coded:
            codes, book = seen.long(), self.codebook.T.contiguous()
            log = self.policy.logits(book, slots).log_softmax(1)
            values = at(self.policy.heads(book, slots), codes)[:, 0]
            taken = at(log, codes).gather(1, chosen.unsqueeze(1)).squeeze(1)
        else:
            x, _, taken, values = recalled(self, slots)
            values = values[:, 0]
        utility, ended, last = self.closing(slots)
        advantages, returns = generalised_advantages(
            utility, rounds(values, utility), last, ended, c.discount, c.trace
        )
        common = {
            "action": chosen,
            "advantage": samples(advantages) * self.exploration.scale(taken, slots),
            "returns": samples(returns),
            "epochs": 1,
            "size": chosen.shape[1],
        }
        if coded:
            source = tabulated(codes=codes, codebook=book, log_old=log, **common)
        else:
            source = blocked(features=x, log_old=taken, actions=self.seat.actions, **common)
        yield from source(slice(None))


@final
class A2C(Mind):
    """A stack of actor-critics, one gradient step each per rollout."""

    Config = A2CConfig
    learns = True

    def __init__(self, config: A2CConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.rollout = rollout_of(config.rollout, seat)
        self.exploration = Exploration(config, seat, config.gradient_of)
        self.core: Feedforward | Recurrent
        if config.recurrent:
            self.core = Recurrent(config, seat, self.exploration, self.rollout)
        else:
            self.core = Feedforward(config, seat, kind, self.exploration, self.rollout)

    @property
    def policy(self) -> ActorCritics | LSTMs:
        """The networks."""
        return self.core.policy

    @property
    def adam(self) -> AdamState:
        """State of their optimiser."""
        return self.core.adam

    # ---- acting ----------------------------------------------------------------------

    def act(self, seen: dict[str, Percept]) -> Tensor:
        """Actions [K, B] int64, drawn from the mixture."""
        return draw(self.exploration.mixed(self.core.propose(seen)), self.seat.generator)

    def probabilities(self, seen: dict[str, Percept]) -> Tensor:
        """Probabilities of the actions, explored ones among them, [K, B, A]."""
        return self.exploration.mixed(self.core.probabilities(seen))

    def alone(self, slot: int, row: int, seen: dict[str, Percept]) -> Tensor:
        """Probabilities [A] of one agent, from its own row of the stack."""
        return self.exploration.mixed_alone(self.core.alone(slot, row, seen), slot)

    def watch(self, seen: dict[str, Percept], ended: Tensor) -> None:
        """Count episodes, and forget those that are over."""
        self.exploration.count(ended)
        self.core.watch(seen, ended)

    # ---- learning --------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep one step."""
        self.core.remember(note)

    def study(self, progress: float, rule: GradientRule) -> None:
        """Step, then explore as the episodes so far ask for."""
        self.core.study(progress, rule)
        self.exploration.renew()

    # ---- reading and saving ------------------------------------------------------------

    def travelling(self) -> Tensor:
        """Actors and critics whole."""
        return self.policy.parameters

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.policy.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return ~torch.isfinite(self.policy.parameters).all(1)

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, the rollout so far, and how far exploration has fallen."""
        return self.core.state() | self.exploration.state()

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.core.load(state)
        self.exploration.load(state)


def rollout_of(rounds: int, seat: Seat) -> int:
    """Rounds between updates: as set, or those of an episode; `BadSetting` where none ends."""
    rounds = rounds or seat.company.spec.horizon
    if not rounds:
        raise BadSetting("rollout = 0 means one episode, and episodes of this world have no end")
    return rounds
