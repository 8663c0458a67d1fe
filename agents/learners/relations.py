"""Social relationships: how much better a co-player treated an agent than it had to be expected to.

An agent learns for itself, from its own rewards alone, what joint actions of its neighbourhood are
worth (the SR critic, phi) and what it would do in its own interest (the SR actor, mu).  After every
round it asks for each neighbour what it would have been worth if that neighbour alone had acted
otherwise, and gives it the share by which its act beat what was expected of it
(Kong et al. 2024, social relationship).
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.a2c import OURS, PAPER
from commonweal.agents.learners.actor_critic import merge
from commonweal.agents.learners.base import Giver, Note, Seat
from commonweal.agents.learners.joint_views import JointViews
from commonweal.agents.learners.multilayer import Memo, Perceptrons, affine, finish, run
from commonweal.agents.learners.notes import kept, restored, saved
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.learners.replay import Replay
from commonweal.agents.scene import Scene
from commonweal.errors import BrokenContract
from commonweal.records import Beliefs
from commonweal.settings import Settings, setting

FLAT = 1e-8
"""Spread of values below which nobody's act is told from any other."""


@dataclass(frozen=True, kw_only=True)
class RelationsConfig(Settings):
    """Settings of the social relationship networks."""

    hidden: tuple[int, ...] = setting((32,), "widths of the hidden layers", low=1, source=PAPER)
    learning_rate: float = setting(1e-3, "step size", low=0, high=1, source=OURS)
    discount: float = setting(0.99, "weight of the next round", low=0, high=1, source=OURS)
    value_weight: float = setting(0.5, "weight of the value loss", low=0, source=OURS)
    max_norm: float = setting(1.0, "largest gradient norm of one agent", low=0, source=OURS)
    batch: int = setting(64, "stretches of a mini-batch", low=1, source=OURS)
    capacity: int = setting(5000, "stretches that are remembered", low=1, source=OURS)
    warm_up: int = setting(64, "stretches before anything is learned", low=1, source=OURS)
    every: int = setting(1, "rollouts between two updates", low=1, source=OURS)
    minibatches: int = setting(8, "mini-batches of one update", low=1, source=OURS)


def relationships(values: Tensor, inferred: Tensor, taken: Tensor, partners: Tensor) -> Tensor:
    """Weights w_ij [..., D] in [0, 1 / partners] of the neighbours of an agent.

    ``w = max(0, (q_a - sum_k p_k q_k) / (n (max_k q_k - min_k q_k)))`` with the own values q_k had the
    neighbour done k, ``values`` [..., D, A]; what it was expected to do, ``inferred`` [..., D, A]; the
    act a that it took, ``taken`` [..., D] int64; and the number n of co-players, ``partners`` [..., D].
    Where all values are alike the weight is 0.  Source: Kong et al. 2024, social relationship.
    """
    # From the worst on, since what is common to all values, a whole future, would drown the rest.
    values = values - values.amin(-1, keepdim=True)
    expected = (inferred * values).sum(-1)
    real = values.gather(-1, taken.unsqueeze(-1)).squeeze(-1)
    spread = values.amax(-1)
    weight = (real - expected) / (partners * spread.clamp(min=FLAT))
    return torch.where(spread < FLAT, torch.zeros_like(weight), weight.clamp(min=0))


def counterfactuals(layers: list[Tensor], x: Tensor, taken: Tensor, actions: int) -> Tensor:
    """Values [K, X, D, A] of the joint actions in which one neighbour alone acts otherwise.

    Only the first layer tells joint actions apart, and only by which of its rows are added up, so
    one row is exchanged for another there and the joint action itself is never rewritten.

    Args:
        layers: of the critic; its inputs end with the one-hot moves, own first.
        x: [K, X, F] inputs with the joint action as it was.
        taken: [K, X, D] int64 moves of the neighbours.
        actions: A.
    """
    neighbours = taken.shape[-1]
    rows = layers[0][:, -1 - neighbours * actions : -1].unflatten(1, (neighbours, actions))
    slots = torch.arange(len(x), device=x.device).view(-1, 1, 1)
    places = torch.arange(neighbours, device=x.device)
    was = rows[slots, places, taken]
    first = affine(layers[0], x).unsqueeze(2) - was
    first = first.unsqueeze(3) + rows.unsqueeze(1)
    return finish(layers, first.flatten(1, 3)).view(*taken.shape, actions)


@final
class Relations(Giver):
    """SR actor and SR critic of every slot, learned from a buffer of whole stretches."""

    Config = RelationsConfig
    learns = True
    counterfactual = True

    def __init__(self, config: RelationsConfig, seat: Seat, kind: type) -> None:
        super().__init__(config, seat, kind)
        joint = (1 + seat.neighbours) * seat.actions
        widths = {
            "actor": (seat.inputs, *config.hidden, seat.actions),
            "critic": (seat.inputs + joint, *config.hidden, 1),
        }
        self.policy = Perceptrons(widths, seat.slots, seat.generator, seat.device, last=0.01)
        self.replay = Replay(config.capacity, seat.device)
        self.notes: list[dict[str, Tensor]] = []
        self.views_of = JointViews(seat)
        self.turns = 0
        self.lessons: list[dict[str, Tensor]] = []
        self._values = Memo()

    # ---- weighing what others did --------------------------------------------------------

    def give(self, scene: Scene, beliefs: Beliefs) -> Tensor:
        """Shares for the neighbours in view, [K, B, D]; who is alone gives nothing."""
        if beliefs.moves is None:
            raise BrokenContract(
                f"agent {self.kind.__name__}: it compares what others do with what it expected, "
                "and has no perspective that expects anything"
            )
        partners = scene.mask.sum(-1, keepdim=True).clamp(min=1).float()
        values = self.counterfactuals(scene)
        return relationships(values, beliefs.moves, scene.others, partners) * scene.mask

    def counterfactuals(self, scene: Scene) -> Tensor:
        """Own values [K, B, D, A] had one neighbour alone done otherwise."""
        percept, views = merge(scene.seen), self.views_of
        views.meet(percept, scene.mask)
        layers = self.policy.layers(self.policy.parameters, "critic")
        if not views.tabulated:
            x = views.inputs(percept.features, scene.moves, views.known(scene.others))
            return counterfactuals(layers, x, scene.others, self.seat.actions)
        values = self._values.get(
            self.version, lambda: finish(layers, views.first(layers[0])).squeeze(-1)
        )
        places = views.places(percept.codes, scene.moves, scene.others)
        return views.had_they(values, places, scene.others)

    def read(self, views: Tensor) -> Tensor:
        """Logits [K, X, A] of the SR actor at ``views`` [K, X, F]; see `Lens`."""
        return run(self.policy.layers(self.policy.parameters, "actor"), views)

    @property
    def version(self) -> tuple[int, int]:
        """Changes with the parameters."""
        return self.policy.version

    # ---- learning ------------------------------------------------------------------------

    def remember(self, note: Note) -> None:
        """Keep what was seen, what everybody did and what it paid."""
        percept, scene = merge(note.seen), note.scene
        self.views_of.meet(percept, scene.mask)
        self.notes.append(
            {
                "seen": kept(percept),
                "own": scene.moves.to(torch.uint8),
                "others": self.views_of.known(scene.others).to(torch.uint8),
                "rewards": note.utility,
                "ended": note.ended,
            }
        )

    def study(self, progress: float, rule: GradientRule) -> None:
        """Put the rollout into the buffer; every so often learn from stretches drawn from it."""
        names = self.notes[0]
        self.replay.add(
            {name: torch.stack([note[name] for note in self.notes], 2) for name in names}
        )
        self.notes.clear()
        self.lessons = []
        self.turns += 1
        if self.replay.filled >= self.config.warm_up and self.turns % self.config.every == 0:
            for _ in range(self.config.minibatches):
                self.improve(self.replay.sample(self.config.batch, self.seat.generator))

    def improve(self, drawn: dict[str, Tensor]) -> None:
        """One step on the stretches ``drawn``, name -> [K, n, T, ...].

        ``d_t = r_t + gamma Q(o_{t+1}, a_{t+1}) - Q(o_t, a_t)``; the critic descends d_t^2 through
        Q(o_t, a_t), the actor ascends d_t log pi(a_t | o_t).  Nothing is known of the action after the
        last step of an episode or of a stretch, which so teaches nothing.
        Source: Kong et al. 2024, SR networks.
        """
        c, views = self.config, self.views_of
        own, others = drawn["own"].long(), drawn["others"].long()
        rows = views.rows(drawn["seen"], own, others)
        parameters = self.policy.parameters.detach().requires_grad_()
        critic = self.policy.layers(parameters, "critic")
        values = finish(critic, rows.first(critic[0])).squeeze(-1)
        now = rows.at(values).view(own.shape)
        counts = (~drawn["ended"][..., :-1]).float()
        with torch.no_grad():
            target = drawn["rewards"][..., :-1] + c.discount * now[..., 1:]
            error = (target - now[..., :-1]) * counts
        log = run(self.policy.layers(parameters, "actor"), rows.own).log_softmax(-1)
        taken = rows.own_at(log, own)[..., :-1]
        total = counts.sum((1, 2)).clamp(min=1)
        # The slope of d^2 through Q(o_t, a_t) alone is -2 d.
        loss = -(error * (taken + 2 * c.value_weight * now[..., :-1])).sum((1, 2)) / total
        (gradient,) = torch.autograd.grad(loss.sum(), parameters)
        hyper = Hyper(learning_rate=c.learning_rate, max_norm=c.max_norm)
        self.policy.step(gradient, hyper)
        self.lessons.append(rows.lesson(others, self.seat.actions))

    # ---- reading and saving ----------------------------------------------------------------

    def views(self) -> dict[str, Tensor]:
        """Live named parameters, [K, ...]."""
        return self.policy.views()

    def broken(self) -> Tensor:
        """[K] bool: slots with a parameter that is not finite."""
        return self.policy.broken()

    def state(self) -> dict[str, Any]:
        """Networks, buffer, and the rollout so far."""
        return {
            "policy": self.policy.state(),
            "replay": self.replay.state(),
            "notes": saved(self.notes),
            "turns": self.turns,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of `state`."""
        self.policy.load(state["policy"])
        self.replay.load(state["replay"])
        self.turns = state["turns"]
        self.notes = restored(state["notes"], self.seat.device)
        self._values.clear()
