"""One house style for all figures, fit for print and for colour-blind readers.

The only module outside the browser that knows matplotlib, which is why it is long.

Colours are those of Okabe and Ito 2008; magnitudes use cividis (Nuñez et al. 2018),
which reads the same with and without colour vision and in grey.  Figures are built
without pyplot, so that many can be made in one process without a shared registry.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import networkx as nx
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection, LineCollection, PolyCollection
from matplotlib.colors import BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from commonweal.analysis import arrows, series
from commonweal.networks.ledgers import LEDGERS
from commonweal.simulation import files

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, YELLOW, GOLD, BLACK = "#56B4E9", "#F0E442", "#E69F00", "#000000"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, GOLD, BLACK, YELLOW)
MAGNITUDE = "cividis"
MISSING = "0.85"
PANEL = (3.2, 2.4)
"""inches of one panel; two fit the width of a printed page"""

STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    # Fixed salt and no date: the same data give the same file, bit for bit.
    "svg.hashsalt": "commonweal",
}

DENSE = 1_000
"""agents beyond which a map leaves links out: they would be one grey blur"""

WRAPPED = ("honeycomb", "moore_lattice", "square_lattice")
"""graphs on a torus, whose links over the border would cross the whole map"""


def panels(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] = PANEL, **options: object
) -> tuple[Figure, np.ndarray]:
    """A figure in the house style and its axes [rows, columns]."""
    with rc_context(STYLE):
        figure = Figure(figsize=(size[0] * columns, size[1] * rows))
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def save(figure: Figure, path_stem: str | Path) -> list[Path]:
    """Write PATH_STEM.png and PATH_STEM.svg, each whole or not at all. Returns both."""
    stem = Path(path_stem)
    written = [stem.with_name(f"{stem.name}.{suffix}") for suffix in ("png", "svg")]
    for path in written:
        buffer = io.BytesIO()
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        with rc_context(STYLE):
            figure.savefig(buffer, format=path.suffix[1:], metadata=metadata)
        files.write_bytes(path, buffer.getvalue())
    return written


def footnote(figure: Figure, text: str) -> None:
    """State below all panels how large the study was."""
    figure.supxlabel(text, x=0.01, ha="left", fontsize=6, color="0.35")


def title(axes: Axes, text: str) -> None:
    """Head one panel in the house style (matplotlib reads the style when it is called)."""
    with rc_context(STYLE):
        axes.set_title(text)


def legend(axes: Axes, **options: object) -> None:
    """Add the legend in the house style."""
    with rc_context(STYLE):
        axes.legend(**options)


def colour_bar(axes: Axes | ArrayLike, drawn: object, text: str = "", labels=()) -> None:
    """Add the key of a map or plane beside one axes or a row of them."""
    first = np.ravel(axes)[0]
    with rc_context(STYLE):
        bar = first.figure.colorbar(drawn, ax=axes, shrink=0.85, aspect=14)
        bar.outline.set_linewidth(0.6)
        bar.set_label(text)
        if labels:
            bar.set_ticks(range(len(labels)), labels=labels)
            bar.ax.tick_params(length=0)


def steps_axis(axes: Axes) -> None:
    """Label the axis of time: environment steps, in thousands where there are many."""
    axes.set_xlabel("environment steps")

    def name(x: float, _: int) -> str:
        many = axes.get_xlim()[1] > 2000
        return f"{x / 1000:g}k" if many and x else f"{x:g}"

    axes.xaxis.set_major_formatter(name)


def runs_note(estimate: series.Estimate) -> str:
    """How many runs stand behind an estimate, in the words of a legend."""
    return "one run" if estimate.runs == 1 else f"{estimate.runs} runs"


def curve(
    axes: Axes,
    steps: ArrayLike,
    estimate: series.Estimate,
    *,
    label: str = "",
    colour: str = BLUE,
    style: str = "-",
    marker: str = "",
) -> None:
    """Draw a mean over steps [T] with its interval as a band.

    The legend says how many runs are averaged; a single run has no band and says so.
    """
    note = runs_note(estimate)
    text = f"{label} ({note})" if label else note
    axes.plot(steps, estimate.mean, color=colour, linestyle=style, marker=marker, ms=3, label=text)
    if estimate.runs > 1:
        axes.fill_between(steps, estimate.low, estimate.high, color=colour, alpha=0.22, linewidth=0)


def bars(
    axes: Axes,
    labels: Sequence[str],
    estimates: Sequence[series.Estimate],
    *,
    points: Sequence[ArrayLike] = (),
    colours: Sequence[str] = (BLUE,),
) -> None:
    """Draw means as bars with interval whiskers and, if given, each run as a dot."""
    x = np.arange(len(labels))
    means = np.array([float(e.mean) for e in estimates])
    reach = np.array([[e.mean - e.low, e.high - e.mean] for e in estimates], float).T
    hues = [colours[i % len(colours)] for i in range(len(labels))]
    axes.bar(x, means, width=0.65, color=hues, alpha=0.75)
    known = ~np.isnan(reach).any(0)
    axes.errorbar(
        x[known], means[known], yerr=reach[:, known], fmt="none", ecolor=BLACK, capsize=2, lw=0.9
    )
    for place, values in enumerate(points):
        values = np.asarray(values, float)
        spread = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(place + spread, values, "o", ms=2.2, mfc="white", mec=BLACK, mew=0.5)
    axes.set_xticks(x, labels)


def plane(
    axes: Axes,
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike,
    *,
    low: float = 0.0,
    high: float = 1.0,
    colour_map: str = MAGNITUDE,
    numbers: bool = False,
):
    """Draw a phase plane [len(y), len(x)] as a heat map; unknown cells stay grey.

    Returns the mesh, for ``figure.colorbar``.
    """
    x, y, values = np.asarray(x, float), np.asarray(y, float), np.asarray(values, float)
    axes.set_facecolor(MISSING)
    mesh = axes.pcolormesh(x, y, values, vmin=low, vmax=high, cmap=colour_map, shading="nearest")
    # What is drawn on top, a border or a theory, must not widen the plane.
    axes.autoscale_view()
    axes.autoscale(False)
    for row, column in np.argwhere(~np.isnan(values)) if numbers else ():
        dark = (values[row, column] - low) / (high - low) < 0.5
        axes.text(
            x[column],
            y[row],
            f"{values[row, column]:.2f}",
            ha="center",
            va="center",
            fontsize=6,
            color="white" if dark else "black",
        )
    return mesh


def positions(graph: nx.Graph) -> np.ndarray:
    """Places of nodes 0..N-1 in the plane: the graph's own, or a spring layout. [N, 2]."""
    nodes = range(graph.number_of_nodes())
    if all("pos" in graph.nodes[node] for node in nodes):
        return np.array([graph.nodes[node]["pos"] for node in nodes], float)
    layout = nx.spring_layout(graph, seed=0)
    return np.array([layout[node] for node in nodes])


def _image(places: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    """Values as a picture [rows, columns] if the places fill a rectangle, else None."""
    columns, column = np.unique(places[:, 0], return_inverse=True)
    rows, row = np.unique(places[:, 1], return_inverse=True)
    full = min(len(rows), len(columns)) > 1 and len(rows) * len(columns) == len(places)
    picture = np.full((len(rows), len(columns)), np.nan)
    picture[row, column] = values
    return picture if full and not np.isnan(picture).any() else None


def society_map(
    axes: Axes,
    graph: nx.Graph,
    values: ArrayLike,
    *,
    low: float = 0.0,
    high: float = 1.0,
    labels: Sequence[str] = (),
    palette: Sequence[str] = PALETTE,
    links: bool = True,
):
    """Draw one value per agent [N] on its graph: a lattice as a picture, else as nodes.

    With ``labels`` the values are indices of these categories, in colours of the palette;
    without, magnitudes from ``low`` to ``high``.  Rows count downwards, as in the lattices.
    Returns what a colour bar needs.
    """
    values, places = np.asarray(values, float), positions(graph)
    colour_map, norm = _scale(low, high, labels, palette)
    axes.set(xticks=[], yticks=[], aspect="equal")
    if (picture := _image(places, values)) is not None:
        axes.spines[:].set_visible(True)
        return axes.imshow(
            picture, cmap=colour_map, norm=norm, origin="upper", interpolation="nearest"
        )
    axes.spines[:].set_visible(False)
    if links and len(places) <= DENSE:
        _links(axes, graph, places)
    size = _dot(axes, places)
    edge = "none" if size < 5 else "0.3"
    dots = axes.scatter(
        *places.T, c=values, s=size**2, cmap=colour_map, norm=norm, edgecolors=edge, linewidths=0.3
    )
    axes.margins(0.05)
    axes.invert_yaxis()
    # The dots of few agents are wide, and may stand at the border.
    dots.set_clip_on(False)
    return dots


def _span(graph: nx.Graph, places: np.ndarray) -> float:
    """How long a link may be to be drawn; a longer one of a torus runs over the border."""
    wrapped = graph.graph.get("name") in WRAPPED
    return np.ptp(places, axis=0).max() / 2 if wrapped else np.inf


def _links(axes: Axes, graph: nx.Graph, places: np.ndarray) -> None:
    ends = places[np.array(graph.edges, dtype=np.int64).reshape(-1, 2)]
    ends = ends[np.abs(ends[:, 0] - ends[:, 1]).max(1) <= _span(graph, places)]
    axes.add_collection(LineCollection(ends, colors="0.75", linewidths=0.4, zorder=0))


def _scale(
    low: float, high: float, labels: Sequence[str], palette: Sequence[str]
) -> tuple[str | Colormap, Normalize]:
    """Colours of magnitudes, or of the categories called ``labels``."""
    if not labels:
        return MAGNITUDE, Normalize(low, high)
    colour_map = ListedColormap(palette[: max(len(labels), 2)])
    return colour_map, BoundaryNorm(np.arange(max(len(labels), 2) + 1) - 0.5, colour_map.N)


def gift_network(
    axes: Axes,
    gifts: nx.DiGraph,
    graph: nx.Graph,
    values: ArrayLike | None = None,
    *,
    weight: str = "weight",
    low: float = 0.0,
    high: float = 1.0,
    labels: Sequence[str] = (),
    palette: Sequence[str] = PALETTE,
):
    """Draw who gives to whom: an arrow along each link, as wide as the ``weight`` of its edge.

    ``graph`` says where agents stand.  Values [N], one for each agent, are coloured as in
    `society_map`; without, nodes are plain.  Rows count downwards, as in the lattices.  Returns
    what a colour bar needs.
    """
    places = positions(graph)
    size = arrows.sizes(places)
    edges = np.array(list(gifts.edges(data=weight)), float).reshape(-1, 3)
    ends, weights = places[edges[:, :2].astype(int)], edges[:, 2]
    shown = arrows.drawn(ends, weights, _span(graph, places))
    _links(axes, graph, places)
    tails, heads = ends[shown].transpose(1, 0, 2)
    shapes = arrows.outlines(tails, heads, weights[shown], size)
    inks = np.zeros((len(shown), 4))
    inks[:, 3] = arrows.opacity(weights[shown])
    axes.add_collection(PolyCollection(shapes, facecolors=inks, linewidths=0))
    colour_map, norm = _scale(low, high, labels, palette)
    across = np.full(len(places), 2 * size.radius)
    dots = EllipseCollection(
        across, across, 0, units="xy", offsets=places, offset_transform=axes.transData, zorder=2
    )
    if values is None:
        dots.set_facecolor(SKY)
    else:
        dots.set(array=np.asarray(values, float), cmap=colour_map, norm=norm)
    axes.add_collection(dots)
    axes.spines[:].set_visible(False)
    room = size.radius + 2 * size.width
    (left, top), (right, bottom) = places.min(0) - room, places.max(0) + room
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(left, right), ylim=(bottom, top))
    return dots


def _dot(axes: Axes, places: np.ndarray) -> float:
    """Diameter in points at which most nodes do not touch the next one."""
    if len(places) < 2:
        return 8.0
    extent = np.ptp(places, axis=0).max() or 1.0
    gap = np.median(cKDTree(places).query(places, 2)[0][:, 1]) / extent
    width = axes.get_position().width * axes.figure.get_size_inches()[0] * 72
    return float(np.clip(0.9 * gap * width, 1.0, 8.0))


def hue(indicator: str, place: int = 0) -> str:
    """Colour of an indicator: cooperators and defectors as on the maps, else by place."""
    fixed = {"_C": BLUE, "_D": ORANGE}
    return fixed.get(indicator[-2:], (BLACK, GREEN, PURPLE, SKY, GOLD, YELLOW)[place % 6])


def draw_groups(
    axes: Axes,
    recording: object,
    groups: Mapping[str, str],
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> bool:
    """Draw several indicators, name -> legend text, as curves; False if none was recorded."""
    found = [name for name in groups if np.size(recording.series.get(name, ()))]
    for place, name in enumerate(found):
        steps, values = series.align([recording], name)
        estimate = series.interval(values, bounds=bounds)
        curve(axes, steps, estimate, label=groups[name], colour=hue(name, place))
    if found:
        steps_axis(axes)
        legend(axes)
    return bool(found)


def _of(indicator: str, name: str) -> bool:
    """Whether an indicator is ``name`` for one player, such as ``action_2``."""
    return indicator.startswith(f"{name}_") and indicator[len(name) + 1 :][0].isdigit()


def snapshot_maps(recording: object, *, lane: int = 0, steps: Sequence[int] = ()) -> Figure | None:
    """Maps of one lane: a row for each layer kept, a column for each step. None if none.

    Without ``steps`` those of all snapshots, six at most, evenly chosen.
    """
    shots, about = recording.snapshots, recording.layers
    steps = list(steps or sorted(shots))
    if not steps or not about:
        return None
    steps = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, 6).round().astype(int))]
    figure, axes = panels(len(about), len(steps), size=(1.4, 1.3))
    for row, (name, layer) in enumerate(about.items()):
        # Some bounds are those of the moment, and later ones lie beyond.
        seen = [bound(shots[step][name][lane]) for step in steps for bound in (np.min, np.max)]
        low, high = min(layer["low"], *seen), max(layer["high"], *seen)
        options = {"low": low, "high": high, "labels": layer["labels"] or ()}
        # Blue and orange are for cooperators and defectors.
        options["palette"] = PALETTE[2:] if name == "kind" else PALETTE
        for column, step in enumerate(steps):
            values = shots[step][name][lane]
            drawn = society_map(axes[row, column], recording.graph, values, **options)
            title(axes[row, column], f"t = {step:,}" if row == 0 else "")
        colour_bar(axes[row, :], drawn, name, options["labels"])
    return figure


def run_figures(recording: object, folder: str | Path) -> list[Path]:
    """Write the figures of one run to FOLDER/figures, as far as recorded. Returns all paths.

    Several replicates are averaged with their 95 % interval; one is labelled as one run.
    """
    home = Path(folder) / "figures"
    share, any_number = (0.0, 1.0), (-np.inf, np.inf)
    groups = {"cooperators": "_C", "defectors": "_D"}

    def parts(name: str) -> dict[str, str]:
        """An indicator, the same of each player, and of each kind."""
        players = {n: f"player {n[len(name) + 1 :]}" for n in recording.series if _of(n, name)}
        kinds = {n: n.split("/", 1)[1] for n in recording.series if n.startswith(f"{name}/")}
        return {name: "all"} | players | kinds

    def links(name: str) -> dict[str, str]:
        """What is measured neighbour by neighbour, also by who measures and who is measured."""
        towards = f"{name}_to"
        to = {n: f"to {n.split('/', 1)[1]}" for n in recording.series if n.startswith(towards)}
        return parts(name) | to

    inside = {"return_members": "members", "return_outsiders": "outsiders"}
    plans = (
        ("cooperation", share, parts("cooperation")),
        ("reputation", share, {f"reputation{end}": text for text, end in groups.items()}),
        ("rewards", any_number, parts("reward") | {f"reward{e}": t for t, e in groups.items()}),
        ("actions", any_number, parts("action")),
        ("welfare", any_number, {"welfare": "sum of all rewards"}),
        ("equality", share, {"equality": "1 - Gini"}),
        ("sign", (-1.0, 1.0), parts("sign")),
        ("gifts", share, {n: n for n in ("given", "reciprocity")}),
        ("gift_weights", share, links("gift_weight")),
        ("accuracy", share, links("accuracy")),
        ("expected_cooperation", share, links("predicted")),
        ("collective_return", any_number, parts("collective_return")),
        ("std_over_mean", any_number, parts("std_over_mean")),
        ("returns", any_number, parts("return_members") | parts("return_outsiders") | inside),
        ("consensus_gap", any_number, parts("consensus_gap")),
    )
    written = []
    for name, bounds, indicators in plans:
        figure, axes = panels()
        if draw_groups(axes[0, 0], recording, indicators, bounds=bounds):
            label = {"cooperation": "share cooperating", "sign": "sign of the adjustment"}
            label |= {"welfare": "welfare", "equality": "equality"}
            label |= {"gifts": "share of rewards", "gift_weights": "weight of a gift"}
            label |= {"accuracy": "accuracy of beliefs"}
            label |= {"expected_cooperation": "cooperation expected"}
            label |= {"collective_return": "return of all", "std_over_mean": "std/mean of returns"}
            label |= {"consensus_gap": "squared distance from the mean"}
            axes[0, 0].set_ylabel(label.get(name, f"mean {name.removesuffix('s')}"))
            if bounds[0] > -np.inf:
                axes[0, 0].set_ylim(bounds[0] - 0.02, bounds[1] + 0.02)
            written += save(figure, home / name)
    if (figure := snapshot_maps(recording)) is not None:
        written += save(figure, home / "snapshots")
    return written + _networks(recording, Path(folder), home)


def _networks(recording: object, folder: Path, home: Path) -> list[Path]:
    """Pictures of the last records of those ledgers whose links have a width, as far as kept."""
    written = []
    for name in LEDGERS.names():
        weight, path = LEDGERS[name].arrows, folder / f"{name}.graphml"
        if not weight or not path.exists() or not arrows.fits(recording.graph):
            continue
        book = files.read_graph(path)
        received = [total for _, total in sorted(book.in_degree(weight=weight))]
        high = max(1.0, *received)
        figure, axes = panels(size=(3.6, 3.0))
        drawn = gift_network(axes[0, 0], book, recording.graph, received, weight=weight, high=high)
        colour_bar(axes[0, 0], drawn, f"sum of {weight}s received")
        written += save(figure, home / f"{name}_network")
    return written
