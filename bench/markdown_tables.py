"""Tables in Markdown, and how figures are put in their cells."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LINE_WIDTH = 108


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a line end after every row."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def paragraph(words: str) -> str:
    """Return text in lines of one width, however it was broken."""
    return textwrap.fill(
        " ".join(words.split()), LINE_WIDTH, break_long_words=False, break_on_hyphens=False
    )


def item(words: str) -> str:
    """Return text as an item of a list."""
    return textwrap.indent(paragraph(words), "  ").replace("  ", "- ", 1)


def number(value: float, digits: int = 3) -> str:
    """Return a figure, a dash where it has no meaning."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def yes_or_no(value: bool | None) -> str:
    """Return an answer, a dash where there is none."""
    return "-" if value is None else ("yes" if value else "**no**")
