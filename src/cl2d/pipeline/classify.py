"""Read, prepare, classify, average, write."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from cl2d.cores import core_warnings
from cl2d.engine.blas_threads import one_blas_thread
from cl2d.engine.given_references import given_references
from cl2d.errors import InputError
from cl2d.events import RunFinished, RunWarned, ignore_event
from cl2d.levels import order_classes_by_size, run_levels
from cl2d.options import ClassifyOptions
from cl2d.outputs import UnfinishedRun, write_run
from cl2d.outputs.delivered import class_averages
from cl2d.outputs.relion_job import relion_warnings
from cl2d.pipeline.checkpoints import Checkpoints
from cl2d.pipeline.classification import Classification
from cl2d.pipeline.cluster import run_client
from cl2d.pipeline.cores import CoreJob, core_levels
from cl2d.pipeline.evaluation import EvaluationJob
from cl2d.pipeline.inputs import limit_warnings, particle_source
from cl2d.pipeline.on_cluster import held_by
from cl2d.pipeline.peak_memory import PeakMemory
from cl2d.pipeline.prepared import Course, prepare
from cl2d.pipeline.rejected import rejected_options
from cl2d.pipeline.resuming import run_facts
from cl2d.pipeline.run_folder import RunFolder, output_folder
from cl2d.pipeline.starting_views import open_starting_views, starting_from
from cl2d.pipeline.storage_choice import memory_warnings
from cl2d.pipeline.time_limit import until
from cl2d.pipeline.timing import Phases
from cl2d.preprocess import USABLE
from cl2d.preprocess.ctf_source import subset_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from distributed import Client

    from cl2d.pipeline.inputs import Particles
    from cl2d.pipeline.prepared import PreparedRun
    from cl2d.pipeline.starting_views import References


def classify(
    particles: Particles,
    *,
    n_classes: int | Literal["auto"] = 64,
    output: str | os.PathLike[str] | None = None,
    pixel_size_angstrom: float | None = None,
    references: References | None = None,
    resume: bool = False,
    on_event: Callable[[object], None] | None = None,
    client: Client | None = None,
    **options: object,
) -> Classification:
    """Sort particle images into classes of the same view, and average them.

    Parameters
    ----------
    particles : path, (n, y, x) array or ParticleSource
        A .star, .xmd or .cs table, a stack, an array, or anything with ``shape``, ``dtype`` and
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
    resume : bool
        Go on with the run in ``output`` that was interrupted, killed or failed, from its last
        checkpoint: with the same particles and options (those of cores, output, machine and cluster
        may change) the result has the same bits as that of a run without a break. Where there is no
        such run, one begins.
    on_event : callable, optional
        Called with the records of :mod:`cl2d.events` and with each IterationReport.
    client : distributed.Client, optional
        Of a Dask cluster whose workers hold and compare the images, which they read by themselves;
        the result has the same bits as without it.
    **options
        Every option of ``cl2d classify``, by name: ``initial_classes``, ``iterations``, ``seed``,
        ``threads``, ``resolution_angstrom``, ``max_shift_px`` and so on.

    Returns
    -------
    Classification

    Raises
    ------
    InputError
        If an option, the particles or the output folder cannot be used, or the run in it is not
        one to go on with; nothing is written then.
    TimeIsUpError
        If ``max_time`` is over; what has been done is kept for ``resume``.

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
    tell = until(chosen.run.max_time_seconds(), on_event or ignore_event, chosen.run.max_time)
    phases = Phases(tell)
    inputs = (*source.files, *(() if views is None else views.files))
    with PeakMemory() as peak, one_blas_thread():
        course = Course(phases, peak, output)
        if output is None:
            _refuse_resuming(resume)
            there: AbstractContextManager[Course] = nullcontext(course)
        else:
            there = output_folder(course, chosen, inputs, resume=resume)
        # A folder that cannot be used is refused before jobs wait in a queue.
        with (
            there as placed,
            run_client(chosen, client, tell) as workers,
            held_by(workers, particles, chosen) as cluster,
        ):
            course = replace(placed, cluster=cluster)
            result = _sort(prepare(source, views, chosen, course), course)
    phases.tell(RunFinished(time.perf_counter() - started, time.process_time() - cpu_started))
    return result


def _refuse_resuming(resume: bool) -> None:
    if resume:
        message = "output must be the folder of the run to resume, not left out"
        raise InputError(message)


def _sort(prepared: PreparedRun, course: Course) -> Classification:
    """Find the classes and, given a folder, write them."""
    if course.output is None:
        return _with_rejected(_find_classes(prepared, course, None), course)
    begun = UnfinishedRun(
        source=prepared.source,
        options=prepared.options,
        plan=prepared.plan,
        flags=prepared.flags,
        timings=course.phases.seconds,
        warnings=prepared.warnings,
        memory=prepared.memory,
    )
    inputs = (*prepared.source.files, *(() if prepared.views is None else prepared.views.files))
    folder = RunFolder(course.output, begun, inputs, course.unfinished)
    facts = run_facts(prepared.source, prepared.options, prepared.memory, prepared.images_sha256)
    folder.keep_checkpoints(Checkpoints(folder.path, facts, prepared.plan, course.phases.tell))
    loss_named = nullcontext() if course.cluster is None else course.cluster.naming_its_loss()
    with folder.recording_the_end(), loss_named:
        found = _find_classes(prepared, course, folder)
        del prepared  # nobody else has it: its images make room for those that were rejected
        result = _with_rejected(found, course)
        write_run(folder.path, result)
    folder.is_complete()
    return result


def _find_classes(
    prepared: PreparedRun, course: Course, folder: RunFolder | None
) -> Classification:
    """Run the levels, find their cores, evaluate them, and average the images as read."""
    source, options, plan, engine = (
        prepared.source,
        prepared.options,
        prepared.plan,
        prepared.engine,
    )
    phases = course.phases
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
            fast=options.alignment.search == "fast",
            mark=None if folder is None else folder.mark,
        )
    if course.cluster is not None:
        course.cluster.account.end_iteration()
    ordered = order_classes_by_size(levels)
    cores = CoreJob(plan, prepared.search, n_threads, phases).cores(
        engine, ordered, prepared.statistics, options.cores
    )
    trusted = core_levels(ordered, cores)
    evaluation = EvaluationJob(plan, prepared.search, n_threads, phases)
    halves = evaluation.half_sets(engine, ordered) if options.output.evaluate else []
    # One pass over the images as read, whatever is averaged.
    stacks = class_averages(
        source,
        [*ordered, *trusted],
        n_threads,
        phases.tell_and_time,
        only_compared=halves,
        summed_by=prepared.summed_by,
    )
    of_halves = stacks[len(ordered) + len(trusted) :]
    compared = [stack.compared for stack in (*stacks[: len(ordered)], *of_halves)]
    core_averages = [stack.delivered for stack in stacks[len(ordered) :][: len(trusted)]]
    junk = [core.zscores.junk for core in cores] if cores else [None] * len(ordered)
    found = core_warnings(ordered, cores, options.cores) if cores else []
    found += limit_warnings(options.levels, ordered, int(engine.usable.sum()))
    evaluations = evaluation.evaluations(ordered, halves, compared, junk)
    memory = replace(prepared.memory, peak_bytes=course.peak.so_far_bytes())
    found += memory_warnings(memory)
    if folder is not None:
        found += relion_warnings(source, options.output, ordered[-1])
    for warning in found:
        phases.tell(RunWarned(warning))
    return Classification(
        source=source,
        options=options,
        plan=plan,
        levels=ordered,
        level_averages=tuple(stack.delivered for stack in stacks[: len(ordered)]),
        evaluations=evaluations,
        cores=cores,
        core_averages=core_averages[0] if core_averages else None,
        stable_core_averages=core_averages[1] if len(core_averages) > 1 else None,
        flags=prepared.flags,
        timings=phases.seconds,
        warnings=(*prepared.warnings, *found),
        memory=memory,
        cluster=None if course.cluster is None else course.cluster.account.use(),
    )


def _with_rejected(result: Classification, course: Course) -> Classification:
    """Return the result with a quick classification of what is in no core, if asked for."""
    if not (result.options.cores.analyze_rejected and result.cores):
        return result
    rows = np.flatnonzero(~result.cores[-1].is_core & (result.flags == USABLE))
    if len(rows) == 0:
        return result
    options = rejected_options(result.options, len(rows))
    with course.phases.phase("rejected"):
        cluster = None if course.cluster is None else course.cluster.subset(rows)
        quiet = replace(course, phases=Phases(), unfinished=None, cluster=cluster)
        source = subset_of(result.source, rows)
        prepared = prepare(source, None, options, quiet, result)
        rejected = _find_classes(prepared, quiet, None)
    return replace(result, rejected=rejected)
