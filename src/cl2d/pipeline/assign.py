"""Put new particles into the classes of a finished run."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import (
    ClassicalRule,
    LikelihoodRule,
    LocalEngine,
    RobustRule,
    ScoreDistributions,
    SearchSettings,
    sample_rows,
)
from cl2d.engine.ingest import ingest
from cl2d.errors import InputError
from cl2d.evaluate import AverageComparison
from cl2d.events import RunWarned
from cl2d.outputs import check_output_folder, prepare_output_folder, write_run
from cl2d.outputs.delivered import class_averages
from cl2d.outputs.program_folders import check_folder_can_be_named
from cl2d.outputs.relion_job import relion_warnings
from cl2d.outputs.run_lock import locked_folder
from cl2d.pipeline.classification import Classification
from cl2d.pipeline.ctf import as_particles_show_them, with_correction
from cl2d.pipeline.fitted_classes import FittedClasses, fitted_classes
from cl2d.pipeline.inputs import particle_source
from cl2d.pipeline.starting_views import PIXEL_SIZE_TOLERANCE
from cl2d.pipeline.storage_choice import storage_of_run
from cl2d.pipeline.timing import Phases
from cl2d.results import LevelResult

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Assignment, AssignmentRule
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.pipeline.inputs import Particles


def assign(
    run: str | os.PathLike[str] | Classification | FittedClasses,
    particles: Particles,
    *,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    on_event: Callable[[object], None] | None = None,
) -> Classification:
    """Put new particles into the classes of a finished run, without changing the classes.

    Mask, band limit, weights and search are those of the run; each particle joins the class it
    fits best under the run's similarity and clustering rule. Class numbers are the run's.

    Parameters
    ----------
    run : path, Classification or FittedClasses
        Output folder of the finished run, or its result.
    particles : path, (n, y, x) array or ParticleSource
        New particles of the same box and pixel size, prepared in the same way. If the run
        flipped phases, theirs are flipped too, unless their table says that they are.
    output : path, optional
        Folder for the files, laid out like those of a run of one level. Averages are those of the
        new particles, in the frames of the run's averages.
    overwrite : bool
        Whether a run in the output folder may be replaced.
    threads : int, optional
    on_event : callable, optional

    Raises
    ------
    InputError
        If the run is not finished, the particles do not fit it, or the folder cannot be used.
    """
    classes = fitted_classes(run)
    options = _options(classes, overwrite, threads)
    source = with_correction(particle_source(particles), classes.plan.ctf, options.run.n_threads())
    _check_fit(classes, source)
    phases = Phases(on_event)
    if output is None:
        return _assigned(classes, source, options, phases)
    check_folder_can_be_named(output, options.output.formats)
    check_output_folder(output, overwrite, inputs=source.files)
    with locked_folder(output, lambda text: phases.tell(RunWarned(text))):
        result = _assigned(classes, source, options, phases)
        told = relion_warnings(source, options.output, result.levels[-1])
        for warning in told:
            phases.tell(RunWarned(warning))
        result = replace(result, warnings=tuple(told))
        write_run(prepare_output_folder(output, overwrite, inputs=source.files), result)
    return result


def _assigned(
    classes: FittedClasses, source: ParticleSource, options: ClassifyOptions, phases: Phases
) -> Classification:
    n_threads = options.run.n_threads()
    plan = classes.plan
    radius = options.alignment.shift_radius_px(source.box_px, source.pixel_size_angstrom)
    search = SearchSettings(radius, options.alignment.mirrors)
    storage = storage_of_run(classes, source.n_images)
    with phases.phase("reading", source.n_images) as done:
        ingested = ingest(source, plan, n_threads, done, storage=storage)
    shown = as_particles_show_them(classes.averages, source)
    references = AverageComparison(shown, plan, search, n_threads).references
    scale = plan.box_px / plan.working_box_px
    engine = LocalEngine(
        ingested.blocks,
        ingested.flags == 0,
        search,
        scale,
        n_threads,
        storage=storage,
    )
    with phases.phase("assignment", source.n_images) as done:
        if options.levels.clustering == "robust":
            found = _most_remarkable_classes(engine, references, done)
        else:
            found = engine.assign(references, _rule(classes), done)
    level = _level(found, len(references))
    (averages,) = class_averages(source, [level], n_threads, phases.tell_and_time)
    return Classification(
        source=source,
        options=options,
        plan=plan,
        levels=(level,),
        level_averages=(averages.delivered,),
        flags=ingested.flags,
        timings=phases.seconds,
    )


def _rule(classes: FittedClasses) -> AssignmentRule:
    """Return the rule by which the run chose classes, with the scores its own members have."""
    if classes.options.alignment.similarity != "likelihood":
        return ClassicalRule()
    return LikelihoodRule(classes.mean_scores, classes.has_members)


def _most_remarkable_classes(
    engine: LocalEngine,
    references: npt.NDArray[np.complex64],
    on_progress: Callable[[int], None],
) -> Assignment:
    sample = sample_rows(engine.usable)
    first = engine.assign(references, ClassicalRule(), on_progress, sample=sample)
    assert first.sampled_scores is not None
    distributions = ScoreDistributions(first.sampled_scores, first.labels[sample])
    return engine.assign(references, RobustRule(distributions), on_progress)


def _level(found: Assignment, n_classes: int) -> LevelResult:
    return LevelResult(
        level=0,
        n_classes=n_classes,
        labels=found.labels,
        poses=found.poses,
        scores=found.scores,
        confidence=found.confidence,
        parents=np.full(n_classes, -1, dtype=np.int32),
        margin=found.margin,
    )


def _options(classes: FittedClasses, overwrite: bool, threads: int | None) -> ClassifyOptions:
    """Return the options of the run as one level of its classes."""
    changes = {
        "classes": classes.n_classes,
        "initial_classes": classes.n_classes,
        "references": None if classes.folder is None else os.fspath(classes.folder),
    }
    options = classes.options
    return options.model_copy(
        update={
            "levels": options.levels.model_copy(update=changes),
            "output": options.output.model_copy(update={"overwrite": overwrite}),
            "run": options.run.model_copy(update={"threads": threads}),
        }
    )


def _check_fit(classes: FittedClasses, source: ParticleSource) -> None:
    if source.box_px != classes.plan.box_px:
        message = (
            f"the box of {source.name} must be that of {classes.name}, {classes.plan.box_px} px, "
            f"not {source.box_px} px"
        )
        raise InputError(message)
    own, new = classes.plan.pixel_size_angstrom, source.pixel_size_angstrom
    if own is not None and new is not None and abs(new / own - 1) > PIXEL_SIZE_TOLERANCE:
        message = (
            f"the pixel size of {source.name} must be that of {classes.name}, {own:g} A, "
            f"not {new:g} A"
        )
        raise InputError(message)
