"""Perspective taking: what would I do if I saw what the other sees? (Kong et al. 2024)

A network converts the own observation, and the identity of a neighbour, into what that neighbour may
see; the agent then asks its own SR policy what it would do there.  It learns from what neighbours really
did; the gradient passes through the SR policy, which stays as it is.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.learners.a2c import OURS, PAPER
from commonweal.agents.learners.actor_critic import look_up, merge
from commonweal.agents.learners.multilayer import Memo, Perceptrons, affine, finish
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.perspectives.base import Lens, Perspective
from commonweal.agents.scene import Scene
from commonweal.records import Beliefs
from commonweal.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ConversionConfig(Settings):
    """Settings of the observation-conversion network."""

    hidden: tuple[int, ...] = setting((32, 32), "widths of the hidden layers", low=1, source=PAPER)
    learning_rate: float = setting(1e-3, "step size", low=0, high=1, source=OURS)
    delta: float = setting(
        0.1, "weight of staying close to the own observation", low=0, high=1, source=OURS
    )
    max_norm: float = setting(1.0, "largest gradient norm of one agent", low=0, source=OURS)
    rows: int = setting(
        2048,
        "most rows of a mini-batch, a view with a neighbour each; beyond that views are drawn from "
        "those that the SR networks learned from",
        low=1,
    )
    double_softmax: bool = setting(
        False,
        "take the softmax of probabilities once more in the loss, as the authors' code does, which "
        "keeps predictions soft",
    )


def foretelling(log: Tensor, counts: Tensor) -> Tensor:
    """Mean cross-entropy [K] of log-probabilities ``log`` on real moves, ``counts`` [K, X, D, A].

    Source: Kong et al. 2024, perspective taking, first term.
    """
    total = counts.sum((1, 2, 3)).clamp(min=1)
    return -(counts * log).sum((1, 2, 3)) / total


def resemblance(simulated: Tensor, views: Tensor, counts: Tensor) -> Tensor:
    """Mean L1 distance [K] of ``simulated`` [K, X, D, F] from the own ``views`` [K, X, F].

    Source: Kong et al. 2024, perspective taking, second term.
    """
    often = counts.sum(-1)
    distance = (simulated - views.unsqueeze(2)).abs().sum(-1)
    return (often * distance).sum((1, 2)) / often.sum((1, 2)).clamp(min=1)


@final
class Conversion(Perspective):
    """Imagines what each neighbour sees and answers with the own SR policy."""

    Config = ConversionConfig
    identities = True
    needs_lens = True

    def __init__(self, config: ConversionConfig, **about: Any) -> None:
        super().__init__(config, **about)
        widths = {"convert": (self.inputs + self.neighbours, *config.hidden, self.inputs)}
        self.networks = Perceptrons(widths, self.slots, self.generator, self.device)
        self._table = Memo()

    def simulated(self, parameters: Tensor, views: Tensor) -> Tensor:
        """What each neighbour may see, [K, X, D, F] in (0, 1), where oneself sees ``views`` [K, X, F]."""
        layers = self.networks.layers(parameters, "convert")
        first, inputs = layers[0], self.inputs
        # The one-hot identity of a neighbour picks one row of the first layer.
        scene = affine(torch.cat((first[:, :inputs], first[:, -1:]), 1), views)
        who = first[:, inputs:-1]
        mixed = (scene.unsqueeze(2) + who.unsqueeze(1)).flatten(1, 2)
        return finish(layers, mixed).sigmoid().unflatten(1, (-1, self.neighbours))

    def foreseen(self, parameters: Tensor, views: Tensor, lens: Lens) -> tuple[Tensor, Tensor]:
        """Logits [K, X, D, A] of the neighbours' moves, and the simulated observations."""
        simulated = self.simulated(parameters, views)
        logits = lens.read(simulated.flatten(1, 2))
        return logits.unflatten(1, (-1, self.neighbours)), simulated

    def imagine(self, scene: Scene, lens: Lens | None) -> Beliefs:
        """Probabilities of the neighbours' moves, once per view where views are few."""
        percept, parameters = merge(scene.seen), self.networks.parameters
        if percept.codes is None:
            return Beliefs(self.foreseen(parameters, percept.dense, lens)[0].softmax(-1))
        book = percept.codebook.expand(self.slots, -1, -1)
        table = self._table.get(
            (self.networks.version, lens.version),
            lambda: self.foreseen(parameters, book, lens)[0].softmax(-1),
        )
        return Beliefs(look_up(table, percept.codes))

    def study(self, lens: Lens | None) -> None:
        """One step on every mini-batch that the SR networks have just learned from."""
        for lesson in lens.lessons:
            self.improve(lesson, lens)

    def improve(self, lesson: dict[str, Tensor], lens: Lens) -> None:
        """One step on views and what the neighbours did there."""
        c = self.config
        views, counts = lesson["views"], lesson["counts"]
        most = max(1, c.rows // self.neighbours)
        if views.shape[1] > most:
            order = torch.randperm(views.shape[1], generator=self.generator, device=self.device)
            views, counts = views[:, order[:most]], counts[:, order[:most]]
        parameters = self.networks.parameters.detach().requires_grad_()
        logits, simulated = self.foreseen(parameters, views, lens)
        if c.double_softmax:
            logits = logits.softmax(-1)
        loss = (1 - c.delta) * foretelling(logits.log_softmax(-1), counts)
        loss = loss + c.delta * resemblance(simulated, views, counts)
        (gradient,) = torch.autograd.grad(loss.sum(), parameters)
        self.networks.step(gradient, Hyper(learning_rate=c.learning_rate, max_norm=c.max_norm))

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.networks.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return self.networks.broken()

    def state(self) -> dict[str, Any]:
        """The network and its optimiser."""
        return {"networks": self.networks.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.networks.load(state["networks"])
        self._table.clear()
