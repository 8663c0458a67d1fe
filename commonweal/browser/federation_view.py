"""What the federation says of an agent on the page, and what the agent can be told there."""

from collections.abc import Callable

import solara

from commonweal.browser.membership import next_meeting, standing
from commonweal.browser.stage import Stage
from commonweal.errors import BadSetting
from commonweal.networks.federations import Federation

ORDERS: dict[str, Callable[[Federation, int], None]] = {
    "Join": Federation.join,
    "Leave": Federation.leave,
    "As the charter says": Federation.follow,
}


@solara.component
def FederationView(stage: Stage, frame: int, node: int) -> None:
    """Where the agent at ``node`` stands, and buttons; ``frame`` as in `SocietyView`."""
    refused, refuse = solara.use_state("")
    _, redraw = solara.use_state(0)

    def give(order: Callable[[Federation, int], None]) -> None:
        world = stage.world
        if world is None:
            return  # replaced by another thread
        try:
            order(world.people[node].cohort.federation, node)
            refuse("")
        except BadSetting as error:
            refuse(str(error))
        redraw(lambda times: times + 1)

    world = stage.world
    if world is None:
        return  # replaced by another thread
    agent = world.people[node]
    with solara.Div(classes=["federation"]):
        solara.HTML(unsafe_innerHTML=standing(agent), classes=["agent"])
        with solara.Row(gap="8px", style="align-items: center; flex-wrap: wrap"):
            for label, order in ORDERS.items():
                solara.Button(label, lambda order=order: give(order), outlined=True, small=True)
            solara.HTML(tag="span", unsafe_innerHTML=next_meeting(agent), classes=["setting"])
        if refused:
            solara.Error(refused, dense=True)
