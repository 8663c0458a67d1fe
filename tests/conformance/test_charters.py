"""Every charter and exchange keeps its contract: those that ship, and what users may write."""

import inspect

import pytest
import torch

from commonweal.agents.exchanges import base as exchanges
from commonweal.errors import BrokenContract
from commonweal.networks import federations
from commonweal.networks.federations import Alone, Charter
from commonweal.simulation.conformance import check_charter
from tests.societies import Averaging, EveryThird, Mixing


def kinds(module, base):
    found = vars(module).values()
    return [
        k for k in found if inspect.isclass(k) and issubclass(k, base) and not inspect.isabstract(k)
    ]


@pytest.mark.parametrize("charter", kinds(federations, Charter), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "exchange", kinds(exchanges, exchanges.Exchange), ids=lambda kind: kind.__name__
)
def test_those_that_ship(charter, exchange):
    check_charter(charter, exchange)


@pytest.mark.parametrize("charter", [Averaging, EveryThird])
def test_those_of_the_tests(charter):
    check_charter(charter, Mixing)


class Greedy(Charter):
    """Weights that sum to two."""

    def convene(self, returns):
        return torch.full((len(returns), len(returns)), 2 / len(returns))


class Negative(Charter):
    """Weights of which some are negative."""

    def convene(self, returns):
        weights = torch.eye(len(returns))
        weights[0, :2] = torch.tensor([2.0, -1.0])
        return weights


class Fickle(Charter):
    """Chance that nobody can repeat."""

    def convene(self, returns):
        return torch.rand(len(returns), len(returns)).softmax(1)


class Forgetful(EveryThird):
    """A period that no checkpoint knows of."""

    def state(self):
        return {}

    def load(self, state):
        pass


@pytest.mark.parametrize(
    ("charter", "says"),
    [
        (Greedy, "every row sums to one"),
        (Negative, "not negative"),
        (Fickle, "the same weights"),
        (Forgetful, "part of its state"),
    ],
)
def test_a_charter_that_breaks_its_contract_is_told_how(charter, says):
    with pytest.raises(BrokenContract, match=says):
        check_charter(charter)


class InPlace(Mixing):
    """Writes into what it is given."""

    def apply(self, parameters, weights):
        return parameters.copy_(super().apply(parameters, weights))


class Leaking(Mixing):
    """Averages over replicates too."""

    def apply(self, parameters, weights):
        return super().apply(parameters, weights).mean(0, keepdim=True).expand_as(parameters)


class Restless(Mixing):
    """Changes even those who stay alone."""

    def apply(self, parameters, weights):
        return 0.99 * super().apply(parameters, weights)


@pytest.mark.parametrize(
    ("exchange", "says"),
    [
        (InPlace, "those given are left"),
        (Leaking, "from one replicate to another"),
        (Restless, "keeps every bit"),
    ],
)
def test_an_exchange_that_breaks_its_contract_is_told_how(exchange, says):
    with pytest.raises(BrokenContract, match=says):
        check_charter(Alone, exchange)
