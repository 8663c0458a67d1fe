"""Settings of PPO with separate actors and critics, and its steps as functions on stacks.

Sources: Dong et al. 2025, whose public code has these settings; generalised advantages (Schulman et al.
2016) and the clipped objective (Schulman et al. 2017).

Letters: K slots, T rounds of a rollout, B rows of a slot, X = T * B samples, F inputs, G inputs of a critic,
A actions, P parameters of a network.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.agents.learners.actor_critic import bootstrap
from commonweal.agents.learners.inputs import FEATURE, NONE, SCALAR
from commonweal.agents.learners.multilayer import Perceptrons, gradient, infer
from commonweal.agents.learners.objective import Hyper
from commonweal.agents.learners.returns import generalised_advantages
from commonweal.settings import Settings, setting

PAPER = "Dong et al. 2025"
CODE = "Dong et al. 2025, public code"


@dataclass(frozen=True, kw_only=True)
class SplitPPOConfig(Settings):
    """Settings of PPO with separate actors and critics."""

    hidden: tuple[int, ...] = setting((256, 256), "widths of the hidden layers", low=1, source=CODE)
    rollout: int = setting(25, "rounds between updates, in every lane", low=1, source=CODE)
    batch: int = setting(0, "samples of one mini-batch; 0 = the whole rollout", low=0, source=CODE)
    epochs: int = setting(1, "most passes over a rollout", low=1, source=CODE)
    tolerance: float = setting(
        0.0,
        "an agent passes no further when the squared norm of its gradient is at most this, nu",
        low=0,
        source=PAPER,
    )
    learning_rate: float = setting(1e-4, "step size of actors", low=0, high=1, source=CODE)
    critic_rate: float = setting(1e-3, "step size of critics", low=0, high=1, source=CODE)
    discount: float = setting(0.98, "weight of the next round", low=0, high=1, source=CODE)
    trace: float = setting(0.97, "weight lambda of later advantages", low=0, high=1, source=CODE)
    clip: float = setting(0.1, "half-width of the trusted ratio", low=0, high=1, source=CODE)
    entropy: float = setting(
        0.03, "weight of -p log p of the action taken, beside its advantage", low=0, source=CODE
    )
    inputs: str = setting(
        FEATURE,
        "running normalisation: of each feature; one scalar for all features together (scalar); none",
        choices=(FEATURE, SCALAR, NONE),
        source=CODE,
    )
    weights: str = setting(
        "orthogonal",
        "how networks start; the public code draws biases as widely as weights (glorot)",
        choices=("orthogonal", "glorot"),
        source=CODE,
    )
    start: str = setting(
        "independent",
        "whether the agents of a replicate start from networks of their own or from the same",
        choices=("independent", "shared"),
        source=CODE,
    )
    delayed: bool = setting(
        False, "step down each gradient one rollout late, as the public code does", source=CODE
    )

    def hyper(self, rate: float) -> Hyper:
        """Adam without clipping, as in the public code."""
        return Hyper(learning_rate=rate, max_norm=math.inf, eps=1e-8)


@dataclass(frozen=True, eq=False)
class Window:
    """A rollout of all slots; X stands for its S samples, or for the B rows that followed a step."""

    rows: dict[str, Tensor]
    """``x`` [K, X, F] inputs, normalised as they were acted on; ``chances`` [K, X, A]; and what
    `SplitPPO.context` adds, in the order of time"""
    after: dict[int, dict[str, Tensor]]
    """step -> the same after it, where an episode or the rollout ended"""
    acts: Tensor
    """[K, X] int64"""
    utility: Tensor
    """[T, K, B]"""
    ended: Tensor
    """[T, K, B] bool"""
    truncated: Tensor
    """[T, K, B] bool"""


def standardised(advantages: Tensor) -> Tensor:
    """Advantages [K, X] with mean 0 and population deviation 1 in every slot."""
    centred = advantages - advantages.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True).sqrt() + 1e-10)


def log_chances(window: Window) -> Tensor:
    """Log-probabilities [K, X] of the acts when they were drawn."""
    chances = window.rows["chances"].gather(-1, window.acts.unsqueeze(-1))
    return chances.squeeze(-1).log()


def appraised(
    critics: Perceptrons,
    judged: Tensor,
    after: dict[int, Tensor],
    window: Window,
    config: SplitPPOConfig,
) -> tuple[Tensor, Tensor]:
    """Generalised advantages and targets of the critics, both [K, X].

    ``judged`` [K, X, G] is what critics see, ``after`` what they see after some steps, [K, B, G].
    """
    rewards = window.utility.clone()
    values = foretold(critics, judged).unflatten(1, (len(rewards), -1)).transpose(0, 1)
    following = {t: foretold(critics, rows) for t, rows in after.items()}
    last = bootstrap(rewards, following, window.truncated, config.discount)
    found = generalised_advantages(
        rewards, values, last, window.ended, config.discount, config.trace
    )
    return tuple(rows.transpose(0, 1).flatten(1) for rows in found)


def foretold(critics: Perceptrons, x: Tensor) -> Tensor:
    """Values [K, X] of critics at their inputs [K, X, G]."""
    return infer(critics.layers(critics.parameters, "critic"), x).squeeze(-1)


def stepping(networks: Perceptrons, config: SplitPPOConfig) -> Callable[[Tensor, Hyper], None]:
    """How networks step; where agents stop one by one, those with a gradient of zeros do not."""
    return networks.step_some if config.tolerance else networks.step


def critic_step(
    critics: Perceptrons,
    x: Tensor,
    targets: Tensor,
    config: SplitPPOConfig,
    going: Tensor | None = None,
) -> None:
    """One step down the mean squared error at [K, X, G] to ``targets`` [K, X].

    ``going`` [K, 1] bool says whose critics step; None for all.
    """

    def loss(values: Tensor, some: slice) -> Tensor:
        return (values.squeeze(-1) - targets[some]).square().mean(1)

    slope, hyper = gradient(critics, "critic", x, loss), config.hyper(config.critic_rate)
    if going is None or not config.tolerance:
        critics.step(slope, hyper)
    else:
        critics.step_some(slope * going, hyper)


def actor_gradient(actors: Perceptrons, part: dict[str, Tensor], config: SplitPPOConfig) -> Tensor:
    """Gradient [K, P] of the clipped objective on samples x, acts, log_old and credit [K, X, ...]."""

    def loss(logits: Tensor, some: slice) -> Tensor:
        log = logits.log_softmax(-1).gather(-1, part["acts"][some].unsqueeze(-1)).squeeze(-1)
        return clipped_loss(
            log, part["log_old"][some], part["credit"][some], config.clip, config.entropy
        ).mean(1)

    return gradient(actors, "actor", part["x"], loss)


def clipped_loss(
    log: Tensor, log_old: Tensor, credit: Tensor, clip: float, entropy: float
) -> Tensor:
    """``-(min(w A, clip(w) A) - c p log p)`` [...] of actions with log-probabilities ``log``.

    Source: Schulman et al. 2017, eq. 7; the entropy of the action taken alone follows the public code
    of Dong et al. 2025.
    """
    ratio = (log - log_old).exp()
    gain = torch.min(ratio * credit, ratio.clamp(1 - clip, 1 + clip) * credit)
    return -(gain - entropy * log.exp() * log)
