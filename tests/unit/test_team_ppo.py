"""The learner of teams: what it remembers, how it shuffles, studies, acts and comes back."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from commonweal.agents.gradients.altruistic import Altruistic, AltruisticConfig
from commonweal.agents.gradients.base import GradientRule, Own
from commonweal.agents.gradients.collective import Collective
from commonweal.agents.learners.team_ppo import TeamPPO, TeamPPOConfig
from commonweal.errors import BadSetting
from commonweal.records import Percept
from commonweal.settings import Settings
from tests.seats import noted, seat, views

LANES = 2
RULE = Altruistic(AltruisticConfig(strength=2))


def mind(rule=Altruistic, members=2, replicates=3, inputs=4, others=1, **settings) -> TeamPPO:
    sitting = seat(inputs, slots=members * replicates, replicates=replicates, others=others)
    config = TeamPPOConfig(**({"rollout": 4, "batch": 3, "hidden": (8,)} | settings))
    return TeamPPO(config, sitting, SimpleNamespace(gradient_rule=rule))


def steps(learner, dense=True, seed=1):
    """A rollout of chance: episodes of three rounds, some of which were cut, some finished."""
    rng, book = torch.Generator().manual_seed(seed), torch.eye(4)
    company, rows = learner.seat.company, (learner.seat.slots, LANES)
    lanes = company.replicates * LANES
    for turn in range(learner.rollout):
        seen, after = (views(dense, book, torch.randint(4, rows, generator=rng)) for _ in range(2))
        truncated = torch.arange(lanes).view(company.replicates, LANES) % 2 == 0
        yield noted(
            seen,
            torch.randint(2, rows, generator=rng),
            torch.randn(rows, generator=rng),
            torch.full(rows, turn % 3 == 2),
            truncated.repeat_interleave(learner.members, 0) & (turn % 3 == 2),
            after,
            torch.randn(lanes, company.agents, generator=rng),
        )


def taught(learner, progress=0.5, rule=RULE, dense=True, **changes):
    for note in steps(learner, dense):
        learner.remember(replace(note, **changes))
    learner.study(progress, rule)
    return learner


# ---- two rewards, two forecasts -----------------------------------------------------------


@pytest.mark.parametrize("team", ["mean", "sum"])
def test_the_reward_of_the_team_is_that_of_everybody_in_the_lane(team):
    learner = mind(team=team)
    (note, *_) = steps(learner)
    learner.remember(note)
    rewards = note.experience.outcome.rewards
    assert rewards.shape == (6, 3)
    expected = getattr(rewards, team)(1)
    assert torch.equal(learner.notes[0]["team"], expected.view(3, 2))


def test_advantages_by_hand():
    """A lane that was cut and one that finished in round three, then a fourth round."""
    learner = mind(discount=0.9, trace=0.5)
    kept = list(steps(learner))
    for note in kept:
        learner.remember(note)
    slots = slice(2, 6)
    seen = torch.cat([note.seen["seen"].dense for note in kept], 1).mT[slots]
    own, returns, team, aim = learner.advantages(slots, learner.policy.heads(seen, slots))
    assert (own.shape, team.shape) == ((4, 8), (2, 8))

    def forecasts(percept, slot, lane):
        x = percept["seen"].dense[slot, lane]
        return learner.policy.heads(x[:, None], slice(slot, slot + 1))[0, :, 0]

    for replicate in (1, 2):
        for lane in range(LANES):
            pair = (2 * replicate, 2 * replicate + 1)
            # Rows: both agents by own utility, then both together by the team's reward.
            rewards, now, then = torch.zeros(3, 4), torch.zeros(3, 4), torch.zeros(3, 4)
            for t, note in enumerate(kept):
                everybody = note.experience.outcome.rewards[LANES * replicate + lane]
                rewards[:, t] = torch.stack([*note.utility[list(pair), lane], everybody.mean()])
                for at, percept in ((now, note.seen), (then, note.following())):
                    mine, ours = zip(*(forecasts(percept, k, lane) for k in pair), strict=True)
                    at[:, t] = torch.stack([*mine, (ours[0] + ours[1]) / 2])
            last = now.new_zeros(3)
            for t in (3, 2, 1, 0):
                ended, cut = bool(kept[t].ended[0, 0]), bool(kept[t].truncated[pair[0], lane])
                worth = rewards[:, t] + 0.9 * then[:, t] * (t == 3 or cut)
                worth = worth if t in (2, 3) else worth + 0.9 * now[:, t + 1]
                last = worth - now[:, t] + (0 if ended else 0.9 * 0.5 * last)
                place = LANES * t + lane
                pairs = [
                    (own, returns, 2 * (replicate - 1), 0),
                    (own, returns, 2 * (replicate - 1) + 1, 1),
                    (team, aim, replicate - 1, 2),
                ]
                for advantage, target, row, who in pairs:
                    torch.testing.assert_close(advantage[row, place], last[who])
                    torch.testing.assert_close(target[row, place], last[who] + now[who, t])


# ---- shuffles -------------------------------------------------------------------------------


def test_shuffles_are_shared_in_a_replicate_and_its_own():
    """Every sample carries its number in what is seen, earned and paid to the team."""
    learner = mind(inputs=1, discount=0.0, trace=0.0, normalise=False, rollout=20, batch=16)
    assert learner.seat.lanes == LANES
    for turn in range(20):
        number = (turn * LANES + torch.arange(2.0)).expand(6, -1)
        learner.remember(
            noted(
                Percept(dense=number.unsqueeze(-1)),
                number.long() % 2,
                number + 100,
                torch.zeros(6, 2, dtype=torch.bool),
                rewards=(number[:3].reshape(-1, 1) + 1000).expand(-1, 3),
            )
        )
    batches = list(learner.batches(slice(0, 6), 1.0))
    assert [len(batch.x[0, 0]) for batch in batches] == [16, 16, 8] * 5
    for batch in batches:
        number = batch.x[:, 0]
        assert torch.equal(batch.action, number.long() % 2)
        torch.testing.assert_close(batch.targets[:, 0], number + 100)
        torch.testing.assert_close(batch.targets[:, 1], number + 1000)
        forecast = learner.policy.values(batch.x.contiguous(), head=1).view(3, 2, -1).mean(1)
        torch.testing.assert_close(batch.team, number[::2] + 1000 - forecast)
    epochs = torch.cat([batch.x[:, 0] for batch in batches], 1).view(6, 5, 40)
    assert torch.equal(epochs.sort().values, torch.arange(40.0).expand(6, 5, 40))
    assert torch.equal(epochs[::2], epochs[1::2])
    assert len(epochs[::2].flatten(0, 1).unique(dim=0)) == 15


def test_advantages_are_standardised_in_each_mini_batch():
    learner = mind(rollout=20, batch=16)
    for note in steps(learner):
        learner.remember(note)
    for batch in learner.batches(slice(0, 6), 0.0):
        for found in (batch.own, batch.team):
            torch.testing.assert_close(found.mean(1), torch.zeros(len(found)), atol=1e-6, rtol=0)
            torch.testing.assert_close(found.std(1), torch.ones(len(found)))


# ---- learning -------------------------------------------------------------------------------


def test_replicates_do_not_touch_each_other():
    one = taught(mind())
    other = mind()
    for note in steps(other):
        experience = note.experience
        rewards = experience.outcome.rewards.clone()
        rewards[:LANES] += torch.arange(LANES * 3.0).view(LANES, 3)
        outcome = replace(experience.outcome, rewards=rewards)
        utility = note.utility.clone()
        utility[:2] *= -3
        other.remember(
            replace(note, utility=utility, experience=replace(experience, outcome=outcome))
        )
    other.study(0.5, RULE)
    assert torch.equal(one.policy.parameters[2:], other.policy.parameters[2:])
    assert not torch.isclose(one.policy.parameters[:2], other.policy.parameters[:2]).all()


@pytest.mark.parametrize("rule", [Own(Settings()), RULE])
def test_it_does_not_matter_how_many_replicates_are_worked_through_at_once(rule, monkeypatch):
    whole = taught(mind(type(rule)), rule=rule)
    monkeypatch.setattr("commonweal.agents.learners.team_ppo.CHUNK", 1)
    apart = taught(mind(type(rule)), rule=rule)
    torch.testing.assert_close(apart.policy.parameters, whole.policy.parameters)
    torch.testing.assert_close(apart.readings(), whole.readings())


def test_every_rule_leads_elsewhere_but_altruism_of_no_strength():
    rules = [
        Own(Settings()),
        Collective(Settings()),
        RULE,
        Altruistic(AltruisticConfig(strength=0)),
    ]
    own, team, some, none = (
        taught(mind(type(rule)), rule=rule).views()["actor.0.weight"] for rule in rules
    )
    assert torch.equal(team, none)
    for one, other in ((own, team), (team, some), (own, some)):
        assert not torch.isclose(one, other).all()


def test_who_follows_its_own_gradient_knows_nothing_of_the_team():
    ends = []
    for bonus in (0.0, 5.0):
        learner = mind(Own)
        assert learner.policy.shape.values == 1
        for note in steps(learner):
            outcome = note.experience.outcome
            outcome = replace(outcome, rewards=outcome.rewards + bonus * torch.rand(6, 3))
            learner.remember(replace(note, experience=replace(note.experience, outcome=outcome)))
        learner.study(0.5, Own(Settings()))
        ends.append(learner.policy.parameters)
    assert torch.equal(*ends)


def test_curvature_between_agents_leads_elsewhere():
    apart, joint = (taught(mind(joint_ratio=ratio)).policy.parameters for ratio in (False, True))
    assert not torch.isclose(apart, joint).all()


def test_codes_of_views_teach_what_the_views_themselves_teach():
    one, other = (taught(mind(), dense=dense).policy.parameters for dense in (True, False))
    torch.testing.assert_close(one, other, atol=2e-5, rtol=0)


def test_at_the_end_of_the_plan_nothing_moves_any_more():
    assert torch.equal(taught(mind(), 1.0).policy.parameters, mind().policy.parameters)


def test_many_agents_learn_at_once():
    learner = mind(members=400, replicates=2, joint_ratio=True)
    before = learner.policy.parameters.clone()
    taught(learner)
    assert learner.policy.parameters.isfinite().all()
    assert (learner.policy.parameters != before).any(1).all()


@pytest.mark.parametrize("joint_ratio", [True, False])
@pytest.mark.parametrize(
    ("rule", "cooperation"),
    [
        (Own(Settings()), 0),
        (Collective(Settings()), 1),
        (Altruistic(AltruisticConfig(strength=0.1)), 1),
    ],
    ids=["own", "collective", "altruistic"],
)
def test_own_gradients_defect_and_collective_ones_cooperate(rule, cooperation, joint_ratio):
    """Cooperation costs oneself 1 and gives 2 to the other."""
    learner = mind(
        type(rule), inputs=1, others=0, rollout=20, batch=40, joint_ratio=joint_ratio, discount=0
    )
    seen = {"seen": Percept(dense=torch.ones(6, LANES, 1))}
    for _ in range(30):
        for _ in range(20):
            acts = learner.act(seen)
            given = (acts == 0).float()
            pairs = given.view(3, 2, LANES)
            utility = (2 * pairs.flip(1) - pairs).view(6, LANES)
            rewards = (2 * pairs.flip(1) - pairs).transpose(1, 2).reshape(-1, 2)
            over = torch.ones(6, LANES, dtype=torch.bool)
            learner.remember(noted(seen["seen"], acts, utility, over, ~over, rewards=rewards))
        learner.study(0.0, rule)
    share = learner.probabilities(seen)[..., 0]
    assert (share - cooperation).abs().max() < 0.25


# ---- readings -------------------------------------------------------------------------------


class Counting(GradientRule):
    """Nobody moves; counts its calls, and tells replicates apart."""

    measures = ("calls", "who")

    def direction(self, game):
        """Nowhere."""
        self.calls = getattr(self, "calls", 0) + 1
        count = torch.full((len(game.losses),), float(self.calls))
        who = torch.arange(float(len(game.losses)))
        return torch.zeros_like(game.parameters), {"calls": count, "who": who}


def test_readings_are_means_over_the_mini_batches_of_the_last_study():
    learner = mind(Counting)
    before = learner.readings()
    assert {name: value.tolist() for name, value in before.items()} == {
        "calls": [0.0] * 6,
        "who": [0.0] * 6,
    }
    rule = Counting(Settings())
    # Three epochs of mini-batches of 3, 3 and 2 samples.
    taught(learner, rule=rule)
    assert learner.readings()["calls"].tolist() == [5.0] * 6
    assert learner.readings()["who"].tolist() == [0, 0, 1, 1, 2, 2]
    taught(learner, rule=rule)
    assert learner.readings()["calls"].tolist() == [14.0] * 6


def test_readings_of_a_rule_without_any():
    assert taught(mind(Own), rule=Own(Settings())).readings() == {}


def test_signs_are_measured():
    signs = taught(mind()).readings()["sign"]
    assert signs.shape == (6,)
    assert (signs.abs() <= 1).all() and signs.any()


# ---- acting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_acting_follows_the_activation(activation):
    learner = mind(activation=activation)
    learner.policy.parameters *= 3
    codes = torch.randint(4, (6, LANES), generator=torch.Generator().manual_seed(0))
    dense, coded = ({"seen": views(way, 2 * torch.eye(4), codes)} for way in (True, False))
    probabilities = learner.probabilities(dense)
    torch.testing.assert_close(learner.probabilities(coded), probabilities)
    named = learner.policy.views()
    function = getattr(torch, activation)
    x = dense["seen"].dense
    h = function(x @ named["actor.0.weight"].mT + named["actor.0.bias"].unsqueeze(1))
    logits = h @ named["actor.1.weight"].mT + named["actor.1.bias"].unsqueeze(1)
    torch.testing.assert_close(probabilities, logits.softmax(-1))
    for slot in range(6):
        for row in range(LANES):
            torch.testing.assert_close(learner.alone(slot, row, dense), probabilities[slot, row])
    assert named["critic.1.weight"].shape == (6, 2, 8)


def test_activations_that_nobody_knows_are_refused():
    with pytest.raises(BadSetting, match="activation"):
        TeamPPOConfig(activation="step")


# ---- coming back ------------------------------------------------------------------------------


def copied(state):
    if isinstance(state, dict):
        return {name: copied(value) for name, value in state.items()}
    return state.clone()


@pytest.mark.parametrize("dense", [True, False])
def test_a_learner_comes_back_in_the_middle_of_a_rollout(dense):
    learner = taught(mind(), dense=dense)
    first, second, *rest = steps(learner, dense, seed=2)
    learner.remember(first)
    learner.remember(second)
    state, chance = copied(learner.state()), learner.seat.generator.get_state()
    later = mind()
    later.load(state)
    later.seat.generator.set_state(chance)
    torch.testing.assert_close(later.readings(), learner.readings(), rtol=0, atol=0)
    assert later.readings()["sign"].any()
    for one in (learner, later):
        for note in rest:
            one.remember(note)
        one.study(0.5, RULE)
    assert torch.equal(later.policy.parameters, learner.policy.parameters)
    torch.testing.assert_close(later.readings(), learner.readings(), rtol=0, atol=0)
