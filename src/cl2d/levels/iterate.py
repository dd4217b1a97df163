"""The iterations of one level: assign, centre, average, refill, until few images move."""

from __future__ import annotations

import time
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from cl2d.engine import (
    ClassicalRule,
    RobustRule,
    ScoreDistributions,
    normalised_references,
    sample_rows,
)
from cl2d.events import IterationProgress
from cl2d.levels.bookmark import Bookmark, Iterating
from cl2d.levels.centring import centred_poses
from cl2d.levels.cuts import cut_rule
from cl2d.levels.doubt import last_poses
from cl2d.levels.endpoints import LevelEnd, LevelStart
from cl2d.levels.schedule import most_iterations
from cl2d.levels.size_control import no_reseeding, reseed_small_classes
from cl2d.levels.step import Step
from cl2d.levels.sure_members import sure_labels
from cl2d.results import IterationReport

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import (
        Assignment,
        AssignmentRule,
        ClassSums,
        Engine,
        LastPoses,
        RealAverages,
    )
    from cl2d.options import LevelOptions

    OnEvent = Callable[[object], None]


SETTLED_CHANGE = 0.2
"""Share of the changes that end a level, below which its settling iterations end."""


class IterationLoop:
    """Runs iterations."""

    def __init__(
        self,
        engine: Engine,
        options: LevelOptions,
        on_event: OnEvent,
        *,
        by_likelihood: bool,
        fast: bool = False,
        mark: Bookmark | None = None,
    ) -> None:
        self._mark = mark or Bookmark()
        self._fast = fast
        self._sampled = False
        self._by_likelihood = by_likelihood
        self._options = options
        self._on_event = on_event
        self._cut_rule = cut_rule(options)
        self._look_at(engine)

    def _look_at(self, engine: Engine) -> None:
        self._engine = engine
        self._n_usable = int(engine.usable.sum())
        robust = self._options.clustering == "robust"
        self._sample = sample_rows(engine.usable) if robust else None

    def on_sample(self, rows: npt.NDArray[np.intp]) -> Self:
        """Return a loop that looks at some of the images only."""
        loop = copy(self)
        loop._look_at(self._engine.subset(rows))
        loop._sampled = True
        return loop

    def references_after(self, start: LevelStart, end: LevelEnd) -> npt.NDArray[np.complex64]:
        """Return the averages that the last iteration of a level leaves."""
        return self._last_step(start, end).reseeding.references

    def _last_step(self, start: LevelStart, end: LevelEnd) -> Step:
        """Return the last iteration of a level again, with averages made as it made them."""
        fitted = end.assignment
        summed, sums = self._summed(fitted, end.n_classes, end.settling)
        views = start.references if start.given and end.kept is None else None
        averages = _averages(sums, views)
        return Step(fitted, None, summed, sums, no_reseeding(averages), end.reports[-1])

    def run(self, start: LevelStart) -> LevelEnd:
        """Iterate until few images change class or the iterations are used up."""
        step, parents, reports = self._behind(start)
        while step is None or self._goes_on(start, step.report):
            iteration = 1 if step is None else step.report.iteration + 1
            step = self._iterate(start, iteration, step)
            parents = parents[step.reseeding.origin]
            reports = (*reports, step.report)
            self._mark.keep(iterating=Iterating(step, parents, reports))
            self._mark.save()  # whoever is told of the iteration may end the run
            self._on_event(step.report)
        self._mark.keep(iterating=None)
        return LevelEnd(step.assignment, parents, reports, settling=start.settling)

    def _behind(
        self, start: LevelStart
    ) -> tuple[Step | None, npt.NDArray[np.int32], tuple[IterationReport, ...]]:
        """Return what the iterations of an earlier process have left; at first there is nothing."""
        behind = self._mark.place.iterating
        if behind is None:
            return None, start.parents, ()
        return behind.step, behind.parents, behind.reports

    def _goes_on(self, start: LevelStart, report: IterationReport) -> bool:
        """Tell whether another iteration follows."""
        within = report.iteration < self._most_iterations(start)
        return within and not self._at_rest(start, report)

    def _iterate(
        self, start: LevelStart, iteration: int, before: Step | None, *, final: bool = False
    ) -> Step:
        """Assign and average once; the ``final`` time exhaustively, and without refilling."""
        started = time.perf_counter()
        references = start.references if before is None else before.reseeding.references
        fitted = start.before if before is None else before.assignment
        last = None
        if self._fast and not (final or fitted is None or self._sample is not None):
            last = last_poses(fitted, turn(start, iteration))
        tell = self._progress(start.level, iteration)
        assignment = self._assign(references, before, last, tell)
        labels = assignment.labels
        summed, class_sums = self._summed(assignment, len(references), start.settling)
        averages = _averages(class_sums, references if start.given else None)
        reseeding = no_reseeding(averages)
        if not final and self._refills(start) and iteration < self._most_iterations(start):
            reseeding = reseed_small_classes(self._engine, averages, assignment, self._cut_rule)
        sizes = np.bincount(labels[labels >= 0], minlength=len(references))
        report = IterationReport(
            level=start.level,
            n_classes=len(references),
            iteration=iteration,
            n_changed=self._n_usable if before is None else before.n_changed(labels),
            n_new=self._n_usable if before is None else before.n_new(labels),
            mean_score=float(assignment.scores[labels >= 0].mean()),
            smallest_class=int(sizes.min()),
            largest_class=int(sizes.max()),
            n_reseeded=reseeding.n_reseeded,
            seconds=time.perf_counter() - started,
            exchange=start.exchange,
            settling=start.settling is not None,
            fast=assignment.fast,
            n_images=self._n_usable,
            sampled=self._sampled,
            closing=start.closing is not None,
        )
        labels_before = None if before is None else before.assignment.labels
        return Step(assignment, labels_before, summed, class_sums, reseeding, report)

    def _assign(
        self,
        references: npt.NDArray[np.complex64],
        before: Step | None,
        last: LastPoses | None,
        tell: Callable[[int], None],
    ) -> Assignment:
        """Assign every image, and put the class averages in their centres."""
        assignment = self._engine.assign(
            references,
            self._rule(before),
            tell,
            self._sample,
            self._real_averages(before, len(references)),
            own=None if before is None else before.own_share(),
            last=last,
        )
        poses = centred_poses(assignment.poses, assignment.labels, len(references))
        return replace(assignment, poses=poses)

    def _summed(
        self, fitted: Assignment, n_classes: int, settling: npt.NDArray[np.bool_] | None
    ) -> tuple[npt.NDArray[np.int32], ClassSums]:
        """Return the classes in whose sums the images are, and the sums."""
        summed = fitted.labels
        if settling is not None:
            summed = sure_labels(fitted.labels, fitted.confidence, settling)
        return summed, self._engine.update(summed, fitted.poses, n_classes)

    def _progress(self, level: int, iteration: int) -> Callable[[int], None]:
        total = self._engine.n_images
        return lambda done: self._on_event(IterationProgress(level, iteration, done, total))

    def _real_averages(self, before: Step | None, n_classes: int) -> RealAverages | None:
        """Return what the references show in real space, save those that are new."""
        if before is None:
            return None
        averages = self._engine.averages(before.summed, before.assignment.poses, n_classes)
        return None if averages is None else averages.without(before.reseeding.changed)

    def _rule(self, before: Step | None) -> AssignmentRule:
        """Return the rule of an iteration; the first of a level has nothing but scores to go by."""
        if before is None:
            return ClassicalRule()
        if self._sample is None:
            return before.likelihood_rule() if self._by_likelihood else ClassicalRule()
        scores = before.assignment.sampled_scores
        assert scores is not None
        labels = before.assignment.labels[self._sample]
        return RobustRule(ScoreDistributions(scores, labels, before.reseeding.changed))

    def _refills(self, start: LevelStart) -> bool:
        """Tell whether classes that become small are refilled."""
        ready = start.given or start.settling is not None or start.closing is not None
        return not (ready or self._options.automatic)

    def _most_iterations(self, start: LevelStart) -> int:
        if start.closing is not None:
            return start.closing
        long = start.last or start.settling is not None
        return most_iterations(self._options.iterations, last=long)

    def _at_rest(self, start: LevelStart, report: IterationReport) -> bool:
        """Tell whether few images go to classes that are new to them.

        Images between two like views change between them for ever, and say nothing.
        """
        settling = start.settling is not None
        percent = self._options.min_change_percent * (SETTLED_CHANGE if settling else 1)
        few = report.n_new < percent / 100 * self._n_usable
        return few and report.iteration >= 2 and report.n_reseeded == 0


def _averages(
    sums: ClassSums, views: npt.NDArray[np.complex64] | None
) -> npt.NDArray[np.complex64]:
    """Return the averages of classes; those of empty ones are the views, where there are any."""
    averages = normalised_references(sums.sums)
    if views is not None:
        empty = sums.counts == 0
        averages[empty] = views[empty]
    return averages


def turn(start: LevelStart, iteration: int) -> int:
    """Return a number that goes on counting where the iterations begin again."""
    return start.level + start.exchange + iteration
