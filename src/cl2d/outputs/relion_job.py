"""A run as a job of RELION: the files that its display and subset selection open."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io import StarBlock, read_particle_table, write_stack, write_star
from cl2d.io.ctf_parameters import ctf_state
from cl2d.io.working_directory import path_from_here
from cl2d.outputs.folder import PARTICLE_TABLE
from cl2d.outputs.own_folders import own_folder
from cl2d.outputs.program_folders import RELION
from cl2d.outputs.relion_classes import relion_classes
from cl2d.outputs.relion_data import Optics, data_blocks
from cl2d.outputs.relion_model import ITERATION, RelionModel, model_blocks, optimiser_blocks
from cl2d.outputs.subset import SELECTED_COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.evaluate import LevelEvaluation
    from cl2d.io import ParticleSource, ParticleTable
    from cl2d.options import OutputOptions
    from cl2d.outputs.classification import FinishedRun
    from cl2d.outputs.relion_classes import RelionClasses
    from cl2d.outputs.saved_run import SavedRun
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult

ROOT = f"run_it{ITERATION:03d}"
DATA, MODEL = f"{ROOT}_data.star", f"{ROOT}_model.star"
OPTIMISER, AVERAGES = f"{ROOT}_optimiser.star", f"{ROOT}_classes.mrcs"
SELECTION, CLASS_AVERAGES = "backup_selection.star", "class_averages.star"


@dataclass(frozen=True, eq=False)
class RelionJob:
    """What the files of a job are made from.

    Attributes
    ----------
    level : LevelResult, the last one
    averages : (n_classes, box, box) float32, as delivered
    plan : PreprocessPlan
    evaluation : LevelEvaluation of the level, None if there is none
    split_mirrors : whether mirrored members become classes of their own
    """

    level: LevelResult
    averages: npt.NDArray[np.float32]
    plan: PreprocessPlan
    evaluation: LevelEvaluation | None
    split_mirrors: bool


def relion_warnings(
    source: ParticleSource, options: OutputOptions, level: LevelResult
) -> list[str]:
    """Return what must be said of a hand-over to RELION: sentences, none if all is well."""
    if RELION not in options.formats:
        return []
    if not _has_files(source):
        return [
            f"{RELION}/ was not written: RELION reads particles from files, and these are an array"
        ]
    n_mirrored = int(np.count_nonzero(level.poses.mirror[level.labels >= 0]))
    if n_mirrored == 0 or options.relion_mirrors == "split":
        return []
    return [
        f"{RELION}/: RELION has no mirrors, so the poses of {n_mirrored:,} mirrored particles lay "
        "them over the mirror image of their class average; where poses are needed and not "
        "classes alone, give --relion-mirrors split or --no-mirrors"
    ]


def hand_over_to_relion(out: Path, run: FinishedRun, table: ParticleTable) -> None:
    """Write the job of a run, if it was asked for, from what its particles.star holds."""
    if RELION not in run.options.output.formats or not _has_files(run.source):
        return
    write_relion_job(out, _job(run, run.evaluations), table)


def renew_relion_job(saved: SavedRun, evaluations: Sequence[LevelEvaluation]) -> None:
    """Write the job of a saved run anew, if it has one, after its other files have changed."""
    if not (saved.folder / RELION / MODEL).is_file():
        return
    table = read_particle_table(saved.folder / PARTICLE_TABLE)
    write_relion_job(saved.folder, _job(saved, evaluations), table)


def _job(run: FinishedRun | SavedRun, evaluations: Sequence[LevelEvaluation]) -> RelionJob:
    return RelionJob(
        level=run.levels[-1],
        averages=run.averages,
        plan=run.plan,
        evaluation=evaluations[-1] if evaluations else None,
        split_mirrors=run.options.output.relion_mirrors == "split",
    )


def renew_relion_particles(saved: SavedRun, table: ParticleTable) -> None:
    """Write the particles of the job of a saved run anew, if it has one.

    Parameters
    ----------
    saved : SavedRun
    table : ParticleTable, the particles as in the run's particles.star
    """
    if not (saved.folder / RELION / DATA).is_file():
        return
    folder = own_folder(saved.folder, RELION)
    split = saved.options.output.relion_mirrors == "split"
    classes = relion_classes(saved.levels[-1], split_mirrors=split)
    write_star(folder / DATA, data_blocks(table, classes, _optics_facts(saved.plan)))


def write_relion_job(out: Path, job: RelionJob, table: ParticleTable) -> None:
    """Write all files of a job into ``relion/`` of a run's folder, from its particles.star.

    Names inside the files start from the working directory, which must be RELION's project
    directory when RELION reads them; whole paths stand for files that are not below it.
    """
    folder = own_folder(out, RELION)
    classes = relion_classes(job.level, split_mirrors=job.split_mirrors)
    averages = classes.averages(job.averages)
    data = data_blocks(table, classes, _optics_facts(job.plan))
    write_star(folder / DATA, data)
    write_stack(folder / AVERAGES, averages, job.plan.pixel_size_angstrom)
    used = job.level.labels >= 0
    model = RelionModel(
        classes=classes,
        averages=averages,
        stack_name=project_path(folder / AVERAGES),
        plan=job.plan,
        evaluation=job.evaluation,
        offset_sd_px=float(job.level.poses.shift_px[used].std()) if used.any() else 0.0,
        mean_confidence=float(job.level.confidence[used].mean()) if used.any() else 0.0,
    )
    blocks = model_blocks(model, replace(table, block=data["particles"], optics=data["optics"]))
    write_star(folder / MODEL, blocks)
    with_members = blocks["model_classes"].take(np.flatnonzero(classes.members()))
    write_star(folder / CLASS_AVERAGES, {"": with_members})
    flipped = _phases_are_flipped(table)
    optimiser = optimiser_blocks(project_path(folder / ROOT), job.plan, flipped=flipped)
    write_star(folder / OPTIMISER, optimiser)
    write_star(folder / SELECTION, {"": _selection(job, classes)})


def project_path(path: Path) -> str:
    """Return how RELION, in the working directory, names a file: from there, or by whole path."""
    # Links stay what they are called: a folder of the project may lie on another disk.
    return str(path_from_here(Path(os.path.normpath(path.absolute()))))


def _selection(job: RelionJob, classes: RelionClasses) -> StarBlock:
    """Return 1 for each class that the evaluation proposes to keep; without one, for all."""
    chosen = np.ones(classes.n_classes, dtype=np.int32)
    if job.evaluation is not None:
        chosen = job.evaluation.selected[classes.parent].astype(np.int32)
    # RELION asks for the second column alone, but its programs for the shell drop rows of one
    # character.
    numbers = np.arange(1, classes.n_classes + 1)
    return StarBlock({"rlnClassNumber": numbers, SELECTED_COLUMN: chosen})


def _optics_facts(plan: PreprocessPlan) -> Optics:
    return Optics(plan.box_px, plan.pixel_size_angstrom or 1.0)


def _phases_are_flipped(table: ParticleTable) -> bool:
    try:
        return ctf_state(table) == "flipped"
    except InputFileError:  # some are and some are not, which the job has no word for
        return False


def _has_files(source: ParticleSource) -> bool:
    return source.table is not None or bool(source.files)
