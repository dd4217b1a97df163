"""Cores of a run: found while it goes on, or anew from its folder with other thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cl2d.cores import core_warnings, find_cores, score_levels
from cl2d.engine import LocalEngine
from cl2d.engine.ingest import ingest
from cl2d.errors import InputError
from cl2d.io import array_source
from cl2d.options import RunOptions, build_options
from cl2d.outputs.core_files import read_zscores
from cl2d.outputs.core_update import update_cores, update_record
from cl2d.outputs.delivered import class_averages
from cl2d.outputs.folder import REJECTED
from cl2d.outputs.renewal import renewal
from cl2d.outputs.report import renew_report
from cl2d.outputs.saved_run import load_run
from cl2d.pipeline.evaluation import source_of_run
from cl2d.pipeline.timing import Phases
from cl2d.preprocess import noise_images

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from cl2d.cores import LevelCores, LevelZscores
    from cl2d.engine import Engine, SearchSettings
    from cl2d.io import ParticleSource
    from cl2d.options import CoreOptions
    from cl2d.outputs.saved_run import SavedRun
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult

    Averages = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CoreJob:
    """What finding cores needs to know of its run."""

    plan: PreprocessPlan
    search: SearchSettings
    n_threads: int
    phases: Phases

    def cores(
        self,
        engine: Engine,
        levels: Sequence[LevelResult],
        statistics: npt.NDArray[np.float32],
        options: CoreOptions,
    ) -> tuple[LevelCores, ...]:
        """Score every image at every level and find the cores; none if not asked for."""
        if not options.core:
            return ()
        with self.phases.phase("cores", engine.n_images * len(levels)) as done:
            zscores = score_levels(engine, self._noise_engine(), levels, statistics, done)
            return find_cores(levels, zscores, options)

    def _noise_engine(self) -> LocalEngine:
        noise = ingest(array_source(noise_images(self.plan)), self.plan, self.n_threads)
        scale = self.plan.box_px / self.plan.working_box_px
        usable = noise.flags == 0
        return LocalEngine(noise.blocks, usable, self.search, scale, self.n_threads)


def core_levels(levels: Sequence[LevelResult], cores: Sequence[LevelCores]) -> list[LevelResult]:
    """Return the last level with its cores for members, and with its stable cores if there are.

    They are for averaging: everybody else is in no class.
    """
    if not cores:
        return []
    last, core = levels[-1], cores[-1]
    found = [replace(last, labels=core.core_labels(last))]
    if core.is_stable_core is not None:
        found.append(replace(last, labels=core.stable_core_labels(last)))
    return found


@dataclass(frozen=True)
class RecomputedCores:
    """Cores that a finished run was given.

    Attributes
    ----------
    cores : tuple of LevelCores, one a level
    warnings : sentences for the user
    """

    cores: tuple[LevelCores, ...]
    warnings: tuple[str, ...]


def recompute_cores(
    run: str | os.PathLike[str],
    *,
    particles: str | os.PathLike[str] | ParticleSource | None = None,
    threads: int | None = None,
    on_event: Callable[[object], None] | None = None,
    **options: object,
) -> RecomputedCores:
    """Find the cores of a finished run anew, from its stored z-scores, and renew its files.

    Parameters
    ----------
    run : path
        Output folder of a run that was classified with cores.
    particles : path or ParticleSource, optional
        The particles of the run, where they are not found under the name it knew them by. They
        are read for the averages of the cores only; without them these are removed.
    threads : int, optional
    on_event : callable, optional
    **options
        ``junk_zscore``, ``pca_zscore``, ``stable_core`` and ``tolerance``; those left out stay
        as the run had them.

    Raises
    ------
    InputError
        If the run is not finished or has no z-scores, or an option is out of range.
    """
    saved = load_run(run, renewable=True)
    chosen = build_options({**saved.options.cores.model_dump(), **options, "core": True})
    cores = find_cores(saved.levels, _stored_zscores(saved), chosen.cores)
    warnings = core_warnings(saved.levels, cores, chosen.cores)
    phases = Phases(on_event)
    n_threads = RunOptions(threads=threads).n_threads()
    averages: list[Averages | None] = [None, None]
    source, missing = None, ""
    try:
        source = source_of_run(saved, particles, n_threads)
    except (InputError, OSError) as error:
        missing = str(error)
        warnings.append(f"the averages of the cores were removed, not remade: {error}")
    else:
        wanted = core_levels(saved.levels, cores)
        stacks = class_averages(source, wanted, n_threads, phases.tell_and_time)
        averages[: len(wanted)] = [stack.delivered for stack in stacks]
    if (saved.folder / REJECTED).is_dir():
        warnings.append(f"{REJECTED}/ still shows the particles that were rejected before")
    with renewal(saved.folder):
        update_cores(saved, cores, (averages[0], averages[1]))
        update_record(saved, chosen.cores, warnings)
        renew_report(saved, source, missing)
    return RecomputedCores(cores, tuple(warnings))


def _stored_zscores(saved: SavedRun) -> list[LevelZscores]:
    zscores = [read_zscores(saved.folder, level.level) for level in saved.levels]
    found = [z for z in zscores if z is not None]
    if len(found) < len(zscores):
        message = f"{saved.folder} must have z-scores, but it was classified without cores"
        raise InputError(message)
    return found
