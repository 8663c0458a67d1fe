"""Clipped descent of stacked learners: the hot path of every simulation.

One mini-batch is one step of Adam for each slot, along the gradient of
`commonweal.agents.learners.objective`, clipped by the slot's own norm (Schulman et al. 2017;
Ren et al. 2025, settings).  The result is that of one module, one optimiser and one clipping per
learner, two to three orders of magnitude sooner.
"""

import torch
from torch import Tensor
from torch.optim.adam import adam as adam_step

from commonweal.agents.learners.batches import Source
from commonweal.agents.learners.objective import Backward, Hyper
from commonweal.agents.learners.stacked import ActorCritics, chunks, restore

# Slots worked through at a time on a CPU, measured: fewer are ruled by the cost of calls, more
# by memory beyond the cache.
CHUNK = 96


class AdamState:
    """First and second moments [K, P] and steps taken [K] of each slot (Kingma and Ba 2015)."""

    def __init__(self, policy: ActorCritics) -> None:
        """Start anew for all slots of ``policy``."""
        self.first = torch.zeros_like(policy.parameters)
        self.second = torch.zeros_like(policy.parameters)
        self.steps = torch.zeros(policy.slots, dtype=torch.int64, device=self.first.device)

    def state(self) -> dict[str, Tensor]:
        """Moments and steps."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a ``state()``."""
        for name, own in self.state().items():
            restore(own, state[name], name)


@torch.no_grad()
def descend(
    policy: ActorCritics, adam: AdamState, batches: Source, hyper: Hyper, *, chunk: int = CHUNK
) -> None:
    """Take one clipped Adam step for each mini-batch and slot, a chunk of slots after the other.

    Within a chunk all mini-batches of all epochs are worked off, so that its parameters,
    gradients and moments stay in the cache; on an accelerator all slots are one chunk.

    Args:
        policy: the learners, changed in place.
        adam: their optimiser state, changed in place.
        batches: source of the mini-batches of given slots.
        hyper: learning rate and the rest.
        chunk: slots worked through at a time on a CPU, about.
    """
    spaces: dict[tuple[int, int], Backward] = {}
    size = chunk if policy.parameters.device.type == "cpu" else policy.slots
    for rows in chunks(policy.slots, size):
        parameters = policy.parameters[rows]
        step = ClippedSteps(parameters, adam, rows, hyper)
        for batch in batches(rows):
            key = parameters.shape[0], batch.x.shape[-1]
            if key not in spaces:
                spaces[key] = Backward(policy.shape, *key, like=parameters)
            step(spaces[key](parameters, batch, hyper))


class ClippedSteps:
    """Steps of Adam along clipped gradients, for a run of slots.

    Each slot is clipped by its own norm and has the bias correction of its own age.  Slots of
    equal age that stand side by side are one tensor; in most simulations that is all of them.
    """

    def __init__(self, parameters: Tensor, adam: AdamState, rows: slice, hyper: Hyper) -> None:
        """Move ``parameters [C, P]``, which are those of ``rows``, and their state in ``adam``."""
        self.hyper = hyper
        self.ages = adam.steps[rows]
        ages, lengths = self.ages.unique_consecutive(return_counts=True)
        self.lengths = lengths.tolist()
        self.steps = list(ages.to(torch.float32).split(1))
        self.parameters, self.first, self.second = (
            list(tensor.split(self.lengths))
            for tensor in (parameters, adam.first[rows], adam.second[rows])
        )

    def __call__(self, gradient: Tensor) -> None:
        """Take one step down ``gradient [C, P]``, which is clipped in place."""
        # torch.nn.utils.clip_grad_norm_, slot by slot.
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        gradient *= (self.hyper.max_norm / norm.add_(1e-6)).clamp_max_(1)
        self.ages += 1
        # The fused kernel also spares the square root of MKL, slow where moments are zero.
        adam_step(
            self.parameters,
            list(gradient.split(self.lengths)),
            self.first,
            self.second,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            beta1=self.hyper.betas[0],
            beta2=self.hyper.betas[1],
            lr=self.hyper.learning_rate,
            weight_decay=0.0,
            eps=self.hyper.eps,
            maximize=False,
        )
