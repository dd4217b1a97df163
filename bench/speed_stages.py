"""Speed of what is done once an image: ingest by steps, refinement, sums, delivered averages."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from speed_machine import cpu_timing, single_threaded_blas
from speed_workload import Effort, Row, Workload

from cl2d import _native
from cl2d.engine.grey_values import normalise_and_mask, patch_moments
from cl2d.engine.ingest import Ingestor
from cl2d.engine.raw_average import accumulate_raw
from cl2d.io import open_particles, write_stack
from cl2d.preprocess import Preparation, image_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    Actions = dict[str, Callable[[], object]]


def stage_rows(effort: Effort) -> list[Row]:
    """Return microseconds an image of every stage on every grid, one thread."""
    rows: list[Row] = []
    with single_threaded_blas(), tempfile.TemporaryDirectory() as folder:
        for grid in effort.grids:
            load = Workload(grid, effort.n_images)
            row: Row = {"box": grid.box_px, "grid": str(grid)}
            for name, action in stage_actions(load, effort.n_references, Path(folder)).items():
                seconds = cpu_timing(action, effort.repeats).median_s
                row[f"{name}_us"] = seconds / load.n_images * 1e6
            rows.append(row)
    return rows


def stage_actions(load: Workload, n_classes: int, folder: Path) -> Actions:
    """Return everything that is done with an image but the search, by name."""
    path = folder / f"{load.grid.box_px}.mrcs"
    write_stack(path, load.images, 1.0)
    source = open_particles(path)
    read: Actions = {"read": partial(source.read, 0, load.n_images)}
    return read | ingest_actions(load) | class_actions(load, n_classes)


def ingest_actions(load: Workload) -> Actions:
    """Return the steps from pixels to coefficients, as the ingestor takes them."""
    ingestor = Ingestor(load.plan)
    preparation = Preparation(load.plan, normalise_and_mask)
    prepared = preparation(load.images).images
    spectra = ingestor._padded_transform(prepared)
    block = _native.ImageBlock(ingestor.grid, load.n_images)
    return {
        "statistics": partial(image_statistics, load.images, patch_moments),
        "prepare": partial(preparation, load.images),
        "transform": partial(ingestor._padded_transform, prepared),
        "sample": partial(ingestor._sampler.fill, block, 0, spectra, 1),
    }


def class_actions(load: Workload, n_classes: int) -> Actions:
    """Return what is done with an image once it has a class and a pose."""
    labels, poses, box = load.labels(n_classes), load.poses, load.grid.box_px
    rows = np.flatnonzero(labels == 0)
    sums = np.zeros((n_classes, box, box))
    component = partial(load.engine.component, rows, poses.take(rows))
    return {
        "refine": refine_action(load, n_classes),
        "update": partial(load.engine.update, labels, poses, n_classes),
        "component": partial(for_each_class, component, n_classes),
        "average": partial(accumulate_raw, sums, load.images, poses, labels, 1),
    }


def for_each_class(action: Callable[[], object], n_classes: int) -> None:
    """Repeat an action on one class as often as there are classes, all of one size."""
    for _ in range(n_classes):
        action()


def refine_action(load: Workload, n_classes: int) -> Callable[[], object]:
    """Return the refinement of all images by the settings of the engine."""
    scale = load.grid.working_box_px / load.grid.box_px
    return partial(
        _native.refine,
        load.block,
        _native.TileRange(0, load.n_tiles),
        load.references(n_classes),
        load.engine._assigner(load.references(n_classes), 1).refinement(load.engine.grid.n_angles),
        load.labels(n_classes),
        load.poses.psi_rad,
        load.poses.shift_px * scale,
        load.poses.mirror.astype(np.uint8),
    )
