"""Speed of the fast search beside the exhaustive one, as a run makes them."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from speed_machine import timings_in_turn
from speed_workload import Effort, Row, Workload, images_of_a_block

from cl2d.engine import ClassicalRule
from cl2d.engine.comparison import fast_pays

EXHAUSTIVE_SHARE = 8
"""One in so many of the images is timed exhaustively."""


def fast_rows(effort: Effort) -> list[Row]:
    """Time assignments of a block of images, fast and, of some of them, exhaustive, in turn.

    Images are doubted as in a run. Noise images show the cost, not the loss.
    """
    rows: list[Row] = []
    for grid in effort.grids:
        load = Workload(grid, images_of_a_block(grid, effort))
        for n_classes in effort.classes:
            if fast_pays(n_classes, len(load.engine.shifts), load.last_poses):
                rows.append({"grid": str(grid), **_figures(load, n_classes, effort.fast_repeats)})
    return rows


def _figures(load: Workload, n_classes: int, repeats: int) -> Row:
    references = load.references(n_classes)
    some = np.arange(load.n_images // EXHAUSTIVE_SHARE)
    rule = ClassicalRule()
    last = load.last_poses
    fast, exhaustive = timings_in_turn(
        [
            partial(load.engine.assign, references, rule, last=last),
            partial(load.engine.subset(some).assign, references, rule),
        ],
        repeats,
        time.process_time,
    )
    fast_us = fast.median_s / load.n_images * 1e6
    exhaustive_us = exhaustive.median_s / len(some) * 1e6
    return {
        "classes": n_classes,
        "shifts": len(load.engine.shifts),
        "images": load.n_images,
        "exhaustive_us_per_image": exhaustive_us,
        "fast_us_per_image": fast_us,
        "times_faster": exhaustive_us / fast_us,
        "spread": max(fast.spread, exhaustive.spread),
    }
