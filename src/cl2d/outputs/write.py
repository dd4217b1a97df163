"""Write a finished run: all files, the run record last."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cl2d.io import read_particle_table, write_stack
from cl2d.outputs.core_files import write_core_averages, write_particle_subsets
from cl2d.outputs.cryosparc_files import wants_cryosparc, write_cryosparc
from cl2d.outputs.evaluation import write_evaluation
from cl2d.outputs.folder import (
    CLASS_AVERAGES,
    CLASS_TABLE,
    GALLERY,
    PARTICLE_TABLE,
    REJECTED,
)
from cl2d.outputs.gallery import Gallery, write_gallery
from cl2d.outputs.hierarchy import write_hierarchy
from cl2d.outputs.level_files import write_level_classes, write_level_particles
from cl2d.outputs.program_folders import XMIPP
from cl2d.outputs.relion_job import hand_over_to_relion
from cl2d.outputs.report import REPORT_PHASE, write_report
from cl2d.outputs.run_record import (
    earlier_processes,
    mask_radius_px,
    remove_other_record,
    run_record,
    save_record,
)
from cl2d.outputs.tables import write_class_table, write_particle_table
from cl2d.outputs.xmipp_files import write_xmipp

if TYPE_CHECKING:
    import os

    from cl2d.outputs.classification import FinishedRun


def write_run(out: str | os.PathLike[str], result: FinishedRun) -> Path:
    """Write all files of a run into a folder that ``prepare_output_folder`` has accepted.

    Every file is written beside its place and renamed when it is whole; ``run.json`` comes
    last, so a folder whose record says "complete" is complete.

    Parameters
    ----------
    out
        The output folder.
    result
        The classification.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OSError
        If a file cannot be written, for want of space say.
    """
    started = time.perf_counter()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    remove_other_record(folder)
    pixel_size = result.source.pixel_size_angstrom
    for i, (level, averages) in enumerate(zip(result.levels, result.level_averages, strict=True)):
        cores = result.cores[: i + 1]
        write_level_particles(folder, level, cores[-1] if cores else None)
        write_level_classes(folder, result.levels[: i + 1], averages, pixel_size, cores)
    write_stack(folder / CLASS_AVERAGES, result.averages, pixel_size)
    write_class_table(folder / CLASS_TABLE, result.levels, result.cores)
    core = result.cores[-1] if result.cores else None
    path = folder / PARTICLE_TABLE
    write_particle_table(path, result.source, result.levels[-1], result.flags, core)
    table = read_particle_table(path)
    write_hierarchy(folder, result.levels, result.cores)
    if core is not None:
        of_cores = (result.core_averages, result.stable_core_averages)
        write_core_averages(folder, of_cores, pixel_size)
        write_particle_subsets(folder, table, core)
    if result.rejected is not None:
        write_run(folder / REJECTED, result.rejected)
    write_evaluation(folder, result.evaluations)
    hand_over_to_relion(folder, result, table)
    if XMIPP in result.options.output.formats:
        write_xmipp(folder, result)
    if wants_cryosparc(result):
        write_cryosparc(folder, result)
    write_gallery(folder / GALLERY, gallery_of(result))
    record = run_record(result, "complete", earlier=earlier_processes(folder))
    record["timings_seconds"]["writing"] = time.perf_counter() - started
    if result.options.output.report:
        started = time.perf_counter()
        write_report(folder, record, result.source)
        record["timings_seconds"][REPORT_PHASE] = time.perf_counter() - started
    save_record(folder, record)
    return folder


def gallery_of(result: FinishedRun) -> Gallery:
    """Return what the gallery of a run shows."""
    last = result.levels[-1]
    return Gallery(
        averages=result.averages,
        members=last.class_sizes(),
        pixel_size_angstrom=result.source.pixel_size_angstrom,
        mask_radius_px=mask_radius_px(result.plan),
        n_in_no_class=int(np.count_nonzero(last.labels < 0)),
    )
