"""The end of a run as a table: indicators over its replicates, beside published values."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

QUANTILE = 1.96
"""of the normal distribution, as the published intervals use it"""


@dataclass(frozen=True)
class Row:
    """One indicator at the end of a run."""

    indicator: str
    mean: float
    half_width: float | None
    """of the 95 % interval of the mean, 1.96 * sample deviation / sqrt(runs); None for one run"""
    runs: int
    """replicates in which the indicator was defined"""
    published: tuple[float, float | None] | None = None
    """published mean and half-width, None where only the mean is"""


def rows(
    replicates: list[dict[str, float | None]],
    published: Mapping[str, tuple[float, float | None]],
) -> list[Row]:
    """One row per indicator of a summary's replicates; those published come first."""
    names = [*published, *(name for name in replicates[0] if name not in published)]
    result = []
    for name in names:
        known = [one[name] for one in replicates if one.get(name) is not None]
        if not known:
            continue
        mean, spread = sum(known) / len(known), None
        if len(known) > 1:
            variance = sum((value - mean) ** 2 for value in known) / (len(known) - 1)
            spread = QUANTILE * math.sqrt(variance / len(known))
        result.append(Row(name, mean, spread, len(known), published.get(name)))
    return result


def as_text(table: list[Row]) -> str:
    """The table as lines of text; the last column, of published values, only if there are any."""
    width = max(len(row.indicator) for row in table)
    most = max(row.runs for row in table)
    head = f"  {'':<{width}}  {f'here ({most} runs)':<18}"
    lines = [f"{head}  published" if any(row.published for row in table) else head.rstrip()]
    for row in table:
        theirs = _mean(*row.published) if row.published else ""
        spread = "" if row.half_width is None else f" +- {row.half_width:.3f}"
        lines.append(f"  {row.indicator:<{width}}  {row.mean:8.3f}{spread:<10}  {theirs}".rstrip())
    return "\n".join(lines)


def _mean(mean: float, half_width: float | None) -> str:
    return f"{mean:8.3f}" + ("" if half_width is None else f" +- {half_width:.3f}")


def as_csv(table: list[Row]) -> bytes:
    """The table as a file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["indicator", "mean", "half_width", "runs", "published_mean", "published_half_width"]
    )
    for row in table:
        spread = "" if row.half_width is None else f"{row.half_width:.9g}"
        theirs = ["" if number is None else number for number in row.published or ("", "")]
        writer.writerow([row.indicator, f"{row.mean:.9g}", spread, row.runs, *theirs])
    return buffer.getvalue().encode()
