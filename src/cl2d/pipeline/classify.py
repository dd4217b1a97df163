"""Read, prepare, classify, average, write."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from cl2d.cores import core_warnings
from cl2d.engine import (
    LocalEngine,
    SearchSettings,
    covering_radius_px,
    shift_grid,
    simd_level,
)
from cl2d.engine.given_references import given_references
from cl2d.engine.ingest import ingest, working_images
from cl2d.events import RunFinished, RunPlanned, RunWarned
from cl2d.levels import order_classes_by_size, run_levels
from cl2d.options import ClassifyOptions
from cl2d.outputs import UnfinishedRun, check_output_folder, write_run
from cl2d.outputs.delivered import class_averages
from cl2d.pipeline.classification import Classification
from cl2d.pipeline.cores import CoreJob, core_levels
from cl2d.pipeline.ctf import corrected_particles
from cl2d.pipeline.evaluation import EvaluationJob
from cl2d.pipeline.inputs import (
    check_number_of_classes,
    enabled_images,
    flag_warnings,
    limit_warnings,
    particle_source,
)
from cl2d.pipeline.memory import estimated_memory_bytes
from cl2d.pipeline.rejected import rejected_options
from cl2d.pipeline.run_folder import RunFolder
from cl2d.pipeline.starting_views import open_starting_views, starting_from
from cl2d.pipeline.timing import Phases
from cl2d.preprocess import DISABLED, USABLE, plan_preprocessing
from cl2d.preprocess.ctf_source import subset_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine.ingest import Ingested
    from cl2d.io import ParticleSource
    from cl2d.pipeline.inputs import Particles
    from cl2d.pipeline.starting_views import References
    from cl2d.preprocess import PreprocessPlan


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A run whose images are read: what is known, and the engine that holds the images."""

    source: ParticleSource
    options: ClassifyOptions
    plan: PreprocessPlan
    flags: npt.NDArray[np.uint8]
    warnings: tuple[str, ...]
    search: SearchSettings
    engine: LocalEngine
    ingested: Ingested
    views: ParticleSource | None


def classify(
    particles: Particles,
    *,
    n_classes: int | Literal["auto"] = 64,
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
    n_classes : int or "auto"
        Number of classes, or "auto": classes are cut and joined until each is homogeneous as far
        as the noise lets one tell, and no two show one view; ``max_classes`` bounds their number.
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
    path = os.fspath(references) if isinstance(references, (str, os.PathLike)) else None
    chosen = ClassifyOptions.from_flat(n_classes=n_classes, references=path, **options)
    source = particle_source(particles, pixel_size_angstrom)
    views = None
    if references is not None:
        views = open_starting_views(references, source)
        chosen = starting_from(views, chosen)
    inputs = (*source.files, *(() if views is None else views.files))
    if output is not None:
        check_output_folder(output, chosen.output.overwrite, inputs=inputs)
    phases = Phases(on_event)
    prepared = _prepare(source, views, chosen, phases)
    result = _sort(prepared, phases, output)
    phases.tell(RunFinished(time.perf_counter() - started, time.process_time() - cpu_started))
    return result


def _prepare(
    source: ParticleSource,
    views: ParticleSource | None,
    options: ClassifyOptions,
    phases: Phases,
    plan: PreprocessPlan | None = None,
) -> _Prepared:
    """Plan the run and read all images; refuse what cannot work as early as it can be known."""
    enabled = enabled_images(source)
    check_number_of_classes(options.levels, int(enabled.sum()), source)
    radius_px = options.alignment.shift_radius_px(source.box_px, source.pixel_size_angstrom)
    if plan is None:
        with phases.phase("planning"):
            corrected = corrected_particles(source, options, enabled)
            source, rows = corrected.source, np.flatnonzero(enabled)
            plan = corrected.noted_in(plan_preprocessing(source, options.preprocess, rows=rows))
    phases.tell(_run_planned(source, plan, options, radius_px))
    n_threads = options.run.n_threads()
    with phases.phase("reading", source.n_images) as done:
        keep_images = options.alignment.similarity == "correntropy"
        ingested = ingest(source, plan, n_threads, done, keep_images=keep_images)
    flags = np.where(enabled, ingested.flags, np.uint8(DISABLED))
    warnings = flag_warnings(flags, source)
    for warning in warnings:
        phases.tell(RunWarned(warning))
    check_number_of_classes(options.levels, int((flags == USABLE).sum()), source)
    alignment = options.alignment
    search = SearchSettings(radius_px, alignment.mirrors, fast=alignment.search == "fast")
    engine = LocalEngine(
        ingested.blocks,
        flags == USABLE,
        search,
        pixels_per_working_px=plan.box_px / plan.working_box_px,
        n_threads=n_threads,
        working_images=working_images(ingested, plan, n_threads),
    )
    return _Prepared(
        source=source,
        options=options,
        plan=plan,
        flags=flags,
        warnings=(*plan.warnings, *warnings),
        search=search,
        engine=engine,
        ingested=ingested,
        views=views,
    )


def _sort(
    prepared: _Prepared, phases: Phases, output: str | os.PathLike[str] | None
) -> Classification:
    """Find the classes and, given a folder, write them."""
    if output is None:
        return _with_rejected(_find_classes(prepared, phases, None), phases)
    begun = UnfinishedRun(
        source=prepared.source,
        options=prepared.options,
        plan=prepared.plan,
        flags=prepared.flags,
        timings=phases.seconds,
        warnings=prepared.warnings,
    )
    inputs = (*prepared.source.files, *(() if prepared.views is None else prepared.views.files))
    folder = RunFolder(output, begun, inputs)
    with folder.recording_the_end():
        result = _with_rejected(_find_classes(prepared, phases, folder), phases)
        write_run(folder.path, result)
    return result


def _find_classes(prepared: _Prepared, phases: Phases, folder: RunFolder | None) -> Classification:
    """Run the levels, find their cores, evaluate them, and average the images as read."""
    source, options, plan, engine = (
        prepared.source,
        prepared.options,
        prepared.plan,
        prepared.engine,
    )
    n_threads = options.run.n_threads()
    keep = folder.keep_level if folder is not None else None
    with phases.timed("levels"):
        views = prepared.views
        first = None if views is None else given_references(views, plan, n_threads)
        levels = run_levels(
            engine,
            options.levels,
            phases.tell,
            keep,
            first,
            by_likelihood=options.alignment.similarity == "likelihood",
        )
    ordered = order_classes_by_size(levels)
    cores = CoreJob(plan, prepared.search, n_threads, phases).cores(
        engine, ordered, prepared.ingested.statistics, options.cores
    )
    trusted = core_levels(ordered, cores)
    evaluation = EvaluationJob(plan, prepared.search, n_threads, phases)
    halves = evaluation.half_sets(engine, ordered) if options.output.evaluate else []
    # One pass over the images as read, whatever is averaged.
    stacks = class_averages(
        source, [*ordered, *trusted], n_threads, phases.tell_and_time, only_compared=halves
    )
    of_halves = stacks[len(ordered) + len(trusted) :]
    compared = [stack.compared for stack in (*stacks[: len(ordered)], *of_halves)]
    core_averages = [stack.delivered for stack in stacks[len(ordered) :][: len(trusted)]]
    junk = [core.zscores.junk for core in cores] if cores else [None] * len(ordered)
    found = core_warnings(ordered, cores, options.cores) if cores else []
    found += limit_warnings(options.levels, ordered, int(engine.usable.sum()))
    for warning in found:
        phases.tell(RunWarned(warning))
    return Classification(
        source=source,
        options=options,
        plan=plan,
        levels=ordered,
        level_averages=tuple(stack.delivered for stack in stacks[: len(ordered)]),
        evaluations=evaluation.evaluations(ordered, halves, compared, junk),
        cores=cores,
        core_averages=core_averages[0] if core_averages else None,
        stable_core_averages=core_averages[1] if len(core_averages) > 1 else None,
        flags=prepared.flags,
        timings=phases.seconds,
        warnings=(*prepared.warnings, *found),
    )


def _with_rejected(result: Classification, phases: Phases) -> Classification:
    """Return the result with a quick classification of what is in no core, if asked for."""
    if not (result.options.cores.analyze_rejected and result.cores):
        return result
    rows = np.flatnonzero(~result.cores[-1].is_core & (result.flags == USABLE))
    if len(rows) == 0:
        return result
    options = rejected_options(result.options, len(rows))
    with phases.phase("rejected"):
        quiet = Phases()
        source = subset_of(result.source, rows)
        rejected = _find_classes(_prepare(source, None, options, quiet, result.plan), quiet, None)
    return replace(result, rejected=rejected)


def _run_planned(
    source: ParticleSource, plan: PreprocessPlan, options: ClassifyOptions, radius_px: float
) -> RunPlanned:
    radius_working_px = radius_px * plan.working_box_px / plan.box_px
    covering_px = covering_radius_px(plan.working_box_px, plan.k_max)
    return RunPlanned(
        n_images=source.n_images,
        box_px=source.box_px,
        pixel_size_angstrom=source.pixel_size_angstrom,
        working_box_px=plan.working_box_px,
        resolution_angstrom=plan.resolution_angstrom,
        n_classes=options.levels.most_classes(source.n_images),
        automatic_classes=options.levels.automatic,
        n_shifts=len(shift_grid(radius_working_px, covering_px)),
        max_shift_px=radius_px,
        memory_bytes=estimated_memory_bytes(source, plan, options),
        threads=options.run.n_threads(),
        simd_level=simd_level(),
        warnings=plan.warnings,
        ctf=plan.ctf,
    )
