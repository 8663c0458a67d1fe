"""Mini-batches for stacked learners: shuffled samples, samples in order, or tables.

A row of a mini-batch is one sample, or one entry of a codebook that stands for all samples with
that view.  The clipped objective depends on a row only through sums over its samples (see
`Batch`), so where few different views exist the networks run on those, not on every sample.

Each function returns a `Source`: called with a slice of slots, it yields the mini-batches of all
epochs for those slots.  `commonweal.agents.learners.descent.descend` draws on it chunk by chunk.

Letters: K slots, F inputs, A actions, S samples of a slot, B rows of a mini-batch, C codes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Sums over the samples behind each row of a mini-batch.

    Attributes:
        x: [K, F + 1, B] inputs and a row of ones, or [F + 1, B] when all slots see the same.
        log_old: [K, A, B] log-probabilities when the samples were drawn, or [K, 1, B], those of
            the actions taken, where a row is one sample.
        gain: [K, A, B] sum of the positive advantages of the samples that took the action.
        loss: [K, A, B] sum of the negative ones.
        penalty: [K, A, B] sum of the costs of having taken the action, or None.
        count: [K, B] number of samples, or 1.0 where each row is one.
        target: [K, B] sum of the returns.
        total: [K] samples of the mini-batch, or one number for all slots.
    """

    x: Tensor
    log_old: Tensor
    gain: Tensor
    loss: Tensor
    penalty: Tensor | None
    count: Tensor | float
    target: Tensor
    total: Tensor | float


Source = Callable[[slice], Iterator[Batch]]


def sampled(
    features: Tensor,
    action: Tensor,
    log_old: Tensor,
    advantage: Tensor,
    returns: Tensor,
    *,
    actions: int,
    epochs: int,
    size: int,
    generator: torch.Generator,
    normalise: bool,
    penalty: Tensor | None = None,
    weight: Tensor | None = None,
) -> Source:
    """Shuffle each slot's samples anew in each epoch (Schulman et al. 2017, algorithm 1).

    The shuffles do not depend on the chunks as long as slots are asked for in rising order.

    Args:
        features: [K, F, S] inputs.
        action: [K, S] actions taken, integers.
        log_old: [K, S] their log-probabilities at that time.
        advantage: [K, S] advantages.
        returns: [K, S] targets of the value.
        actions: A.
        epochs: passes over the samples.
        size: samples of a mini-batch; the last one of an epoch may be smaller.
        generator: source of the shuffles, on the device of the samples.
        normalise: give the advantages of a mini-batch mean 0 and sample deviation 1.
        penalty: [K, S] costs of having taken the action, or None.
        weight: [K, S] 1 for a sample, 0 for padding that counts nowhere; None for all 1.
    """
    experience = _Experience(features, action, log_old, advantage, returns, penalty, weight)

    def source(rows: slice) -> Iterator[Batch]:
        records = experience.records(rows)
        slots, samples, _ = records.shape
        orders = shuffles((slots, epochs, samples), generator)
        orders += torch.arange(slots, device=orders.device).view(-1, 1, 1) * samples
        for order in orders.unbind(1):
            shuffled = records.flatten(0, 1).index_select(0, order.flatten())
            yield from experience.cut(shuffled.view_as(records), actions, size, normalise)

    return source


def blocked(
    features: Tensor,
    action: Tensor,
    log_old: Tensor,
    advantage: Tensor,
    returns: Tensor,
    *,
    actions: int,
    epochs: int,
    size: int,
    normalise: bool = False,
    penalty: Tensor | None = None,
    weight: Tensor | None = None,
) -> Source:
    """Take consecutive samples as mini-batches, the same in each epoch; arguments as `sampled`."""
    experience = _Experience(features, action, log_old, advantage, returns, penalty, weight)

    def source(rows: slice) -> Iterator[Batch]:
        batches = list(experience.cut(experience.records(rows), actions, size, normalise))
        for _ in range(epochs):
            yield from batches

    return source


def tabulated(
    codes: Tensor,
    codebook: Tensor,
    action: Tensor,
    log_old: Tensor,
    advantage: Tensor,
    returns: Tensor,
    *,
    epochs: int,
    size: int,
    penalty: Tensor | None = None,
    weight: Tensor | None = None,
) -> Source:
    """Same mini-batches as `blocked`, summed once over samples that see the same.

    Args:
        codes: [K, S] index of each sample's view in the codebook, integers.
        codebook: [F, C] the inputs that exist, a column each.
        action: [K, S] actions taken, integers.
        log_old: [K, A, C] log-probabilities of all actions at all views when they were drawn.
        advantage: [K, S] advantages.
        returns: [K, S] targets of the value.
        epochs: passes over the samples.
        size: consecutive samples of a mini-batch; the last one may be smaller.
        penalty: [K, S] costs of having taken the action, or None.
        weight: [K, S] 1 for a sample, 0 for padding that counts nowhere; None for all 1.
    """
    samples = action.shape[1]
    cells = (-(-samples // size), log_old.shape[1], codebook.shape[1])
    block = torch.arange(samples, device=action.device) // size
    x = torch.cat([codebook, torch.ones_like(codebook[:1])])

    def source(rows: slice) -> Iterator[Batch]:
        cell = (block * cells[1] + action[rows]) * cells[2] + codes[rows]
        one = torch.ones_like(advantage[rows]) if weight is None else weight[rows]
        raised = advantage[rows].clamp(min=0)
        summed = [one, returns[rows], raised, advantage[rows] - raised]
        summed += [] if penalty is None else [penalty[rows]]
        values = torch.stack(summed, 1)
        if weight is not None:
            values *= one.unsqueeze(1)
        tables = values.new_zeros(*values.shape[:2], cells[0] * cells[1] * cells[2])
        tables.scatter_add_(2, cell.unsqueeze(1).expand_as(values), values)
        count, target, *by_action = tables.unflatten(2, cells).unbind(1)
        batches = [
            Batch(
                x,
                log_old[rows],
                *(table[:, number] for table in by_action[:2]),
                penalty=None if penalty is None else by_action[2][:, number],
                count=count[:, number].sum(1),
                target=target[:, number].sum(1),
                total=count[:, number].sum((1, 2)).clamp_(min=1),
            )
            for number in range(cells[0])
        ]
        for _ in range(epochs):
            yield from batches

    return source


@dataclass(frozen=True)
class _Experience:
    """Samples of all slots, one by one; fields as in `sampled`."""

    features: Tensor
    action: Tensor
    log_old: Tensor
    advantage: Tensor
    returns: Tensor
    penalty: Tensor | None
    weight: Tensor | None

    def records(self, rows: slice) -> Tensor:
        """Rows [K, S, R] of all that belongs to one sample, to be moved together.

        A row is the F inputs, a one, action, log_old, advantage, returns and whichever is given
        of penalty and weight.
        """
        features = self.features[rows]
        fields = [self.action, self.log_old, self.advantage, self.returns]
        fields += [field for field in (self.penalty, self.weight) if field is not None]
        slots, inputs, samples = features.shape
        records = features.new_ones(slots, samples, inputs + 1 + len(fields))
        records[..., :inputs] = features.mT
        for place, field in enumerate(fields, start=inputs + 1):
            records[..., place] = field[rows]
        return records

    def cut(self, records: Tensor, actions: int, size: int, normalise: bool) -> Iterator[Batch]:
        """Cut records into mini-batches of ``size`` samples and a smaller last one."""
        samples = records.shape[1]
        whole = samples - samples % size
        if whole:
            yield from self._cut(records[:, :whole], actions, size, normalise)
        if samples % size:
            yield from self._cut(records[:, whole:], actions, samples % size, normalise)

    def _cut(self, records: Tensor, actions: int, size: int, normalise: bool) -> Iterator[Batch]:
        columns = records.mT.unflatten(2, (-1, size))
        inputs = self.features.shape[1] + 1
        x = columns[:, :inputs]
        action, log_old, advantage, returns, *rest = columns[:, inputs:].unbind(1)
        weight = None if self.weight is None else rest[-1]
        if normalise:
            advantage = normalised(advantage, weight)
        choices = torch.arange(actions, device=action.device).view(-1, 1, 1)
        taken = (action.unsqueeze(1) == choices).to(advantage.dtype)
        if weight is not None:
            taken *= weight.unsqueeze(1)
            returns = returns * weight
        gain = advantage.clamp(min=0).unsqueeze(1) * taken
        loss = advantage.clamp(max=0).unsqueeze(1) * taken
        penalty = None if self.penalty is None else rest[0].unsqueeze(1) * taken
        for number in range(columns.shape[2]):
            yield Batch(
                x[:, :, number],
                log_old[:, None, number],
                gain[:, :, number],
                loss[:, :, number],
                penalty=None if penalty is None else penalty[:, :, number],
                count=1.0 if weight is None else weight[:, number],
                target=returns[:, number],
                total=size if weight is None else weight[:, number].sum(1).clamp_(min=1),
            )


def normalised(advantage: Tensor, weight: Tensor | None) -> Tensor:
    """Advantages [..., B] with mean 0 and sample standard deviation 1 along the last axis.

    A single sample has no deviation; it becomes 0.
    """
    if weight is None:
        total = float(advantage.shape[-1])
        centred = advantage - advantage.mean(-1, keepdim=True)
        free = max(total - 1, 1)
    else:
        total = weight.sum(-1, keepdim=True)
        mean = (advantage * weight).sum(-1, keepdim=True) / total.clamp(min=1)
        centred = (advantage - mean) * weight
        free = (total - 1).clamp(min=1)
    deviation = (centred.square().sum(-1, keepdim=True) / free).sqrt_()
    return centred.div_(deviation.add_(1e-8))


def shuffles(shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Independent uniform permutations [K, epochs, S] of the samples.

    Each sample draws a random number that carries the sample's index in its low bits; sorting the
    numbers alone, without a separate index, is several times cheaper than an argsort.
    """
    samples = shape[2]
    bits = max(samples - 1, 1).bit_length()
    keys = torch.empty(shape, dtype=torch.int64, device=generator.device).random_(
        generator=generator
    )
    index = torch.arange(samples, device=keys.device)
    keys.bitwise_left_shift_(bits).bitwise_or_(index)
    if keys.device.type == "cpu":
        keys.numpy().sort(axis=-1)
    else:
        keys = keys.sort(-1).values
    return keys.bitwise_and_((1 << bits) - 1)
