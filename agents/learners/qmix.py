"""Values that agents learn together: a mixing network says what all their moves are worth to the team.

The value of a joint move is a function of what each agent thinks its own move is worth, never falling in
any of them, so that what is best for each by its own network is best for the team.  That function is a
network of two layers whose weights other networks, the hyper-networks, work out from the state of the
world; absolute values keep it from falling (Rashid et al. 2018).

The team are the members of a replicate, and its reward the mean or the sum of theirs.  Unlike the
original, agents have Q-networks of their own unless they are ``shared``, without memory of the past; the
optimiser is Adam, gradients of the agents and of the mixing network are clipped one by one, and
states of the world are normalised by what was seen of them.

Letters: R replicates, M agents, K = R M slots, X samples, S width of the state, E width of mixing; others
as in `commonweal.agents.learners.q_networks`.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.nn.functional import elu

from commonweal.agents.learners.base import Note, Seat
from commonweal.agents.learners.inputs import FEATURE, Inputs
from commonweal.agents.learners.multilayer import Perceptrons, run
from commonweal.agents.learners.q_networks import CODE, QConfig, QMind, taken
from commonweal.agents.learners.stacked import restore
from commonweal.agents.learners.transitions import Transitions
from commonweal.errors import BrokenContract
from commonweal.settings import setting

PAPER = "Rashid et al. 2018"
GAIN = 0.1
"""Size of what fresh hyper-networks put out.  Ten times that, and a team begins with values many times
those of its members, whose small differences it is slow to find."""


@dataclass(frozen=True, kw_only=True)
class QMIXConfig(QConfig):
    """Settings of QMIX."""

    target_every: int = setting(
        200, "mini-batches from one copy of the networks to the next", low=1, source=PAPER
    )
    max_norm: float = setting(
        15.0, "largest gradient norm of one agent, and of the mixing network", low=0, source=CODE
    )
    mixing: int = setting(32, "hidden width of the mixing network", low=1, source=PAPER)
    team: str = setting(
        "mean",
        "what the team earns: the mean of what its members earn, or the sum",
        choices=("mean", "sum"),
        source="Dong et al. 2024",
    )
    shared: bool = setting(
        False, "let all agents use one Q-network, which is told who asks", source=PAPER
    )


class Mixers:
    """Mixing networks of R teams of M agents, each with its hyper-networks.

    Args:
        states: S, width of the state of the world.
        members: M.
        width: E.
        teams: R.
        seat: source of chance, and device.
    """

    def __init__(self, states: int, members: int, width: int, teams: int, seat: Seat) -> None:
        self.members, self.width = members, width
        widths = {
            "first": (states, members * width),
            "first_bias": (states, width),
            "last": (states, width),
            "last_bias": (states, width, 1),
        }
        self.networks = Perceptrons(widths, teams, seat.generator, seat.device, last=GAIN)
        for name in ("first", "last"):
            # A weight of |0| would stay what it is wherever the state is all zero.
            bias = self.networks.layers(self.networks.parameters, name)[-1][:, -1]
            noise = torch.randn(bias.shape, generator=seat.generator, device=seat.device)
            bias.copy_(GAIN * noise)

    def __call__(self, parameters: Tensor, utilities: Tensor, state: Tensor) -> Tensor:
        """Values of joint moves [R, X] by ``parameters`` [R, P].

        ``elu(q |W1(s)| + b1(s)) |w2(s)| + b2(s)`` with the values q of the own moves, ``utilities``
        [R, X, M], and the state s, ``state`` [R, X, S].  Source: Rashid et al. 2018, section 4.
        """

        def hyper(name: str) -> Tensor:
            return run(self.networks.layers(parameters, name), state)

        weights = hyper("first").abs().unflatten(-1, (self.members, self.width))
        hidden = elu((utilities.unsqueeze(-2) @ weights).squeeze(-2) + hyper("first_bias"))
        return (hidden * hyper("last").abs()).sum(-1) + hyper("last_bias").squeeze(-1)


@final
class QMIX(QMind):
    """A stack of Q-networks that learn what pays the team, and a mixing network per replicate."""

    Config = QMIXConfig
    mutual = True

    def __init__(self, config: QMIXConfig, seat: Seat, kind: type) -> None:
        company = seat.company
        if not company.overview:
            raise BrokenContract(
                f"agent {kind.__name__}: QMIX mixes by the state of the world, "
                "which this kind does not oversee"
            )
        self.teams = company.replicates, len(company.members)
        super().__init__(config, seat, kind)
        if config.shared:
            self.label = torch.eye(self.teams[1], device=seat.device).repeat(self.teams[0], 1)
            """[K, M]: who asks"""
            self.align()
            self.target.copy_(self.policy.parameters)
        self.mixers = Mixers(company.overview, self.teams[1], config.mixing, self.teams[0], seat)
        self.mixing_target = self.mixers.networks.parameters.clone()
        self.normal = Inputs(FEATURE, self.teams[0], company.overview, seat.device)
        self.common = Transitions(config.capacity, seat.device)
        """states of the world, at the same places as transitions in ``buffer``"""

    def width(self) -> int:
        """F, what is seen and who asks, where networks are shared."""
        return self.seat.inputs + (self.teams[1] if self.config.shared else 0)

    def inputs(self, x: Tensor, slots: slice) -> Tensor:
        """What is seen [k, X, ...], with who asks appended where networks are shared, [k, X, F]."""
        if not self.config.shared:
            return x
        label = self.label[slots].unsqueeze(1).expand(-1, x.shape[1], -1)
        return torch.cat((x, label), -1)

    def align(self) -> None:
        """Let all members of a team have the network of the first, to the last bit."""
        team = self.policy.parameters.unflatten(0, self.teams)
        team.copy_(team[:, :1].clone().expand_as(team))

    # ---- learning --------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Put one step of every row into the buffer, and the state of the world beside it."""
        super().remember(note)
        state, after = self._of_team(note.overview), self._of_team(note.overview_after())
        self.common.add({"state": state, "after": after})
        self.normal.observe(state)

    def _of_team(self, rows: Tensor) -> Tensor:
        """What all members of a team have alike, [K, ...] to [R, ...]."""
        return rows.unflatten(0, self.teams)[:, 0]

    def _by_team(self, rows: Tensor) -> Tensor:
        """[K, X] to [R, X, M]."""
        return rows.unflatten(0, self.teams).transpose(1, 2)

    def improve(self) -> None:
        """One step of all networks on transitions that every team draws for its members."""
        own, common = self.drawn()
        targets = self.targets(own, common)
        gradient, mixing = self.gradient(own, common, targets)
        self.policy.step(gradient, self.config.hyper())
        self.mixers.networks.step(mixing, self.config.hyper())
        if self.config.shared:
            self.align()

    def drawn(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A mini-batch of moments of each team: name -> [K, X, ...] of members, [R, X, ...] of all."""
        places = self.common.draw(self.config.batch, self.seat.generator)
        return self.buffer.at(places.repeat_interleave(self.teams[1], 0)), self.common.at(places)

    def targets(self, own: dict[str, Tensor], common: dict[str, Tensor]) -> Tensor:
        """``r + gamma Q_tot'(s', a')`` [R, X], without the second term where nothing follows."""
        earned = self._by_team(own["utility"])
        reward = earned.sum(-1) if self.config.team == "sum" else earned.mean(-1)
        with torch.no_grad():
            best = self._by_team(self.promised(own["after"]))
            after = self.normal.normalised(common["after"])
            follows = self.mixers(self.mixing_target, best, after)
        return reward + self.config.discount * follows * self._of_team(own["goes_on"])

    def gradient(
        self, own: dict[str, Tensor], common: dict[str, Tensor], targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Slopes of each team's mean squared error: those of the agents [K, P], and of mixing [R, P]."""
        leaves = [
            stack.detach().requires_grad_()
            for stack in (self.policy.parameters, self.mixers.networks.parameters)
        ]
        utilities = self._by_team(taken(self.recalled(leaves[0], own["seen"]), own["acts"]))
        mixed = self.mixers(leaves[1], utilities, self.normal.normalised(common["state"]))
        loss = (mixed - targets).square().mean(1).sum()
        gradient, mixing = torch.autograd.grad(loss, leaves)
        if self.config.shared:
            together = gradient.unflatten(0, self.teams).sum(1)
            gradient = together.repeat_interleave(self.teams[1], 0)
        return gradient, mixing

    def copy(self) -> None:
        """Let the copies be what the networks are now."""
        super().copy()
        self.mixing_target.copy_(self.mixers.networks.parameters)

    # ---- reading and saving ------------------------------------------------------------

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite, their own or their team's."""
        mixing = self.mixers.networks.broken().repeat_interleave(self.teams[1])
        return super().broken() | mixing

    def state(self) -> dict[str, Any]:
        """Those of the agents, and mixing networks, their copies, and states of the world."""
        return super().state() | {
            "mixing": self.mixers.networks.state(),
            "mixing_target": self.mixing_target,
            "normal": self.normal.state(),
            "common": self.common.state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        super().load(state)
        self.mixers.networks.load(state["mixing"])
        restore(self.mixing_target, state["mixing_target"], "mixing_target")
        self.normal.load(state["normal"])
        self.common.load(state["common"])
