"""One agent: what it is, what it is about to do, its page in every ledger, and its beliefs."""

from html import escape
from typing import Any

import solara

from commonweal.agents.base import Agent
from commonweal.agents.exchanges.base import Exchange
from commonweal.agents.gradients.base import GradientRule
from commonweal.agents.learners.base import Mind
from commonweal.agents.perspectives.base import Blind, Perspective
from commonweal.agents.preferences.base import Preference
from commonweal.browser.federation_view import FederationView
from commonweal.browser.stage import Stage
from commonweal.networks.federations import Charter
from commonweal.networks.ledgers import Ledger
from commonweal.records import Layer
from commonweal.settings import to_table
from commonweal.spaces import Box, Discrete

ROWS = 16
"""Most neighbours that are listed one by one."""


@solara.component
def AgentView(stage: Stage, frame: int, chosen: solara.Reactive[int | None]) -> None:
    """The chosen agent, or a word on how to choose one; ``frame`` as in `SocietyView`."""
    world = stage.world
    if world is None:
        return  # replaced by another thread
    last = world.neighbourhoods.agents - 1

    def choose(node: int | None) -> None:
        chosen.value = None if node is None else min(max(node, 0), last)

    with solara.Row(gap="16px", classes=["chooser"]):
        solara.InputInt(
            f"Agent, 0 to {last}", chosen.value, choose, optional=True, clearable=True, dense=True
        )
        if chosen.value is None:
            solara.Text("Click an agent in the picture, or give its number, to look into it.")
    if chosen.value is not None:
        html = describe(world.people[chosen.value])
        solara.HTML(unsafe_innerHTML=html, classes=["agent"])
        if world.people[chosen.value].cohort.federation.active:
            FederationView(stage, frame, chosen.value).key(str(chosen.value))
        solara.HTML(unsafe_innerHTML=made(world.people[chosen.value]), classes=["setting"])


def describe(agent: Agent) -> str:
    """Where an agent stands in the focus lane, as HTML."""
    world = agent.model
    layers = {name: layer for name, layer in world.layers().items() if name != "kind"}
    facts = [("kind", escape(agent.kind)), ("place", escape(_place(agent)))]
    facts += [(name, _shown(layer, world.focus, agent.node)) for name, layer in layers.items()]
    facts.append(_next(agent))
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{text}</td></tr>" for name, text in facts)
    left = f"<h3>{escape(agent.name)}</h3><table>{rows}</table>"
    right = "".join(_page(agent, name, layers) for name in world.society.ledgers)
    right = (right or _company(agent, layers)) + _beliefs(agent)
    return f"<div>{left}</div><div>{right}</div>"


def _next(agent: Agent) -> tuple[str, str]:
    """The chances of its next move, or the action itself where actions are numbers."""
    outlook, actions = agent.probabilities, agent.model.spec.actions
    if isinstance(actions, Box):
        return "next action", ", ".join(f"{number:.2f}" for number in outlook)
    chances = zip(actions.labels, outlook, strict=True)
    return "next move", "".join(_bar(label, share) for label, share in chances)


def made(agent: Agent) -> str:
    """The components that make its kind, with their settings, as HTML."""
    cohort = agent.cohort
    parts = [("preference", cohort.preference)]
    if any(mind.joint for mind in cohort.minds.values()):
        parts.append(("gradient rule", cohort.rule))
    parts += cohort.minds.items()
    if cohort.federation.active:
        parts += [("charter", cohort.federation.charter), ("exchange", cohort.ties.exchange)]
    if not isinstance(cohort.perspective, Blind):
        parts.append(("perspective", cohort.perspective))
    return "<br>".join(f"{part} <b>{type(its).__name__}</b>{_settings(its)}" for part, its in parts)


def _settings(
    component: Preference | GradientRule | Mind | Perspective | Charter | Exchange,
) -> str:
    table = to_table(component.config)
    words = [f"{name.replace('_', ' ')} {_word(value)}" for name, value in table.items()]
    return escape(": " + ", ".join(words)) if words else ""


def _word(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(_word, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _place(agent: Agent) -> str:
    """Row and column where places are whole numbers, and a name the graph may give."""
    node = agent.model.graph.nodes[agent.node]
    words = [str(node["label"])] if "label" in node else []
    if all(float(part).is_integer() for part in node.get("pos", (0.5,))):
        column, row = node["pos"]
        words.append(f"row {row:g}, column {column:g}")
    many = len(agent.model.graph[agent.node])
    return ", ".join([*words, f"{many} neighbour{'s' * (many != 1)}"])


def _page(agent: Agent, name: str, layers: dict[str, Layer]) -> str:
    """The agent's page in a ledger: a row for each neighbour.

    A round may be under way in another thread, so the page and the neighbours of a graph that
    is redrawn need not match.
    """
    world, page = agent.model, agent.page(name)
    ledger = world.society.ledger(name)
    acts = sum(who.int() for who in ledger.active.values())
    standing = ledger.standing()[world.focus]
    own = ledger.layers()
    others = {n: layer for n, layer in layers.items() if n not in own}
    columns = ["neighbour", *ledger.headings[:2], *page.further, ledger.headings[2], *others]
    rows = []
    for other in agent.neighbours[:ROWS]:
        rows.append(
            [
                escape(other.name),
                _act(ledger, page.received.get(other.node) if acts[other.node] else None),
                _act(ledger, page.given.get(other.node) if acts[agent.node] else None),
                *(_act(ledger, values.get(other.node)) for values in page.further.values()),
                f"{standing[other.node]:.2f}",
                *(_shown(layer, world.focus, other.node) for layer in others.values()),
            ]
        )
    title = f"Page in the ledger of {name}: {ledger.headings[2]} {page.standing:.2f}"
    return f"<h3>{escape(title)}</h3>" + _table(columns, rows, len(agent.neighbours) - ROWS)


def _beliefs(agent: Agent) -> str:
    """What it took its neighbours to be about to do, what they then did, and how often it is right.

    Of one lane a guess is right or wrong; so all lanes of its replicate are counted, in which the
    same agent meets the same neighbours.
    """
    world, cohort = agent.model, agent.cohort
    if not cohort.insight or not world.spec.lasting:
        return ""
    near, lanes = world.neighbourhoods, world.lanes_each
    replicate, lane = divmod(world.focus, lanes)
    seen = near.view[agent.node][near.mask[agent.node]].tolist()
    beliefs = agent.beliefs
    others = cohort.scene.others[agent.slot, lane].tolist()
    own = cohort.insight["accuracy"][replicate * lanes :][:lanes, agent.member]
    right = own.mean(0).tolist()
    labels, rows = world.spec.actions.labels, []
    for other, place in sorted((other, place) for place, other in enumerate(seen))[:ROWS]:
        chances = zip(labels, beliefs[other], strict=True)
        rows.append(
            [
                escape(world.people[other].name),
                "".join(_bar(label, share) for label, share in chances),
                escape(labels[others[place]]),
                f"{right[place]:.2f}",
            ]
        )
    columns = ["neighbour", "it expected", "came", f"right in {lanes} lane{'s' * (lanes != 1)}"]
    return "<h3>What it expected in the last round</h3>" + _table(columns, rows, len(seen) - ROWS)


def _company(agent: Agent, layers: dict[str, Layer]) -> str:
    """The neighbours, where nobody keeps a ledger."""
    focus = agent.model.focus
    rows = [
        [escape(other.name), *(_shown(layer, focus, other.node) for layer in layers.values())]
        for other in agent.neighbours[:ROWS]
    ]
    table = _table(["neighbour", *layers], rows, len(agent.neighbours) - ROWS)
    return "<h3>Neighbours</h3>" + table


def _table(columns: list[str], rows: list[list[str]], more: int) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    note = f"<p>and {more} more</p>" if more > 0 else ""
    return f"<table><tr>{head}</tr>{body}</table>{note}"


def _shown(layer: Layer, lane: int, node: int) -> str:
    value = layer.values[lane, node].item()
    return escape(layer.labels[int(value)]) if layer.labels else f"{value:.2f}"


def _act(ledger: Ledger, act: float | None) -> str:
    """What the ledger calls an act, set off where it is one of few; a dash for who cannot act."""
    if act is None:
        return "–"
    word, spaces = escape(ledger.word(act)), ledger.heads.values()
    few = [label for space in spaces if isinstance(space, Discrete) for label in space.labels]
    return f"<em class='{word}'>{word}</em>" if word in few else word


def _bar(label: str, share: float) -> str:
    width = f"{100 * share:.0f}%"
    return f"<div>{escape(label)} <u><s style='width:{width}'></s></u> {share:.2f}</div>"
