"""Sort what was measured into charts: which lines share an axis, their labels and their colours."""

import re
from dataclasses import dataclass
from math import isnan

from commonweal.analysis.figures import BLUE, GOLD, GREEN, ORANGE, PALETTE, PURPLE, SKY
from commonweal.analysis.sketches import KINDS, MEMBER, OUTSIDER
from commonweal.browser.history import History

OVERALL = "#888888"
OTHERS = (GREEN, PURPLE, BLUE, ORANGE, SKY, GOLD)
SIDES = ("", "4 3", "1.5 3", "8 2")
"""Dashes of members and outsiders where several kinds federate."""
UTILITY, PLAYER = "4 3", "1.5 3"
"""Dashes of utilities and of what is done to a kind, and of players where lines of kinds are in
the same chart."""
LINKS = ("gift_weight", "accuracy", "predicted", "cross_entropy")
"""Measured neighbour by neighbour, so that a kind has two parts in it."""
SORTS = (
    ("Cooperation", "cooperation", (0.0, 1.0)),
    ("Reputation", "reputation(_[CD])?", (0.0, 1.0)),
    ("Actions", r"action(_\d+)*", None),
    ("Collective return per episode", "collective_return", None),
    ("Std/mean of returns", "std_over_mean", None),
    ("Least return per episode", "least_return", None),
    ("Returns of members and outsiders", "return_(members|outsiders)", None),
    ("Federation: share of members", "membership", (0.0, 1.0)),
    ("Federation: meetings per episode", "meetings", None),
    ("Federation: consensus gap", "consensus_gap", None),
    ("Use of the resource", "utilisation", (0.0, 1.0)),
    ("Resources consumed per episode", "consumed", None),
    ("Size of the largest", "largest", None),
    ("Gems and products per episode", "gems|products", None),
    ("Gift weight", "gift_weight(_to)?", (0.0, 1.0)),
    ("Gifts in all", "given|reciprocity", (0.0, 1.0)),
    ("Accuracy of beliefs", "accuracy(_to)?", (0.0, 1.0)),
    ("Expected cooperation", "predicted(_to)?", (0.0, 1.0)),
    ("Surprise, in nats", "cross_entropy(_to)?", None),
    ("Reward and utility", r"(reward|utility)(_[CD]|_\d+)?", None),
    ("Welfare", "welfare", None),
    ("Equality and lanes moving", "equality|moving", (0.0, 1.0)),
    ("Sign of the adjustment", "sign", (-1.0, 1.0)),
    ("Curvature", ".*curvature.*", None),
    ("Structure", ".*", None),
)
"""Title, names of indicators without their kind, and the span of the axis; the first that fits."""
_PARTS = {"_C": ("cooperators", BLUE), "_D": ("defectors", ORANGE)}
_SIDES = {"return_members": MEMBER, "return_outsiders": OUTSIDER}


@dataclass(frozen=True)
class Line:
    """One indicator in one chart."""

    label: str
    colour: str
    points: list[tuple[int, float]]
    dash: str = ""


@dataclass(frozen=True)
class Panel:
    """One chart, not yet drawn."""

    title: str
    lines: list[Line]
    fixed: tuple[float, float] | None


def panels(history: History) -> list[Panel]:
    """All that was measured; empty before the first round."""
    kinds = list(dict.fromkeys(n.partition("/")[2] for n in history.names if "/" in n))
    waiting, result = list(history.names), []
    for title, pattern, fixed in SORTS:
        own = [name for name in waiting if re.fullmatch(pattern, name.partition("/")[0])]
        waiting = [name for name in waiting if name not in own]
        if own:
            result.append(Panel(title, _lines(own, kinds, history), fixed))
    return result


def _lines(names: list[str], kinds: list[str], history: History) -> list[Line]:
    if any(name[-2:] in _PARTS for name in names):
        # The mean over all lies between those over cooperators and defectors.
        names = [name for name in names if name not in ("reward", "utility")]
    bases = [name.partition("/")[0] for name in names]
    numbered = [base for base in dict.fromkeys(bases) if _number(base)]
    several = any("/" in name for name in names)
    result = []
    for place, (name, base) in enumerate(zip(names, bases, strict=True)):
        kind = name.partition("/")[2]
        alone = len(set(bases)) == 1
        label, colour, dash = base.replace("_", " "), OTHERS[place % len(OTHERS)], ""
        link = base.removesuffix("_to")
        if link in LINKS:
            label, colour = kind or "all", OVERALL
            if kind:
                label = f"to {kind}" if base != link else kind
                colour = KINDS[kinds.index(kind) % len(KINDS)]
                dash = UTILITY if base != link else ""
        elif base in _SIDES:
            label, colour = base.removeprefix("return_"), _SIDES[base]
            if bases.count(base) > 1:
                label, dash = f"{label}/{kind}", SIDES[kinds.index(kind) % len(SIDES)]
        elif kind:
            label = kind if alone else f"{label}/{kind}"
            if sum(other.endswith(f"/{kind}") for other in names) == 1:
                colour = KINDS[kinds.index(kind) % len(KINDS)]
        elif base in numbered:
            label = f"{base.partition('_')[0]} {_number(base)}"
            colour = PALETTE[numbered.index(base) % len(PALETTE)]
            dash = PLAYER if several else ""
        elif base[-2:] in _PARTS:
            part, colour = _PARTS[base[-2:]]
            gains = base[:-2] != "reputation"
            label = f"{base[:-2]} {base[-1]}" if gains else part
        elif base in ("cooperation", "reputation"):
            label, colour = "all", BLUE if base == "cooperation" else OVERALL
        elif base in ("action", "reward", "utility"):
            colour = OVERALL
        if base.startswith("utility"):
            dash = UTILITY
        points = history.curve(name)
        if base[-2:] not in _PARTS:
            # Not measured then, as between the ends of episodes; of these there may be nobody.
            points = [(tick, value) for tick, value in points if not isnan(value)]
        result.append(Line(label, colour, points, dash))
    return result


def _number(base: str) -> str:
    """Of which player, and which number of its action if it has several; empty if of none."""
    found = re.fullmatch(r"(?:action|reward|utility)_(\d+)(?:_(\d+))?", base)
    return ".".join(filter(None, found.groups())) if found else ""
