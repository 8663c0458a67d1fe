"""What an agent saw together with what everybody around it did: the inputs of a joint critic.

Where few different things can be seen and done, networks run once per possibility and rows look
their values up; else they run on the rows themselves.

Letters: K slots, X rows, F inputs, D neighbours in view, A actions, Y rows that networks run on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from commonweal.agents.learners.base import Seat
from commonweal.agents.learners.multilayer import affine
from commonweal.records import Percept

LIMIT = 2048
"""most combinations of views and joint actions that are worth tabulating"""


@dataclass(frozen=True)
class Rows:
    """Stretches of rounds [K, n, T] as rows that networks run on."""

    first: Callable[[Tensor], Tensor]
    """first layer of a joint critic -> what it makes of every row, [K, Y, H], before it is rectified"""
    joint_places: Tensor
    """[K, n * T]: row of that in every round"""
    own: Tensor
    """[K, Z, F]: views"""
    own_places: Tensor
    """[K, n * T]: row of ``own`` of every round"""

    def at(self, values: Tensor) -> Tensor:
        """``values`` [K, Y] of every round, [K, n * T]."""
        return values.gather(1, self.joint_places)

    def own_at(self, log: Tensor, own: Tensor) -> Tensor:
        """Entries of ``log`` [K, Z, A] for the moves ``own`` [K, n, T] of every round, [K, n, T]."""
        places = self.own_places * log.shape[-1] + own.flatten(1)
        return log.flatten(1).gather(1, places).view(own.shape)

    def lesson(self, others: Tensor, actions: int) -> dict[str, Tensor]:
        """Views with what neighbours did there: ``views`` [K, Z, F], ``counts`` [K, Z, D, A].

        ``others`` [K, n, T, D] are their moves, ``actions`` where no neighbour stands.
        """
        slots, neighbours = len(others), others.shape[-1]
        rows = self.own.shape[1]
        counts = torch.zeros(slots, rows, neighbours, actions + 1, device=others.device)
        moves = others.flatten(1, 2)
        cells = self.own_places.unsqueeze(-1) * neighbours
        cells = cells + torch.arange(neighbours, device=others.device)
        cells = (cells * (actions + 1) + moves).flatten(1)
        counts.view(slots, -1).scatter_add_(1, cells, torch.ones_like(cells, dtype=counts.dtype))
        return {"views": self.own, "counts": counts[..., :actions]}


class JointViews:
    """Turns percepts and joint actions into inputs, or into places in a table of all of them."""

    def __init__(self, seat: Seat) -> None:
        self.actions, self.neighbours = seat.actions, seat.neighbours
        self.lasting = seat.company.spec.lasting
        self.joint = self.actions ** (1 + self.neighbours)
        """number of joint actions"""
        strides = [self.actions**place for place in range(1, 1 + self.neighbours)]
        self.strides = torch.tensor(strides, device=seat.device)
        self.options = torch.arange(self.actions, device=seat.device)
        self.tabulated = False
        self.codebook: Tensor | None = None
        self.mask: Tensor | None = None

    def meet(self, percept: Percept, mask: Tensor) -> None:
        """Take up what can be seen, [C, F] if coded, and where neighbours stand, [K, 1, D]."""
        if self.mask is not None and self.lasting:
            return
        self.mask, self.codebook = mask, percept.codebook
        views = 0 if percept.codes is None else len(percept.codebook)
        self.tabulated = self.lasting and 0 < views * self.joint <= LIMIT
        if self.tabulated:
            place = torch.arange(self.joint, device=mask.device)
            digits = [place // self.actions**at % self.actions for at in range(1 + self.neighbours)]
            slots = 1 if bool(mask.all()) else len(mask)
            others = torch.where(mask[:slots], torch.stack(digits[1:], -1), self.actions)
            own = digits[0].expand(slots, -1)
            self.moves = self.one_hot(own, others).expand(len(mask), -1, -1)
            self.views = percept.codebook.expand(len(mask), -1, -1)

    def first(self, layer: Tensor) -> Tensor:
        """What the first layer [K, in + 1, H] makes of all views with all joint actions, [K, Y, H].

        It adds up what it makes of the one and of the other.
        """
        width = self.codebook.shape[1]
        seen = affine(torch.cat((layer[:, :width], layer[:, -1:]), 1), self.views)
        done = self.moves @ layer[:, width:-1]
        return (seen.unsqueeze(2) + done.unsqueeze(1)).flatten(1, 2)

    def known(self, others: Tensor) -> Tensor:
        """Moves of the neighbours [K, X, D], ``actions`` where none stands."""
        return torch.where(self.mask, others, self.actions)

    def inputs(self, features: Tensor, own: Tensor, others: Tensor) -> Tensor:
        """[K, X, F + (1 + D) A]: what was seen, then one-hot moves, own first."""
        return torch.cat((features, self.one_hot(own, others)), -1)

    def one_hot(self, own: Tensor, others: Tensor) -> Tensor:
        """Moves [K, X] and [K, X, D], ``actions`` where no neighbour stands, as [K, X, (1 + D) A]."""
        there = one_hot(others, self.actions + 1)[..., : self.actions].flatten(-2)
        return torch.cat((one_hot(own, self.actions), there), -1).float()

    def places(self, codes: Tensor, own: Tensor, others: Tensor) -> Tensor:
        """Rows of the table, [K, X], of codes [K, X] with moves [K, X] and [K, X, D]."""
        return codes * self.joint + own + (others * self.strides * self.mask).sum(-1)

    def had_they(self, values: Tensor, places: Tensor, others: Tensor) -> Tensor:
        """Entries of ``values`` [K, Y] had one neighbour alone done otherwise, [K, X, D, A]."""
        there = self.mask * self.strides
        step = (self.options - others.unsqueeze(-1)) * there.unsqueeze(-1)
        index = places[..., None, None] + step
        return values.gather(1, index.flatten(1)).view(index.shape)

    def rows(self, seen: Tensor, own: Tensor, others: Tensor) -> Rows:
        """Stretches as rows: ``seen`` [K, n, T] codes or [K, n, T, F], moves [K, n, T] and
        [K, n, T, D], the latter ``actions`` where no neighbour stands.
        """
        own, others = own.flatten(1), others.flatten(1, 2)
        slots, count = own.shape
        every = torch.arange(count, device=own.device).expand(slots, -1)
        if self.codebook is None:
            features = seen.flatten(1, 2)
            x = self.inputs(features, own, others)
            return Rows(lambda layer: affine(layer, x), every, features, every)
        codes = seen.flatten(1).long()
        views = self.codebook.expand(slots, -1, -1)
        if self.tabulated:
            there = others.clamp(max=self.actions - 1)
            return Rows(self.first, self.places(codes, own, there), views, codes)
        x = self.inputs(self.codebook[codes], own, others)
        return Rows(lambda layer: affine(layer, x), every, views, codes)
