"""What a community may want: the rewards that common models are trained on.

Egoism is every agent's own reward.  Letters: T rounds of a rollout, N agents.
"""

import torch
from torch import Tensor

MEAN, SUM = "mean", "sum"
RETURNS, REWARDS, VARIANCE = "returns", "rewards", "variance"


def utilitarian(rewards: Tensor, how: str = MEAN) -> Tensor:
    """What all get together, or per head: ``rewards`` [T, ..., N] to [T, ...].

    Source: Dong et al. 2025, eq. 2 has the mean; their public code for deep Q-learning the sum.
    """
    return rewards.mean(-1) if how == MEAN else rewards.sum(-1)


def egalitarian(rewards: Tensor, how: str = RETURNS) -> Tensor:
    """How alike all fare, at most 0: ``rewards`` [T, ..., N] to [T, ...].

    - ``variance``: ``-mean_i (r_i - mean_j r_j)^2`` of each round, Dong et al. 2025, eq. 3;
    - ``returns``: minus the population deviation over agents of what they got since the rollout began,
      their public code for PPO;
    - ``rewards``: minus the sample deviation of the rewards of each round, their public code for deep
      Q-learning.
    """
    if how == VARIANCE:
        return -rewards.var(-1, correction=0)
    if how == RETURNS:
        return -rewards.cumsum(0).std(-1, correction=0)
    if rewards.shape[-1] == 1:
        return torch.zeros_like(rewards[..., 0])
    return -rewards.std(-1)
