"""The unconditional giver: what it gives, to whom, and what it may not give."""

import pytest
import torch

from commonweal.errors import BadSetting
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share


def society(*shares, agents=2, network=None, **world):
    population = [Share(kind=name, count=count, settings=own) for name, count, own in shares]
    return assemble(
        Experiment(
            agents=agents,
            lanes=2,
            population=population,
            network=network or {},
            world={"kind": "lattice", "payoff": "sum"} | world,
        )
    )


def paid(world):
    """What each agent wants of the last round, lane 0, by node."""
    result = torch.zeros(world.neighbourhoods.agents)
    for cohort in world.society.cohorts:
        result[cohort.members] = cohort.utility[0]
    return result.tolist()


def test_it_cooperates_and_half_of_its_reward_goes_to_the_neighbour():
    world = society(
        ("generous", 1, {}), ("always_defect", 1, {}), network={"kind": "complete"}, sucker=-0.3
    )
    world.step()
    kinds = [agent.kind for agent in world.people]
    # The giver earns -0.3 and gives half of it; the defector earns 1.3 and gives nothing.
    expected = {"generous": -0.15, "always_defect": 1.3 - 0.15}
    assert paid(world) == pytest.approx([expected[kind] for kind in kinds])


def test_the_share_is_split_evenly_over_the_neighbours():
    world = society(("generous", 5, {"share": 0.8}), agents=5, network={"kind": "complete"})
    world.step()
    ledger = world.society.ledger("gifts")
    assert ledger.page(0, 3).given == pytest.approx(dict.fromkeys((0, 1, 2, 4), 0.2))
    world.step()
    assert ledger.graph(1).edges[3, 0]["weight"] == pytest.approx(0.2)


def test_on_a_graph_of_unlike_degrees_nobody_gives_more_than_its_share():
    world = society(("generous", 30, {"share": 1.0}), agents=30, network={"kind": "scale_free"})
    world.step()
    ledger, degree = world.society.ledger("gifts"), dict(world.graph.degree)
    assert len(set(degree.values())) > 2
    for node, many in degree.items():
        given = list(ledger.page(0, node).given.values())
        seen = min(many, world.neighbourhoods.view.shape[1])
        assert sorted(given, reverse=True)[:seen] == pytest.approx([1 / seen] * seen)
        assert sum(given) == pytest.approx(1)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_outside_its_bounds_is_refused_in_one_line(share):
    with pytest.raises(BadSetting, match=rf"share = {share} lies outside \[0, 1\]") as refused:
        society(("generous", 4, {"share": share}), agents=4)
    assert "\n" not in str(refused.value)
