"""Social relationships by hand, their counterfactuals, and who learns from what."""

import pytest
import torch

from commonweal.agents.learners.multilayer import Perceptrons, run
from commonweal.agents.learners.relations import counterfactuals, relationships
from commonweal.errors import BadSetting
from commonweal.simulation.assembly import assemble
from commonweal.simulation.conformance.tools import differences, saved
from commonweal.simulation.experiment import Experiment, Share
from commonweal.worlds.payoffs import equality

ONE = torch.ones(1)


@pytest.mark.parametrize(
    ("values", "inferred", "taken", "partners", "expected"),
    [
        ([1.0, -0.2], [0.6, 0.4], 0, 1, 0.4),  # (1 - (0.6 - 0.08)) / 1.2
        ([1.0, -0.2], [0.6, 0.4], 1, 1, 0.0),  # raw -0.6
        ([1.0, -0.2], [0.0, 1.0], 0, 1, 1.0),  # the best act, its opposite expected
        ([1.0, -0.2], [0.0, 1.0], 0, 3, 1 / 3),
        ([3.0, 1.0, 2.0], [0.2, 0.5, 0.3], 2, 2, 0.175),  # (2 - 1.7) / (2 * 2), without the guard
        ([5.0, 5.0], [0.9, 0.1], 0, 1, 0.0),
    ],
)
def test_weights_by_hand(values, inferred, taken, partners, expected):
    if expected == 0.175:
        expected = (2 - (0.2 * 3 + 0.5 * 1 + 0.3 * 2)) / (2 * 2)
    found = relationships(
        torch.tensor([values]), torch.tensor([inferred]), torch.tensor([taken]), partners * ONE
    )
    assert found.item() == pytest.approx(expected, abs=1e-6)


def critic(slots=3, features=4, neighbours=3, actions=3, hidden=(8, 6)):
    """Networks and inputs with the joint action that was played."""
    rng = torch.Generator().manual_seed(2)
    joint = (1 + neighbours) * actions
    networks = Perceptrons({"critic": (features + joint, *hidden, 1)}, slots, rng)
    seen = torch.randn(slots, 5, features, generator=rng)
    moves = torch.randint(actions, (slots, 5, 1 + neighbours), generator=rng)
    return networks.layers(networks.parameters, "critic"), seen, moves


def inputs(seen, moves, actions):
    return torch.cat((seen, torch.nn.functional.one_hot(moves, actions).flatten(-2)), -1)


def test_counterfactuals_are_those_of_rewritten_joint_actions():
    layers, seen, moves = critic()
    found = counterfactuals(layers, inputs(seen, moves, 3), moves[..., 1:], 3)
    for place in range(3):
        for act in range(3):
            other = moves.clone()
            other[..., 1 + place] = act
            value = run(layers, inputs(seen, other, 3)).squeeze(-1)
            torch.testing.assert_close(found[:, :, place, act], value, atol=1e-5, rtol=1e-5)


def test_counterfactuals_leave_the_joint_action_as_it_was():
    layers, seen, moves = critic()
    x, before = inputs(seen, moves, 3), moves.clone()
    kept = x.clone()
    counterfactuals(layers, x, moves[..., 1:], 3)
    assert torch.equal(x, kept) and torch.equal(moves, before)


# ---- in societies -------------------------------------------------------------------------------


def village(kind="lase", steps=0, world="iterated_dilemma", agents=2, network=None, **settings):
    table = {"move": {"rollout": 10}, "give": {"warm_up": 1, "minibatches": 2}}
    for name, values in settings.items():
        table.setdefault(name, {}).update(values)
    made = assemble(
        Experiment(
            agents=agents,
            lanes=4,
            replicates=2,
            steps=4000,
            world={"kind": world},
            network=network or {},
            population=[Share(kind=kind, settings=table)],
        )
    )
    for _ in range(steps):
        made.step()
    return made


@pytest.mark.parametrize(
    ("world", "agents", "network"),
    [
        ("iterated_dilemma", 2, "complete"),
        ("iterated_dilemma", 5, "complete"),
        ("lattice", 16, "square_lattice"),
        ("lattice", 8, "scale_free"),
    ],
)
def test_tables_answer_as_the_networks_do(world, agents, network, monkeypatch):
    """The same society with and without tables, on graphs with and without missing neighbours."""
    shares = []
    for limit in (10**6, 0):
        monkeypatch.setattr("commonweal.agents.learners.joint_views.LIMIT", limit)
        made = village(world=world, agents=agents, network={"kind": network}, steps=45)
        mind = made.society.cohorts[0].minds["give"]
        assert mind.views_of.tabulated == bool(limit)
        shares.append(made.society.ledger("gifts").acts)
        assert shares[-1].max() > 0
    torch.testing.assert_close(*shares, atol=2e-4, rtol=1e-3)


def test_each_step_changes_its_own_parameters():
    made = village(steps=9)
    cohort = made.society.cohorts[0]
    parts = {
        "policy": cohort.minds["move"].policy.parameters,
        "relations": cohort.minds["give"].policy.parameters,
        "conversion": cohort.perspective.networks.parameters,
    }

    def changed(act):
        before = {name: values.clone() for name, values in parts.items()}
        act()
        return {name for name in parts if not torch.equal(before[name], parts[name])}

    made.society.decide(made.observation)
    cohort.conclude = lambda experience: None  # the rollout is full, and nobody studies
    made.step()
    assert changed(lambda: cohort.minds["move"].study(0.0, cohort.plain)) == {"policy"}
    assert changed(lambda: cohort.minds["give"].study(0.0, cohort.plain)) == {"relations"}
    assert changed(lambda: cohort.perspective.study(cohort.lens)) == {"conversion"}


def test_the_critic_learns_what_joint_actions_are_worth():
    """Without a future, values are the payoffs: R, S, T and P."""
    settings = {"give": {"discount": 0.0, "learning_rate": 0.02, "minibatches": 4}}
    made = village(kind="lase_uniform", steps=600, **settings)
    mind = made.society.cohorts[0].minds["give"]
    views = mind.views_of
    critic = mind.policy.layers(mind.policy.parameters, "critic")
    first = views.first(critic[0])
    values = torch.relu(first) @ critic[1][:, :-1] + critic[1][:, -1:]
    # Views in rows; joint actions in columns, the own action running first: CC, DC, CD, DD.
    table = values.view(mind.seat.slots, -1, 4)
    payoffs = torch.tensor([1.0, 1.2, -0.2, 0.0])
    assert (table[:, 1:] - payoffs).abs().mean() < 0.05


def test_an_oracle_sees_the_policies_that_act():
    made = village(kind="lase_exact", steps=3)
    cohort = made.society.cohorts[0]
    first = made.people[0].cohort.scatter(cohort.beliefs.moves)
    truth = cohort.scatter(cohort.minds["move"].probabilities(cohort.seen))
    assert torch.equal(first[:, 0, 0], truth[:, 1])
    assert torch.equal(first[:, 1, 0], truth[:, 0])


def test_gifts_reach_those_who_learn_from_them():
    made = village(kind="lase_uniform", steps=5)
    cohort, book = made.society.cohorts[0], made.society.ledger("gifts")
    rewards = made.society.experience.outcome.rewards
    given = book.acts * rewards  # in a pair, edge 0 is 0 -> 1 and edge 1 is 1 -> 0
    assert torch.allclose(cohort.utility, rewards - given + given.flip(1))
    assert book.acts.max() > 0


def test_kill_and_resume_with_a_buffer(tmp_path):
    one, other = village(steps=37), village()
    other.load_state_dict(saved(one.state_dict()))
    assert one.society.cohorts[0].minds["give"].replay.filled > 0
    for made in (one, other):
        for _ in range(25):
            made.step()
    assert not list(differences(one.state_dict(), other.state_dict()))


def test_payoffs_without_a_spread_are_refused():
    flat = Experiment(
        agents=2,
        world={"kind": "iterated_dilemma", "reward": 1.0, "sucker": 1.0},
        population=[Share(kind="lase")],
    )
    with pytest.raises(BadSetting, match="pays 1 whatever the co-player does"):
        assemble(flat)


def test_identities_need_neighbours_that_last():
    changing = Experiment(
        agents=10, network={"kind": "well_mixed"}, population=[Share(kind="lase")]
    )
    with pytest.raises(BadSetting, match="tells neighbours apart"):
        assemble(changing)


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [([3.0, 3.0, 3.0], 1.0), ([0.0, 0.0, 1.0, 1.0], 0.5), ([0.0, 52.0, 5.2, 3.4], 0.349)],
)
def test_equality_of_rewards(rewards, expected):
    """The examples by which the index of Kong et al. 2024 is known; it is the one of Li et al. 2024."""
    above, below = equality(torch.tensor([rewards]))
    assert (above / below).item() == pytest.approx(expected, abs=5e-4)
