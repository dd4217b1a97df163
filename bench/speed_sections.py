"""The sections of bench/speed.py: what each of them measures, and what its tables are called."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import speed_growth
import speed_million
import speed_runs
import speed_threads
import speed_workload
from speed_fast import fast_rows
from speed_roofline import peak_rows, roofline_rows
from speed_search import assign_rows, search_rows
from speed_stages import stage_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from speed_workload import Row

    Tables = Iterator[tuple[str, list[Row]]]

SEARCH = "search, one thread"
ASSIGNMENT = "assignment, one thread"
FAST = "fast and exhaustive assignment, one thread"
STAGES = "stages, microseconds an image, one thread"
PEAKS = "what one thread can do"
ROOFLINE = "phases against the roofline, one thread"
THREADS = "assignment on one and on two threads, wall time"
RUNS = "whole runs"
MEMORY = "memory of one more image"
GROWTH = "growth, one thread"
EXPONENTS = "exponents of growth"
LARGE = "growth to large sets, one thread"
LARGE_EXPONENTS = "exponents of growth to large sets"
MILLION = "many images, one thread"
EXTRAPOLATED = "a whole run of many images, extrapolated"

RUN_CLASSES = 16
WHOLE_RUN_IMAGES, QUICK_RUN_IMAGES = 4000, 500
# More than a block, so that what is read at a time no longer grows with the set.
MEMORY_IMAGES, QUICK_MEMORY_IMAGES = (8192, 24_576), (8192, 16_384)


def effort(options: argparse.Namespace) -> speed_workload.Effort:
    """Return how much of the engine is timed: grids and numbers of classes, as asked for."""
    usual = speed_workload.QUICK if options.quick else speed_workload.FULL
    if options.grid is not None:
        grids = tuple(grid for grid in speed_workload.GRIDS if str(grid) in options.grid)
        usual = replace(usual, grids=grids)
    if options.classes is not None:
        usual = replace(usual, classes=(options.classes,))
    return usual


def search_section(options: argparse.Namespace) -> Tables:
    """Time the search alone, and assignments as a run makes them."""
    yield SEARCH, search_rows(effort(options))
    yield ASSIGNMENT, assign_rows(effort(options))


def fast_section(options: argparse.Namespace) -> Tables:
    """Time whole assignments by the fast and by the exhaustive search."""
    yield FAST, fast_rows(effort(options))


def stages_section(options: argparse.Namespace) -> Tables:
    """Time everything else that is done with an image."""
    yield STAGES, stage_rows(effort(options))


def roofline_section(options: argparse.Namespace) -> Tables:
    """Hold every phase against what the machine can do."""
    yield PEAKS, peak_rows(effort(options))
    yield ROOFLINE, roofline_rows(effort(options))


def threads_section(options: argparse.Namespace) -> Tables:
    """Compare one and two threads where there are two cores."""
    if len(os.sched_getaffinity(0)) > 1:
        n_classes = options.classes or speed_threads.CLASSES
        yield THREADS, speed_threads.thread_rows(effort(options), n_classes)


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
        yield RUNS, speed_runs.run_rows(path, options.classes or RUN_CLASSES, threads)
        sizes = QUICK_MEMORY_IMAGES if options.quick else MEMORY_IMAGES
        yield MEMORY, [speed_runs.memory_row(folder, sizes)]


def growth_section(options: argparse.Namespace) -> Tables:
    """Classify ever larger sets."""
    growth = speed_growth.growth_of(
        quick=options.quick, large=options.large, n_classes=options.classes
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = speed_growth.growth_rows(growth, Path(folder))
    yield (LARGE if options.large else GROWTH), rows
    exponents = speed_growth.exponent_rows(rows)
    yield (LARGE_EXPONENTS if options.large else EXPONENTS), exponents


def million_section(options: argparse.Namespace) -> Tables:
    """Read and assign very many images, and work out what a whole run of them takes."""
    usual = speed_million.QUICK_IMAGES if options.quick else speed_million.IMAGES
    n_classes = options.classes or speed_million.CLASSES
    found = speed_million.measured_fresh(options.images or usual, n_classes)
    yield MILLION, speed_million.million_rows(found)
    yield EXTRAPOLATED, speed_million.extrapolated_rows(found)


SECTIONS: dict[str, Callable[[argparse.Namespace], Tables]] = {
    "search": search_section,
    "fast": fast_section,
    "stages": stages_section,
    "roofline": roofline_section,
    "threads": threads_section,
    "run": run_section,
    "growth": growth_section,
    "million": million_section,
}
USUAL = ("search", "fast", "roofline", "threads", "run", "growth")
"""Those that are measured when none is named: `stages` are in `roofline`, `million` takes long."""
