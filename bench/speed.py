"""How fast: the search against sgemm, each stage, two threads, whole runs, and how they grow.

Examples (see README.md):

    python bench/speed.py --quick
    python bench/speed.py search stages --json > speed.json
    python bench/speed.py run --data FOLDER --set A64 --classes 16
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import speed_runs
import speed_workload
from speed_fast import fast_rows
from speed_machine import Machine, describe_machine
from speed_search import assign_rows, search_rows
from speed_stages import stage_rows
from speed_threads import thread_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from speed_workload import Row

    Tables = Iterator[tuple[str, list[Row]]]

WHOLE_RUN_IMAGES, QUICK_RUN_IMAGES = 4000, 500
# More than a block, so that what is read at a time no longer grows with the set.
MEMORY_IMAGES, QUICK_MEMORY_IMAGES = (8192, 24_576), (8192, 16_384)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections asked for and print their tables."""
    options = parse(arguments)
    machine = describe_machine()
    if not options.json:
        print_machine(machine)
    results: dict[str, list[Row]] = {}
    for section in options.sections:
        for title, rows in SECTIONS[section](options):
            results[title] = rows
            if not options.json:
                print_table(title, rows)
    if options.json:
        print(json.dumps({"machine": asdict(machine), **results}, indent=2))
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; default all")
    parser.add_argument("--quick", action="store_true", help="one small grid, small sets")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--classes", type=int, default=16, help="of the whole run")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("CL2D_BENCH_DATA"), help="folder of --set"
    )
    parser.add_argument("--set", help="run on NAME.star of --data, not on simulated images")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"sections must be of {', '.join(SECTIONS)}, not {unknown[0]!r}")
    if options.set is not None and options.data is None:
        parser.error("--set needs --data FOLDER or CL2D_BENCH_DATA")
    options.sections = options.sections or list(SECTIONS)
    return options


def effort(options: argparse.Namespace) -> speed_workload.Effort:
    """Return how much of the engine is timed."""
    return speed_workload.QUICK if options.quick else speed_workload.FULL


def search_section(options: argparse.Namespace) -> Tables:
    """Time the search alone, and assignments as a run makes them."""
    yield "search, one thread", search_rows(effort(options))
    yield "assignment, one thread", assign_rows(effort(options))


def fast_section(options: argparse.Namespace) -> Tables:
    """Time whole assignments by the fast and by the exhaustive search."""
    yield "fast and exhaustive assignment, one thread", fast_rows(effort(options))


def stages_section(options: argparse.Namespace) -> Tables:
    """Time everything else that is done with an image."""
    yield "stages, microseconds an image, one thread", stage_rows(effort(options))


def threads_section(options: argparse.Namespace) -> Tables:
    """Compare one and two threads where there are two cores."""
    if len(os.sched_getaffinity(0)) > 1:
        yield "search on two threads, wall time", thread_rows(effort(options))


def run_section(options: argparse.Namespace) -> Tables:
    """Classify a whole set."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.set is not None:
            path = Path(options.data) / f"{options.set}.star"
        else:
            n_images = QUICK_RUN_IMAGES if options.quick else WHOLE_RUN_IMAGES
            path = speed_runs.simulated_stack(folder, n_images)
        threads = sorted({1, min(2, len(os.sched_getaffinity(0)))})
        yield "whole runs", speed_runs.run_rows(path, options.classes, threads)
        sizes = QUICK_MEMORY_IMAGES if options.quick else MEMORY_IMAGES
        yield "memory of one more image", [speed_runs.memory_row(folder, sizes)]


def growth_section(options: argparse.Namespace) -> Tables:
    """Classify ever larger sets."""
    with tempfile.TemporaryDirectory() as folder:
        growth = speed_runs.QUICK if options.quick else speed_runs.FULL
        rows = speed_runs.growth_rows(growth, Path(folder))
    yield "growth, one thread", rows
    yield "exponents of growth", speed_runs.exponent_rows(rows)


SECTIONS: dict[str, Callable[[argparse.Namespace], Tables]] = {
    "search": search_section,
    "fast": fast_section,
    "stages": stages_section,
    "threads": threads_section,
    "run": run_section,
    "growth": growth_section,
}


def print_machine(machine: Machine) -> None:
    """Print what the figures depend on."""
    print(f"{machine.processor}, {machine.cores} cores, load {machine.load_average}")
    levels = ", ".join(machine.simd_levels)
    print(f"commit {machine.commit}, {machine.compiler}, {machine.simd_level} kernels of {levels}")
    print(f"numpy's BLAS: {machine.blas}")
    if machine.blas_note:
        print(f"warning: {machine.blas_note}", file=sys.stderr)


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print rows with the same keys below headings of one word a line."""
    names = list(dict.fromkeys(name for row in rows for name in row))
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


def cell(value: str | float) -> str:
    """Return a figure to three digits."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
