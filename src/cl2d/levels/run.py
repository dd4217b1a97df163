"""The level loop: iterate, stop, grow, and report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import ClassicalRule, normalised_references
from cl2d.errors import InputError
from cl2d.events import IterationProgress, LevelFinished, LevelStarted, ignore_event
from cl2d.levels.centring import centred_poses
from cl2d.levels.schedule import level_schedule
from cl2d.levels.size_control import fill_empty_classes, reseed_small_classes
from cl2d.levels.splitting import grow_classes
from cl2d.levels.start import random_references
from cl2d.results import IterationReport, LevelResult

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Assignment, AssignmentRule, Engine
    from cl2d.options import LevelOptions
    from cl2d.results import Poses

    OnEvent = Callable[[object], None]


@dataclass(frozen=True)
class _Step:
    """What one iteration leaves: the assignment, its poses centred, and the next references."""

    assignment: Assignment
    poses: Poses
    references: npt.NDArray[np.complex64]
    report: IterationReport


class _LevelLoop:
    """The iterations of one level."""

    def __init__(
        self,
        engine: Engine,
        options: LevelOptions,
        rule: AssignmentRule,
        level: int,
        on_event: OnEvent,
    ) -> None:
        self._engine = engine
        self._options = options
        self._rule = rule
        self._level = level
        self._on_event = on_event
        self._n_usable = int(engine.usable.sum())

    def run(
        self, references: npt.NDArray[np.complex64]
    ) -> tuple[_Step, tuple[IterationReport, ...]]:
        """Iterate until few images change class or the iterations are used up.

        Returns the last iteration and the reports of all.
        """
        step = self._iterate(references, 1, None)
        reports = [step.report]
        self._on_event(step.report)
        while len(reports) < self._options.iterations and not self._at_rest(step.report):
            step = self._iterate(step.references, len(reports) + 1, step.assignment.labels)
            reports.append(step.report)
            self._on_event(step.report)
        return step, tuple(reports)

    def _iterate(
        self,
        references: npt.NDArray[np.complex64],
        iteration: int,
        previous: npt.NDArray[np.int32] | None,
    ) -> _Step:
        started = time.perf_counter()
        n_classes = len(references)
        total = self._engine.n_images
        assignment = self._engine.assign(
            references,
            self._rule,
            lambda done: self._on_event(IterationProgress(self._level, iteration, done, total)),
        )
        labels = assignment.labels
        poses = centred_poses(assignment.poses, labels, n_classes)
        class_sums = self._engine.update(labels, poses, n_classes)
        references = normalised_references(class_sums.sums)
        n_reseeded = 0
        if iteration < self._options.iterations:
            references, n_reseeded = reseed_small_classes(
                self._engine, references, labels, poses, self._options.min_class_percent
            )
        changed = self._n_usable if previous is None else int((labels != previous).sum())
        report = IterationReport(
            level=self._level,
            n_classes=n_classes,
            iteration=iteration,
            n_changed=changed,
            mean_score=float(assignment.scores[labels >= 0].mean()),
            smallest_class=int(class_sums.counts.min()),
            largest_class=int(class_sums.counts.max()),
            n_reseeded=n_reseeded,
            seconds=time.perf_counter() - started,
        )
        return _Step(assignment, poses, references, report)

    def _at_rest(self, report: IterationReport) -> bool:
        few = report.n_changed < self._options.min_change_percent / 100 * self._n_usable
        return few and report.iteration >= 2 and report.n_reseeded == 0


def _finished_level(
    last: _Step,
    reports: tuple[IterationReport, ...],
    parents: npt.NDArray[np.int32],
    allow_fewer: bool,
) -> LevelResult:
    """Return the result of a level, with as many classes as were asked unless fewer are allowed."""
    n_classes = last.report.n_classes
    labels = last.assignment.labels
    if allow_fewer:
        kept = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=n_classes))
        number = np.full(n_classes + 1, -1, dtype=np.int32)
        number[kept] = np.arange(len(kept))
        labels, parents, n_classes = number[labels], parents[kept], len(kept)
    else:
        labels = fill_empty_classes(labels, last.assignment.scores, n_classes)
    return LevelResult(
        level=last.report.level,
        n_classes=n_classes,
        labels=labels,
        poses=last.poses,
        scores=last.assignment.scores,
        confidence=last.assignment.confidence,
        parents=parents,
        iterations=reports,
    )


def run_levels(
    engine: Engine,
    options: LevelOptions,
    on_event: OnEvent | None = None,
    on_level: Callable[[LevelResult], None] | None = None,
) -> list[LevelResult]:
    """Classify: K0 random classes, iterated, split and iterated again until there are K.

    Parameters
    ----------
    engine : Engine
    options : LevelOptions
    on_event : callable, optional
        Gets LevelStarted, IterationProgress, IterationReport and LevelFinished.
    on_level : callable, optional
        Gets each level's result as soon as it is there, before LevelFinished is told.

    Raises
    ------
    InputError
        If there are fewer usable images than classes.

    Notes
    -----
    The growth by levels is that of CL2D (Sorzano et al., J. Struct. Biol. 171, 2010). A class
    asked for is a class obtained, and the class sizes of every level add up to the usable images.
    """
    n_usable = int(engine.usable.sum())
    if options.classes > n_usable and not options.allow_fewer:
        message = f"n_classes ({options.classes}) must not exceed the {n_usable} usable images"
        raise InputError(message)
    tell = on_event if on_event is not None else ignore_event
    rng = np.random.default_rng(options.seed)
    levels: list[LevelResult] = []
    for level, n_classes in enumerate(
        level_schedule(options.initial_classes, min(options.classes, n_usable))
    ):
        tell(LevelStarted(level, n_classes))
        if level == 0:
            references = random_references(engine, n_classes, rng)
            parents = np.full(n_classes, -1, dtype=np.int32)
        else:
            above = levels[-1]
            growth = grow_classes(engine, above.labels, above.poses, above.n_classes, n_classes)
            references, parents = growth.references, growth.parents
        last, reports = _LevelLoop(engine, options, ClassicalRule(), level, tell).run(references)
        levels.append(_finished_level(last, reports, parents, options.allow_fewer))
        if on_level is not None:
            on_level(levels[-1])
        sizes = tuple(int(size) for size in levels[-1].class_sizes())
        tell(LevelFinished(level, levels[-1].n_classes, sizes))
    return levels
