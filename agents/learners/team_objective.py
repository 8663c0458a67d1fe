"""The mixed-motive game that stacked actor-critics play on a mini-batch, and its gradient.

With w_i = p_i / p_i,old the ratio of agent i, A_i its own advantage, A_c that of the team, and
s(w, A) = min(w A, clip(w) A), the clipped surrogate (Schulman et al. 2017, eq. 7), the agents of
one replicate play (Li et al. 2024)

    l_i = -mean s(w_i, A_i)
    l_c = -sum over i of mean s(w_i, A_c),  or with joint ratios  -mean s(prod over i of w_i, A_c).

Both forms of l_c have the same gradient where all ratios are 1.  The first is what PPO with a
reward of the team descends; its Hessian has no entries between agents.  The second is the
expected reward of the team as a function of all policies, to every order, where a sample is a
whole game, and so knows how one agent's gradient changes with another's policy.

In l_i nothing depends on others' parameters, so the Hessian of the own losses is symmetric and
symplectic adjustment finds nothing to turn.

The players' parameters are those of their actors: critics play no part in the game, and the
entropy bonus is a regulariser, so their gradients are added to what the rule makes of the game.

Letters: K = G * M slots of G replicates, P parameters of a slot, Q of its actor, B samples.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from commonweal.agents.gradients.base import Game, GradientRule
from commonweal.agents.learners.objective import MOST, Hyper
from commonweal.agents.learners.stacked import ACTIVATIONS, Shape, layers


@dataclass(frozen=True)
class TeamBatch:
    """Samples that all agents of a replicate took together, in the same rounds and lanes."""

    x: Tensor
    """[K, F, B] inputs"""
    action: Tensor
    """[K, B] int64 actions taken"""
    log_old: Tensor
    """[K, B] their log-probabilities at that time"""
    own: Tensor
    """[K, B] advantages by own utility"""
    team: Tensor
    """[G, B] advantages by the reward of the team"""
    targets: Tensor
    """[K, 2, B] returns: of own utility, of the team's reward"""


def surrogate(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """``mean min(w A, clip(w) A)`` over the last axis.

    Source: Schulman et al. 2017, eq. 7.  Clipping binds where w A exceeds A + clip |A|; there a
    sample has neither gradient nor curvature.
    """
    gain, most = ratio * advantage, advantage + clip * advantage.abs()
    return torch.where(gain <= most, gain, most).mean(-1)


def stakes(log: Tensor, batch: TeamBatch, clip: float, joint_ratio: bool) -> tuple[Tensor, Tensor]:
    """Losses l_i [G, M] and l_c [G] of policies with log-probabilities ``log [K, A, B]``."""
    replicates = len(batch.team)
    taken = log.gather(1, batch.action.unsqueeze(1)).squeeze(1)
    change = taken - batch.log_old
    ratio = change.clamp(max=MOST).exp()
    losses = -surrogate(ratio, batch.own, clip).view(replicates, -1)
    if joint_ratio:
        together = change.view(replicates, -1, change.shape[1]).sum(1)
        collective = -surrogate(together.clamp(max=MOST).exp(), batch.team, clip)
    else:
        ratio, team = ratio.view(replicates, -1, ratio.shape[1]), batch.team.unsqueeze(1)
        collective = -surrogate(ratio, team, clip).sum(1)
    return losses, collective


def game(
    parameters: Tensor, shape: Shape, batch: TeamBatch, clip: float, joint_ratio: bool
) -> tuple[Game, Tensor]:
    """The game of the actors of ``parameters [K, P]``, and their log-probabilities [K, A, B]."""
    replicates = len(batch.team)
    rows = own(parameters, shape, 0)
    actors = rows.view(replicates, -1, rows.shape[1]).requires_grad_()
    log = climb(actors.flatten(0, 1), shape, 0, batch.x).log_softmax(1)
    losses, collective = stakes(log, batch, clip, joint_ratio)
    # Nobody's ratio depends on another's parameters.
    groups = torch.zeros(actors.shape[1], dtype=torch.int64, device=actors.device)
    return Game(losses, collective, actors, groups), log


def gradient(
    parameters: Tensor,
    shape: Shape,
    batch: TeamBatch,
    hyper: Hyper,
    rule: GradientRule,
    *,
    joint_ratio: bool,
) -> tuple[Tensor, dict[str, Tensor]]:
    """What to descend [K, P] at ``parameters [K, P]``, and the rule's readings, name -> [G].

    One pass forward serves the rule and the entropy bonus.
    """
    play, log = game(parameters, shape, batch, hyper.clip, joint_ratio)
    direction, readings = rule.direction(play)
    # What follows plays no part in the game.
    critic = own(parameters, shape, 1).requires_grad_()
    values = climb(critic, shape, 1, batch.x)
    rest = hyper.value_weight * (values - batch.targets).square().mean(-1).sum()
    if hyper.entropy:
        rest = rest + hyper.entropy * (log.exp() * log).sum(1).mean(-1).sum()
    calm, fit = torch.autograd.grad(rest, (play.parameters, critic), materialize_grads=True)
    whole = torch.empty_like(parameters)
    put(whole, shape, 0, (direction + calm).flatten(0, 1))
    put(whole, shape, 1, fit)
    return whole, readings


# ---- one tower alone --------------------------------------------------------------------------
# Autograd is served best by a tower in memory of its own, cut into pieces by one operation.


def own(parameters: Tensor, shape: Shape, tower: int) -> Tensor:
    """A copy of the parameters of one tower, [K, Q], of all parameters [K, P]."""
    return torch.cat([layer.flatten(1) for layer in layers(parameters, shape)[tower]], 1)


def put(parameters: Tensor, shape: Shape, tower: int, given: Tensor) -> None:
    """Write [K, Q] into one tower of ``parameters [K, P]``: the inverse of `own`."""
    blocks = layers(parameters, shape)[tower]
    sizes = [block[0].numel() for block in blocks]
    for block, piece in zip(blocks, given.split(sizes, 1), strict=True):
        block.copy_(piece.view_as(block))


def climb(parameters: Tensor, shape: Shape, tower: int, x: Tensor) -> Tensor:
    """Outputs [K, out, B] of one tower with parameters [K, Q] at ``x [K, F, B]``; differentiable."""
    widths = list(pairwise((shape.inputs, *shape.towers[tower])))
    sizes = [size for width, out in widths for size in (width * out, out)]
    pieces = iter(parameters.split(sizes, 1))
    h = x
    for level, (width, out) in enumerate(widths):
        h = h if level == 0 else ACTIVATIONS[shape.activation](h)
        weight, bias = next(pieces).unflatten(1, (width, out)), next(pieces)
        h = torch.baddbmm(bias.unsqueeze(2), weight.mT, h)
    return h
