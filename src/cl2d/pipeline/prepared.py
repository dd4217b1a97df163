"""From particles to an engine that holds them: planned, announced, and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import SearchSettings, covering_radius_px, shift_grid, simd_level
from cl2d.events import RunPlanned, RunWarned
from cl2d.pipeline.available_memory import available_memory_bytes
from cl2d.pipeline.ctf import corrected_particles
from cl2d.pipeline.inputs import check_number_of_classes, enabled_images, flag_warnings
from cl2d.pipeline.memory import memory_needs
from cl2d.pipeline.read_images import Reading
from cl2d.pipeline.storage_choice import chosen_memory, memory_of, storage_of
from cl2d.preprocess import DISABLED, USABLE, plan_preprocessing

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from cl2d.engine import Engine, Storage
    from cl2d.engine.member_sums import SummedBy
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.pipeline.classification import Classification
    from cl2d.pipeline.on_cluster import OnCluster
    from cl2d.pipeline.peak_memory import PeakMemory
    from cl2d.pipeline.read_images import ReadImages
    from cl2d.pipeline.resuming import UnfinishedFolder
    from cl2d.pipeline.timing import Phases
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import RunMemory


@dataclass(frozen=True, eq=False)
class Course:
    """Who follows a run, and where it goes.

    Attributes
    ----------
    phases : Phases
    peak : PeakMemory
    output : path or None
        Folder for the files of the run, which need not exist yet.
    unfinished : UnfinishedFolder or None
        The run in that folder that is gone on with.
    cluster : OnCluster or None
        Whose workers hold the images, if not this process.
    """

    phases: Phases
    peak: PeakMemory
    output: str | os.PathLike[str] | None
    unfinished: UnfinishedFolder | None = None
    cluster: OnCluster | None = None


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """A run whose images are read: what is known, and the engine that holds the images.

    ``summed_by`` sums the images as read for averages, if not this process.
    """

    source: ParticleSource
    options: ClassifyOptions
    plan: PreprocessPlan
    flags: npt.NDArray[np.uint8]
    warnings: tuple[str, ...]
    search: SearchSettings
    engine: Engine
    statistics: npt.NDArray[np.float32]
    views: ParticleSource | None
    memory: RunMemory
    images_sha256: str
    summed_by: SummedBy | None


def prepare(
    source: ParticleSource,
    views: ParticleSource | None,
    options: ClassifyOptions,
    course: Course,
    whole: Classification | None = None,
) -> PreparedRun:
    """Plan the run and read all images; refuse what cannot work as early as it can be known.

    ``whole`` is the run of which this is a part: it has settled the plan and the storage.
    """
    phases = course.phases
    enabled = enabled_images(source)
    check_number_of_classes(options.levels, int(enabled.sum()), source)
    search = _search_settings(source, options)  # refused now if it does not fit the images
    if whole is None:
        with phases.phase("planning"):
            corrected = corrected_particles(source, options, enabled)
            source, rows = corrected.source, np.flatnonzero(enabled)
            plan = corrected.noted_in(plan_preprocessing(source, options.preprocess, rows=rows))
    else:
        plan = whole.plan
    if course.unfinished is not None:
        course.unfinished.check_plan(source, plan)
    memory, storage = _storage(source, plan, options, course, whole)
    phases.tell(_run_planned(source, plan, options, memory, search))
    images = _read(Reading(source, plan, search, storage, options), course)
    images_sha256 = images.sha256
    if course.unfinished is not None:
        course.unfinished.check_images(images_sha256)
    flags = np.where(enabled, images.flags, np.uint8(DISABLED))
    warnings = flag_warnings(flags, source)
    for warning in warnings:
        phases.tell(RunWarned(warning))
    check_number_of_classes(options.levels, int((flags == USABLE).sum()), source)
    return PreparedRun(
        source=source,
        options=options,
        plan=plan,
        flags=flags,
        warnings=(*plan.warnings, *warnings),
        search=search,
        engine=images.engine(flags == USABLE),
        statistics=images.statistics,
        views=views,
        memory=memory,
        images_sha256=images_sha256,
        summed_by=images.summed_by,
    )


def _search_settings(source: ParticleSource, options: ClassifyOptions) -> SearchSettings:
    alignment = options.alignment
    radius_px = alignment.shift_radius_px(source.box_px, source.pixel_size_angstrom)
    return SearchSettings(radius_px, alignment.mirrors)


def _storage(
    source: ParticleSource,
    plan: PreprocessPlan,
    options: ClassifyOptions,
    course: Course,
    whole: Classification | None,
) -> tuple[RunMemory, Storage]:
    """Return how the run uses memory, and what will keep its coefficients."""
    needs, run = memory_needs(source, plan, options), options.run
    if whole is None or whole.memory is None:
        unfinished = course.unfinished
        cluster = course.cluster
        available = available_memory_bytes() if cluster is None else cluster.available_bytes()
        among = None if unfinished is None else unfinished.storages()
        memory = chosen_memory(needs, run, available, among)
    else:
        memory = memory_of(needs, whole.memory.storage, whole.memory.limit_bytes)
    room = needs.scratch_bytes(memory.storage)
    return memory, storage_of(memory.storage, room, run.scratch_dir, course.output)


def _read(reading: Reading, course: Course) -> ReadImages:
    with course.phases.phase("reading", reading.source.n_images) as done:
        if course.cluster is not None:
            return reading.on_cluster(course.cluster, done)
        return reading.here(done)


def _run_planned(
    source: ParticleSource,
    plan: PreprocessPlan,
    options: ClassifyOptions,
    memory: RunMemory,
    search: SearchSettings,
) -> RunPlanned:
    radius_px = search.max_shift_px
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
        memory_bytes=memory.estimated_bytes,
        threads=options.run.n_threads(),
        simd_level=simd_level(),
        warnings=plan.warnings,
        ctf=plan.ctf,
        storage=memory.storage,
        bytes_per_image=memory.bytes_per_image,
        memory_limit_bytes=memory.limit_bytes,
    )
