"""The levels of a run: start, iterate, grow, and report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError
from cl2d.events import LevelFinished, LevelStarted, ignore_event
from cl2d.levels.automatic import grown_classes
from cl2d.levels.bookmark import OF_A_LEVEL, Bookmark, Continuation, Exchanging
from cl2d.levels.cuts import cut_rule, find_cuts, judging_rule
from cl2d.levels.endpoints import LevelEnd, LevelStart
from cl2d.levels.homogeneity import class_homogeneity
from cl2d.levels.level_loop import LevelLoop
from cl2d.levels.main_view import main_view_confidence
from cl2d.levels.sampled import ITERATIONS_OF_ALL, sample_of
from cl2d.levels.schedule import level_schedule
from cl2d.levels.size_control import fill_empty_classes
from cl2d.levels.splitting import grow_classes
from cl2d.levels.start import random_references
from cl2d.results import LevelResult

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Assignment, Engine
    from cl2d.levels.cuts import Cut
    from cl2d.options import LevelOptions

    OnEvent = Callable[[object], None]
    References = npt.NDArray[np.complex64]

LEAST_GROWTH = 0.25
"""Growth that is worth a level of its own, where the number of classes is found automatically."""


def run_levels(
    engine: Engine,
    options: LevelOptions,
    on_event: OnEvent | None = None,
    on_level: Callable[[LevelResult], None] | None = None,
    references: npt.NDArray[np.complex64] | None = None,
    *,
    by_likelihood: bool = True,
    fast: bool = False,
    mark: Bookmark | None = None,
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
    by_likelihood : bool
        Whether the classical rule goes by the likelihood of an image, not by its score alone
        (:class:`cl2d.engine.LikelihoodRule`).
    fast : bool
        Whether the iterations may be fast searches; the last one is exhaustive in any case.
    mark : Bookmark, optional
        Holds the place of an earlier process to go on from, and learns of each new one.

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
    if options.most_classes(n_usable) > n_usable and not options.allow_fewer:
        message = f"n_classes ({options.classes}) must not exceed the {n_usable} usable images"
        raise InputError(message)
    tell = on_event if on_event is not None else ignore_event
    mark = mark or Bookmark()
    loop = LevelLoop(engine, options, tell, by_likelihood=by_likelihood, fast=fast, mark=mark)
    course = _Course(engine, options, tell, on_level, loop=loop, mark=mark)
    if options.automatic:
        course.run_automatic(references, n_usable)
    else:
        course.run_scheduled(references, n_usable)
    return course.levels


class _Course:
    """The levels of one run as they come about."""

    def __init__(
        self,
        engine: Engine,
        options: LevelOptions,
        tell: OnEvent,
        on_level: Callable[[LevelResult], None] | None,
        *,
        loop: LevelLoop,
        mark: Bookmark,
    ) -> None:
        self._engine = engine
        self._options = options
        self._tell = tell
        self._on_level = on_level
        self._rule = cut_rule(options)
        self._loop = loop
        self._mark = mark
        self._cuts: dict[int, Cut] = {}
        self.levels: list[LevelResult] = list(mark.place.levels)

    def run_scheduled(self, references: References | None, n_usable: int) -> None:
        """Double the classes from level to level, up to the number asked for."""
        n_first = _first_classes(self._options, references, n_usable)
        n_last = max(n_first, min(self._options.most_classes(n_usable), n_usable))
        fitted: Assignment | None = None
        for n_classes in level_schedule(n_first, n_last)[len(self.levels) :]:
            start = self._mark.place.level
            if start is None:
                start = self._next_start(references, n_classes, fitted)
                start = replace(start, last=1 < n_classes == n_last and not start.given)
            self._begin(start)
            end = self._mark.place.ended
            if end is None:
                end = self._iterated(start)
                if n_classes == n_last:
                    end = self._verified(start, end)
            end = self._with_members(start, end)
            fitted = end.assignment
            self._finish(start, end, is_last=n_classes == n_last)

    def _next_start(
        self, references: References | None, n_classes: int, fitted: Assignment | None
    ) -> LevelStart:
        """Return the start of the next level: that of the run, or the classes before, cut."""
        if not self.levels:
            return _first_level(self._engine, self._options, references)
        last = self.levels[-1]
        growth = grow_classes(self._engine, last, n_classes, self._rule, self._cuts)
        return LevelStart(len(self.levels), growth.references, growth.parents, before=fitted)

    def run_automatic(self, references: References | None, n_usable: int) -> None:
        """Cut what is surely mixed, from level to level; at the last one also join.

        A level of its own needs a quarter more classes; fewer are cut at the last level.
        """
        n_most = self._options.most_classes(n_usable)
        start = self._mark.place.level
        if start is None and not self.levels:
            start = _first_level(self._engine, self._options, references)
        while start is not None:
            self._begin(start)
            end, following = self._automatic_end(start, n_most)
            self._finish(start, end, is_last=following is None)
            start = following

    def _automatic_end(self, start: LevelStart, n_most: int) -> tuple[LevelEnd, LevelStart | None]:
        """Return the end of an automatic level and the start of the next one, if one follows."""
        place = self._mark.place
        if place.ended is not None:
            return self._with_members(start, place.ended), None
        end: LevelEnd | None = None
        if place.adjusting is None and place.settling is None:
            end = self._with_members(start, self._iterated(start))
            n_next = min(2 * end.n_classes, n_most)
            growth = grown_classes(self._engine, end.assignment, end.n_classes, self._rule, n_next)
            if growth.n_cut >= (1 if start.given else LEAST_GROWTH * end.n_classes):
                level, fitted = len(self.levels) + 1, end.assignment
                following = LevelStart(level, growth.references, growth.origin, before=fitted)
                return end, following
        if end is None or not start.given:
            end = self._with_members(start, self._adjusted(start, end, n_most))
        return self._with_members(start, self._verified(start, end)), None

    def _adjusted(self, start: LevelStart, end: LevelEnd | None, n_most: int) -> LevelEnd:
        """Return the end of the last automatic level, joined and cut as it calls for, and settled.

        ``end`` is that of its iterations; None where these were over in an earlier process.
        """
        settling = self._mark.place.settling
        if settling is None:
            done = self._mark.place.adjusting
            if done is None:
                assert end is not None
                done = Exchanging(end, n_most=n_most)
                self._mark.keep(closing=None)
            end = self._loop.run_with_adjustments(start, done)
            settling = self._settling(self._loop, start, end)
            if settling is None:
                return end
        return self._loop.continued(settling)

    def _begin(self, start: LevelStart) -> None:
        """Note and tell that a level begins, or goes on."""
        if self._mark.place.level is not start:
            self._mark.keep(level=start)
            self._mark.save()
        self._tell(LevelStarted(start.level, len(start.references)))

    def _verified(self, start: LevelStart, end: LevelEnd) -> LevelEnd:
        """Return the end of the last level as an exhaustive search has it."""
        found = self._loop.verified(start, end)
        if found is not end:
            self._mark.keep(**OF_A_LEVEL | {"ended": found})
            self._mark.save()
        return found

    def _iterated(self, start: LevelStart) -> LevelEnd:
        """Return the end of the iterations of a level, of which a sample may do the most."""
        closing = self._mark.place.closing
        if closing is None:
            few = None
            if not start.given:
                n_classes, wanted = len(start.references), self._options.images_per_class
                few = sample_of(self._engine.usable, n_classes, wanted)
            if few is None:
                return self._all_iterations(self._loop, start)
            closing = self._closing(start, few)
            self._mark.keep(exchanging=None, settling=None, closing=closing)
        return self._loop.continued(closing)

    def _closing(self, start: LevelStart, few: npt.NDArray[np.intp]) -> Continuation:
        """Return the iterations of all images, after those of a few."""
        loop = self._loop.on_sample(few)
        found = self._all_iterations(loop, start.take(few))
        closing = replace(
            start,
            references=loop.references_after(start, found),
            parents=found.parents,
            settling=found.settling,
            closing=ITERATIONS_OF_ALL,
        )
        return Continuation(closing, found.reports)

    def _all_iterations(self, loop: LevelLoop, start: LevelStart) -> LevelEnd:
        """Return the end of the iterations of a level, exchanges and settling included."""
        if not start.last:
            return loop.run(start)
        settling = self._mark.place.settling
        if settling is None:
            end = loop.run_with_exchanges(start) if self._options.exchange else loop.run(start)
            settling = self._settling(loop, start, end)
            if settling is None:
                return end
        return loop.continued(settling)

    def _settling(self, loop: LevelLoop, start: LevelStart, end: LevelEnd) -> Continuation | None:
        """Return the iterations that settle the last level, None if those are not wanted."""
        if not self._options.settle or end.n_classes == 1:
            return None
        settling = loop.settling(start, end)
        self._mark.keep(exchanging=None, adjusting=None, settling=settling)
        return settling

    def _with_members(self, start: LevelStart, end: LevelEnd) -> LevelEnd:
        """Return the end of a level with its empty classes dropped or filled.

        A view of the user's that no image shows stays a class without images.
        """
        if self._options.allow_fewer or (self._options.automatic and not start.given):
            return _without_empty_classes(end)
        if start.given:
            return end
        fitted = end.assignment
        labels = fill_empty_classes(fitted.labels, fitted.scores, end.n_classes)
        # Nothing speaks for a class that an image only fills up.
        sure = np.where(labels == fitted.labels, fitted.confidence, np.float32(0))
        return replace(end, assignment=replace(fitted, labels=labels, confidence=sure))

    def _finish(self, start: LevelStart, end: LevelEnd, *, is_last: bool) -> None:
        """Keep the result of a level, and tell of it."""
        before = self.levels[-1] if self.levels else None
        level = _finished_level(start, end, before)
        # Halves need not be sharp to grow from, and what grows from them judges the level.
        rule = judging_rule(self._rule) if is_last else self._rule
        cuts = self._cuts = find_cuts(self._engine, level, level.n_classes, rule)
        level = replace(level, confidence=main_view_confidence(self._engine, level, cuts))
        if is_last:
            level = replace(level, homogeneity=class_homogeneity(cuts, level.n_classes))
        self.levels.append(level)
        self._mark.keep(**OF_A_LEVEL, level=None, levels=tuple(self.levels))
        if self._on_level is not None:
            self._on_level(level)
        sizes = tuple(int(size) for size in level.class_sizes())
        self._tell(LevelFinished(level.level, level.n_classes, sizes))
        if is_last:
            self._mark.save()


def _first_classes(options: LevelOptions, references: References | None, n_usable: int) -> int:
    """Return the number of classes at level 0: of the user's views, or of random classes."""
    if references is not None:
        return len(references)
    return min(options.initial_classes, options.most_classes(n_usable), n_usable)


def _first_level(
    engine: Engine, options: LevelOptions, references: References | None
) -> LevelStart:
    """Return the start of level 0: the user's views, or random classes."""
    given = references is not None
    if references is None:
        n_classes = _first_classes(options, None, int(engine.usable.sum()))
        references = random_references(engine, n_classes, np.random.default_rng(options.seed))
    return LevelStart(0, references, np.full(len(references), -1, dtype=np.int32), given)


def _without_empty_classes(end: LevelEnd) -> LevelEnd:
    """Return the end of a level with the classes that have members, numbered anew."""
    labels, n_classes = end.assignment.labels, end.n_classes
    kept = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=n_classes))
    new_label = np.full(n_classes + 1, -1, dtype=np.int32)
    new_label[kept] = np.arange(len(kept))
    assignment = replace(end.assignment, labels=new_label[labels])
    of_start = kept if end.kept is None else end.kept[kept]
    settling = None if end.settling is None else end.settling[kept]
    return LevelEnd(assignment, end.parents[kept], end.reports, of_start, settling)


def _finished_level(start: LevelStart, end: LevelEnd, before: LevelResult | None) -> LevelResult:
    """Return the result of a level."""
    fitted = end.assignment
    return LevelResult(
        level=start.level,
        n_classes=end.n_classes,
        labels=fitted.labels,
        poses=fitted.poses,
        scores=fitted.scores,
        confidence=fitted.confidence,
        parents=end.parents,
        iterations=end.reports,
        reference_numbers=_reference_numbers(start, end, before),
        margin=fitted.margin,
    )


def _reference_numbers(
    start: LevelStart, end: LevelEnd, before: LevelResult | None
) -> npt.NDArray[np.int32] | None:
    """Return which of the user's references each class descends from, None if there are none."""
    if before is None:
        numbers = np.arange(len(start.references), dtype=np.int32)
        return (numbers if end.kept is None else numbers[end.kept]) if start.given else None
    numbers_before = before.reference_numbers
    return None if numbers_before is None else numbers_before[end.parents]
