"""Anticipation: what will the neighbours do next, after what everybody does now? (Jaques et al. 2019)

A network of its own reads what is seen, the own move and the moves of the neighbours, and learns to
foretell their next moves.  Asked what they would do next had the own move been another, it tells how
much that move sways them.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from commonweal.agents.learners.actor_critic import look_up, merge
from commonweal.agents.learners.multilayer import Perceptrons, affine, finish
from commonweal.agents.learners.notes import kept, restored, saved
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.perspectives.base import Lens, Perspective
from commonweal.agents.scene import Scene
from commonweal.records import Beliefs
from commonweal.settings import Settings, setting

MOST = 10.0
"""Nats at which influence is cut off, as in the public code of sequential social dilemmas."""


@dataclass(frozen=True, kw_only=True)
class AnticipationConfig(Settings):
    """Settings of the model of the others."""

    hidden: tuple[int, ...] = setting((32,), "widths of the hidden layers", low=1)
    learning_rate: float = setting(0.01, "step size", low=0, high=1)
    passes: int = setting(4, "steps on every rollout", low=1)
    max_norm: float = setting(1.0, "largest gradient norm of one agent", low=0)


def influence(after: Tensor, own: Tensor, chances: Tensor) -> Tensor:
    """``KL(p(. | a_i) || sum_k pi(k) p(. | k))`` for each neighbour, [..., D] nats, at most `MOST`.

    Args:
        after: [..., A, D, A'] p: next moves of each neighbour after each own move.
        own: [...] int64 a_i, the own move.
        chances: [..., A] pi, probabilities of the own moves.

    Source: Jaques et al. 2019, social influence.
    """
    marginal = (chances[..., None, None] * after).sum(-3)
    real = after.gather(-3, own[..., None, None, None].expand_as(after[..., :1, :, :])).squeeze(-3)
    gain = torch.special.xlogy(real, real) - torch.special.xlogy(real, marginal)
    return gain.sum(-1).clamp(0, MOST)


@final
class Anticipation(Perspective):
    """A learned model ``p(a^j_{t+1} | o^i_t, a^i_t, a^{-i}_t)`` of the neighbours in view.

    What is believed of the neighbours' moves of a round was foretold at the end of the round before,
    from what was seen and done then; before the first round of an episode every move is as likely.
    The influence of a round conditions on all that happened in it, the neighbours' moves included: the
    joint action is what the next moves depend on, and only the own part of it is exchanged.

    It learns from the rollout that the minds have learned from, which it then forgets; no next move
    is foretold across the end of an episode.  Moves are those played, while the chances of the own
    move are those of the policy, exploration included.
    """

    Config = AnticipationConfig
    identities = True

    def __init__(self, config: AnticipationConfig, **about: Any) -> None:
        super().__init__(config, **about)
        inputs = self.inputs + (1 + self.neighbours) * self.actions
        widths = {"next": (inputs, *config.hidden, self.neighbours * self.actions)}
        self.networks = Perceptrons(widths, self.slots, self.generator, self.device, last=0.01)
        self.even = torch.tensor(1 / self.actions, device=self.device)
        self.foretold = self.even.expand(self.slots, 1, self.neighbours, self.actions)
        """[K, B, D, A]: of the moves to come; [K, 1, D, A] before the first round"""
        self.notes: list[dict[str, Tensor]] = []
        self.codebook: Tensor | None = None

    # ---- what comes next -----------------------------------------------------------------

    def _known(self, scene: Scene) -> Tensor:
        """Moves of the neighbours [K, B, D], ``actions`` where none stands."""
        return torch.where(scene.mask, scene.others, self.actions)

    def _first(self, layer: Tensor, seen: Tensor, others: Tensor) -> Tensor:
        """What the first layer makes of all but the own move, [K, X, H]: views, or codes of them,
        and moves [K, X, D], ``actions`` where no neighbour stands.
        """
        width = self.inputs
        sight = torch.cat((layer[:, :width], layer[:, -1:]), 1)
        if self.codebook is None:
            looks = affine(sight, seen)
        else:
            table = affine(sight, self.codebook.expand(len(layer), -1, -1))
            looks = look_up(table, seen.long())
        done = one_hot(others.long(), self.actions + 1)[..., : self.actions].flatten(2)
        return looks + done.to(looks.dtype) @ layer[:, width + self.actions : -1]

    def _own(self, layer: Tensor) -> Tensor:
        """What the first layer adds for each own move, [K, A, H]."""
        return layer[:, self.inputs : self.inputs + self.actions]

    def after_each(self, seen: Tensor, others: Tensor) -> Tensor:
        """Next moves [K, X, A, D, A'] of the neighbours after each own move A."""
        layers = self.networks.layers(self.networks.parameters, "next")
        first = self._first(layers[0], seen, others).unsqueeze(2) + self._own(layers[0]).unsqueeze(
            1
        )
        logits = finish(layers, first.flatten(1, 2))
        shape = (-1, self.actions, self.neighbours, self.actions)
        return logits.unflatten(1, (-1, self.actions)).view(self.slots, *shape).softmax(-1)

    def imagine(self, scene: Scene, lens: Lens | None) -> Beliefs:
        """What was foretold of this round, and how much the own move sways the next.

        To be asked for once a round; it foretells the next one.
        """
        percept = merge(scene.seen)
        self.codebook = percept.codebook
        seen = percept.dense if percept.codes is None else percept.codes
        after = self.after_each(seen, self._known(scene))
        told = self.foretold.expand(*scene.moves.shape, -1, -1)
        own = scene.moves[..., None, None, None].expand_as(after[:, :, :1])
        self.foretold = after.gather(2, own).squeeze(2)
        return Beliefs(told, influence(after, scene.moves, scene.outlook) * scene.mask)

    # ---- learning ------------------------------------------------------------------------

    def remember(self, scene: Scene, ended: Tensor) -> None:
        """Keep the round; nothing is foretold of an episode that has yet to begin."""
        percept = merge(scene.seen)
        self.foretold = torch.where(ended[..., None, None], self.even, self.foretold)
        self.notes.append(
            {
                "seen": kept(percept),
                "own": scene.moves.to(torch.uint8),
                "others": self._known(scene).to(torch.uint8),
                "ended": ended,
            }
        )

    def study(self, lens: Lens | None) -> None:
        """Learn from the rollout, all but its last round forgotten afterwards."""
        if len(self.notes) > 1:
            names = self.notes[0]
            rounds = {name: torch.stack([note[name] for note in self.notes], 1) for name in names}
            for _ in range(self.config.passes):
                self.improve(rounds)
        del self.notes[:-1]

    def improve(self, rounds: dict[str, Tensor]) -> None:
        """One step on the cross-entropy of the moves that followed; ``rounds``: name -> [K, T, B, ...]."""
        c = self.config
        seen, own, others = (rounds[n][:, :-1].flatten(1, 2) for n in ("seen", "own", "others"))
        following = rounds["others"][:, 1:].flatten(1, 2).long()
        parameters = self.networks.parameters.detach().requires_grad_()
        layers = self.networks.layers(parameters, "next")
        first = self._first(layers[0], seen, others) + look_up(self._own(layers[0]), own.long())
        log = finish(layers, first).unflatten(2, (self.neighbours, self.actions)).log_softmax(-1)
        counts = (following < self.actions) & ~rounds["ended"][:, :-1].flatten(1, 2).unsqueeze(-1)
        place = following.clamp(max=self.actions - 1).unsqueeze(-1)
        told = log.gather(-1, place).squeeze(-1) * counts
        loss = -told.sum((1, 2)) / counts.sum((1, 2)).clamp(min=1)
        (gradient,) = torch.autograd.grad(loss.sum(), parameters)
        self.networks.step(gradient, Hyper(learning_rate=c.learning_rate, max_norm=c.max_norm))

    # ---- reading and saving ----------------------------------------------------------------

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.networks.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return self.networks.broken()

    def state(self) -> dict[str, Any]:
        """The network, its optimiser, what is foretold, and the rollout so far."""
        networks, notes = self.networks.state(), saved(self.notes)
        return {"networks": networks, "foretold": self.foretold, "notes": notes}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.networks.load(state["networks"])
        self.foretold = state["foretold"].to(self.device)
        self.notes = restored(state["notes"], self.device)
