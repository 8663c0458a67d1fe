"""Fair efficiency, and the controller that decides who acts, by hand."""

import pytest
import torch

from commonweal.agents.gradients.base import Own
from commonweal.agents.learners.fen import FENConfig, FENPolicies
from commonweal.agents.preferences.base import Income
from commonweal.agents.preferences.fair_efficiency import (
    FairEfficiency,
    FairEfficiencyConfig,
    Means,
    compared,
    fair_efficient,
)
from commonweal.records import Percept
from commonweal.settings import Settings
from tests.dilemmas import cooperation
from tests.seats import noted, seat

RULE = Own(Settings())
VOICES, MEMBERS, LANES, ROUNDS = 4, 2, 2, 3


# ---- the reward --------------------------------------------------------------------------------


def test_fair_efficiency_by_hand():
    means = torch.tensor([[0.1, 0.3], [0.8, 0.8], [0.0, 0.0]])
    deviation, efficiency = compared(means, 0.4)
    torch.testing.assert_close(deviation, torch.tensor([[-0.5, 0.5], [0.0, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(efficiency, torch.tensor([[0.5], [1.0], [0.0]]))
    found = fair_efficient(deviation, efficiency, 0.1)
    expected = torch.tensor([[0.5 / 0.6, 0.5 / 0.6], [10.0, 10.0], [0.0, 0.0]])
    torch.testing.assert_close(found, expected)


def test_without_a_most_efficiency_is_the_mean_itself():
    _, efficiency = compared(torch.tensor([[1.0, 5.0]]), 0.0)
    assert efficiency.item() == 3


def test_means_are_those_of_the_episode():
    means = Means(2, torch.device("cpu"))
    assert means.before.tolist() == [[0, 0]]
    first, second = torch.tensor([[1.0, 0.0], [2.0, 2.0]]), torch.tensor([[3.0, 1.0], [0.0, 4.0]])
    means.pass_on(first, torch.tensor([False, True]))
    assert means.before.tolist() == [[1, 0], [0, 0]]
    assert means.after(second).tolist() == [[2, 0.5], [0, 4]]


def test_the_preference_compares_with_everybody_and_begins_anew():
    wish = FairEfficiency(FairEfficiencyConfig(most=4), 2, 3, torch.Generator())
    members, moved = torch.arange(2), torch.full((1, 2), 9.0)

    def wanted(rewards, ended):
        return wish.utility(
            Income(torch.tensor([rewards]), members, moved, ended=torch.tensor([ended]))
        )

    # The mean of all is 2, half of the most; the first is at it, the second half above.
    torch.testing.assert_close(wanted([2.0, 3.0, 1.0], False), torch.tensor([[5.0, 0.5 / 0.6]]))
    # Now the means are 1, 3 and 2.
    expected = torch.tensor([[0.5 / 0.6, 0.5 / 0.6]])
    torch.testing.assert_close(wanted([0.0, 3.0, 3.0], True), expected)
    torch.testing.assert_close(wanted([4.0, 4.0, 4.0], False), torch.tensor([[10.0, 10.0]]))


def test_without_a_hierarchy_a_pair_cooperates_in_a_dilemma():
    # What `ippo` does there is in `test_maximin`.
    assert cooperation("fen_flat") > 0.8


# ---- the controller ----------------------------------------------------------------------------


def mind(most=1.0, **settings):
    """Two agents beside a third, in two lanes."""
    config = FENConfig(
        **{"hidden": (8,), "controller_hidden": (8,), "rollout": ROUNDS, "inputs": "none"}
        | {"most": most}
        | settings
    )
    return FENPolicies(config, seat(3, slots=MEMBERS, lanes=LANES, others=1), object)


def live(made, x, rewards, ended=None, after=None):
    """A round: ``x`` [K, B, F], ``rewards`` [L, N]."""
    acts = made.act({"seen": Percept(dense=x)})
    over = torch.zeros(MEMBERS, LANES, dtype=torch.bool) if ended is None else ended.expand(2, -1)
    following = None if after is None else Percept(dense=after)
    utility = rewards[:, :MEMBERS].T
    note = noted(Percept(dense=x), acts, utility, over, after=following, rewards=rewards)
    made.remember(note)


def at_random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def opinionated(made):
    """A controller that is far from indifferent."""
    made.controllers.parameters += at_random(8, *made.controllers.parameters.shape)
    return made


def test_the_controller_is_told_how_its_agent_fares():
    made = opinionated(mind(most=4.0))
    x = at_random(0, MEMBERS, LANES, 3)
    live(made, x, torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 6.0]]))
    made.due = True
    odds = made.odds(x, slice(None), slice(None))
    # In lane 1 the first has nothing of a mean of 2.
    fares = torch.tensor([-1.0, 0.5])
    expected = made.leaning(torch.cat((x[0, 1], fares)).expand(MEMBERS, 1, -1))[0, 0]
    torch.testing.assert_close(odds[0, 1], expected)
    mixture = sum(
        odds[0, 1, v] * made.mixed(x, torch.eye(VOICES)[v].expand(2, LANES, -1))[0, 1]
        for v in range(VOICES)
    )
    torch.testing.assert_close(made.alone(0, 1, {"seen": Percept(dense=x)}), mixture)


@pytest.mark.parametrize("information", ["log", "probability"])
def test_others_learn_from_how_plain_it_is_who_they_are(information):
    made = opinionated(mind(information=information))
    x, after = at_random(1, ROUNDS, MEMBERS, LANES, 3), at_random(2, ROUNDS, MEMBERS, LANES, 3)
    pay = at_random(3, ROUNDS, LANES, MEMBERS + 1).abs()
    ended = torch.tensor([[False, False], [False, True], [False, False]])
    for t in range(ROUNDS):
        live(made, x[t], pay[t], ended[t], after[t])
    made.speaking = torch.tensor([[0, 2], [3, 0]])
    found = made.rewards(made.window())
    torch.testing.assert_close(found[:, 0, 0], pay[:, 0, 0])
    torch.testing.assert_close(found[:, 1, 1], pay[:, 1, 1])

    def plain(t, following, slot, lane, voice, since=0):
        means = pay[since : t + 1, lane].mean(0)
        deviation, efficiency = compared(means, 1.0)
        row = torch.cat((following, deviation[slot : slot + 1].clamp(-10, 10), efficiency))
        chance = made.leaning(row.expand(MEMBERS, 1, -1))[slot, 0, voice]
        return chance.log() if information == "log" else chance

    # It is judged by what follows: the next round, or what came after an end.
    expected = [
        plain(0, x[1, 1, 0], 1, 0, 3),
        plain(1, x[2, 1, 0], 1, 0, 3),
        plain(2, after[2, 1, 0], 1, 0, 3),
    ]
    torch.testing.assert_close(found[:, 1, 0], torch.stack(expected))
    torch.testing.assert_close(found[1, 0, 1], plain(1, after[1, 0, 1], 0, 1, 2))
    torch.testing.assert_close(found[2, 0, 1], plain(2, after[2, 0, 1], 0, 1, 2, since=2))


def test_the_controller_learns_from_what_is_fair_when_a_rollout_closes():
    made = mind(most=2.0, decisions=2)
    x = at_random(4, MEMBERS, LANES, 3)
    for _ in range(ROUNDS):
        live(made, x, torch.tensor([[1.0, 1.0, 1.0], [0.5, 1.5, 1.0]]), after=x + 1)
    made.study(0.0, RULE)
    (plan,) = made.plans
    # Half of the most: alike in lane 0, half off the mean in lane 1.
    torch.testing.assert_close(plan["utility"], torch.tensor([[5.0, 0.5 / 0.6]] * 2))
    assert torch.equal(plan["picked"], made.speaking)
    assert plan["told"][..., 3:].eq(0).all()  # nothing was known when it decided
    torch.testing.assert_close(
        plan["after"][0, 1], torch.cat((x[0, 1] + 1, torch.tensor([-0.5, 0.5])))
    )
    before = made.controllers.parameters.clone()
    for _ in range(ROUNDS):
        live(made, x, torch.ones(LANES, 3))
    made.study(0.0, RULE)
    assert not made.plans and (made.controllers.parameters != before).any(1).all()


def test_the_controller_comes_to_pick_what_is_fair():
    made = mind(controller_rate=0.02, critic_rate=0.05)
    x, never = at_random(5, MEMBERS, LANES, 5), torch.zeros(MEMBERS, LANES, dtype=torch.bool)
    target = torch.tensor([[2], [1]])
    for _ in range(60):
        for _ in range(8):
            picked = torch.multinomial(
                made.leaning(x).flatten(0, 1), 1, generator=made.seat.generator
            ).view(MEMBERS, LANES)
            plan = {"told": x, "after": x, "picked": picked, "ended": never, "truncated": never}
            made.plans.append(plan | {"utility": (picked == target).float()})
        made.reconsider()
        made.plans.clear()
    chances = made.leaning(x)
    assert chances[0, :, 2].min() > 0.6 and chances[1, :, 1].min() > 0.6


def test_only_the_sub_policy_that_acted_learns():
    made = mind()
    made.due, made.speaking = False, torch.tensor([[0, 2], [3, 3]])
    for t in range(ROUNDS):
        live(made, at_random(t, MEMBERS, LANES, 3), at_random(9 + t, LANES, 3).abs())
    before = {title: view.clone() for title, view in made.views().items()}
    made.study(0.0, RULE)
    for title, view in made.views().items():
        changed = (view != before[title]).flatten(1).any(1).tolist()
        if title.startswith("controller"):
            assert changed == [False, False]  # it has decided once, and learns after eight times
            continue
        number = made.names.index(title.split(".")[0])
        assert changed == (made.speaking == number).any(1).tolist(), title


def test_saved_between_decisions_it_goes_on_to_the_same_bits():
    ones = torch.ones(LANES, 3)
    made, other = mind(decisions=2), mind(decisions=2)
    for t in range(ROUNDS + 1):
        live(made, at_random(t, MEMBERS, LANES, 3), ones * t)
        if t == ROUNDS - 1:
            made.study(0.0, RULE)
    other.load(made.state())
    other.seat.generator.set_state(made.seat.generator.get_state())
    for one in (made, other):
        for t in range(ROUNDS - 1):
            live(one, at_random(20 + t, MEMBERS, LANES, 3), ones * (2 - t))
        one.study(0.0, RULE)
    for title, view in made.views().items():
        assert torch.equal(view, other.views()[title]), title


def test_controllers_give_up_what_pays_themselves_for_what_is_fair():
    # Who is efficient takes 1, all others live on a half, which is the most that counts.
    made = mind(most=0.5, decisions=4, controller_rate=0.01, critic_rate=0.02)
    x, third = torch.ones(MEMBERS, LANES, 3), torch.full((LANES, 1), 0.5)
    picked = []
    for _ in range(200):
        for t in range(ROUNDS):
            made.act({"seen": Percept(dense=x)})
            own = torch.where(made.speaking == 0, 1.0, 0.5).T
            live(made, x, torch.cat((own, third), 1), torch.full((LANES,), t == ROUNDS - 1))
        picked.append((made.speaking == 0).float().mean().item())
        made.study(0.0, RULE)
    assert sum(picked[:20]) / 20 > 0.1
    assert sum(picked[-50:]) / 50 < 0.05
