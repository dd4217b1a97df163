"""How fast: each phase against the roofline, threads, whole runs, and how they grow.

Examples (see README.md):

    python bench/speed.py --quick
    python bench/speed.py search --grid 64/21
    python bench/speed.py search threads --json > speed.json
    python bench/speed.py --page docs/performance.md
    python bench/speed.py --page docs/performance.md --results speed.json large.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speed_machine import Machine, describe_machine
from speed_page import write_page
from speed_sections import SECTIONS, USUAL
from speed_tables import print_table
from speed_threads import OtherJobs
from speed_workload import GRIDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    Document = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections asked for and print their tables, or write the page."""
    options = parse(arguments)
    documents = [json.loads(path.read_text()) for path in options.results]
    if options.sections:
        documents.append(measure(options))
    if options.page is not None:
        write_page(options.page, documents)
    elif options.json:
        print(json.dumps(documents[-1], indent=2))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = ", ".join(USUAL)
    parser.add_argument(
        "sections", nargs="*", help=f"of {', '.join(SECTIONS)}; default, but for --results: {usual}"
    )
    parser.add_argument("--quick", action="store_true", help="one small grid, small sets")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--page", type=Path, help="Markdown file to write the figures to")
    parser.add_argument(
        "--results", type=Path, nargs="+", default=[], help="--json of earlier runs, for --page"
    )
    parser.add_argument("--grid", nargs="+", help=f"of {', '.join(map(str, GRIDS))}; default all")
    parser.add_argument("--classes", type=int, help="instead of what each section has")
    parser.add_argument("--large", action="store_true", help="growth to 100,000 images")
    parser.add_argument("--images", type=int, help="of the section million")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("CL2D_BENCH_DATA"), help="folder of --set"
    )
    parser.add_argument("--set", help="run on NAME.star of --data, not on simulated images")
    options = parser.parse_args(arguments)
    check(parser, options)
    if not options.sections and not options.results:
        options.sections = list(USUAL)
    return options


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the program with a word on options that do not fit."""
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"sections must be of {', '.join(SECTIONS)}, not {unknown[0]!r}")
    grids = [str(grid) for grid in GRIDS]
    unknown = [name for name in options.grid or [] if name not in grids]
    if unknown:
        parser.error(f"--grid must be of {', '.join(grids)}, not {unknown[0]!r}")
    if options.set is not None and options.data is None:
        parser.error("--set needs --data FOLDER or CL2D_BENCH_DATA")
    if options.results and options.page is None:
        parser.error("--results needs --page FILE")


def measure(options: argparse.Namespace) -> Document:
    """Measure the sections, print their tables unless JSON is wanted, and return all."""
    machine, others = describe_machine(), OtherJobs()
    if not options.json:
        print_machine(machine)
    tables: Document = {}
    for section in options.sections:
        for title, rows in SECTIONS[section](options):
            tables[title] = rows
            if not options.json:
                print_table(title, rows)
    machine = replace(machine, others_busy_cores=round(others.busy_cores(), 2))
    return {"machine": asdict(machine), **tables}


def print_machine(machine: Machine) -> None:
    """Print what the figures depend on."""
    for line in machine.lines():
        print(line)
    if machine.blas_note:
        print(f"warning: {machine.blas_note}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
