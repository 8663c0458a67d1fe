"""Who is in a federation: colours of everybody by membership, or by kind where nobody federates."""

from collections.abc import Iterable
from html import escape
from itertools import islice

from commonweal.agents.base import Agent
from commonweal.agents.cohort import Cohort
from commonweal.analysis.sketches import KINDS, MEMBERSHIP
from commonweal.networks.federations import AS_THE_CHARTER_SAYS, STAYS_OUT, TAKES_PART
from commonweal.worlds.base import World

VIEW = "federation"
"""Name of the picture of a federation; of several, each has its cohort behind a stroke."""
NOBODY = "nobody has met yet"
TOP = 5
"""Most agents that are named among those whom an agent listens to."""
TOLD = {
    AS_THE_CHARTER_SAYS: "to do as the charter says",
    STAYS_OUT: "to stay out",
    TAKES_PART: "to take part",
}


def federations(world: World) -> dict[str, Cohort]:
    """View -> cohort, for all whose members ever meet."""
    cohorts = [cohort for cohort in world.society.cohorts if cohort.federation.active]
    if len(cohorts) == 1:
        return {VIEW: cohorts[0]}
    return {f"{VIEW}/{cohort.name}": cohort for cohort in cohorts}


def membership(world: World, cohorts: Iterable[Cohort]) -> list[str]:
    """What everybody [N] is to the federations of some cohorts, in the focus lane."""
    member, outsider, stranger = MEMBERSHIP
    names = [stranger] * len(world.people)
    for cohort in cohorts:
        inside = cohort.federation.members[world.focus // world.lanes_each].tolist()
        for node, took_part in zip(cohort.members.tolist(), inside, strict=True):
            names[node] = member if took_part else outsider
    return names


def groups(world: World) -> tuple[list[str], dict[str, str]]:
    """What everybody [N] is coloured by, and the colour of each group; nothing of one kind alone."""
    cohorts = federations(world).values()
    if cohorts:
        return membership(world, cohorts), MEMBERSHIP
    names = [cohort.name for cohort in world.society.cohorts]
    if len(names) == 1:
        return [], {}
    palette = {name: KINDS[i % len(KINDS)] for i, name in enumerate(names)}
    return [agent.kind for agent in world.people], palette


def standing(agent: Agent) -> str:
    """What the federation of its cohort says of an agent in the focus lane, as HTML."""
    federation, world = agent.cohort.federation, agent.model
    replicate, meetings = world.focus // world.lanes_each, federation.meetings
    facts = {"was told": TOLD[int(federation.wishes[agent.member])]}
    if meetings:
        inside = bool(federation.members[replicate, agent.member])
        # Rows of weights sum to one, so that their sums over all meetings count these.
        attended = round(federation.shared[replicate, agent.member].sum().item())
        facts["last meeting"] = "took part" if inside else "stayed out"
        wanted = bool(federation.wanted[replicate, agent.member])
        facts["the charter"] = "named it" if wanted else "did not name it"
        facts["all meetings"] = f"took part in {attended} of {meetings}"
        facts["listened to"] = listened(agent, replicate)
    else:
        facts["last meeting"] = NOBODY
    rows = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in facts.items())
    return f"<div><h3>Federation</h3><table>{rows}</table></div>"


def listened(agent: Agent, replicate: int) -> str:
    """Whom an agent listened to in the last meeting, the heaviest first."""
    nodes = agent.cohort.members.tolist()
    weights = agent.cohort.federation.weights[replicate, agent.member].tolist()
    heard = sorted((-weight, node) for weight, node in zip(weights, nodes, strict=True) if weight)
    words = []
    for weight, node in islice(heard, TOP):
        name = "itself" if node == agent.node else escape(agent.model.people[node].name)
        words.append(f"{name} {-weight:.2f}")
    more = f" and {len(heard) - TOP} more" if len(heard) > TOP else ""
    return ", ".join(words) + more


def next_meeting(agent: Agent) -> str:
    """When what an agent is told takes effect, in words."""
    federation = agent.cohort.federation
    every = federation.charter.every
    left = min((every - done % every for done in federation.updates.values()), default=every)
    when = "with the next update" if left == 1 else f"in {left} updates"
    return f"It takes effect from the next meeting on, {when} of its learner."
