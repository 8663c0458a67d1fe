"""A public good paid for by contributions of any size, in a group or around every neighbour.

Every agent and its neighbours share one pool.  Of its budget ``b`` an agent contributes ``a_i``,
split evenly over its own pool and those of its ``k_i`` neighbours; each pool is multiplied by
``c`` and divided evenly among its members, whoever paid:

    r_i = b - a_i + sum over pools g with i of  c / |g| * sum over j in g of  a_j / (k_j + 1)

Between the multiplier 1 and the size of the pools everybody earns most by giving nothing, and
all together earn most by giving everything.  Where everyone is linked with everyone the pools are
one pool, ``r_i = b - a_i + c / n * sum_j a_j``: with two players the game of Li et al. 2024.

======== ==========================================================
agents   one per node of any graph; without neighbours alone in a pool
actions  contribute between 0 and the budget
channels opening, own, actions, mean
episode  101 joint actions: the start and at most 100 moves
======== ==========================================================

Sources: Li et al. 2024 for the game; Santos et al. 2008 and Szolnoki et al. 2009 for pools on
graphs.  Li et al. name neither the starts nor what happens at the bounds.  That both
players stop when the first action leaves the bounds is inferred: means and intervals of the
published table arise so, and not when actions are cut back one by one.
"""

from dataclasses import dataclass

from torch import Tensor

from commonweal.lanes import mean
from commonweal.networks.colouring import far_apart
from commonweal.records import Indicators, Outcome
from commonweal.settings import setting
from commonweal.worlds import WORLDS
from commonweal.worlds.differentiable import COMPARED, DifferentiableGame, GameConfig, GameState

PAPER = "Li et al. 2024"

MEASURES = ("reward_1", "reward_2", "welfare", "equality")

TABLE = {
    "simul_ind": ((1.133, 0.063), (1.184, 0.065), (2.316, 0.039), (0.923, 0.014)),
    "cga": ((1.156, 0.060), (1.150, 0.057), (2.306, 0.039), (0.929, 0.012)),
    "sga": ((1.175, 0.062), (1.137, 0.063), (2.312, 0.044), (0.924, 0.013)),
    "svo": ((1.104, 0.054), (1.060, 0.051), (2.164, 0.026), (0.930, 0.011)),
    "simul_co": ((1.433, 0.056), (1.381, 0.065), (2.814, 0.033), (0.941, 0.014)),
    "sl": ((1.314, 0.062), (1.371, 0.057), (2.684, 0.049), (0.940, 0.011)),
    "aga": ((1.443, 0.042), (1.459, 0.041), (2.903, 0.023), (0.960, 0.008)),
}
"""Mean and half-width of the 95 % interval over 50 runs: rewards, their sum, their equality."""


@dataclass(frozen=True, kw_only=True)
class PublicGoodsConfig(GameConfig):
    """Settings of the public goods game."""

    budget: float = setting(1.0, "most that one can contribute", low=1e-6, source=PAPER)
    multiplier: float = setting(
        1.5, "what a pool yields per unit contributed", low=0, high=1000, source=PAPER
    )
    horizon: int = setting(
        101, "joint actions of an episode, the first one included", low=1, source=PAPER
    )
    boundary: str = setting(
        "first_exit",
        "what a contribution out of bounds does: end the moves of all, be cut back, or stand",
        choices=("first_exit", "projection", "none"),
        source=f"inferred from the table of {PAPER}",
    )

    @property
    def window(self) -> tuple[float, float]:
        """From nothing to the budget."""
        return 0.0, self.budget


@WORLDS.register("public_goods")
class PublicGoods(DifferentiableGame):
    """Public goods game with contributions of any size, in one group or on any graph."""

    Config = PublicGoodsConfig
    usual = {
        "agents": 2,
        "network": "complete",
        "lanes": 1,
        "replicates": 50,
        "rounds": 101,
        "record_every": 1,
        "aga.rule.strength": 100.0,
        "aga.rule.zero_sign": -1,
        **{f"{kind}.continuous.learning_rate": 0.01 for kind in COMPARED},
    }
    published = {kind: dict(zip(MEASURES, row, strict=True)) for kind, row in TABLE.items()}

    def payoffs(self, actions: Tensor) -> Tensor:
        """Rewards [..., N] of contributions [..., N, 1]."""
        near, given = self.neighbourhoods, actions[..., 0]
        members = near.degree + 1
        part = given / members
        pool = part + near.sum(part[..., near.target])
        paid = self.config.multiplier * pool / members
        return self.config.budget - given + paid + near.sum(paid[..., near.target])

    def apart(self) -> tuple[int, ...]:
        """Players with no pool in common."""
        return far_apart(self.neighbourhoods)

    def indicators(self, state: GameState, outcome: Outcome) -> Indicators:
        """Those of every game, and the share of the budgets that is contributed."""
        share = state.last[..., 0] / self.config.budget
        return super().indicators(state, outcome) | {"cooperation": mean(share)}
