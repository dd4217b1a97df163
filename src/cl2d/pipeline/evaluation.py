"""Evaluate the classes of a run: while it goes on, or afterwards from its folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cl2d.engine import LocalEngine, SearchSettings
from cl2d.engine.ingest import ingest
from cl2d.errors import InputError, InputFileError
from cl2d.evaluate import LevelEvaluation, LevelEvaluator, half_set_level
from cl2d.io import open_particles
from cl2d.options import RunOptions
from cl2d.outputs.core_files import read_zscores
from cl2d.outputs.delivered import class_averages
from cl2d.outputs.evaluation import write_evaluation
from cl2d.outputs.folder import PARTICLE_TABLE
from cl2d.outputs.program_folders import XMIPP
from cl2d.outputs.relion_job import renew_relion_job
from cl2d.outputs.renewal import renewal
from cl2d.outputs.report import renew_report
from cl2d.outputs.saved_run import SavedRun, load_run
from cl2d.outputs.xmipp_files import renew_xmipp_evaluation
from cl2d.pipeline.ctf import with_correction
from cl2d.pipeline.fitted_classes import fitted_classes
from cl2d.pipeline.inputs import particle_source
from cl2d.pipeline.storage_choice import storage_of_run
from cl2d.pipeline.timing import Phases

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.io import ParticleSource
    from cl2d.pipeline.inputs import Particles
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult

    Stacks = Sequence[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class EvaluationJob:
    """What an evaluation needs to know of its run."""

    plan: PreprocessPlan
    search: SearchSettings
    n_threads: int
    phases: Phases

    def half_sets(self, engine: Engine, levels: Sequence[LevelResult]) -> list[LevelResult]:
        """Return the half-sets of every level, each half aligned on its own."""
        halves: list[LevelResult] = []
        total = int(engine.usable.sum()) * len(levels)
        with self.phases.phase("half-sets", total) as done:
            for i, level in enumerate(levels):
                before = i * total // len(levels)
                halves.append(half_set_level(engine, level, partial(_add_to, done, before)))
        return halves

    def evaluations(
        self,
        levels: Sequence[LevelResult],
        halves: Sequence[LevelResult],
        averages: Stacks,
        junk_zscores: Sequence[npt.NDArray[np.float32] | None],
    ) -> tuple[LevelEvaluation, ...]:
        """Return the evaluation of each level from the averages of all and of half the members.

        ``averages`` holds a stack for each of the levels, then one for each of the half-sets.
        None without half-sets. Junk z-scores are those of the images, where cores were found.
        """
        evaluator = LevelEvaluator(self.plan, self.search, self.n_threads)
        if not halves:
            return ()
        parts = zip(
            levels,
            averages[: len(levels)],
            halves,
            averages[len(levels) :],
            junk_zscores,
            strict=True,
        )
        with self.phases.phase("evaluation"):
            return tuple(evaluator.evaluate(*part) for part in parts)


def evaluate(
    run: str | os.PathLike[str],
    *,
    particles: Particles | None = None,
    threads: int | None = None,
    on_event: Callable[[object], None] | None = None,
) -> tuple[LevelEvaluation, ...]:
    """Evaluate every class of every level of a finished run, and add the figures to its files.

    Parameters
    ----------
    run : path
        Output folder of the run; its class tables, ``frc.npz`` of each level and ``metrics.json``
        are renewed.
    particles : path, (n, y, x) array or ParticleSource, optional
        The particles of the run, where they are not found under the name it knew them by.
    threads : int, optional
    on_event : callable, optional

    Raises
    ------
    InputError
        If the run is not finished, or the particles are not those it was made from.
    """
    saved = load_run(run, renewable=True)
    n_threads = RunOptions(threads=threads).n_threads()
    source = source_of_run(saved, particles, n_threads)
    phases = Phases(on_event)
    search = SearchSettings(
        saved.options.alignment.shift_radius_px(source.box_px, source.pixel_size_angstrom),
        saved.options.alignment.mirrors,
    )
    job = EvaluationJob(saved.plan, search, n_threads, phases)
    storage = storage_of_run(fitted_classes(saved), source.n_images)
    with phases.phase("reading", source.n_images) as done:
        ingested = ingest(source, saved.plan, n_threads, done, storage=storage)
    scale = saved.plan.box_px / saved.plan.working_box_px
    engine = LocalEngine(
        ingested.blocks, ingested.flags == 0, search, scale, n_threads, storage=storage
    )
    halves = job.half_sets(engine, saved.levels)
    stacks = class_averages(
        source, [], n_threads, phases.tell_and_time, only_compared=[*saved.levels, *halves]
    )
    compared = [stack.compared for stack in stacks]
    stored = [read_zscores(saved.folder, level.level) for level in saved.levels]
    junk = [None if zscores is None else zscores.junk for zscores in stored]
    evaluations = job.evaluations(saved.levels, halves, compared, junk)
    with renewal(saved.folder):
        write_evaluation(saved.folder, evaluations)
        renew_relion_job(saved, evaluations)
        if XMIPP in saved.options.output.formats:
            renew_xmipp_evaluation(saved.folder, evaluations)
        renew_report(saved, source)
    return evaluations


def source_of_run(saved: SavedRun, particles: Particles | None, n_threads: int) -> ParticleSource:
    """Return the particles a run was made from, checked by their fingerprint.

    Without ``particles`` they are looked for under the name the run knew them by, then in the
    run's own table. Their CTF is corrected as the run did.

    Raises
    ------
    InputError
        If they are not found, or are others.
    """
    source = particle_source(particles) if particles is not None else _found(saved)
    source = with_correction(source, saved.plan.ctf, n_threads)
    same = source.n_images == saved.record["input"]["n_images"]
    if not same or source.fingerprint() != saved.fingerprint:
        message = f"the particles must be those of {saved.folder}, not {source.name}"
        raise InputError(message)
    return source


def _add_to(done: Callable[[int], None], before: int, count: int) -> None:
    done(before + count)


def _found(saved: SavedRun) -> ParticleSource:
    try:
        return open_particles(saved.input_name)
    except InputFileError as error:
        try:
            return open_particles(saved.folder / PARTICLE_TABLE)
        except InputFileError:
            message = f"the particles of {saved.folder} must be given: {error}"
            raise InputError(message) from error
