"""Speed of the exhaustive search: per pair, against sgemm, and as a run calls it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from speed_formulas import pair_flop
from speed_machine import (
    SGEMM_FLOPS,
    cpu_timing,
    sgemm,
    single_threaded_blas,
    timings_in_turn,
)
from speed_workload import TILE, Effort, Grid, Row, Workload, n_shifts_of

from cl2d import _native
from cl2d.engine import (
    ClassicalRule,
    available_simd_levels,
    set_simd_level,
    simd_level,
)
from cl2d.engine.chunks import SMALLEST_CALL_TILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

ASSIGNED_PAIRS = 1_000_000


def flops_per_pair(grid: _native.PolarGrid) -> float:
    """Return the useful operations for one image, reference and shift."""
    return pair_flop(grid.n_coefficients, grid.n_angles)


def each_simd_level() -> Iterator[str]:
    """Go through the kernels this machine runs, and return to those that were in use."""
    before = simd_level()
    try:
        for level in available_simd_levels():
            set_simd_level(level)
            yield level
    finally:
        set_simd_level(before)


def search_tiles(
    load: Workload, references: npt.NDArray[np.complex64], n_tiles: int, n_threads: int = 1
) -> None:
    """Search the first tiles for all references, shifts, rotations and mirrors."""
    options = _native.SearchOptions(True, n_threads)
    tiles = _native.TileRange(0, n_tiles)
    _native.search(load.block, tiles, references, load.engine.shifts, options)


def search_rows(effort: Effort) -> list[Row]:
    """Time the search on every grid by every kind of kernel."""
    rows: list[Row] = []
    for grid in effort.grids:
        load = Workload(grid, effort.n_images)
        references = load.references(effort.n_references)
        for level in each_simd_level():
            figures = _search_figures(load, references, effort.repeats)
            rows.append({"grid": str(grid), "kernels": level, **figures})
    return rows


def _search_figures(load: Workload, references: npt.NDArray[np.complex64], repeats: int) -> Row:
    """Return the time of a pair over many tiles, and of making one shifted reference."""
    polar, n_shifts = load.engine.grid, len(load.engine.shifts)
    n_columns = len(references) * n_shifts
    actions = [partial(search_tiles, load, references, n) for n in (load.n_tiles, 1)]
    with single_threaded_blas():
        many, one, product = timings_in_turn([*actions, sgemm], repeats, time.process_time)
    tile_s = (many.median_s - one.median_s) / (load.n_tiles - 1)
    pair_s = many.median_s / (n_columns * load.n_tiles * TILE)
    flops = flops_per_pair(polar)
    sgemm_rate = SGEMM_FLOPS / product.median_s
    return {
        "coefficients": polar.n_coefficients,
        "angles": polar.n_angles,
        "shifts": n_shifts,
        "flop_per_pair": round(flops),
        "ns_per_pair": pair_s * 1e9,
        "gflop_per_s": flops / pair_s / 1e9,
        "sgemm_gflop_per_s": sgemm_rate / 1e9,
        "share_of_sgemm": flops / pair_s / sgemm_rate,
        "us_per_column": (one.median_s - tile_s) / n_columns * 1e6,
        "spread": many.spread,
    }


def assign_rows(effort: Effort) -> list[Row]:
    """Time whole assignments, cut into calls as in a run, for growing numbers of classes."""
    rows: list[Row] = []
    for grid in effort.grids:
        for n_classes in effort.classes:
            load = Workload(grid, images_to_assign(grid, n_classes, effort))
            references = load.references(n_classes)
            action = partial(load.engine.assign, references, ClassicalRule())
            timing = cpu_timing(action, effort.repeats)
            pairs = load.n_images * n_classes * len(load.engine.shifts)
            rows.append(
                {
                    "grid": str(grid),
                    "classes": n_classes,
                    "shifts": len(load.engine.shifts),
                    "ms_per_image": timing.median_s / load.n_images * 1e3,
                    "ns_per_pair": timing.median_s / pairs * 1e9,
                    "spread": timing.spread,
                }
            )
    return rows


def images_to_assign(grid: Grid, n_classes: int, effort: Effort) -> int:
    """Return whole tiles of images that take some tenths of a second, or a call's fewest."""
    n_tiles = ASSIGNED_PAIRS // (TILE * n_classes * n_shifts_of(grid))
    return TILE * int(np.clip(n_tiles, SMALLEST_CALL_TILES, effort.n_images // TILE))
