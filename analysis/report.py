"""What a study leaves behind: tables as text and CSV, figures, and a verdict for each claim.

For studies whose runs need no sweep; those that do have the frame in `study`.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from commonweal.analysis import figures
from commonweal.simulation import files


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outputs of one study, in one folder."""

    out: Path
    note: str
    """how large the study is; the footnote of its figures"""
    claims: list[dict[str, str]] = field(default_factory=list)

    def table(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Print rows as columns and write them to NAME.csv; the first row names the columns."""
        columns = list(rows[0])
        shown = [columns, *([_text(row.get(c, "")) for c in columns] for row in rows)]
        widths = [max(len(line[i]) for line in shown) for i in range(len(columns))]
        print(f"\n{name.replace('_', ' ')}")
        for line in shown:
            cells = zip(line, widths, strict=True)
            print("  " + "  ".join(cell.ljust(width) for cell, width in cells).rstrip())
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, lineterminator="\n", extrasaction="raise")
        writer.writeheader()
        writer.writerows(rows)
        files.write_bytes(self.out / f"{name}.csv", buffer.getvalue().encode())

    def claim(self, text: str, shown: bool, seen: str) -> None:
        """Keep a claim with what was seen of it."""
        verdict = "shown" if shown else "not shown"
        self.claims.append({"claim": text, "verdict": verdict, "seen": seen})

    def conclude(self) -> None:
        """Print and write the claims."""
        self.table("claims", self.claims)

    def draw(self, figure: figures.Figure, name: str) -> None:
        """Write a figure as PNG and SVG, with the size of the study as its footnote."""
        figures.footnote(figure, self.note)
        for path in figures.save(figure, self.out / name):
            print(f"wrote {path}")


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
