"""Every charter and exchange keeps its contract: those that ship, and what users may write."""

from itertools import product

import pytest
import torch

from commonweal.agents.exchanges.base import NoExchange
from commonweal.agents.exchanges.federal import Federal
from commonweal.agents.exchanges.mixing import Mixing as ShippedMixing
from commonweal.errors import BrokenContract
from commonweal.networks.charters import Voluntary, VoluntaryConfig, chosen_by
from commonweal.networks.federations import Alone
from commonweal.networks.membership import MEMBERSHIPS
from commonweal.networks.shapes import SHAPES
from commonweal.settings import flags, replace_at
from commonweal.simulation.conformance import check_charter
from tests.societies import Averaging, EveryThird, Mixing

NAMED = {"nodes": (1, 3, 4)}
"""Settings without which a membership cannot be asked for."""


@pytest.mark.parametrize(("members", "shape"), list(product(MEMBERSHIPS, SHAPES)))
def test_every_membership_in_every_shape(members, shape):
    given = {"nodes": NAMED[members]} if members in NAMED else {}
    check_charter(Voluntary, config=VoluntaryConfig(members=members, shape=shape, **given))


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "none"])
def test_riders_in_every_shape(shape):
    check_charter(
        Voluntary, config=VoluntaryConfig(members="half", shape=shape, riders=1), members=7
    )


def test_choices_are_all_that_can_be_chosen():
    choices = {flag.name: flag.choices for flag in flags(VoluntaryConfig, "")}
    assert choices["members"] == tuple(MEMBERSHIPS)
    assert choices["shape"] == tuple(SHAPES)


@pytest.mark.parametrize("charter", [Alone, Averaging, EveryThird])
def test_charters_without_settings(charter):
    check_charter(charter, Mixing)


def test_members_that_a_function_names():
    check_charter(chosen_by(lambda meeting, returns: returns > 0.1 * meeting))


def variants(kind):
    """Its settings, by default and with each choice of each."""
    yield kind.Config()
    for flag in flags(kind.Config, ""):
        for choice in flag.choices or ():
            yield replace_at(kind.Config(), flag.name, choice)


@pytest.mark.parametrize(
    ("exchange", "config"),
    [(kind, config) for kind in (NoExchange, ShippedMixing, Federal) for config in variants(kind)],
)
def test_exchanges_with_all_their_choices(exchange, config):
    check_charter(Alone, exchange, exchange_config=config)


# ---- charters that break a clause -----------------------------------------------------------


class Greedy(Averaging):
    """Weights of which one row sums to two."""

    def weigh(self, members):
        weights = super().weigh(members)
        weights[:, 1] *= 2
        return weights


class Negative(Averaging):
    """Weights of which some are negative."""

    def weigh(self, members):
        weights = torch.eye(members.shape[1]).repeat(len(members), 1, 1)
        weights[:, 0, :2] = torch.tensor([2.0, -1.0])
        return weights


class Flat(Averaging):
    """The same weights for all replicates, in a table of their own."""

    def weigh(self, members):
        return super().weigh(members)[0]


class Numbered(Averaging):
    """Members as numbers."""

    def volunteers(self, returns):
        return torch.ones_like(returns)


class Deaf(Averaging):
    """All listen to all, members or not."""

    def weigh(self, members):
        return super().weigh(torch.ones_like(members))


class Spying(Averaging):
    """Members listen to the first agent, be it a member or not."""

    def weigh(self, members):
        weights = super().weigh(members)
        first = torch.eye(members.shape[1])[0]
        return torch.where(members.unsqueeze(-1), (weights + first) / 2, weights)


class Fickle(Averaging):
    """Chance that nobody can repeat."""

    def volunteers(self, returns):
        return torch.rand(returns.shape) < 0.5


class Meddling(Averaging):
    """Writes into the returns it is told."""

    def volunteers(self, returns):
        return returns.sub_(1) > 0


class Comparing(Averaging):
    """Whoever earns more than the mean of all replicates takes part."""

    def volunteers(self, returns):
        return returns > returns.mean()


class Crowded(Averaging):
    """Nobody listens where, in all replicates together, few take part."""

    def weigh(self, members):
        return super().weigh(members & (members.sum() > 4))


class Forgetful(Averaging):
    """A number of meetings that no checkpoint knows of."""

    def __init__(self, config, roll):
        super().__init__(config, roll)
        self.meetings = 0

    def volunteers(self, returns):
        self.meetings += 1
        return torch.full_like(returns, self.meetings % 3 == 0, dtype=torch.bool)


class Redrawing(Voluntary):
    """Members drawn at founding and not saved."""

    def state(self):
        return {**super().state(), "membership": {}}

    def load(self, state):
        super().load({**state, "membership": self.membership.state()})


@pytest.mark.parametrize(
    ("charter", "says"),
    [
        (Greedy, "every row sums to one"),
        (Negative, "a weight is negative"),
        (Flat, r"Weights are \[R, M, M\]"),
        (Numbered, "true or false"),
        (Deaf, "an outsider listens to somebody"),
        (Spying, "somebody listens to an outsider"),
        (Fickle, "the same answers"),
        (Meddling, "stay as they are"),
        (Comparing, "that replicate's returns"),
        (Crowded, "that replicate's returns and members alone"),
        (Forgetful, "part of its state"),
    ],
)
def test_a_charter_that_breaks_its_contract_is_told_how(charter, says):
    with pytest.raises(BrokenContract, match=says):
        check_charter(charter)


def test_what_was_drawn_at_founding_has_to_be_saved():
    with pytest.raises(BrokenContract, match="part of its state"):
        check_charter(Redrawing, config=VoluntaryConfig(members="half"))


# ---- exchanges that break a clause ----------------------------------------------------------


class InPlace(Mixing):
    """Writes into what it is given."""

    def apply(self, before, after, commons, meeting):
        mixed, commons = super().apply(before, after, commons, meeting)
        return after.copy_(mixed), commons


class Leaking(Mixing):
    """Averages over replicates too."""

    def apply(self, before, after, commons, meeting):
        mixed, commons = super().apply(before, after, commons, meeting)
        return mixed.mean(0, keepdim=True).expand_as(mixed), commons


class Restless(Mixing):
    """Changes even those who stay alone."""

    def apply(self, before, after, commons, meeting):
        mixed, commons = super().apply(before, after, commons, meeting)
        return 0.99 * mixed, commons


class Nosy(Mixing):
    """Members listen to outsiders."""

    def apply(self, before, after, commons, meeting):
        inside = meeting.members.unsqueeze(-1)
        return torch.where(inside, after.mean(1, keepdim=True), after), commons


class Narrow(Mixing):
    """Loses a parameter."""

    def apply(self, before, after, commons, meeting):
        return after[..., 1:], commons


class Shouting(Mixing):
    """All step down everybody's gradients."""

    what = "gradients"

    def gradients(self, own, parameters, meeting):
        inside = meeting.members.unsqueeze(-1)
        return own, torch.where(inside, (own * inside).sum(1, keepdim=True), 0.0)


class Aliasing(Shouting):
    """Clears the gradients that it is shown."""

    def gradients(self, own, parameters, meeting):
        mixed = meeting.weights @ own
        own.zero_()
        return (mixed,)


class Absent(Mixing):
    """Mixes at every second meeting, of which no checkpoint knows."""

    def __init__(self, config):
        super().__init__(config)
        self.meetings = 0

    def apply(self, before, after, commons, meeting):
        self.meetings += 1
        return (
            super().apply(before, after, commons, meeting)
            if self.meetings % 2
            else (after, commons)
        )


class Electing(Mixing):
    """A common model moves to the mean of all agents, members or not."""

    commons = 1

    def apply(self, before, after, commons, meeting):
        return after, commons + after.mean(1, keepdim=True)


@pytest.mark.parametrize(
    ("exchange", "says"),
    [
        (InPlace, "those given are left"),
        (Narrow, "keep their shapes"),
        (Leaking, "from one replicate to another"),
        (Restless, "keeps every bit"),
        (Nosy, "What outsiders have"),
        (Electing, "What outsiders have"),
        (Shouting, "somebody else's gradients"),
        (Aliasing, "own that were given"),
        (Absent, "goes on after a checkpoint"),
    ],
)
def test_an_exchange_that_breaks_its_contract_is_told_how(exchange, says):
    with pytest.raises(BrokenContract, match=says):
        check_charter(Alone, exchange)
