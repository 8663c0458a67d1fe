"""Pictures of the study of gifts: pairs, one among strangers, and a lattice."""

from collections.abc import Mapping, Sequence

import numpy as np

from commonweal.analysis import figures, series
from commonweal.analysis.gift_networks import mean_graph
from commonweal.analysis.tournaments import Course

NAMES = {
    "lase": "LASE",
    "lase_uniform": "LASE w/o",
    "lase_exact": "oracle",
    "always_cooperate": "cooperator",
    "random": "random",
    "always_defect": "defector",
}
COLOURS = {
    "lase": figures.GREEN,
    "lase_uniform": figures.PURPLE,
    "lase_exact": figures.SKY,
    # Blue and orange mean cooperators and defectors in all figures.
    "always_cooperate": figures.BLUE,
    "random": figures.BLACK,
    "always_defect": figures.ORANGE,
}
THEORY = {"cooperation": 5 / 6, "gift_weight": 5 / 36}
"""symmetric limit of two who know each other's policies, at the payoffs of Kong et al. 2024"""


def draw(axes: figures.Axes, course: Course, name: str, kind: str, **look: object) -> None:
    """One indicator over time in the colour of a kind; it is a share."""
    steps, values = series.align([course], name)
    found = series.interval(values, bounds=(0, 1))
    look = {"label": NAMES[kind], "colour": COLOURS[kind]} | look
    figures.curve(axes, steps, found, **look)


def dress(axes: figures.Axes, heading: str, text: str, top: float = 1.0) -> None:
    """Title, axes and legend of a panel of shares; who continues the panel above needs no legend."""
    figures.title(axes, heading)
    figures.steps_axis(axes)
    axes.set(ylabel=text, ylim=(-0.02 * top, 1.02 * top))
    if heading:
        figures.legend(axes, fontsize=6)


def pairs(twos: Mapping[str, Course], exploited: Course) -> figures.Figure:
    """Cooperation and weights of pairs of each kind, beliefs of LASE, and LASE with a defector."""
    figure, axes = figures.panels(2, 2)
    for panel, name in ((axes[0, 0], "cooperation"), (axes[0, 1], "gift_weight")):
        for kind, course in twos.items():
            draw(panel, course, name, kind)
        panel.axhline(THEORY[name], color="0.6", lw=0.7, ls="--", label="exact beliefs, theory")
    dress(axes[0, 0], "(a) two of a kind: cooperation", "share cooperating")
    dress(axes[0, 1], "(b) two of a kind: gifts", "weight of a gift")
    beliefs = (
        ("cooperation", "cooperates", figures.GREEN, "-"),
        ("predicted", "is expected to cooperate", figures.GOLD, "-"),
        ("accuracy", "accuracy of beliefs", figures.BLACK, "--"),
    )
    for name, text, colour, style in beliefs:
        draw(axes[1, 0], twos["lase"], name, "lase", label=text, colour=colour, style=style)
    dress(axes[1, 0], "(c) two LASE: beliefs", "share")
    withdrawn = (
        ("cooperation/lase", "LASE cooperates", figures.GREEN, "-"),
        ("gift_weight/lase", "gives the defector", figures.ORANGE, "-"),
        ("accuracy/lase", "accuracy of beliefs", figures.BLACK, "--"),
    )
    for name, text, colour, style in withdrawn:
        draw(axes[1, 1], exploited, name, "lase", label=text, colour=colour, style=style)
    dress(axes[1, 1], "(d) LASE with a defector", "share")
    return figure


def strangers(four: Mapping[str, Course], others: Sequence[str]) -> figures.Figure:
    """Weights that each kind of giver has for each stranger, above the accuracy of its beliefs."""
    figure, axes = figures.panels(2, len(four), size=(2.5, 2.1), sharex=True)
    for column, (kind, course) in enumerate(four.items()):
        plans = (("gift_weight_to", "weight of a gift", 1 / 3), ("accuracy_to", "accuracy", 1.0))
        for line, (name, text, top) in enumerate(plans):
            for other in others:
                # Curves may lie on each other.
                style = "--" if other == others[-1] else "-"
                draw(axes[line, column], course, f"{name}/{other}", other, style=style)
            dress(axes[line, column], NAMES[kind] if line == 0 else "", text, top)
    for panel in axes[0]:
        panel.set_xlabel("")
    return figure


def lattice(course: Course, received: Mapping[str, np.ndarray]) -> figures.Figure:
    """The graph of gifts of the first replicate, what each kind is given, and weights over time."""
    figure, axes = figures.panels(1, 3, size=(2.9, 2.5))
    kinds = list(received)
    places = [kinds.index(kind) for kind in course.kinds]
    hues = [COLOURS[kind] for kind in kinds]
    names = [NAMES[kind] for kind in kinds]
    book = mean_graph(course.gifts[:1])
    for giver, _, edge in book.edges(data=True):
        # The largest weight is one over the number of neighbours: then the arrow is widest.
        edge["weight"] *= book.out_degree(giver)
    drawn = figures.gift_network(axes[0, 0], book, course.graph, places, labels=names, palette=hues)
    figures.colour_bar(axes[0, 0], drawn, "", names)
    figures.title(axes[0, 0], "(a) gifts, one replicate")
    figures.bars(
        axes[0, 1],
        names,
        [series.interval(values) for values in received.values()],
        points=list(received.values()),
        colours=hues,
    )
    axes[0, 1].set_ylabel("sum of weights received")
    figures.title(axes[0, 1], "(b) who is supported")
    for kind in kinds:
        draw(axes[0, 2], course, f"gift_weight_to/{kind}", kind, label=f"to {NAMES[kind]}")
    dress(axes[0, 2], "(c) weight of a link from LASE", "weight of a gift", 1 / 4)
    return figure
