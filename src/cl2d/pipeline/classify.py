"""Read, prepare, classify, average, write."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cores import core_warnings
from cl2d.engine import LocalEngine, SearchSettings, shift_grid, simd_level
from cl2d.engine.given_references import given_references
from cl2d.engine.ingest import ingest, working_images
from cl2d.errors import InputError
from cl2d.events import RunFinished, RunPlanned
from cl2d.io.subset_source import SubsetSource
from cl2d.levels import order_classes_by_size, run_levels
from cl2d.options import ClassifyOptions
from cl2d.outputs import prepare_output_folder, write_run
from cl2d.outputs.averages import raw_averages
from cl2d.pipeline.classification import Classification
from cl2d.pipeline.cores import CoreJob, core_levels
from cl2d.pipeline.evaluation import EvaluationJob
from cl2d.pipeline.memory import estimated_memory_bytes
from cl2d.pipeline.particles import particle_source
from cl2d.pipeline.rejected import rejected_options
from cl2d.pipeline.run_folder import RunFolder
from cl2d.pipeline.starting_views import open_starting_views, starting_from
from cl2d.pipeline.timing import Phases
from cl2d.preprocess import plan_preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl2d.io import ParticleSource
    from cl2d.pipeline.particles import Particles
    from cl2d.pipeline.starting_views import References
    from cl2d.preprocess import PreprocessPlan


def classify(
    particles: Particles,
    *,
    n_classes: int = 64,
    output: str | os.PathLike[str] | None = None,
    pixel_size_angstrom: float | None = None,
    references: References | None = None,
    on_event: Callable[[object], None] | None = None,
    **options: object,
) -> Classification:
    """Sort particle images into classes of the same view, and average them.

    Parameters
    ----------
    particles : path, (n, y, x) array or ParticleSource
        A .star or .xmd table, an MRC stack, an array, or anything with ``shape``, ``dtype`` and
        slicing. Images are read once, in blocks.
    n_classes : int
        Number of classes.
    output : path, optional
        Folder for the files of the run (see docs/outputs.md); without it nothing is written.
    pixel_size_angstrom : float, optional
        Pixel size of an array; tables and stacks bring their own.
    references : path, (n, y, x) array or ParticleSource, optional
        Averages to start from, in the box and at the pixel size of the particles; a path may be
        the folder of an earlier run. With ``n_classes`` of them the particles are sorted by these
        views, with more classes the views are split further.
    on_event : callable, optional
        Called with the records of :mod:`cl2d.events` and with each IterationReport.
    **options
        Every option of ``cl2d classify``, by name: ``initial_classes``, ``iterations``, ``seed``,
        ``threads``, ``resolution_angstrom``, ``max_shift_px`` and so on.

    Returns
    -------
    Classification

    Raises
    ------
    InputError
        If an option, the particles or the output folder cannot be used; nothing is written then.

    Examples
    --------
    >>> import numpy as np
    >>> import cl2d
    >>> images = np.random.default_rng(0).normal(size=(40, 32, 32))
    >>> cl2d.classify(images, n_classes=2, initial_classes=1).averages.shape
    (2, 32, 32)
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    tell = on_event if on_event is not None else _nobody
    path = os.fspath(references) if isinstance(references, (str, os.PathLike)) else None
    chosen = ClassifyOptions.from_flat(n_classes=n_classes, references=path, **options)
    source = particle_source(particles, pixel_size_angstrom)
    _check_number_of_classes(source, chosen)
    views = None
    if references is not None:
        views = open_starting_views(references, source)
        chosen = starting_from(views, chosen)
    phases = Phases(tell)
    with phases.phase("planning"):
        plan = plan_preprocessing(source, chosen.preprocess)
    planned = _run_planned(source, plan, chosen)
    tell(planned)
    folder = None
    if output is not None:
        inputs = (*source.files, *(() if views is None else views.files))
        prepared = prepare_output_folder(output, chosen.output.overwrite, inputs=inputs)
        folder = RunFolder(prepared, source, chosen, plan)
    job = _Job(source, views, chosen)
    if folder is None:
        return _with_rejected(_run(job, plan, phases, None), phases)
    with folder.recording_the_end():
        result = _with_rejected(_run(job, plan, phases, folder), phases)
        write_run(folder.path, result)
    tell(RunFinished(time.perf_counter() - started, time.process_time() - cpu_started))
    return result


@dataclass(frozen=True)
class _Job:
    """Particles, the views to start from if there are any, and what to do with them."""

    source: ParticleSource
    views: ParticleSource | None
    options: ClassifyOptions


def _run(
    job: _Job, plan: PreprocessPlan, phases: Phases, folder: RunFolder | None
) -> Classification:
    """Do everything between the plan and the files."""
    source, options = job.source, job.options
    n_threads = options.run.n_threads()
    with phases.phase("reading", source.n_images) as done:
        keep_images = options.alignment.similarity == "correntropy"
        ingested = ingest(source, plan, n_threads, done, keep_images=keep_images)
    search = SearchSettings(_shift_radius_px(source, options), options.alignment.mirrors)
    engine = LocalEngine(
        ingested.blocks,
        ingested.flags == 0,
        search,
        pixels_per_working_px=plan.box_px / plan.working_box_px,
        n_threads=n_threads,
        working_images=working_images(ingested, plan, n_threads),
    )
    with phases.timed("levels"):
        keep = folder.keep_level if folder is not None else None
        views = None if job.views is None else given_references(job.views, plan, n_threads)
        levels = run_levels(engine, options.levels, phases.tell, keep, views)
    ordered = order_classes_by_size(levels)
    cores = CoreJob(plan, search, n_threads, phases).cores(
        engine, ordered, ingested.statistics, options.cores
    )
    trusted = core_levels(ordered, cores)
    evaluation = EvaluationJob(plan, search, n_threads, phases)
    halves = evaluation.half_sets(engine, ordered) if options.output.evaluate else []
    wanted = [*ordered, *halves, *trusted]
    stacks = raw_averages(source, wanted, n_threads, phases.tell_and_time)
    averages, others = stacks[: len(ordered)], stacks[len(ordered) :]
    half_averages, core_averages = others[: len(halves)], others[len(halves) :]
    warnings = (*plan.warnings, *_flag_warnings(ingested.flags))
    if cores:
        warnings = (*warnings, *core_warnings(ordered, cores, options.cores))
    return Classification(
        source=source,
        options=options,
        plan=plan,
        levels=ordered,
        level_averages=tuple(averages),
        evaluations=evaluation.evaluations(ordered, averages, halves, half_averages),
        cores=cores,
        core_averages=core_averages[0] if core_averages else None,
        stable_core_averages=core_averages[1] if len(core_averages) > 1 else None,
        flags=ingested.flags,
        timings=phases.seconds,
        warnings=warnings,
    )


def _with_rejected(result: Classification, phases: Phases) -> Classification:
    """Return the result with a quick classification of what is in no core, if asked for."""
    if not (result.options.cores.analyze_rejected and result.cores):
        return result
    rows = np.flatnonzero(~result.cores[-1].is_core & (result.flags == 0))
    if len(rows) == 0:
        return result
    job = _Job(SubsetSource(result.source, rows), None, rejected_options(result.options, len(rows)))
    with phases.phase("rejected"):
        rejected = _run(job, result.plan, Phases(_nobody), None)
    return replace(result, rejected=rejected)


def _check_number_of_classes(source: ParticleSource, options: ClassifyOptions) -> None:
    if options.levels.classes > source.n_images and not options.levels.allow_fewer:
        message = (
            f"n_classes ({options.levels.classes}) must not exceed the number of images "
            f"({source.n_images}) in {source.name}"
        )
        raise InputError(message)


def _shift_radius_px(source: ParticleSource, options: ClassifyOptions) -> float:
    return options.alignment.shift_radius_px(source.box_px, source.pixel_size_angstrom)


def _run_planned(
    source: ParticleSource, plan: PreprocessPlan, options: ClassifyOptions
) -> RunPlanned:
    radius = _shift_radius_px(source, options)
    return RunPlanned(
        n_images=source.n_images,
        box_px=source.box_px,
        pixel_size_angstrom=source.pixel_size_angstrom,
        working_box_px=plan.working_box_px,
        resolution_angstrom=plan.resolution_angstrom,
        n_classes=options.levels.classes,
        n_shifts=len(shift_grid(radius * plan.working_box_px / plan.box_px)),
        max_shift_px=radius,
        memory_bytes=estimated_memory_bytes(source, plan, options),
        threads=options.run.n_threads(),
        simd_level=simd_level(),
        warnings=plan.warnings,
    )


def _flag_warnings(flags: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> list[str]:
    n_flagged = int(np.count_nonzero(flags))
    if n_flagged == 0:
        return []
    return [f"{n_flagged} of {len(flags)} images are not finite or constant: they are in no class"]


def _nobody(_event: object) -> None:
    """Listen to nothing."""
