"""The Matthew effect: who has eaten grows, and so finds more to eat.

Agents roam the unit square, where a few resources lie about, all placed at random when an
episode begins.  An agent of size ``s`` moves by its speed ``0.01 + s`` along one axis and is
stopped by the walls; agents pass through each other.  When all have moved, the resources are
handed out one after the other.  Each goes to the first agent, **in the order of their nodes**,
whose centre is nearer than its size; whether somebody is nearer does not count.  It pays 1 and
makes the agent larger by 0.005, and so faster, up to the size 0.15, while the resource appears
anew somewhere else.  What an agent is paid in a round is 1 even where it gets two resources.  An
agent that grew on one resource has its new size for the next; the new place of a resource counts
from the next round on.  Starting sizes are uniform between 0.01 and 0.05.

Order and sizes favour the lower numbers and the large: to those who have is given.  With
``activation`` = random the order is drawn afresh for each lane and round.

======== ==================================================================================
agents   one per node of any graph; 10 on a complete one as published; the graph has no part
         in the rules
actions  stay, left (x - speed), right (x + speed), up (y - speed), down (y + speed)
sight    6: own x, y, size, speed; x and y of the nearest resource.  With ``nearby`` = 3 it is 18:
         x, y, size and speed of the 3 nearest others stand before the resource, nearest first
bearing  x and y to the nearest resource
overview 130: for each agent x, y, size, speed, then for each resource the way to it, dx and dy,
         and the squared distance
episode  200 rounds, truncated, never terminated
======== ==================================================================================

Of equally near things the one with the lower number is nearest.  Beside what `resources`
measures, ``consumed`` counts the resources that were eaten in episodes that are over, which may
be more than what they paid, and ``largest`` is the size of the largest agent then.

Sources: Jiang and Lu 2019 for the world; Dong et al. 2025 for length and what is seen, the rules
as in their code; 18 numbers are seen in Zimmer et al. 2021.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonweal.errors import BadSetting
from commonweal.records import Indicators, Layer, Outcome, Percept, Sketch
from commonweal.settings import setting
from commonweal.spaces import WorldSpec
from commonweal.worlds import WORLDS, resources
from commonweal.worlds.base import World
from commonweal.worlds.places import nearest

PAPER = "Jiang and Lu 2019"
MOVES = ("stay", "left", "right", "up", "down")


@dataclass(frozen=True, kw_only=True)
class MatthewEffectConfig(resources.ResourceConfig):
    """Settings of the Matthew effect."""

    resources: int = setting(3, "resources in the square", low=1, source=PAPER)
    smallest: float = setting(0.01, "least size to start with", low=0, high=1, source=PAPER)
    spread: float = setting(0.04, "range of sizes to start with", low=0, high=1, source=PAPER)
    growth: float = setting(0.005, "size gained by eating", low=0, high=1, source=PAPER)
    cap: float = setting(0.15, "size at which growth ends", low=0, high=2, source=PAPER)
    pace: float = setting(0.01, "speed beyond the size", low=0, high=1, source=PAPER)
    nearby: int = setting(
        0,
        "others that an agent sees, the nearest; Zimmer et al. 2021 have 3",
        low=0,
        source="Dong et al. 2025, code",
    )

    def check(self) -> None:
        """Growth makes nobody smaller."""
        most = self.smallest + self.spread
        if self.cap < most:
            raise BadSetting(
                f"MatthewEffectConfig.cap = {self.cap:g} lies below smallest + spread = {most:g}, "
                "the size with which an agent may start"
            )


@dataclass(frozen=True)
class MatthewState:
    """Who is where, and how large."""

    place: Tensor
    """[L, N, 2] float32: x and y of the agents"""
    size: Tensor
    """[L, N] float32: distance from which an agent eats"""
    resource: Tensor
    """[L, K, 2] float32: x and y of the resources"""
    returns: Tensor
    """[L, N] float32: what each has earned in this episode"""
    eaten: Tensor
    """[L, N] float32: resources each has eaten in this episode"""


@WORLDS.register("matthew_effect")
class MatthewEffect(World[MatthewState]):
    """Resources in a square, which make those who eat them larger and faster."""

    Config = MatthewEffectConfig
    usual = resources.usual(agents=10, episodes=40_000, rollout=50, most=0.15)

    def describe(self) -> WorldSpec:
        """Five moves; sight of the nearest, overview of everything."""
        c, agents = self.config, self.neighbourhoods.agents
        if c.nearby > agents - 1:
            raise BadSetting(
                f"world matthew_effect: nearby = {c.nearby}, but an agent has only {agents - 1} others"
            )
        ways = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
        self.ways = torch.tensor(ways, dtype=torch.float32, device=self.device).t().contiguous()
        overview = agents * (4 + 3 * c.resources)
        return resources.spec(MOVES, 6 + 4 * c.nearby, overview, c.horizon, self.graph)

    def initial(self) -> MatthewState:
        """Everything at random places, agents of random sizes."""
        c, shape = self.config, (self.lanes, self.neighbourhoods.agents)
        resource = self._drawn(self.lanes, c.resources, 2)
        place, luck = self._drawn(*shape, 2), self._drawn(*shape)
        nothing = torch.zeros(shape, device=self.device)
        return MatthewState(place, c.smallest + c.spread * luck, resource, nothing, nothing)

    def show(self, state: MatthewState, channel: str) -> Percept:
        """One of the channels sight, bearing and overview."""
        place, size, resource = (
            _lanes_last(state.place),
            state.size.t(),
            _lanes_last(state.resource),
        )
        body = [*place, size, self.config.pace + size]
        if channel == "overview":
            way, squared = _ways(place, resource), _squared(place, resource)
            things = torch.cat((way, squared.unsqueeze(0))).transpose(0, 1).flatten(0, 1)
            whole = _percept([*body, *things]).flatten(1).unsqueeze(1)
            return Percept(dense=whole.expand(-1, len(size), -1))
        target = nearest(resource, _squared(place, resource))
        if channel == "bearing":
            return Percept(dense=_percept([*(target - place)]))
        if not self.config.nearby:
            return Percept(dense=_percept([*body, *target]))
        own = _percept(body)
        return Percept(dense=torch.cat((own, self._nearby(own), _percept([*target])), -1))

    def transition(self, state: MatthewState, moves: Tensor) -> tuple[MatthewState, Outcome]:
        """All move, then resource after resource finds who eats it."""
        c, (lanes, agents) = self.config, moves.shape
        size, resource = state.size.t().contiguous(), _lanes_last(state.resource)
        moves = moves.t().to(torch.int32, memory_format=torch.contiguous_format)
        steps = self.ways.index_select(1, moves.flatten()).view(2, agents, lanes)
        place = (_lanes_last(state.place) + steps * (c.pace + size)).clamp(0.0, 1.0)
        order = resources.order(lanes, agents, c.activation, self.generator, self.device)
        order, eaten, gone = order.t().contiguous(), torch.zeros_like(size), []
        for squared in _squared(place, resource):
            # Whoever is too far away comes after all the others.
            queue = torch.add(order, squared >= size * size, alpha=agents)
            first = queue.amin(0)
            gone.append(first < agents)
            eats = (queue == first.clamp(max=agents - 1)).float()
            size = torch.add(size, eats, alpha=c.growth).clamp(max=c.cap)
            eaten += eats
        fresh = _lanes_last(self._drawn(lanes, c.resources, 2))
        resource = torch.where(torch.stack(gone), fresh, resource)
        rewards = eaten.clamp(max=1.0).t().contiguous()
        never = torch.zeros(lanes, dtype=torch.bool, device=self.device)
        following = MatthewState(
            place.permute(2, 1, 0),
            size.t(),
            resource.permute(2, 1, 0),
            state.returns + rewards,
            eaten.t() + state.eaten,
        )
        return following, Outcome(rewards, never)

    def indicators(self, state: MatthewState, outcome: Outcome) -> Indicators:
        """Those of all worlds about resources, what was eaten, and how large one has become."""
        horizon = self.config.horizon
        over = self.clock == horizon
        return resources.indicators(
            state.returns,
            outcome.rewards,
            over,
            horizon,
            consumed=lambda: state.eaten.sum(-1),
            largest=lambda: state.size.amax(-1),
        )

    def portray(self, state: MatthewState) -> dict[str, Layer]:
        """Returns so far, and sizes."""
        return {
            "return": Layer(state.returns, 0.0, float(self.config.horizon)),
            "size": Layer(state.size, 0.0, self.config.cap),
        }

    def sketch(self, state: MatthewState, lane: int) -> Sketch:
        """The square; agents are discs that reach as far as they eat."""
        marks = resources.people(state.place[lane].tolist(), (2 * state.size[lane]).tolist())
        places = state.resource[lane].tolist()
        marks += resources.things(places, 0.03, "diamond", ["resource"] * len(places))
        return Sketch(1.0, 1.0, tuple(marks))

    def _drawn(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device)

    def _nearby(self, body: Tensor) -> Tensor:
        """What the nearest others of agents with ``body`` [L, N, 4] are like, [L, N, 4 * nearby]."""
        gap = body[:, :, None, :2] - body[:, None, :, :2]
        away = gap.square().sum(-1)
        away.diagonal(dim1=1, dim2=2).fill_(torch.inf)
        closest = away.sort(dim=-1, stable=True).indices[..., : self.config.nearby]
        lanes = torch.arange(len(body), device=body.device)[:, None, None]
        return body[lanes, closest].flatten(2)


# Inner loops are long and quick where the lane comes last.


def _lanes_last(resource: Tensor) -> Tensor:
    """Places [L, K, 2] as [2, K, L]."""
    return resource.permute(2, 1, 0).contiguous()


def _ways(place: Tensor, resource: Tensor) -> Tensor:
    """Ways (dx, dy) from agents at ``place`` [2, N, L] to ``resource`` [2, K, L], [2, K, N, L]."""
    return resource.unsqueeze(2) - place.unsqueeze(1)


def _squared(place: Tensor, resource: Tensor) -> Tensor:
    """Squared distances [K, N, L] of the same."""
    x, y = _ways(place, resource).square_()
    return x + y


def _percept(features: list[Tensor]) -> Tensor:
    """Features [N, L] as a percept has them, [L, N, F]."""
    # One turn of a matrix is many times quicker than one of a cube.
    whole = torch.stack(features, 1)
    agents, width, lanes = whole.shape
    return whole.view(agents * width, lanes).t().contiguous().view(lanes, agents, width)
