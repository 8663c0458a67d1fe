"""The suite has teeth: kinds that break one clause each are found out by that clause.

Family: broken, rough.
"""

from dataclasses import dataclass, replace

import networkx as nx
import pytest
import torch

from commonweal.agents import AGENTS
from commonweal.agents.dd import DD
from commonweal.agents.learners.base import Mind
from commonweal.agents.learners.ppo import PPO
from commonweal.agents.perspectives.base import Perspective
from commonweal.agents.scripted import ScriptedAgent
from commonweal.errors import BrokenContract
from commonweal.lanes import to_dict
from commonweal.networks import NETWORKS
from commonweal.networks.gifts import GiftLedger
from commonweal.networks.ledgers import LEDGERS
from commonweal.networks.reputation import ReputationLedger
from commonweal.records import Beliefs, Layer
from commonweal.settings import Settings, setting
from commonweal.simulation.conformance import (
    check_agent,
    check_ledger,
    check_network,
    check_world,
)
from commonweal.worlds import WORLDS
from commonweal.worlds.lattice import Lattice
from tests.societies import registered


def faulty(base, faults):
    return type("Faulty", (base,), {"__doc__": base.__doc__, "__module__": __name__} | faults)


class Broken(Lattice):
    """A world with one fault (Ren et al. 2025)."""


def world_with(**faults):
    return faulty(Broken, faults)


def leaky(self, state, moves):
    following, outcome = Lattice.transition(self, state, moves)
    rewards = outcome.rewards + outcome.rewards[:1].mean()
    return following, replace(outcome, rewards=rewards)


def mutating(self, state, moves):
    state.last.copy_(moves)
    return Lattice.transition(self, state, moves)


def favouring(self, state, moves):
    following, outcome = Lattice.transition(self, state, moves)
    rank = torch.arange(moves.shape[1]) == 0
    return following, replace(outcome, rewards=outcome.rewards + rank)


def impatient(self, state, moves):
    following, outcome = Lattice.transition(self, state, moves)
    return following, replace(outcome, terminated=outcome.terminated[:1])


def vague(self, state, outcome):
    everything = Lattice.indicators(self, state, outcome)
    return everything | {"odd": (outcome.rewards.sum(-1) / 0, outcome.rewards.sum(-1) * 0)}


def pale(self, state):
    return {"action": Layer(state.last + 5, 0, 1, ("C", "D"))}


def forked(self):
    state = Lattice.initial(self)
    fields = ((name, value[:1].expand_as(value).clone()) for name, value in to_dict(state).items())
    return replace(state, **dict(fields))


HELD = []


def holding(self, state):
    HELD.append(self)
    return Lattice.standing(self, state)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"transition": leaky}, "one lane has no effect on another"),
        ({"transition": mutating}, "leave the state"),
        ({"transition": favouring}, "Turning a ring"),
        ({"transition": impatient}, "`terminated` is"),
        ({"indicators": vague}, "Indicators are finite"),
        ({"portray": pale}, "within their bounds"),
        ({"initial": forked}, "seeds and lanes differ"),
        ({"standing": holding}, "is collected"),
        ({"run_for": lambda self: None}, "Nothing of Mesa"),
        ({"__doc__": ""}, "says what it is"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_worlds(fault, says):
    kind = world_with(**fault)
    with registered(WORLDS, "broken", kind), pytest.raises(BrokenContract, match=says):
        check_world("broken")
    HELD.clear()


def test_an_unbroken_world_out_of_tree_passes():
    with registered(WORLDS, "broken", world_with()):
        check_world("broken")


@dataclass(frozen=True, kw_only=True)
class RoughConfig(Settings):
    """Settings whose learner cannot be reached."""

    rate: float = setting(0.1, "nothing")


class Sharing(PPO.__mro__[1]):
    """A learner in which one agent's utility reaches all others."""

    Config = PPO.Config

    def remember(self, note):
        super().remember(replace(note, utility=note.utility.mean(0, keepdim=True) + note.utility))

    batches = PPO.batches


class Forgetful(Mind):
    """Counts its rounds and saves nothing."""

    def __init__(self, config, seat, kind):
        super().__init__(config, seat, kind)
        self.count = 0

    def act(self, seen):
        self.count += 1
        return self.probabilities(seen).argmax(-1)

    def probabilities(self, seen):
        result = torch.zeros(self.seat.slots, self.seat.lanes, self.seat.actions)
        result[..., self.count % 2] = 1
        return result

    def alone(self, slot, row, seen):
        return self.probabilities(seen)[slot, row]


class Lying(Forgetful):
    """Says one thing as an object and another as a cohort."""

    def act(self, seen):
        return self.probabilities(seen).argmax(-1)

    def alone(self, slot, row, seen):
        return self.probabilities(seen)[slot, row].flip(0)


class Peeking(Perspective):
    """Believes what it saw others do."""

    def imagine(self, scene, lens):
        return Beliefs(torch.nn.functional.one_hot(scene.others, self.actions).float())


class Vain(Perspective):
    """Believes twice as much as can be."""

    def imagine(self, scene, lens):
        rows = (*scene.moves.shape, self.neighbours, self.actions)
        return Beliefs(torch.full(rows, 2 / self.actions))


class Illegal(Lying):
    """Plays an action that does not exist."""

    def act(self, seen):
        return super().act(seen) + 2


class Rough(ScriptedAgent):
    """An agent with one fault (Axelrod 1984)."""

    @staticmethod
    def plan(config, seen, memory, actions):
        return torch.full((*memory.shape, actions), 1 / actions), memory


def agent_with(base=Rough, **faults):
    return faulty(base, {"__doc__": Rough.__doc__} | faults)


def backwards(config, seen, memory, actions):
    return torch.full((*memory.shape, actions), 0.7), memory


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (agent_with(plan=staticmethod(backwards)), "legal on regular"),
        (agent_with(heads={"move": Illegal}, senses=("actions",)), "legal on regular"),
        (agent_with(heads={"move": Lying}, senses=("actions",)), "its cohort's row says"),
        (agent_with(heads={"move": Forgetful}, senses=("actions",)), "same bits"),
        (agent_with(DD, Config=RoughConfig), "set by its dotted flag"),
        (agent_with(DD, heads={"move": Sharing}), "parameters of agents that learn alone"),
        (agent_with(remove=lambda self: None), "Nothing of Mesa"),
        (agent_with(theory=Peeking), "not read off the moves"),
        (agent_with(theory=Vain), "chances, in every lane"),
    ],
)
def test_agents(kind, says):
    with registered(AGENTS, "rough", kind), pytest.raises(BrokenContract, match=says):
        check_agent("rough")


def test_an_unbroken_agent_out_of_tree_passes():
    with registered(AGENTS, "rough", agent_with()):
        check_agent("rough")


def test_a_learner_that_learns_the_wrong_way_is_found_out():
    class Contrary(PPO.__mro__[1]):
        Config = PPO.Config
        batches = PPO.batches

        def remember(self, note):
            super().remember(replace(note, utility=-note.utility))

    kind, says = agent_with(DD, heads={"move": Contrary}), "finds the better of two moves"
    with registered(AGENTS, "rough", kind), pytest.raises(BrokenContract, match=says):
        check_agent("rough")


def misrouted(self, acts, experience):
    turned = {head: act.roll(1, 1) for head, act in acts.items()}
    return ReputationLedger.record(self, turned, experience)


def unbounded(self):
    return ReputationLedger.readings(self) * 3


def overheard(self, acts, experience):
    heard = self.heard
    self.heard, self.all_heard = torch.ones_like(heard), False
    moved = ReputationLedger.record(self, acts, experience)
    self.heard = heard
    return moved


def generous(self, acts, experience):
    return ReputationLedger.record(self, acts, experience) + 1


def sweeping(self, over, standing):
    ReputationLedger.restart(self, torch.ones_like(over), standing)


def amnesiac(self, state):
    ReputationLedger.load(self, state | {"standing": state["standing"] * 0})


def lavish(self, acts, experience):
    return GiftLedger.record(self, acts, experience) + experience.outcome.rewards


def test_gifts_that_make_something_of_nothing_are_found_out():
    kind = faulty(GiftLedger, {"__doc__": "Faulty (Kong et al. 2024).", "record": lavish})
    with registered(LEDGERS, "broken", kind), pytest.raises(BrokenContract, match="sum to zero"):
        check_ledger("broken")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"record": misrouted}, "by nobody else"),
        ({"record": overheard}, "leave everything as it is"),
        ({"record": generous}, "sum to zero"),
        ({"readings": unbounded}, "within their bounds"),
        ({"restart": sweeping}, "exactly the lanes"),
        ({"load": amnesiac}, "same bits"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_ledgers(fault, says):
    kind = faulty(ReputationLedger, {"__doc__": "Faulty (Ren et al. 2025)."} | fault)
    with registered(LEDGERS, "broken", kind), pytest.raises(BrokenContract, match=says):
        check_ledger("broken")


def loops(agents, rng):
    """Everyone is its own neighbour (Watts 1999)."""
    return nx.Graph([(i, i) for i in range(agents)], name="broken")


def letters(agents, rng):
    """Nodes that are no numbers (Watts 1999)."""
    return nx.Graph([("a", "b")], name="broken")


def nameless(agents, rng):
    """A graph without a name (Watts 1999)."""
    return nx.cycle_graph(agents)


def fickle(agents, rng):
    """Chance from outside (Watts 1999)."""
    return nx.Graph(nx.gnm_random_graph(agents, agents), name="broken")


def undocumented(agents, rng, *, width: int = 2):
    """A keyword that is not explained (Watts 1999)."""
    return nx.Graph(nx.cycle_graph(agents), name="broken")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (loops, "simple undirected graph"),
        (letters, "nodes 0 to N-1"),
        (nameless, "bears the kind's name"),
        (fickle, "same graph"),
        (undocumented, "Every keyword argument"),
    ],
)
def test_networks(kind, says):
    with registered(NETWORKS, "broken", kind), pytest.raises(BrokenContract, match=says):
        check_network("broken")
