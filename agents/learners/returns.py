"""Returns and advantages of finished stretches of experience, as pure functions.

Time is the first axis; whatever follows (slots, lanes, neighbours) is carried along.
``ended_t`` marks the last step of an episode.  A step that ended because time was up, not because
nothing follows, has ``discount * V(o_final)`` added to its reward by the caller beforehand, so
that nothing flows over the boundary here.
"""

import torch
from torch import Tensor


def generalised_advantages(
    rewards_t: Tensor,
    values_tm1: Tensor,
    bootstrap: Tensor,
    ended_t: Tensor,
    discount: float,
    trace: float,
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates (Schulman et al. 2016, eq. 16) and their value targets.

        delta_t = r_t + discount * V(o_t) * (1 - ended_t) - V(o_tm1)
        A_t = delta_t + discount * trace * (1 - ended_t) * A_{t+1}
        G_t = A_t + V(o_tm1)

    Args:
        rewards_t: [T, ...] rewards of the steps.
        values_tm1: [T, ...] values of the observations acted on.
        bootstrap: [...] value of the observation after the last step.
        ended_t: [T, ...] bool, True where the episode ended with the step.
        discount: weight of the next step's value.
        trace: weight lambda of later advantages; 0 is one-step, 1 the whole return.

    Returns:
        advantages [T, ...] and returns [T, ...].
    """
    values_t = torch.cat([values_tm1[1:], bootstrap.unsqueeze(0)])
    discount_t = (~ended_t).to(rewards_t.dtype) * discount
    deltas_t = torch.addcmul(rewards_t, discount_t, values_t).sub_(values_tm1)
    advantages_t = _accumulate(deltas_t, discount_t * trace, torch.zeros_like(bootstrap))
    return advantages_t, advantages_t + values_tm1


def discounted(rewards: Tensor, bootstrap: Tensor, ended: Tensor, discount: float) -> Tensor:
    """Discounted returns [T, ...]: G_t = r_t + discount * (1 - ended_t) * G_{t+1}.

    Args:
        rewards: [T, ...] rewards of the steps.
        bootstrap: [...] value of the observation after the last step.
        ended: [T, ...] bool, True where the episode ended with the step.
        discount: weight of the following return.
    """
    return _accumulate(rewards, (~ended).to(rewards.dtype) * discount, bootstrap)


def _accumulate(terms: Tensor, weights: Tensor, last: Tensor) -> Tensor:
    """sums_t = terms_t + weights_t * sums_{t+1}, with sums_T = last."""
    sums = torch.empty_like(terms)
    for t in reversed(range(terms.shape[0])):
        last = torch.addcmul(terms[t], weights[t], last, out=sums[t])
    return sums
