"""Learning to incentivise others who learn: the two minds of LIO (Yang et al. 2020, Algorithm 1).

Rollouts come in pairs.  On the first, the old one, all policies take one step of plain gradient ascent
on what the rules paid and on the incentives received.  On the second, the new one, nobody changes its
policy; then each giver ascends what the rules paid *it* in the new rollout through the steps that the
recipients took on the old one.  The next pair begins afresh: Algorithm 1 throws both rollouts away,
and the new one was lived through before the incentives changed.

A giver knows how its neighbours learn: their parameters, what they saw and did, and their step.  So
it traces its incentives only through neighbours that are LIO agents of its own cohort.  Others are
given incentives as well, but what they make of them is unknown and adds nothing to the gradient.

Three things differ from the released program: lanes are averaged, and compared with one another
(`against_others`); the new rollout, too, is differentiated by the mixture that acted, not by the policy
alone; and exploration falls with every episode lived through, not with every pair.
"""

from dataclasses import dataclass
from math import inf
from typing import Any, final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.actor_critic import merge
from commonweal.agents.learners.base import Giver, Note, Seat
from commonweal.agents.learners.lio_notes import Notes
from commonweal.agents.learners.lio_recipients import RELEASED, Recipients
from commonweal.agents.learners.lio_steps import chances, score, spent, stepped
from commonweal.agents.learners.multilayer import Perceptrons, run
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.scene import Scene
from commonweal.records import Beliefs
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class IncentivesConfig(Settings):
    """Settings of the incentive functions."""

    hidden: tuple[int, ...] = setting(
        (16, 8), "widths of the hidden layers", low=1, source=RELEASED
    )
    learning_rate: float = setting(1e-3, "step size, of Adam", low=0, high=1, source=RELEASED)
    cost: float = setting(
        0.0, "weight c of the discounted sum of what is given", low=0, source=RELEASED
    )


@final
class Incentives(Giver):
    """Incentive functions ``(o_i, a_-i) -> [0, 1]`` for each neighbour, in parts of the most.

    Its agents' policies must be `Recipients`, and their ledger keeps ``incentives``.
    """

    Config = IncentivesConfig
    learns = True
    social = True

    def __init__(self, config: IncentivesConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        self.recipients: Recipients = seat.company.minds["move"]
        self.rollout = self.recipients.rollout
        ledger = seat.company.ledgers["incentives"]
        self.most = ledger.config.most
        inputs = seat.inputs + seat.neighbours * seat.actions
        widths = {"incentive": (inputs, *config.hidden, seat.neighbours)}
        self.policy = Perceptrons(widths, seat.slots, seat.generator, seat.device)
        self.notes = Notes(seat.device)
        self.mask = ledger.near.mask[seat.company.members].repeat(seat.company.replicates, 1)
        """[K, D] bool: where a neighbour stands"""
        self.pairs = _pairs(ledger.near.view, self.mask, seat)

    # ---- giving ------------------------------------------------------------------------

    def give(self, scene: Scene, beliefs: Beliefs) -> Tensor:
        """Parts of the most that neighbours get for what they did, [K, B, D]."""
        features = merge(scene.seen).features
        return self.parts(self.policy.parameters, features, scene.others)

    def parts(self, parameters: Tensor, features: Tensor, others: Tensor) -> Tensor:
        """The same, [K, X, D], by ``parameters`` [K, P] at ``features`` [K, X, F] and moves [K, X, D]."""
        mask = self.mask.unsqueeze(1)
        moves = one_hot(others.long(), self.seat.actions) * mask.unsqueeze(-1)
        x = torch.cat((features, moves.flatten(2).to(features.dtype)), -1)
        return run(self.policy.layers(parameters, "incentive"), x).sigmoid() * mask

    # ---- learning ----------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep one round of the new rollout; ``utility`` is what the rules paid the giver."""
        self.notes.add(note)

    def study(self, progress: float, rule: GradientRule) -> None:
        """One step of Adam up the gradient through what the recipients learned."""
        new = self.notes.take()
        leaf = self.policy.parameters.detach().requires_grad_()
        loss = -self.worth(leaf, new).sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        hyper = Hyper(learning_rate=self.config.learning_rate, max_norm=inf, eps=1e-8)
        self.policy.step(gradient, hyper)

    def worth(self, parameters: Tensor, new: dict[str, Tensor]) -> Tensor:
        """What incentives with ``parameters`` [K, P] are worth to those who give them, [K].

        ``sum_j sum_t log m(a_hat_jt; theta_hat_j(eta_i)) G_hat_it - c sum_t gamma^t |r_i|_1`` with the
        neighbours j that learn as is known, the new rollout (hats) and the returns of the giver.  Its
        slope in eta_i is the chain rule of Yang et al. 2020: each giver follows the own incentives
        alone, as if those of others were constants.
        """
        moves, c = self.recipients, self.recipients.config
        old = moves.old
        lived = self.notes.lived(old, moves.share_before)
        given = self.parts(parameters, lived.features, old["others"].flatten(1, 2))
        given = self.most * given.view(old["others"].shape)
        giver, place, recipient = self.pairs
        own = given[giver, :, :, place]
        # The value is that of the step as it was taken; only its slope is the giver's.
        utility = old["utility"][recipient] + own - own.detach()
        returns = moves.returns(utility, old["ended"][recipient])
        hat = stepped(
            moves.before[recipient],
            moves.layers,
            lived.of(recipient),
            returns,
            c.learning_rate,
            c.entropy,
        )
        now = self.notes.lived(new, moves.exploration.share).of(recipient)
        paid = moves.returns(new["utility"], new["ended"])[giver]
        through = score(chances(moves.layers(hat), now), paid, now)
        cost = spent(given, old["ended"], c.discount)
        return (-self.config.cost * cost).index_add(0, giver, through)

    # ---- reading and saving ------------------------------------------------------------

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.policy.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return self.policy.broken()

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, and the rollout so far."""
        return {"policy": self.policy.state(), "notes": self.notes.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.policy.load(state["policy"])
        self.notes.load(state["notes"])


def _pairs(view: Tensor, mask: Tensor, seat: Seat) -> tuple[Tensor, Tensor, Tensor]:
    """Givers and recipients of one cohort: slot, place in view, slot of who stands there, [X] each."""
    company = seat.company
    count = len(company.members)
    member = torch.full((company.agents,), -1, device=view.device)
    member[company.members] = torch.arange(count, device=view.device)
    there = member[view[company.members]].repeat(company.replicates, 1)
    giver, place = (mask & (there >= 0)).nonzero(as_tuple=True)
    return giver, place, there[giver, place] + giver // count * count
