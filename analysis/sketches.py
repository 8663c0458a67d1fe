"""Colours in pictures of worlds that have places: members, outsiders, kinds and things; for any pen.

Colours are those of Okabe and Ito 2008, as in all figures.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commonweal.analysis.figures import BLUE, GOLD, GREEN, ORANGE, PALETTE, PURPLE, SKY, YELLOW
from commonweal.records import Sketch

MEMBER, OUTSIDER, STRANGER = SKY, GOLD, "#999999"
MEMBERSHIP = {"member": MEMBER, "outsider": OUTSIDER, "no federation": STRANGER}
"""Who took part in the last meeting of a federation, who could have, and who belongs to none."""
KINDS = PALETTE[2:]
"""Colours of kinds, in charts and in pictures."""
THINGS = (GREEN, PURPLE, ORANGE, BLUE, YELLOW, SKY, GOLD)


@dataclass(frozen=True)
class Sort:
    """One line of the legend."""

    name: str
    shape: str
    ink: str
    many: int


class Inks:
    """Colours of the marks of one world; what has a colour keeps it while others come and go."""

    def __init__(self, palette: Mapping[str, str] | None = None) -> None:
        """Give groups of agents the colours of ``palette``, and none of them to things."""
        self.palette = dict(palette or {})
        self._free = [ink for ink in THINGS if ink not in self.palette.values()] or list(THINGS)
        self._seen: dict[str, str] = {}
        """name -> shape"""

    def paint(self, sketch: Sketch, groups: Sequence[str] = ()) -> tuple[list[str], list[Sort]]:
        """The colour of every mark, and the legend: all that there has been so far.

        ``groups`` [N] name what each agent is coloured by; without, it is the label, as for things.
        """
        names = [
            groups[mark.agent] if groups and mark.agent >= 0 else mark.label
            for mark in sketch.marks
        ]
        shapes = {name: mark.shape for name, mark in zip(names, sketch.marks, strict=True)}
        self._seen |= {name: shapes[name] for name in sorted(shapes) if name not in self._seen}
        things = [name for name in self._seen if name not in self.palette]
        inks = {name: self._free[i % len(self._free)] for i, name in enumerate(things)}
        inks |= self.palette
        many = Counter(names)
        legend = [Sort(name, shape, inks[name], many[name]) for name, shape in self._seen.items()]
        # Agents come first, in the order of their groups.
        first = list(self.palette)
        legend.sort(key=lambda s: first.index(s.name) if s.name in first else len(first))
        return [inks[name] for name in names], legend
