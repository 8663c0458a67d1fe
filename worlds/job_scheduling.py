"""Job scheduling: one resource, several agents, and only who stands on it is paid.

Agents walk on a board of 5 x 5 cells, rows and columns 1 to 5, all starting on cells of their
own.  One cell, drawn from the inner 3 x 3 when an episode begins, is the resource; it stays
there, and an agent may start on it.  Whoever stands on the resource after a round is paid 1, the
others nothing.  Together they earn most if one of them camps there for good, and share fairly
only if it leaves in time for others.

Agents move one after the other.  A step off the board or onto an occupied cell is not made.  Two
rules of the published world are easily overlooked.  The cell that an agent leaves stays occupied
until everybody has moved, so nobody can follow or swap.  And the agents always move in the order
of their nodes, so that the lower number gets a cell that two want: agents that all walk to the
resource earn the more the lower their number.  With ``activation`` = random the order is drawn
afresh for each lane and round, and this advantage is gone.

======== ==================================================================================
agents   one per node of any graph; 4 on a complete one as published; the graph has no part
         in the rules
actions  stay, up (row - 1), down (row + 1), left (column - 1), right (column + 1)
sight    13: own row and column; rows and columns to the resource; who stands where in the 3 x 3
         cells around, row by row, 1 = somebody (in the middle always); cells off the board are 0
bearing  rows and columns to the resource
overview 74: row and column of each agent; those of the resource; occupied cells of an 8 x 8 array
         that holds the board at rows and columns 1 to 5, row by row
episode  200 rounds, truncated, never terminated
======== ==================================================================================

Beside what `resources` measures, ``utilisation`` is the share of rounds in which somebody was paid.

Sources: Jiang and Lu 2019 for the world; Dong et al. 2025 for length and what is seen, the rules
as in their code.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.records import Indicators, Layer, Outcome, Percept, Sketch
from commonweal.settings import setting
from commonweal.spaces import WorldSpec
from commonweal.worlds import WORLDS, resources
from commonweal.worlds.base import World
from commonweal.worlds.places import MOVES, Board, scattered

PAPER = "Jiang and Lu 2019"


@dataclass(frozen=True, kw_only=True)
class JobSchedulingConfig(resources.ResourceConfig):
    """Settings of job scheduling."""

    side: int = setting(5, "cells on each side of the board", low=3, source=PAPER)


@dataclass(frozen=True)
class JobState:
    """Who stands where."""

    cell: Tensor
    """[L, N] int64: cells of the agents"""
    resource: Tensor
    """[L] int64: cell of the resource"""
    returns: Tensor
    """[L, N] float32: what each has earned in this episode"""


@WORLDS.register("job_scheduling")
class JobScheduling(World[JobState]):
    """One resource on a small board, which pays whoever stands on it."""

    Config = JobSchedulingConfig
    usual = resources.usual(agents=4, episodes=10_000, rollout=25, most=0.25)

    def describe(self) -> WorldSpec:
        """Five moves; sight and overview of a board with a rim."""
        side, agents = self.config.side, self.neighbourhoods.agents
        resources.refuse_crowds("job_scheduling", "agents", agents, side**2)
        self.board = Board(side, 1, side + 3, self.device)
        self.inner = self.board.square(rim=1)
        self.own, self.goal, self.near = self._rows()
        overview = 2 * agents + 2 + self.board.cells
        return resources.spec(MOVES, 4 + 9, overview, self.config.horizon, self.graph)

    def _rows(self) -> tuple[Tensor, Tensor, Tensor]:
        """Rows of which three add up to what an agent sees.

        [C, 13] by its own cell; [C, N * 13] by that of the resource, for all agents at once; and
        [512, 13] by the number of `Board.crowd`.
        """
        cells, crowds = (torch.arange(n, device=self.device) for n in (self.board.cells, 512))
        places = self.board.places(cells)
        own, goal, near = (
            torch.zeros(len(n), 13, device=self.device) for n in (cells, cells, crowds)
        )
        own[:, :2], own[:, 2:4], goal[:, 2:4] = places, -places, places
        near[:, 4:] = crowds.unsqueeze(1) >> torch.arange(9, device=self.device) & 1
        return own, goal.repeat(1, self.neighbourhoods.agents), near

    def initial(self) -> JobState:
        """Agents on cells of their own, the resource off the edge."""
        agents, lanes = self.neighbourhoods.agents, self.lanes
        cell = scattered(lanes, agents, self.board.square(), self.generator)
        resource = scattered(lanes, 1, self.inner, self.generator)[:, 0]
        return JobState(cell, resource, torch.zeros(cell.shape, device=self.device))

    def show(self, state: JobState, channel: str) -> Percept:
        """One of the channels sight, bearing and overview."""
        if channel == "sight":
            seen = self.own.index_select(0, state.cell.flatten())
            seen += self.near.index_select(0, self.board.crowd(state.cell).flatten())
            seen = seen.view(self.lanes, -1)
            seen += self.goal.index_select(0, state.resource)
            return Percept(dense=seen.view(*state.cell.shape, -1))
        here = self.board.places(state.cell)
        there = self.board.places(state.resource).unsqueeze(1)
        if channel == "bearing":
            return Percept(dense=there - here)
        occupied = torch.zeros(self.lanes, self.board.cells, device=self.device)
        occupied.scatter_(1, state.cell, torch.ones_like(here[..., 0]))
        whole = torch.cat((here.flatten(1), there.flatten(1), occupied), 1).unsqueeze(1)
        return Percept(dense=whole.expand(-1, here.shape[1], -1))

    def transition(self, state: JobState, moves: Tensor) -> tuple[JobState, Outcome]:
        """Everybody moves, and who stands on the resource is paid."""
        order = resources.order(*moves.shape, self.config.activation, self.generator, self.device)
        cell = self.board.walk(state.cell, moves, order)
        rewards = (cell == state.resource.unsqueeze(1)).float()
        never = torch.zeros(self.lanes, dtype=torch.bool, device=self.device)
        return JobState(cell, state.resource, state.returns + rewards), Outcome(rewards, never)

    def indicators(self, state: JobState, outcome: Outcome) -> Indicators:
        """Those of all worlds about resources, and how often the resource is in use."""
        horizon = self.config.horizon
        over = self.clock == horizon
        found = resources.indicators(state.returns, outcome.rewards, over, horizon)
        # Only one can stand there, so that what all earn is 0 or 1.
        used, _ = found["collective_return"]
        return found | {"utilisation": (used, torch.ones_like(used))}

    def portray(self, state: JobState) -> dict[str, Layer]:
        """Returns so far."""
        return {"return": Layer(state.returns, 0.0, float(self.config.horizon))}

    def sketch(self, state: JobState, lane: int) -> Sketch:
        """The board, with the resource on top of who uses it."""
        places = self.board.spots(state.cell[lane])
        marks = resources.people(places, [0.8] * len(places))
        resource = self.board.spots(state.resource[lane].unsqueeze(0))
        marks += resources.things(resource, 0.5, "diamond", ["resource"])
        return Sketch(self.board.side, self.board.side, tuple(marks), cells=True)
