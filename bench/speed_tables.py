"""Tables of figures: for the terminal, and in Markdown for the page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from markdown_tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from speed_workload import Row


MOST_COLUMNS = 13


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print rows with the same keys below headings of one word a line."""
    names = names_of(rows)
    columns = [
        [*name.split("_"), *(cell(row[name]) if name in row else "-" for row in rows)]
        for name in names
    ]
    depth = max((len(name.split("_")) for name in names), default=0)
    print(f"\n{title}")
    padded = [[""] * (depth + len(rows) - len(column)) + column for column in columns]
    widths = [max(map(len, column)) for column in padded]
    for line in zip(*padded, strict=True):
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    sys.stdout.flush()


def markdown_table(rows: Sequence[Row], left_out: Sequence[str] = ()) -> str:
    """Return the same in Markdown, without some of the columns; on its side where they are many."""
    names = [name for name in names_of(rows) if name not in left_out]
    cells = [[cell(row[name]) if name in row else "-" for name in names] for row in rows]
    titles = [name.replace("_", " ") for name in names]
    if len(names) > MOST_COLUMNS:
        titles, *cells = [list(line) for line in zip(titles, *cells, strict=True)]
    return table(titles, cells)


def names_of(rows: Sequence[Row]) -> list[str]:
    """Return the names of all columns in order."""
    return list(dict.fromkeys(name for row in rows for name in row))


def cell(value: str | float) -> str:
    """Return a figure to three digits."""
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
