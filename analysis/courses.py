"""The ways that methods take through one differentiable game, from one joint action."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from commonweal.errors import BadSetting, Diverged
from commonweal.simulation.assembly import assemble
from commonweal.simulation.experiment import Experiment, Share
from commonweal.worlds.base import World


@dataclass(frozen=True)
class Method:
    """A kind of agent, and what is special about it."""

    kind: str
    rule: Mapping[str, object] = field(default_factory=dict)
    """settings of its gradient rule"""
    weighed: bool = False
    """whether its rule has a strength"""

    def share(self, rate: float, strength: float) -> Share:
        """Everybody plays this."""
        rule = ({"strength": strength} if self.weighed else {}) | dict(self.rule)
        settings = {"continuous": {"learning_rate": rate}} | ({"rule": rule} if rule else {})
        return Share(kind=self.kind, settings=settings)


METHODS = {
    "Simul-Ind": Method("simul_ind"),
    "CGA": Method("cga", weighed=True),
    "SGA": Method("sga", weighed=True),
    "SVO": Method("svo"),
    "SL": Method("sl"),
    "Simul-Co": Method("simul_co"),
    "AgA": Method("aga", {"sign_rule": "paper"}, weighed=True),
    "AgA-Sign": Method("aga", {"sign_rule": "off"}, weighed=True),
}
"""What Li et al. 2024 compare, and AgA without the choice of its sign; by their names."""


@dataclass(frozen=True)
class Course:
    """One way: the joint action after 0, 1, ... T steps and what it pays."""

    actions: np.ndarray
    """[T + 1, N, size]"""
    rewards: np.ndarray
    """[T + 1, N]"""
    signs: np.ndarray
    """[T] sign of the adjustment in each step; empty where a method has none"""
    diverged: bool = False
    """the next action would not have been a number"""

    @property
    def steps(self) -> int:
        """How many steps were taken, T."""
        return len(self.actions) - 1

    @property
    def collective(self) -> np.ndarray:
        """Sum of the rewards, [T + 1]."""
        return self.rewards.sum(1)

    def first(self, steps: int) -> "Course":
        """The part of it up to a step."""
        cut = self.diverged and steps > self.steps
        return Course(self.actions[: steps + 1], self.rewards[: steps + 1], self.signs[:steps], cut)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all methods have in common."""

    world: Mapping[str, object]
    """table of the world"""
    agents: int = 0
    """0 = as many as usual there"""
    start: Sequence[float] = ()
    """first joint action; empty = the world's, else drawn"""
    learning_rate: float = 0.01
    strength: float = 0.7
    seed: int = 0

    def build(self, method: Method, steps: int) -> World:
        """The world with everybody playing a method, for a number of steps."""
        start = {"start": tuple(self.start)} if len(self.start) else {}
        # One round more than is played, because at the end of an episode all begin anew.
        world = {**self.world, **start, "horizon": steps + 2}
        return assemble(
            Experiment(
                seed=self.seed,
                agents=self.agents,
                lanes=1,
                replicates=1,
                steps=steps + 1,
                world=world,
                population=[method.share(self.learning_rate, self.strength)],
            )
        )


def checked(setting: Setting) -> World:
    """A world of the setting, if it has payoffs that can be differentiated."""
    world = setting.build(METHODS["Simul-Ind"], 1)
    if world.spec.payoffs is None:
        raise BadSetting(f"world {setting.world['kind']} is not a differentiable game")
    return world


def course(world: World, steps: int) -> Course:
    """Play a number of steps in the first lane, or as many as lead to finite rewards."""
    actions, rewards, signs, diverged = [], [], [], False
    for _ in range(steps + 1):
        try:
            world.step()
        except Diverged:
            # The round itself was played; it is the step after it that leads nowhere.
            diverged = True
        outcome = world.society.experience.outcome
        paid = outcome.rewards[0].double().numpy()
        if actions and not np.isfinite(paid).all():
            diverged = True
            break
        actions.append(outcome.played[0].double().numpy())
        rewards.append(paid)
        if diverged:
            break
        if "sign" in world.measured:
            signs.append(world.measured["sign"][0].item())
    world.close()
    taken = len(actions) - 1
    return Course(np.stack(actions), np.stack(rewards), np.array(signs[:taken]), diverged)


def courses(setting: Setting, steps: int) -> dict[str, Course]:
    """The course of every method, all from where the first one began."""
    found: dict[str, Course] = {}
    for label, method in METHODS.items():
        found[label] = course(setting.build(method, steps), steps)
        begun = found[label].actions[0].flatten().tolist()
        setting = Setting(**vars(setting) | {"start": begun})
    return found
