"""One thread and two on the assignment step, by the clock on the wall, and what else was busy."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from speed_machine import sgemm, timings_in_turn
from speed_workload import TILE, Effort, Row, Workload, n_shifts_of
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cl2d.engine import BLOCK_IMAGES, ClassicalRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from speed_machine import Timing
    from speed_workload import Grid

THREADS = (1, 2)
CLASSES = 16
PAIRS = 4_000_000
"""Images, references and shifts that are compared: long against starting and joining threads."""

MOST_OTHERS = 0.1
"""Cores that may be busy with something else before a comparison means nothing."""

CPU_TIMES = Path("/proc/stat")


class OtherJobs:
    """How many cores were busy with what is not of this process, since it was made."""

    def __init__(self) -> None:
        self._busy, self._own, self._wall = _busy_seconds(), _own_seconds(), time.monotonic()

    def busy_cores(self) -> float:
        """Return the mean number; not a number where the system does not tell."""
        own = _own_seconds() - self._own
        wall = time.monotonic() - self._wall
        return max(0.0, (_busy_seconds() - self._busy - own) / wall) if wall > 0 else 0.0


def _own_seconds() -> float:
    """Return the processor time of this process and of those it waited for."""
    return sum(os.times()[:4])


def _busy_seconds() -> float:
    """Return the processor time of all processes, and what the host of this machine took away."""
    try:
        first = CPU_TIMES.read_text().splitlines()[0].split()
    except OSError:
        return float("nan")
    user, nice, system, _, _, interrupt, soft, stolen = (int(field) for field in first[1:9])
    ticks = user + nice + system + interrupt + soft + stolen
    return ticks / os.sysconf("SC_CLK_TCK")


def is_meaningful(n_threads: int, n_cores: int, others: float) -> str:
    """Return in a word or two whether each of the threads had a core of its own."""
    if np.isnan(others):
        return "unknown"
    return "yes" if n_threads + others <= n_cores + MOST_OTHERS else "no: too busy"


def thread_rows(effort: Effort, n_classes: int = CLASSES) -> list[Row]:
    """Compare the wall time of an assignment on one and on two threads, timed in turn.

    Once with nothing else going on in this process, and once each time right after a matrix
    product of numpy on all cores, whose threads may still be waiting for more.
    """
    rows: list[Row] = []
    for grid in effort.grids:
        load = Workload(grid, images_to_compare(grid, n_classes, effort))
        references = load.references(n_classes)
        engines = [load.engine_on(n) for n in THREADS]
        actions = [partial(engine.assign, references, ClassicalRule()) for engine in engines]
        for name, before in (("idle", None), ("just used", _product_on_all_cores)):
            figures = _figures(actions, before, effort.repeats)
            row: Row = {"grid": str(grid), "classes": n_classes, "images": load.n_images}
            rows.append({**row, "numpy_threads": name, **figures})
    return rows


def images_to_compare(grid: Grid, n_classes: int, effort: Effort) -> int:
    """Return whole tiles, at least what two threads share evenly, at most a block."""
    n_images = PAIRS // (effort.block_share * n_classes * n_shifts_of(grid))
    return TILE * (int(np.clip(n_images, 16 * TILE, BLOCK_IMAGES)) // TILE)


def _product_on_all_cores() -> None:
    with threadpool_limits(limits=len(os.sched_getaffinity(0)), user_api="blas"):
        sgemm()


def _figures(
    actions: list[Callable[[], object]], before: Callable[[], object] | None, repeats: int
) -> Row:
    others = OtherJobs()
    one, two = timings_in_turn(actions, repeats, time.perf_counter, before)
    busy = others.busy_cores()
    n_cores = len(os.sched_getaffinity(0))
    return {
        **speed_up(one, two),
        "others_busy_cores": busy,
        "meaningful": is_meaningful(max(THREADS), n_cores, busy),
    }


def speed_up(one: Timing, two: Timing) -> Row:
    """Return both times, their ratio and the larger spread."""
    return {
        "ms_on_1": one.median_s * 1e3,
        "ms_on_2": two.median_s * 1e3,
        "speed_up": one.median_s / two.median_s,
        "spread": max(one.spread, two.spread),
    }
