"""The page `docs/performance.md`: what a run costs, what bounds it, and what is left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import instructions
import speed_prose as prose
from markdown_tables import item, paragraph, table
from speed_machine import Machine
from speed_phases import PHASES, SYMBOLS
from speed_sections import PEAKS, ROOFLINE
from speed_tables import markdown_table

from cl2d.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from speed_prose import PageSection
    from speed_workload import Row

    Document = dict[str, Any]

COMMAND = "python bench/speed.py --page docs/performance.md"
ROOFLINE_COLUMNS_LEFT_OUT = ("box", "grid")


def write_page(path: Path, documents: Sequence[Document]) -> None:
    """Write the page of what was measured; of tables of the same name the last one counts."""
    with atomic_path(path) as temporary:
        temporary.write_text(page(documents), encoding="utf-8")


def page(documents: Sequence[Document]) -> str:
    """Return the page in Markdown."""
    tables: dict[str, list[Row]] = {}
    for document in documents:
        tables |= {title: rows for title, rows in document.items() if title != "machine"}
    parts = [introduction(documents), roofline_section(tables)]
    parts += [section_of(section, tables) for section in prose.SECTIONS]
    return "\n".join(part for part in (*parts, instructions_section()) if part)


def introduction(documents: Sequence[Document]) -> str:
    """Return what stands above the tables: on what they were measured, and how."""
    lines = ["# Performance\n", f"{paragraph(prose.FIRST)}\n", f"    {COMMAND}\n"]
    for document in documents:
        machine = Machine(**document["machine"])
        titles = ", ".join(f"*{title}*" for title in document if title != "machine")
        told = "; ".join([*machine.lines(), *filter(None, [machine.blas_note])])
        lines.append(item(f"{told}. Measured there: {titles}."))
    lines += ["", *(f"{paragraph(words)}\n" for words in prose.HOW_TO_READ)]
    return "\n".join(lines)


def roofline_section(tables: dict[str, list[Row]]) -> str:
    """Return formulas, a table for each grid, and a sentence for each phase."""
    rows = tables.get(ROOFLINE)
    if rows is None:
        return ""
    parts = ["## What bounds each phase\n", "    python bench/speed.py roofline\n"]
    parts += [f"{paragraph(words)}\n" for words in prose.ROOFLINE]
    parts.append(formulas_table())
    if PEAKS in tables:
        parts.append(markdown_table(tables[PEAKS]))
    for grid in dict.fromkeys(row["grid"] for row in rows):
        some = [row for row in rows if row["grid"] == grid]
        parts.append(f"Grid {grid}, input box {some[0]['box']} px:\n")
        parts.append(markdown_table(some, ROOFLINE_COLUMNS_LEFT_OUT))
    parts.append("What is left on the table:\n")
    parts += [item(words) for words in left_on_the_table(rows)]
    return "\n".join(parts) + "\n"


def formulas_table() -> str:
    """Return what is counted for each phase."""
    rows = [[name, words.does, words.flop, words.bytes] for name, words in PHASES.items()]
    titles = ["phase", "what it does", "flop an image", "bytes an image"]
    return f"{paragraph(SYMBOLS)}\n\n{table(titles, rows)}"


def left_on_the_table(rows: Sequence[Row]) -> list[str]:
    """Return a sentence or two on each phase: its share of the roofline, and why no more."""
    told = []
    for name in dict.fromkeys(str(row["phase"]) for row in rows):
        shares = [float(row["share_of_roofline"]) for row in rows if row["phase"] == name]
        low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
        reached = low if low == high else f"{low} to {high}"
        told.append(f"**{name}**, {reached} of the roofline. {PHASES[name].why}")
    return told


def section_of(section: PageSection, tables: dict[str, list[Row]]) -> str:
    """Return the section of the page, nothing where none of its tables was measured."""
    found = [(title, tables[title]) for title in section.titles if tables.get(title)]
    if not found:
        return ""
    parts = [f"## {section.heading}\n", f"    {section.command}\n"]
    parts += [f"{paragraph(words)}\n" for words in section.words]
    for title, rows in found:
        parts.append(f"{title[0].upper()}{title[1:]}:\n")
        parts.append(markdown_table(rows))
    return "\n".join(parts)


def instructions_section() -> str:
    """Return the committed counts, which no load disturbs."""
    committed = instructions.Figures(**json.loads(instructions.FIGURES.read_text()))
    rows = [[name, f"{number:,}"] for name, number in committed.instructions.items()]
    words = prose.INSTRUCTIONS.format(compiler=committed.compiler, kernels=instructions.KERNELS)
    counts = table(["case", "instructions"], rows)
    heading = "## Instructions\n\n    nox -s instructions\n"
    return f"{heading}\n{paragraph(words)}\n\n{counts}"
