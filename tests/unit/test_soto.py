"""Self-oriented and team-oriented policies: who acts when, who learns from what."""

from dataclasses import replace

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.soto import SOTOConfig, SOTOPolicies, self_oriented
from commonweal.agents.learners.voices import actor_gradient, critic_gradient, evened, weighted
from commonweal.records import Percept
from commonweal.settings import Settings
from tests.dilemmas import cooperation
from tests.seats import noted, seat

SLOTS, LANES, ROUNDS = 4, 3, 5
RULE = Own(Settings())


@pytest.mark.parametrize(
    ("progress", "beta"), [(0.0, 1.0), (0.1, 0.8), (0.25, 0.5), (0.5, 0.0), (0.9, 0.0)]
)
def test_less_and_less_for_oneself(progress, beta):
    assert self_oriented(progress, 0.5) == pytest.approx(beta)


def mind(seed=0, **settings):
    config = SOTOConfig(hidden=(8,), team_hidden=(4,), rollout=ROUNDS, **settings)
    return SOTOPolicies(config, seat(3, slots=SLOTS, lanes=LANES, seed=seed), object)


def live(made, seed=0, rounds=ROUNDS, progress=0.0, ended=()):
    """Some rounds with rewards at random."""
    rng = torch.Generator().manual_seed(seed)
    for t in range(rounds):
        percept = Percept(dense=torch.randn(SLOTS, LANES, 3, generator=rng))
        acts = made.act({"seen": percept})
        rewards = torch.rand(LANES, SLOTS, generator=rng)
        over = torch.full((SLOTS, LANES), t in ended)
        note = noted(percept, acts, rewards.T, over, rewards=rewards)
        made.remember(replace(note, experience=replace(note.experience, progress=progress)))


def test_teams_act_by_a_network_of_their_own_size():
    made = mind()
    views = made.views()
    assert views["self.actor.0.weight"].shape == (SLOTS, 8, 3)
    assert views["team.actor.0.weight"].shape == (SLOTS, 4, 3)
    assert views["team.critic.0.weight"].shape == (SLOTS, 8, 3)


@pytest.mark.parametrize(("progress", "who"), [(0.0, {0}), (0.25, {0, 1}), (0.6, {1})])
def test_who_acts_is_drawn_for_every_rollout_and_lane(progress, who):
    made = mind()
    made.progress = progress
    live(made, progress=progress)
    assert set(made.speaking.flatten().tolist()) == who
    first = made.speaking.clone()
    made.study(progress, RULE)
    live(made, rounds=1, progress=progress)
    assert torch.equal(made.speaking, first) is (len(who) == 1)


def test_probabilities_are_a_mixture_until_it_is_drawn_who_acts():
    made = mind(inputs="none")
    made.progress = 0.2
    rng = torch.Generator().manual_seed(5)
    for voice in made.voices:
        voice.actors.parameters += torch.randn(voice.actors.parameters.shape, generator=rng)
    seen = {"seen": Percept(dense=torch.ones(SLOTS, LANES, 3))}
    alone = []
    for number in (0, 1):
        made.due, made.speaking = False, torch.full((SLOTS, LANES), number)
        alone.append(made.probabilities(seen))
    made.due = True
    torch.testing.assert_close(made.probabilities(seen), 0.6 * alone[0] + 0.4 * alone[1])
    assert (alone[0] - alone[1]).abs().max() > 0.01
    made.act(seen)
    expected = torch.where(made.speaking.unsqueeze(-1) == 0, *alone)
    torch.testing.assert_close(made.probabilities(seen), expected)
    torch.testing.assert_close(made.alone(2, 1, seen), expected[2, 1])


@pytest.mark.parametrize("delayed", [False, True])
def test_only_who_acted_learns(delayed):
    made = mind(delayed=delayed)
    live(made)
    made.speaking = torch.tensor([[0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1]])
    for _ in range(1 + delayed):
        before = {title: view.clone() for title, view in made.views().items()}
        spoke = made.speaking
        made.study(0.0, RULE)
        live(made, seed=1)
        made.speaking = spoke
    for title, view in made.views().items():
        changed = (view != before[title]).flatten(1).any(1).tolist()
        who = (spoke == ("team" in title)).any(1).tolist()
        assert changed == who, title


def test_samples_of_others_count_nothing():
    # A gradient of half of the samples is that of these alone.
    made = mind(inputs="none")
    rng = torch.Generator().manual_seed(2)
    whole = {
        "x": torch.randn(SLOTS, 6, 3, generator=rng),
        "acts": torch.randint(2, (SLOTS, 6), generator=rng),
        "log_old": torch.full((SLOTS, 6), 0.5).log(),
        "credit": torch.randn(SLOTS, 6, generator=rng),
        "targets": torch.randn(SLOTS, 6, generator=rng),
    }
    weight = torch.tensor([1.0, 0, 1, 0, 0, 1]).expand(SLOTS, -1)
    whole["log_old"][:, 1] = -300.0  # impossible for whoever did not act
    part = {name: rows[:, weight[0] == 1] for name, rows in whole.items()}
    whole["weight"], part["weight"] = weight, torch.ones(SLOTS, 3)
    voice, config = made.voices[1], made.config
    for found, expected in (
        [actor_gradient(voice.actors, rows, config) for rows in (whole, part)],
        [critic_gradient(voice.critics, rows) for rows in (whole, part)],
    ):
        assert expected.any(1).all()
        torch.testing.assert_close(found, expected)


def test_advantages_are_standardised_among_those_of_one_voice():
    advantages = torch.tensor([[1.0, 100.0, 3.0, 5.0]])
    weight = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    assert weighted(advantages, weight).item() == pytest.approx(3)
    found = evened(advantages, weight)[weight == 1]
    torch.testing.assert_close(found, torch.tensor([-(1.5**0.5), 0.0, 1.5**0.5]))


def test_the_team_follows_everybody_and_the_worst_off_most():
    made = mind()
    live(made, ended=(2,))
    rng = torch.Generator().manual_seed(3)
    raw, even = torch.randn(2, SLOTS, ROUNDS * LANES, generator=rng).unbind(0)
    own, team = made.credits(raw, even, made.window())
    torch.testing.assert_close(own, even)
    rewards = torch.stack([note["utility"] for note in made.notes])
    returns = torch.cat(
        (rewards[:3].sum(0).expand(3, -1, -1), rewards[3:].sum(0).expand(2, -1, -1))
    )
    returns = returns.transpose(0, 1).flatten(1)
    for sample in range(ROUNDS * LANES):
        order = sorted(range(SLOTS), key=lambda i: returns[i, sample].item())
        expected = sum(even[i, sample] / 2**rank for rank, i in enumerate(order))
        assert team[:, sample].tolist() == pytest.approx([expected.item()] * SLOTS, abs=1e-5)


@pytest.mark.parametrize("kind", ["soto_ggf", pytest.param("soto_alf", marks=pytest.mark.slow)])
def test_teams_cooperate_in_the_end(kind):
    # Others defect there: see what `ippo` does in `test_maximin`.
    assert cooperation(kind, 700) > 0.8
