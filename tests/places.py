"""Worlds with places, looked at from outside."""

from commonweal.worlds import resources
from commonweal.worlds.base import World


def acting(world: World) -> list[list[int]]:
    """Agents of each lane as they will act in the next round."""
    drawn = world.generator.get_state()
    shape = world.lanes, world.neighbourhoods.agents
    order = resources.order(*shape, world.config.activation, world.generator, world.device)
    world.generator.set_state(drawn)
    return order.argsort(-1).tolist()
