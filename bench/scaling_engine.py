"""What a block of images takes on one thread: reading, searches, sums, averages; and a class."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scaling_costs import GridCosts
from speed_machine import cpu_timing, single_threaded_blas
from speed_runs import FIELD_OF_VIEW_ANGSTROM
from speed_search import images_to_assign
from speed_workload import FULL, MAX_SHIFT, Grid, Workload

from cl2d.engine import BLOCK_IMAGES, ClassicalRule, LocalEngine, SearchSettings
from cl2d.engine.comparison import fast_pays
from cl2d.engine.ingest import ingest
from cl2d.engine.raw_average import accumulate_raw
from cl2d.io import array_source
from cl2d.levels import run_levels
from cl2d.levels.cuts import cut_rule, find_cuts, judging_rule
from cl2d.options import LevelOptions, PreprocessOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Callable

GRIDS = (Grid(64, 28, 12), Grid(128, 48, 20))
CLASSES = (4, 16, 64, 256)
REPEATS = 2
SOME_IMAGES = 1024
VIEWS = 4
FLOAT32_BYTES = 4


def grid_costs(grid: Grid, classes: tuple[int, ...] = CLASSES) -> GridCosts:
    """Time everything on one grid, in processor time of one thread."""
    load = Workload(grid, SOME_IMAGES)
    one = load.references(1)
    few = np.zeros((classes[0], grid.box_px, grid.box_px))
    labels = load.labels(classes[0])
    read = _block(lambda: ingest(array_source(load.images), load.plan, 1), SOME_IMAGES)
    summed = _block(
        lambda: load.engine.block_sums(labels, load.poses, classes[0]).total(1), SOME_IMAGES
    )
    averaged = _block(lambda: accumulate_raw(few, load.images, load.poses, labels, 1), SOME_IMAGES)
    cut, judge = _class_seconds(grid.box_px)
    return GridCosts(
        box_px=grid.box_px,
        grid=str(grid),
        n_shifts=len(load.engine.shifts),
        image_bytes=FLOAT32_BYTES * grid.box_px**2,
        coefficient_bytes=load.block.bytes // SOME_IMAGES,
        class_bytes=one.nbytes,
        sum_bytes=2 * one.nbytes,  # in double precision
        read_seconds=read,
        sum_seconds=summed,
        average_seconds=averaged,
        cut_seconds=cut,
        judge_seconds=judge,
        classes=classes,
        exhaustive_seconds=tuple(_exhaustive(grid, k) for k in classes),
        fast_seconds=tuple(_fast(grid, k) for k in classes),
    )


def _block(action: Callable[[], object], n_images: int) -> float:
    """Return the processor time of a block, from that of some images."""
    with single_threaded_blas():
        return cpu_timing(action, REPEATS).median_s * BLOCK_IMAGES / n_images


def _exhaustive(grid: Grid, n_classes: int) -> float:
    load = Workload(grid, images_to_assign(grid, n_classes, FULL))
    references = load.references(n_classes)
    action = partial(load.engine.assign_as_decided, references, ClassicalRule())
    return _block(action, load.n_images)


def _fast(grid: Grid, n_classes: int) -> float:
    """Return the time of a fast search; of an exhaustive one where no fast search pays."""
    load = Workload(grid, SOME_IMAGES)
    if not fast_pays(n_classes, len(load.engine.shifts), load.last_poses):
        return _exhaustive(grid, n_classes)
    # As many images as a call has of each class in a block: they share what is made for a call.
    load = Workload(grid, BLOCK_IMAGES)
    references = load.references(n_classes)
    action = partial(
        load.engine.assign_as_decided, references, ClassicalRule(), last=load.last_poses
    )
    return _block(action, load.n_images)


def _class_seconds(box_px: int) -> list[float]:
    """Return the time of cutting one class of one view, and of judging whether it is of one."""
    simulation = SimulationOptions(
        n_particles=BLOCK_IMAGES,
        n_views=VIEWS,
        box_px=box_px,
        pixel_size_angstrom=FIELD_OF_VIEW_ANGSTROM / box_px,
    )
    source = array_source(simulate_particles(simulation).images, simulation.pixel_size_angstrom)
    plan = plan_preprocessing(source, PreprocessOptions())
    usable = np.ones(BLOCK_IMAGES, dtype=bool)
    scale = plan.box_px / plan.working_box_px
    search = SearchSettings(MAX_SHIFT * box_px)
    engine = LocalEngine(ingest(source, plan, 1).blocks, usable, search, scale, n_threads=1)
    level = run_levels(engine, LevelOptions(classes=VIEWS), fast=True)[-1]
    rule, found = cut_rule(LevelOptions()), []
    for one in (rule, judging_rule(rule)):
        started = time.process_time()
        with single_threaded_blas():
            find_cuts(engine, level, VIEWS, one)
        found.append((time.process_time() - started) / VIEWS)
    return found
