"""Each phase of a run against what one thread of the machine could do at best."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import speed_formulas as formulas
from speed_machine import Peaks
from speed_search import search_tiles
from speed_stages import stage_actions
from speed_workload import Effort, Grid, Row, Workload, images_of_a_block

from cl2d.engine import ClassicalRule
from cl2d.engine.comparison import fast_comparisons, fast_pays

if TYPE_CHECKING:
    from collections.abc import Callable

    from speed_formulas import Peak, Work

CLASSES = 64
"""Of the fast search, which needs many."""


@dataclass(frozen=True)
class Phase:
    """Something done with images: its work for each of them, and how it is run."""

    name: str
    work: Work
    n_images: int
    action: Callable[[], object]


def peak_rows(effort: Effort) -> list[Row]:
    """Return what the phases are held against."""
    peak = Peaks().beside([], effort.repeats).peak
    return [
        {
            "sgemm_gflop_per_s": peak.flop_per_s / 1e9,
            "memory_gb_per_s": peak.bytes_per_s / 1e9,
            "balance_flop_per_byte": peak.flop_per_s / peak.bytes_per_s,
        }
    ]


def roofline_rows(effort: Effort) -> list[Row]:
    """Time every phase on every grid and return its share of the roofline.

    The peaks are measured anew in turn with each phase.
    """
    rows: list[Row] = []
    peaks = Peaks()
    with tempfile.TemporaryDirectory() as folder:
        for grid in effort.grids:
            for phase in phases(grid, effort, Path(folder)):
                beside = peaks.beside([phase.action], effort.repeats)
                (timing,) = beside.timings
                row: Row = {"grid": str(grid), "box": grid.box_px, "phase": phase.name}
                figures = phase_figures(phase.work, timing.median_s / phase.n_images, beside.peak)
                rows.append({**row, **figures, "spread": timing.spread})
    return rows


def phase_figures(work: Work, seconds: float, peak: Peak) -> Row:
    """Return rates and shares of some work that took some time."""
    bound = work.bound(peak)
    return {
        "flop": work.flop,
        "bytes": work.bytes,
        "flop_per_byte": work.flop / work.bytes,
        "us": seconds * 1e6,
        "gflop_per_s": work.flop / seconds / 1e9,
        "share_of_sgemm": work.flop / seconds / peak.flop_per_s,
        "gb_per_s": work.bytes / seconds / 1e9,
        "share_of_bandwidth": work.bytes / seconds / peak.bytes_per_s,
        "bound_by": bound.by,
        "share_of_roofline": bound.seconds / seconds,
    }


def phases(grid: Grid, effort: Effort, folder: Path) -> list[Phase]:
    """Return the phases in the order of a run."""
    load = Workload(grid, effort.n_images)
    sizes = formulas.Sizes.of(grid.box_px, load.engine.grid, len(load.engine.shifts))
    actions = stage_actions(load, effort.n_references, folder)

    def once(name: str) -> Phase:
        work: Work = getattr(formulas, name)(sizes)
        return Phase(name, work, load.n_images, actions[name])

    ingestion = [once(name) for name in ("read", "statistics", "prepare", "transform", "sample")]
    iterated = [once(name) for name in ("refine", "update", "component")]
    searches = [_search(load, sizes, effort.n_references)]
    if fast_pays(CLASSES, sizes.n_shifts, load.last_poses):
        searches.append(_fast(Workload(grid, images_of_a_block(grid, effort)), sizes))
    return [*ingestion, *searches, *iterated, once("average")]


def _search(load: Workload, sizes: formulas.Sizes, n_classes: int) -> Phase:
    action = partial(search_tiles, load, load.references(n_classes), load.n_tiles)
    return Phase("search", formulas.search(sizes, n_classes), load.n_images, action)


def _fast(load: Workload, sizes: formulas.Sizes) -> Phase:
    last = load.last_poses
    action = partial(load.engine.assign, load.references(CLASSES), ClassicalRule(), last=last)
    work = formulas.fast(sizes, CLASSES, fast_comparisons(CLASSES, sizes.n_shifts, last))
    return Phase("fast", work, load.n_images, action)
