"""LIO by hand: the step of recipients, and the gradient of givers through it."""

from functools import partial
from types import SimpleNamespace

import networkx as nx
import pytest
import torch

from commonweal.agents.learners.lio_notes import Notes
from commonweal.agents.learners.lio_steps import Lived, against_others, spent, stepped, to_go
from commonweal.agents.learners.multilayer import Perceptrons, run
from commonweal.errors import BadSetting
from commonweal.simulation.experiment import Share
from tests.seats import noted, views
from tests.societies import society

PATH = nx.path_graph(3)
"""0 - 1 - 2: agents of one and of two neighbours, so with padding"""


# ---- one step by hand -----------------------------------------------------------------------


def once(act, share=0.0, views=None):
    """One round in one lane, of one agent who sees nothing."""
    place = torch.zeros(1, 1, 1, dtype=torch.int64)
    seen = torch.zeros(1, 1, 1) if views is None else views
    never = torch.zeros(1, 1, 1, dtype=torch.bool)
    return Lived(seen, place, place + act, never, torch.full((1, 1, 1), share))


def logits(parameters):
    """A policy that is its two biases."""
    return [parameters.view(1, 2, 2)]


def biases(first, second):
    return torch.tensor([[0.0, 0.0, first, second]])


@pytest.mark.parametrize(
    ("act", "share", "expected"),
    [
        (0, 0.0, 1.0),  # d log pi_0 / d l_0 = 1 - 1/2, times G = 2
        (1, 0.0, -1.0),
        (0, 0.5, 0.5),  # (1 - eps) pi (1 - pi) / m = 0.5 * 0.25 / 0.5, times 2
        (0, 1.0, 0.0),  # nothing of the policy is left in what was done
    ],
)
def test_the_step_of_a_recipient(act, share, expected):
    returns = torch.full((1, 1, 1), 2.0)
    found = stepped(biases(0.0, 0.0), logits, once(act, share), returns, 0.1, 0.3)
    assert found[0, 2:].tolist() == pytest.approx([0.1 * expected, -0.1 * expected])


def test_entropy_draws_to_the_middle():
    # pi = (3/4, 1/4): dH/dl_0 = -pi_0 pi_1 log(pi_0 / pi_1) = -3/16 log 3.
    odds = torch.tensor(3.0).log()
    found = stepped(biases(odds.item(), 0.0), logits, once(0), torch.zeros(1, 1, 1), 1.0, 0.5)
    assert (found - biases(odds.item(), 0.0))[0, 2].item() == pytest.approx(-0.5 * 3 / 16 * odds)


def test_rounds_add_up_and_lanes_are_averaged():
    never = torch.zeros(1, 2, 2, dtype=torch.bool)
    acts = torch.tensor([[[0, 1], [0, 0]]])
    lived = Lived(torch.zeros(1, 1, 1), 0 * acts, acts, never, torch.zeros(1, 1, 1))
    returns = torch.tensor([[[2.0, 4.0], [6.0, 8.0]]])
    found = stepped(biases(0.0, 0.0), logits, lived, returns, 1.0, 0.0)
    assert found[0, 2].item() == pytest.approx(0.5 * (2 - 4 + 6 + 8) / 2)


def test_a_step_is_differentiated_in_what_was_earned():
    returns = torch.full((1, 1, 1), 2.0, requires_grad=True)
    found = stepped(biases(0.0, 0.0), logits, once(0), returns, 0.1, 0.3)
    (slope,) = torch.autograd.grad(found[0, 2], returns)
    assert slope.item() == pytest.approx(0.1 * 0.5)


def test_returns_by_hand():
    rewards = torch.tensor([[[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]])
    ended = torch.tensor([[[False, False], [False, True], [False, False]]])
    assert to_go(rewards, ended, 0.5)[0].T.tolist() == [[3.0, 4.0, 4.0], [2.0, 2.0, 4.0]]


def test_a_lane_is_compared_with_the_others():
    returns = torch.tensor([[[1.0, 3.0, 8.0]]])
    assert against_others(returns)[0, 0].tolist() == pytest.approx([-4.5, -1.5, 6.0])
    assert against_others(returns[..., :1]).item() == 1.0


def test_what_was_spent_by_hand():
    given = torch.tensor([[[[1.0, 1.0]], [[2.0, 0.0]], [[4.0, 4.0]]]])
    ended = torch.tensor([[[False], [True], [False]]])
    assert spent(given, ended, 0.5).tolist() == [2.0 + 0.5 * 2.0 + 8.0]


def test_views_written_out_teach_what_codes_of_views_teach():
    rng = torch.Generator().manual_seed(0)
    policies = Perceptrons({"policy": (5, 8, 2)}, 3, rng)
    book = torch.randn(4, 5, generator=rng)
    codes, acts = (torch.randint(n, (6, 3, 2), generator=rng) for n in (4, 2))
    rewards, found = torch.randn(6, 3, 2, generator=rng), []
    for dense in (False, True):
        notes = Notes(torch.device("cpu"))
        for code, act, earned in zip(codes, acts, rewards, strict=True):
            scene = SimpleNamespace(others=act.unsqueeze(-1))
            percept, over = views(dense, book, code), act > 1
            notes.add(noted(percept, act, earned, over, scene=scene))
        whole = notes.take()
        lived = notes.lived(whole, torch.full((3, 1, 1), 0.1))
        returns = to_go(whole["utility"], whole["ended"], 0.9)
        layers = partial(policies.layers, name="policy")
        found.append(stepped(policies.parameters, layers, lived, returns, 1.0, 0.1))
        assert torch.equal(lived.features.view(3, 6, 2, 5), book[codes].transpose(0, 1))
    torch.testing.assert_close(*found)


# ---- the gradient of givers -------------------------------------------------------------------


def two_rollouts(graph, kinds=("lio",), rounds=3, lanes=3, **settings):
    """A society that has lived through an old and a new rollout; the new one is not yet learned from.

    Returns the two minds and the new rollout.
    """
    move = {"rollout": rounds, "explore_start": 0.25, "learning_rate": 0.5}
    own = {"move": move, "incentivise": settings}
    shares = [Share(kind=k, settings=own if k == "lio" else {}, count=1) for k in kinds[1:]]
    first = Share(kind="lio", settings=own, count=len(graph) - len(shares))
    world = society(first, *shares, graph=graph, lanes=lanes, world={"kind": "iterated_dilemma"})
    minds = next(c for c in world.society.cohorts if c.name == "lio").minds
    incentives, new = minds["incentivise"], {}
    incentives.study = lambda progress, rule: new.update(incentives.notes.take())
    for _ in range(2 * rounds):
        world.step()
    return minds["move"], incentives, new, world


def doubled(value):
    return value.double() if value.is_floating_point() else value


def sharpened(moves, incentives, new):
    """The same in double precision."""
    moves.old = {name: doubled(value) for name, value in moves.old.items()}
    moves.before, moves.share_before = moves.before.double(), moves.share_before.double()
    moves.exploration.share = moves.exploration.share.double()
    incentives.notes.codebook = incentives.notes.codebook.double()
    moves.notes.codebook = moves.notes.codebook.double()
    return {name: doubled(value) for name, value in new.items()}


class Reckoning:
    """What a giver of one replicate gets by its own reckoning, policy by policy, round by round."""

    def __init__(self, moves, incentives, new, graph):
        self.moves, self.incentives, self.old, self.new = moves, incentives, moves.old, new
        self.graph, self.codebook = graph, incentives.notes.codebook
        self.rounds, self.lanes = moves.old["acts"].shape[1:]

    def each(self, ask):
        """``ask(t, b)`` of every round and lane."""
        return [[ask(t, b) for b in range(self.lanes)] for t in range(self.rounds)]

    def gift(self, eta, i, place, t, b):
        """What i gave the neighbour at a place in a round of the old rollout."""
        deeds = torch.zeros(self.incentives.mask.shape[1], 2, dtype=torch.float64)
        for d in range(len(self.graph[i])):
            deeds[d, self.old["others"][i, t, b, d].long()] = 1
        code = self.old["seen"][i, t, b].long()
        x = torch.cat((self.codebook[code], deeds.flatten()))[None, None]
        layers = self.incentives.policy.layers(eta, "incentive")
        return self.incentives.most * run(layers, x)[0, 0, place].sigmoid().item()

    def weights(self, rewards):
        """Returns of every round, less the mean of those of the other lanes."""
        gamma, last = self.moves.config.discount, self.rounds
        returns = self.each(
            lambda t, b: sum(gamma ** (s - t) * rewards[s][b] for s in range(t, last))
        )
        return self.each(
            lambda t, b: returns[t][b] - (sum(returns[t]) - returns[t][b]) / (self.lanes - 1)
        )

    def chances(self, theta, rollout, j, t, b):
        """Logarithms of the probabilities that j acted from, and what it did."""
        code, eps = rollout["seen"][j, t, b].long(), 0.25
        x = self.codebook[code][None, None]
        policy = run(self.moves.layers(theta[None]), x)[0, 0].softmax(-1)
        return ((1 - eps) * policy + eps / 2).log(), rollout["acts"][j, t, b].long()

    def learned(self, j, rewards):
        """theta_hat of j."""
        weights, theta = self.weights(rewards), self.moves.before[j].detach().requires_grad_()
        gain = 0.0
        for t in range(self.rounds):
            for b in range(self.lanes):
                log, act = self.chances(theta, self.old, j, t, b)
                entropy = -(log.exp() * log).sum()
                gain = gain + weights[t][b] * log[act] + self.moves.config.entropy * entropy
        (slope,) = torch.autograd.grad(gain / self.lanes, theta)
        return self.moves.before[j] + self.moves.config.learning_rate * slope

    def worth(self, i, eta, eta_then):
        """The sum over neighbours, less the cost, if i had given by ``eta``."""
        gamma, cost, total = self.moves.config.discount, self.incentives.config.cost, 0.0
        paid = self.weights(self.each(lambda t, b: self.new["utility"][i, t, b].item()))
        for place, j in enumerate(sorted(self.graph[i])):
            given = self.each(lambda t, b, p=place: self.gift(eta, i, p, t, b))
            then = self.each(lambda t, b, p=place: self.gift(eta_then, i, p, t, b))
            utility = self.old["utility"][j]
            rewards = self.each(
                lambda t, b, g=given, w=then, u=utility: u[t, b].item() - w[t][b] + g[t][b]
            )
            hat = self.learned(j, rewards)
            for t in range(self.rounds):
                for b in range(self.lanes):
                    log, act = self.chances(hat, self.new, j, t, b)
                    total += paid[t][b] * log[act].item() - cost * gamma**t * given[t][b]
        return total / self.lanes


@pytest.mark.parametrize("graph", [nx.path_graph(2), PATH], ids=["pair", "path"])
def test_the_gradient_of_givers_is_the_slope_of_what_they_get(graph):
    moves, incentives, new, _ = two_rollouts(graph, cost=0.2)
    new = sharpened(moves, incentives, new)
    eta = incentives.policy.parameters.double().requires_grad_()
    worth = incentives.worth(eta, new)
    (gradient,) = torch.autograd.grad(worth.sum(), eta)
    reckoning = Reckoning(moves, incentives, new, graph)
    rng = torch.Generator().manual_seed(1)
    for i in range(len(graph)):
        own = eta[i : i + 1].detach()
        assert worth[i].item() == pytest.approx(reckoning.worth(i, own, own), rel=1e-9)
        for _ in range(2):
            way = torch.randn(own.shape, generator=rng, dtype=torch.float64)
            ahead, back = (reckoning.worth(i, own + h * way, own) for h in (1e-5, -1e-5))
            slope = (gradient[i] * way[0]).sum().item()
            assert abs(slope) > 1e-4
            assert slope == pytest.approx((ahead - back) / 2e-5, rel=1e-5)


def test_a_gift_changes_what_its_receiver_alone_learns_for_the_giver_alone():
    _, incentives, new, _ = two_rollouts(PATH)
    eta = incentives.policy.parameters.clone().requires_grad_()
    for i, worth in enumerate(incentives.worth(eta, new)):
        (slope,) = torch.autograd.grad(worth, eta, retain_graph=True)
        assert slope.any(1).tolist() == [i == j for j in range(3)]
    # 0 and 2 both give to 1, who learned from both; each follows its own gift.
    giver, place, recipient = (pair.tolist() for pair in incentives.pairs)
    assert (giver, place, recipient) == ([0, 1, 1, 2], [0, 0, 1, 0], [1, 0, 2, 1])


def test_recipients_act_in_the_new_rollout_as_their_step_says():
    moves, *_ = two_rollouts(PATH)
    lived = moves.notes.lived(moves.old, moves.share_before)
    returns = moves.returns(moves.old["utility"], moves.old["ended"])
    hat = stepped(moves.before, moves.layers, lived, returns, 0.5, 0.1)
    assert torch.equal(hat, moves.policy.parameters)
    assert not torch.allclose(hat, moves.before, atol=1e-3)


def test_rollouts_come_in_pairs_of_which_each_teaches_one_mind():
    world = society(
        Share(kind="lio", settings={"move": {"rollout": 2, "explore_start": 0.3}}, count=2),
        graph=nx.path_graph(2),
        world={"kind": "iterated_dilemma"},
    )
    minds = world.society.cohorts[0].minds.values()
    changed = []
    for _ in range(12):
        before = [mind.policy.parameters.clone() for mind in minds]
        world.step()
        changed.append(
            [not torch.equal(b, m.policy.parameters) for b, m in zip(before, minds, strict=True)]
        )
    rest = [False, False]
    assert changed == [rest, [True, False], rest, [False, True]] * 3


def test_what_is_given_is_what_the_network_says_and_is_learned_from():
    _, incentives, _, world = two_rollouts(PATH, rounds=4)
    cohort, ledger = world.society.cohorts[0], world.society.ledger("incentives")
    world.step()
    scene = cohort.scene
    parts = incentives.give(scene, None)
    assert parts.shape == (3, 3, 2)
    assert (parts[[0, 2], :, 1] == 0).all() and (parts[1] > 0).all()
    assert torch.equal(parts.transpose(0, 1), ledger.near.each(ledger.acts) * ledger.near.mask)
    own = world.society.experience.outcome.rewards
    received = torch.stack((parts[1, :, 0], parts[0, :, 0] + parts[2, :, 0], parts[1, :, 1]), 1)
    torch.testing.assert_close(cohort.utility, own + 3 * received)
    turned = incentives.parts(
        incentives.policy.parameters, scene.seen["state"].features, 1 - scene.others
    )
    assert not torch.allclose(turned, parts, atol=1e-4)


def test_nothing_is_learned_from_those_whose_learning_is_unknown():
    _, incentives, new, world = two_rollouts(nx.path_graph(2), ("lio", "always_defect"))
    assert incentives.worth(incentives.policy.parameters, new).tolist() == [0.0]
    assert world.society.ledger("incentives").standing().sum() > 0
    _, incentives, new, _ = two_rollouts(nx.path_graph(2), ("lio", "a2c"), cost=0.5)
    eta = incentives.policy.parameters.clone().requires_grad_()
    (slope,) = torch.autograd.grad(incentives.worth(eta, new).sum(), eta)
    # Whatever it gives costs, so all it learns is to give less.
    assert slope[:, -1] < 0


def test_replicates_give_within_themselves():
    world = society(
        Share(kind="lio", count=2), graph=nx.path_graph(2), replicates=2, world={"kind": "lattice"}
    )
    pairs = world.society.cohorts[0].minds["incentivise"].pairs
    assert [pair.tolist() for pair in pairs] == [[0, 1, 2, 3], [0, 0, 0, 0], [1, 0, 3, 2]]


def test_neighbours_have_to_stay():
    with pytest.raises(BadSetting, match="others in every round") as refused:
        society("lio", agents=8, network={"kind": "well_mixed"}, world={"kind": "lattice"})
    assert "\n" not in str(refused.value)


# ---- what it comes to ---------------------------------------------------------------------------


def brisk_pair(most):
    """Two who learn fast, after sixty rollouts; how often they cooperate, and the ledger's measures."""
    quick = {"move": {"explore_start": 0.5, "explore_episodes": 300, "learning_rate": 0.05}}
    quick["incentivise"] = {"learning_rate": 0.02}
    world = society(
        Share(kind="lio", settings=quick, count=2),
        graph=nx.path_graph(2),
        lanes=16,
        world={"kind": "iterated_dilemma", "horizon": 10},
        ledger={"incentives": {"most": most}},
    )
    total = dict.fromkeys(("cooperation", "incentive_for_C", "incentive_for_D"), (0.0, 0.0))
    for t in range(600):
        world.step()
        if t >= 400:
            for name, sums in total.items():
                above, below = world.measured[name]
                total[name] = sums[0] + above.sum().item(), sums[1] + below.sum().item()
    return [above / below for above, below in total.values()]


def test_incentives_bring_cooperation_about():
    cooperation, for_good, for_bad = brisk_pair(3.0)
    assert cooperation > 0.9 and for_good > for_bad + 0.5


def test_without_incentives_they_defect():
    cooperation, *_ = brisk_pair(0.0)
    assert cooperation < 0.4
