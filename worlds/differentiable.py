"""Games that are one differentiable function: everybody's rewards of everybody's action.

An action is ``size`` real numbers in a window, and all players know the rules, so they can
follow exact gradients of their own rewards or of the sum of all.  A game of one's own is a
file in this folder with a configuration and one function::

    @WORLDS.register("signs")
    class Signs(DifferentiableGame):
        '''One wants equal signs and the other unequal ones (Author 2024).'''

        players = 2

        def payoffs(self, actions: Tensor) -> Tensor:
            one, other = actions[..., 0, 0], actions[..., 1, 0]
            return torch.stack((one * other, -one * other), -1)

What happens at the border of the window is the setting ``boundary``:

============ ==================================================================
boundary     a joint action outside the window
============ ==================================================================
first_exit   is cut back to it, and the lane stands still for the rest of the
             episode, all players at once; the border itself is inside
projection   is cut back to it, and the game goes on
none         is played as it is: the window is only where players start
============ ==================================================================

======== ==========================================================
agents   one per node of any graph, or as many as the game is for
actions  ``size`` numbers each
channels opening, own, actions, mean
episode  ``horizon`` joint actions: the start and the moves after it
======== ==========================================================

Source: Balduzzi et al. 2018, The Mechanics of n-Player Differentiable Games; Li et al. 2024.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.lanes import mean
from commonweal.records import Indicators, Layer, Outcome, Percept
from commonweal.settings import Settings, setting
from commonweal.spaces import Box, WorldSpec
from commonweal.worlds.base import World
from commonweal.worlds.payoffs import equality
from commonweal.worlds.smoothness import check_payoffs

COMPARED = ("simul_ind", "simul_co", "cga", "sga", "svo", "sl", "aga")
"""Kinds of agents that Li et al. 2024 compare."""

APART = 8
"""Most players whose rewards, and most numbers whose values, are measured one by one."""


@dataclass(frozen=True, kw_only=True)
class GameConfig(Settings):
    """Settings of every differentiable game."""

    horizon: int = setting(101, "joint actions of an episode, the first one included", low=1)
    boundary: str = setting(
        "none",
        "what an action outside the window does: end the moves of all, be cut back, or stand",
        choices=("first_exit", "projection", "none"),
    )
    start: tuple[float, ...] = setting(
        (), "joint action to begin with, node by node; empty = drawn uniformly in the window"
    )

    @property
    def window(self) -> tuple[float, float]:
        """Least and greatest value of each number of an action."""
        return 0.0, 1.0


@dataclass(frozen=True, kw_only=True)
class WindowConfig(GameConfig):
    """Settings of a game whose window can be moved."""

    low: float = setting(-1.0, "least action in the window")
    high: float = setting(1.0, "greatest action in the window")

    def check(self) -> None:
        """The window is not empty."""
        if self.low >= self.high:
            raise BadSetting(
                f"{type(self).__name__}.low = {self.low} does not lie below high = {self.high}"
            )

    @property
    def window(self) -> tuple[float, float]:
        """The settings ``low`` and ``high``."""
        return self.low, self.high


@dataclass(frozen=True)
class GameState:
    """What a lane remembers of its last round."""

    last: Tensor
    """[L, N, size] float32: joint action played; before the first round, where it may begin"""
    over: Tensor
    """[L] bool: an action left the window for good, and the lane stands still"""
    opening: Tensor
    """[L] bool: nobody has played yet"""


class DifferentiableGame(World[GameState]):
    """Simultaneous play of one action each, with payoffs that are known and differentiable."""

    Config = GameConfig
    closing = 0
    size: int = 1
    """numbers in the action of one player"""
    players: int = 0
    """how many players the game is for; 0 = any number"""

    @abstractmethod
    def payoffs(self, actions: Tensor) -> Tensor:
        """Rewards [..., N] of joint actions [..., N, size], twice differentiable."""

    def apart(self) -> tuple[int, ...]:
        """Group of each node: players of one group do not enter each other's payoffs.

        Gradients are worked out group by group; empty means that all may matter to all.
        """
        return ()

    @property
    def label(self) -> str:
        """What messages call this world."""
        return f"world {type(self).__module__.rpartition('.')[2]}"

    # ---- the rules -----------------------------------------------------------------

    def describe(self) -> WorldSpec:
        """Real numbers in a window; channels of the last round; the game itself."""
        near, (low, high) = self.neighbourhoods, self.config.window
        if self.players not in (0, near.agents):
            raise BadSetting(
                f"{self.label}: is for {self.players} players, but the graph has {near.agents} "
                f"nodes; give agents = {self.players}"
            )
        self._check_start(near.agents * self.size, low, high)
        check_payoffs(self.payoffs, (near.agents, self.size), (low, high), self.label, self.device)
        width = near.view.shape[1]
        sizes = {"opening": 1, "own": self.size, "actions": width * self.size, "mean": self.size}
        return WorldSpec(
            Box(low, high, self.size),
            sizes,
            self.config.horizon,
            payoffs=self.payoffs,
            # Groups hold for one graph only.
            groups=() if self.graph.graph.get("redrawn") else self.apart(),
            start=self.config.start,
        )

    def _check_start(self, numbers: int, low: float, high: float) -> None:
        start = self.config.start
        if len(start) not in (0, numbers):
            raise BadSetting(
                f"{self.label}: start has {len(start)} numbers, but {numbers // self.size} players "
                f"with {self.size} each need {numbers}, or none to draw them"
            )
        for place, value in enumerate(start, start=1):
            if not low <= value <= high:
                raise BadSetting(
                    f"{self.label}: start, number {place} = {value} lies outside [{low}, {high}]"
                )

    def initial(self) -> GameState:
        """Where all lanes may begin, the given start or the middle; learners draw their own."""
        shape = (self.neighbourhoods.agents, self.size)
        if self.config.start:
            last = torch.tensor(self.config.start, device=self.device).view(shape)
        else:
            last = torch.full(shape, sum(self.config.window) / 2, device=self.device)
        over = torch.zeros(self.lanes, dtype=torch.bool, device=self.device)
        return GameState(last.expand(self.lanes, *shape).clone(), over, ~over)

    def show(self, state: GameState, channel: str) -> Percept:
        """One of the channels opening, own, actions and mean."""
        near, last = self.neighbourhoods, state.last
        if channel == "opening":
            return Percept(dense=state.opening.float()[:, None, None].expand(*last.shape[:2], 1))
        if channel == "own":
            return Percept(dense=last)
        if channel == "mean":
            of_links = last.transpose(1, 2)[..., near.target]
            return Percept(dense=near.mean(of_links).transpose(1, 2))
        return Percept(dense=(near.met(last) * near.mask.unsqueeze(-1)).flatten(2))

    def transition(self, state: GameState, moves: Tensor) -> tuple[GameState, Outcome]:
        """Everyone plays at once; what the window does not hold is treated as the setting says."""
        boundary, (low, high) = self.config.boundary, self.config.window
        over, played = state.over, moves
        if boundary != "none":
            played = moves.clamp(low, high)
        if boundary == "first_exit":
            played = torch.where(over[:, None, None], state.last, played)
            over = over | ((moves < low) | (moves > high)).flatten(1).any(1)
        never = torch.zeros_like(over)
        outcome = Outcome(self.payoffs(played).float(), never, played=played)
        return GameState(played, over, never), outcome

    # ---- reading -------------------------------------------------------------------

    def indicators(self, state: GameState, outcome: Outcome) -> Indicators:
        """Rewards, their sum and equality, actions, and the lanes that still move.

        In small games also each player's reward and each number, counted from 1.
        """
        rewards, one = outcome.rewards, torch.ones_like(outcome.rewards[:, 0])
        numbers = state.last.flatten(1)
        measured = {
            "reward": mean(rewards),
            "welfare": (rewards.sum(-1), one),
            "equality": equality(rewards),
            "action": mean(numbers),
            "moving": ((~state.over).float(), one),
        }
        if rewards.shape[1] <= APART:
            measured |= {f"reward_{i}": (row, one) for i, row in enumerate(rewards.T, start=1)}
        if numbers.shape[1] <= APART:
            for place, row in enumerate(numbers.T):
                player, part = divmod(place, self.size)
                suffix = "" if self.size == 1 else f"_{part + 1}"
                measured[f"action_{player + 1}{suffix}"] = (row, one)
        return measured

    def portray(self, state: GameState) -> dict[str, Layer]:
        """The last actions, their mean where they are several numbers, and what they pay."""
        action, reward = state.last.mean(-1), self.payoffs(state.last).float()
        low, high = self.config.window
        least, most = reward.min().item(), reward.max().item()
        # Play without a border leaves the window, and equal rewards span no interval.
        return {
            "action": Layer(action, min(low, action.min().item()), max(high, action.max().item())),
            "reward": Layer(reward, least, most if most > least else least + 1.0),
        }
