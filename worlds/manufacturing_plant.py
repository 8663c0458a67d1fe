"""The manufacturing plant: agents gather gems for different recipes, and compete for them.

Agents walk on a board of 8 x 8 cells, rows and columns 2 to 9 of an array of 12 x 12, starting on
cells of their own.  On the inner 6 x 6 cells lie 8 gems of three types, A, B and C, on cells of
their own at first, under agents too.  Whoever stands on a gem after a round, one that stayed
included, collects it: it pays 0.01, and another gem of a random type appears on a random inner
cell, occupied or not.  Gems are collected whether needed or not.  Then each agent makes as many
products as its gems allow, each pays 1, and their gems are used up; the others are kept, however many.

    node    0      1     2     3     4      5 ...
    recipe  A A B  A C   B C   A B   B C C  as from 0 on again

So agents 0 and 4 need three gems for a product and the others two.  Agents move as in
`places`: one after the other, in the order of their nodes as published, and the cells they start
from stay occupied during the round.  No two agents ever share a cell, so the order also decides
who gets a gem that two can reach, and only by that.  With ``activation`` = random the order is
drawn afresh for each lane and round; recipes still differ.

======== ==================================================================================
agents   one per node of any graph; 5 on a complete one as published; the graph has no part
         in the rules
actions  stay, up (row - 1), down (row + 1), left (column - 1), right (column + 1)
sight    80: own row and column; own gems of each type; which types lie in the 5 x 5 cells around,
         row by row, three numbers a cell.  With ``observation`` = plain 30: one number a cell, 0 or
         1, 2, 3 for the types, that of the last gem where several lie on one cell.  Other
         agents are not seen
bearing  rows and columns to the nearest gem of any type, by |rows| + |columns|; the first of several
overview 457: row, column and gems of each agent; types that lie in the 12 x 12 cells, row by row.
         Plain 169
episode  200 rounds, truncated, never terminated
======== ==================================================================================

Beside what `resources` measures, ``products`` and ``gems`` count in episodes that are over.

Sources: Jiang and Lu 2019 for the world; Dong et al. 2025 for length, pay and what is seen, the rules
as in their code.  Jiang and Lu end an episode after 800 gems, and pay for gems that are needed only.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.records import Indicators, Layer, Outcome, Percept, Sketch
from commonweal.settings import setting
from commonweal.spaces import WorldSpec
from commonweal.worlds import WORLDS, resources
from commonweal.worlds.base import World
from commonweal.worlds.places import MOVES, Board, look, nearest, scattered

PAPER = "Jiang and Lu 2019"
CODE = "Dong et al. 2025, code"

RECIPES = ((2, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 0), (0, 1, 2))
"""Gems of each type that a product of each agent takes."""
TYPES = 3


@dataclass(frozen=True, kw_only=True)
class ManufacturingPlantConfig(resources.ResourceConfig):
    """Settings of the manufacturing plant."""

    side: int = setting(8, "cells on each side of the board", low=3, source=CODE)
    gems: int = setting(8, "gems that lie about", low=1, source=CODE)
    gem_reward: float = setting(0.01, "pay for a gem", low=0, high=10, source=CODE)
    observation: str = setting(
        "one_hot",
        "how gems are seen: one_hot = three numbers a cell; plain = one",
        choices=("one_hot", "plain"),
        source=CODE,
    )


@dataclass(frozen=True)
class PlantState:
    """Who stands where with what, and where gems lie."""

    cell: Tensor
    """[L, N] int64: cells of the agents"""
    held: Tensor
    """[L, N, 3] float32: gems of each type that agents hold"""
    gem: Tensor
    """[L, G] int64: cells of the gems"""
    kind: Tensor
    """[L, G] int64: their types, 0, 1 and 2"""
    returns: Tensor
    """[L, N] float32: what each has earned in this episode"""
    products: Tensor
    """[L, N] float32: products each has made in this episode"""
    gathered: Tensor
    """[L, N] float32: gems each has collected in this episode"""


@WORLDS.register("manufacturing_plant")
class ManufacturingPlant(World[PlantState]):
    """Gems on a board, of which agents make products by recipes of their own."""

    Config = ManufacturingPlantConfig
    usual = resources.usual(agents=5, episodes=20_000, rollout=50, most=0.003)

    def describe(self) -> WorldSpec:
        """Five moves; sight and overview of a board with a rim of two cells."""
        c, agents = self.config, self.neighbourhoods.agents
        resources.refuse_crowds("manufacturing_plant", "agents", agents, c.side**2)
        resources.refuse_crowds("manufacturing_plant", "gems", c.gems, (c.side - 2) ** 2)
        self.board = Board(c.side, 2, c.side + 4, self.device)
        self.inner = self.board.square(rim=1)
        # All that a fresh gem may be.
        self.any_cell = self.inner.repeat(TYPES)
        self.any_kind = torch.arange(TYPES, device=self.device).repeat_interleave(len(self.inner))
        self.depth = TYPES if c.observation == "one_hot" else 1
        self.window = self.board.window(2, 2 + TYPES, self.depth)
        recipes = [RECIPES[node % len(RECIPES)] for node in range(agents)]
        self.recipe = torch.tensor(recipes, dtype=torch.float32, device=self.device)
        # What a recipe does not ask for never runs out.
        self.plenty = torch.where(self.recipe == 0, torch.inf, 0.0)
        self.divisor = self.recipe.clamp(min=1)
        own, cells = 2 + TYPES, self.board.cells
        widths = own + 25 * self.depth, own * agents + cells * self.depth
        return resources.spec(MOVES, *widths, c.horizon, self.graph)

    def initial(self) -> PlantState:
        """Agents on cells of their own with empty hands, gems on cells of their own."""
        agents, lanes, gems = self.neighbourhoods.agents, self.lanes, self.config.gems
        cell = scattered(lanes, agents, self.board.square(), self.generator)
        gem = scattered(lanes, gems, self.inner, self.generator)
        kind = torch.randint(TYPES, gem.shape, generator=self.generator, device=self.device)
        nothing = torch.zeros(lanes, agents, device=self.device)
        held = torch.zeros(lanes, agents, TYPES, device=self.device)
        return PlantState(cell, held, gem, kind, nothing, nothing, nothing)

    def show(self, state: PlantState, channel: str) -> Percept:
        """One of the channels sight, bearing and overview."""
        here = self.board.places(state.cell)
        if channel == "bearing":
            # Inner loops are long and quick where the lane comes last.
            own, gems = (
                places.permute(2, 1, 0).contiguous()
                for places in (here, self.board.places(state.gem))
            )
            rows, columns = (gems.unsqueeze(2) - own.unsqueeze(1)).abs_()
            return Percept(
                dense=(nearest(gems, rows + columns) - own).permute(2, 1, 0).contiguous()
            )
        things = state.gem * TYPES + state.kind if self.depth == TYPES else state.gem
        if channel == "overview":
            own = torch.cat((here, state.held), -1).flatten(1)
            whole = self._lying(things + own.shape[1], state, self.spec.channels["overview"])
            whole[:, : own.shape[1]] = own
            return Percept(dense=whole.unsqueeze(1).expand(-1, here.shape[1], -1))
        columns = look(self.window, state.cell, things, self.depth)
        seen = self._lying(columns, state, self.spec.channels["sight"])
        seen[..., :2], seen[..., 2 : 2 + TYPES] = here, state.held
        return Percept(dense=seen)

    def _lying(self, columns: Tensor, state: PlantState, width: int) -> Tensor:
        """Rows of features [..., width] that show each gem at its column, [..., G]."""
        seen = torch.zeros(*columns.shape[:-1], width, device=self.device)
        if self.depth == TYPES:
            # Many times quicker with a tensor of ones than with the number.
            return seen.scatter_(-1, columns, torch.ones(columns.shape, device=self.device))
        # Of several gems on one cell the last is seen, so it must have the highest number.
        rank = torch.arange(self.config.gems, device=self.device) * (TYPES + 1)
        number = (rank + state.kind + 1).float()
        number = number.view(-1, *[1] * (columns.dim() - 2), self.config.gems).expand_as(columns)
        return seen.scatter_reduce_(-1, columns, number, "amax").remainder_(TYPES + 1)

    def transition(self, state: PlantState, moves: Tensor) -> tuple[PlantState, Outcome]:
        """All move, collect what they stand on, and make what they can."""
        order = resources.order(*moves.shape, self.config.activation, self.generator, self.device)
        cell = self.board.walk(state.cell, moves, order)
        collector = self._collectors(cell, state.gem)
        gone = collector >= 0
        # A gem that nobody collects is none for the first agent.
        slot = torch.add(state.kind, collector.clamp(min=0), alpha=TYPES)
        found = torch.zeros(self.lanes, self.recipe.numel(), device=self.device)
        found = found.scatter_add_(1, slot, gone.float()).view_as(state.held)
        # Sums of columns, as agents have too few for `sum` to be quick.
        a, b, c = found.unbind(-1)
        gathered = a + b + c
        held = state.held + found
        a, b, c = ((held + self.plenty) / self.divisor).unbind(-1)
        made = torch.minimum(torch.minimum(a, b), c).floor()
        held -= made.repeat_interleave(TYPES, -1).view_as(held) * self.recipe
        rewards = self.config.gem_reward * gathered + made
        gem, kind = self._fresh()
        following = PlantState(
            cell,
            held,
            torch.where(gone, gem, state.gem),
            torch.where(gone, kind, state.kind),
            state.returns + rewards,
            state.products + made,
            state.gathered + gathered,
        )
        never = torch.zeros(self.lanes, dtype=torch.bool, device=self.device)
        return following, Outcome(rewards, never)

    def _collectors(self, cell: Tensor, gem: Tensor) -> Tensor:
        """Who stands on each gem, [L, G] int16; -1 = nobody."""
        nodes = torch.arange(cell.shape[1], dtype=torch.int16, device=self.device)
        who = nodes.new_full((self.lanes, self.board.cells), -1)
        return who.scatter_(1, cell, nodes.expand_as(cell)).gather(1, gem)

    def _fresh(self) -> tuple[Tensor, Tensor]:
        """Random inner cells and types, one for every gem that there is, [L, G]."""
        shape = self.lanes, self.config.gems
        among = len(self.any_cell)
        drawn = torch.randint(among, shape, generator=self.generator, device=self.device).flatten()
        gem, kind = (table.index_select(0, drawn) for table in (self.any_cell, self.any_kind))
        return gem.view(shape), kind.view(shape)

    def indicators(self, state: PlantState, outcome: Outcome) -> Indicators:
        """Those of all worlds about resources, products made and gems collected."""
        horizon = self.config.horizon
        over = self.clock == horizon
        return resources.indicators(
            state.returns,
            outcome.rewards,
            over,
            horizon,
            products=lambda: state.products.sum(-1),
            gems=lambda: state.gathered.sum(-1),
        )

    def portray(self, state: PlantState) -> dict[str, Layer]:
        """Returns and products so far, and gems in hand."""
        return {
            "return": resources.tally(state.returns),
            "products": resources.tally(state.products),
            "gems held": resources.tally(state.held.sum(-1)),
        }

    def sketch(self, state: PlantState, lane: int) -> Sketch:
        """The board, with gems on top of agents."""
        places = self.board.spots(state.cell[lane])
        marks = resources.people(places, [0.8] * len(places))
        labels = [f"gem {'ABC'[kind]}" for kind in state.kind[lane].tolist()]
        marks += resources.things(self.board.spots(state.gem[lane]), 0.5, "diamond", labels)
        return Sketch(self.board.side, self.board.side, tuple(marks), cells=True)
