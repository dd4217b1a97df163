"""The levels of a run: start, iterate, grow, and report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError
from cl2d.events import LevelFinished, LevelStarted, ignore_event
from cl2d.levels.iterate import LevelLoop, LevelStart
from cl2d.levels.main_view import main_view_confidence
from cl2d.levels.schedule import level_schedule
from cl2d.levels.size_control import fill_empty_classes
from cl2d.levels.splitting import CutRule, grow_classes
from cl2d.levels.start import random_references
from cl2d.results import LevelResult

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.iterate import LevelEnd
    from cl2d.options import LevelOptions

    OnEvent = Callable[[object], None]


def run_levels(
    engine: Engine,
    options: LevelOptions,
    on_event: OnEvent | None = None,
    on_level: Callable[[LevelResult], None] | None = None,
    references: npt.NDArray[np.complex64] | None = None,
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
    references : (n_references, n_rings, n_angles / 2) complex64, optional
        Views to start from in place of random classes: K0 is their number then, at most K. The
        first level sorts the images by these views, however rare one of them is.

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
    first = _first_level(engine, options, references, n_usable)
    loop = LevelLoop(engine, options, tell)
    levels: list[LevelResult] = []
    n_first = len(first.references)
    schedule = level_schedule(n_first, max(n_first, min(options.classes, n_usable)))
    for level, n_classes in enumerate(schedule):
        tell(LevelStarted(level, n_classes))
        start = first if level == 0 else _grown(engine, levels[-1], n_classes, options)
        start = replace(start, last=level == len(schedule) - 1 and not start.given)
        exchanging = options.exchange and start.last
        end = loop.run_with_exchanges(start) if exchanging else loop.run(start)
        before = levels[-1] if levels else None
        finished = _finished_level(start, end, before, options.allow_fewer)
        rule = CutRule(options.split_by, options.min_class_percent)
        sure = main_view_confidence(engine, finished, rule)
        levels.append(replace(finished, confidence=sure))
        if on_level is not None:
            on_level(levels[-1])
        sizes = tuple(int(size) for size in levels[-1].class_sizes())
        tell(LevelFinished(level, levels[-1].n_classes, sizes))
    return levels


def _first_level(
    engine: Engine,
    options: LevelOptions,
    references: npt.NDArray[np.complex64] | None,
    n_usable: int,
) -> LevelStart:
    """Return the start of level 0: the user's views, or random classes."""
    given = references is not None
    if references is None:
        n_classes = min(options.initial_classes, options.classes, n_usable)
        references = random_references(engine, n_classes, np.random.default_rng(options.seed))
    return LevelStart(0, references, np.full(len(references), -1, dtype=np.int32), given)


def _grown(engine: Engine, last: LevelResult, n_classes: int, options: LevelOptions) -> LevelStart:
    """Return the start of the level after ``last``, with more classes."""
    rule = CutRule(options.split_by, options.min_class_percent)
    growth = grow_classes(engine, last, n_classes, rule)
    return LevelStart(last.level + 1, growth.references, growth.parents)


def _finished_level(
    start: LevelStart, end: LevelEnd, before: LevelResult | None, allow_fewer: bool
) -> LevelResult:
    """Return the result of a level, with as many classes as were asked unless fewer are allowed.

    A view of the user's that no image shows stays a class without images.
    """
    n_classes, parents = len(start.references), end.parents
    labels, scores, confidence = end.assignment.labels, end.assignment.scores, end.confidence
    number = _reference_numbers(start, parents, before)
    if allow_fewer:
        kept = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=n_classes))
        new_label = np.full(n_classes + 1, -1, dtype=np.int32)
        new_label[kept] = np.arange(len(kept))
        labels, parents, n_classes = new_label[labels], parents[kept], len(kept)
        number = None if number is None else number[kept]
    elif not start.given:
        labels = fill_empty_classes(labels, scores, n_classes)
        # Nothing speaks for a class that an image only fills up.
        confidence = np.where(labels == end.assignment.labels, confidence, np.float32(0))
    return LevelResult(
        level=start.level,
        n_classes=n_classes,
        labels=labels,
        poses=end.assignment.poses,
        scores=scores,
        confidence=confidence,
        parents=parents,
        iterations=end.reports,
        reference_numbers=number,
        margin=end.assignment.margin,
    )


def _reference_numbers(
    start: LevelStart, parents: npt.NDArray[np.int32], before: LevelResult | None
) -> npt.NDArray[np.int32] | None:
    """Return which of the user's references each class descends from, None if there are none."""
    if before is None:
        return np.arange(len(parents), dtype=np.int32) if start.given else None
    numbers = before.reference_numbers
    return None if numbers is None else numbers[parents]
