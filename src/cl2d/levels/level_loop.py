"""The parts of a level: its iterations, and what may follow them at the last one.

Classes are then exchanged (:mod:`cl2d.levels.exchange`) and iterated again, as long as that makes
the images fit better, or joined and cut where their number is found. The last iterations settle the
unsure images (:mod:`cl2d.levels.sure_members`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.engine import normalised_references
from cl2d.events import ClassesAdjusted, ClassesExchanged, ExchangeEnded
from cl2d.levels.automatic import adjusted_classes
from cl2d.levels.bookmark import Continuation, Exchanging
from cl2d.levels.cuts import find_cuts, judging_rule
from cl2d.levels.doubt import last_poses
from cl2d.levels.endpoints import LevelEnd, LevelStart
from cl2d.levels.exchange import exchange_classes
from cl2d.levels.iterate import IterationLoop, turn
from cl2d.levels.sure_members import classes_of_one_view

if TYPE_CHECKING:
    from cl2d.engine import Assignment
    from cl2d.levels.cuts import Cut

MOST_EXCHANGES = 8
"""Exchanges at a level; each may join and cut several classes at once, so few are needed."""

MOST_ADJUSTMENTS = 8
"""Adjustments of the number of classes at the last level of an automatic one."""


class LevelLoop(IterationLoop):
    """Runs the iterations of levels, and what follows them at the last one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._judging_rule = judging_rule(self._cut_rule)
        self._judged: tuple[Assignment, dict[int, Cut]] | None = None

    def run_with_exchanges(self, start: LevelStart) -> LevelEnd:
        """Iterate, then exchange classes and iterate again while the images fit better for it.

        What is not better is not kept, but its iterations are among the reports: they took time.
        Classes that surely show one view stay joined in any case: apart they may fit a little
        better, by the defocus of their members.
        """
        done = self._mark.place.exchanging or Exchanging(self.run(start))
        while done.number < MOST_EXCHANGES:
            number = done.number + 1
            if done.under_way is None:
                self._mark.keep(exchanging=done)
                exchanged = self._exchanged(start, done.end, number)
                if exchanged is None:
                    break
                done = replace(done, under_way=exchanged[0], of_one_view=exchanged[1])
                self._mark.keep(exchanging=done)
            assert done.under_way is not None
            again = self.run(done.under_way)
            kept = done.of_one_view or again.mean_score > done.end.mean_score
            self._on_event(ExchangeEnded(start.level, number, kept))
            reports = (*done.end.reports, *again.reports)
            if not kept:
                return replace(done.end, reports=reports)
            done = Exchanging(replace(again, reports=reports), number)
        return done.end

    def run_with_adjustments(self, start: LevelStart, done: Exchanging) -> LevelEnd:
        """Join and cut classes and iterate again, until none calls for it.

        Once classes were joined after a cut nothing is cut any more, lest the same be cut and
        joined for ever.

        Parameters
        ----------
        start : of the level
        done : the end of its iterations, the number of classes not to be exceeded, and what an
            earlier process has done
        """
        while done.number < MOST_ADJUSTMENTS:
            if done.under_way is None:
                self._mark.keep(adjusting=done)
                adjusted = self._adjusted(start, done)
                if adjusted is None:
                    break
                done = adjusted
                self._mark.keep(adjusting=done)
            assert done.under_way is not None
            again = self.run(done.under_way)
            again = replace(again, reports=(*done.end.reports, *again.reports))
            done = replace(done, end=again, number=done.number + 1, under_way=None)
        return done.end

    def _adjusted(self, start: LevelStart, done: Exchanging) -> Exchanging | None:
        """Return the adjustments with one more under way, None if nothing calls for it."""
        fitted, rule = done.end.assignment, self._judging_rule
        found = adjusted_classes(self._engine, fitted, done.end.n_classes, rule, done.n_most)
        if found.n_joined == found.n_cut == 0:
            return None
        number = done.number + 1
        self._on_event(ClassesAdjusted(start.level, number, found.n_joined, found.n_cut))
        parents = done.end.parents[found.origin]
        changed = LevelStart(start.level, found.references, parents, exchange=number, before=fitted)
        return replace(
            done,
            under_way=changed,
            n_most=0 if done.was_cut and found.n_joined > 0 else done.n_most,
            was_cut=done.was_cut or found.n_cut > 0,
        )

    def settling(self, start: LevelStart, end: LevelEnd) -> Continuation:
        """Return the iterations that settle a level: with averages of the sure members."""
        fitted, n_classes = end.assignment, end.n_classes
        settling = classes_of_one_view(self._cuts_of(fitted, n_classes), n_classes)
        _, sums = self._summed(fitted, n_classes, settling)
        references = normalised_references(sums.sums)
        again = LevelStart(start.level, references, end.parents, settling=settling, before=fitted)
        return Continuation(again, end.reports)

    def continued(self, continuation: Continuation) -> LevelEnd:
        """Return the end of iterations that go on where others have ended."""
        end = self.run(continuation.start)
        return replace(end, reports=(*continuation.reports, *end.reports))

    def verified(self, start: LevelStart, end: LevelEnd) -> LevelEnd:
        """Return the end of the last level with what an exhaustive search gives, if it was fast.

        The images are assigned to the averages of the last iteration once more, and it is
        reported for how many the fast search would have found another class.
        """
        if not end.assignment.fast:
            return end
        before = self._last_step(start, end)
        iteration = before.report.iteration + 1
        again = replace(start, exchange=before.report.exchange, settling=end.settling)
        step = self._iterate(again, iteration, before, final=True)
        fast = self._engine.assign(
            before.reseeding.references,
            self._rule(before),
            own=before.own_share(),
            last=last_poses(end.assignment, turn(again, iteration)),
        )
        differs = int(np.count_nonzero(fast.labels != step.assignment.labels))
        report = replace(step.report, n_fast_differs=differs)
        self._on_event(report)
        return replace(end, assignment=step.assignment, reports=(*end.reports, report))

    def _exchanged(
        self, start: LevelStart, end: LevelEnd, exchange: int
    ) -> tuple[LevelStart, bool] | None:
        """Return the start after an exchange of classes, None if no exchange is worth making.

        With it comes whether the classes that were joined surely show one view. The rest of the
        level has settled, so that as many iterations as at other levels will do.
        """
        n_classes = len(start.references)
        fitted = end.assignment
        sums = self._engine.update(fitted.labels, fitted.poses, n_classes).sums
        references = normalised_references(sums)
        cuts = self._cuts_of(fitted, n_classes)
        found = exchange_classes(self._engine, fitted, references, cuts)
        if found.n_pairs == 0:
            return None
        self._on_event(ClassesExchanged(start.level, exchange, found.n_pairs))
        parents = end.parents[found.origin]
        changed = LevelStart(
            start.level, found.references, parents, exchange=exchange, before=fitted
        )
        return changed, found.of_one_view

    def _cuts_of(self, fitted: Assignment, n_classes: int) -> dict[int, Cut]:
        """Return the cuts by which classes are judged; those asked for last are remembered."""
        if self._judged is None or self._judged[0] is not fitted:
            cuts = find_cuts(self._engine, fitted, n_classes, self._judging_rule)
            self._judged = (fitted, cuts)
        return self._judged[1]
