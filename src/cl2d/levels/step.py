"""What an iteration leaves, and what the next one makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import LikelihoodRule, OwnShare, expected_scores, sum_lengths

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Assignment, ClassSums
    from cl2d.levels.size_control import Reseeding
    from cl2d.results import IterationReport

    Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Step:
    """What one iteration leaves: the assignment, its poses centred, and the next references.

    ``summed`` are the classes in whose sums the images are: the labels, or fewer; ``before`` are
    the labels of the iteration before, if there was one.
    """

    assignment: Assignment
    before: Labels | None
    summed: Labels
    class_sums: ClassSums
    reseeding: Reseeding
    report: IterationReport

    @cached_property
    def _lengths(self) -> npt.NDArray[np.float64]:
        return sum_lengths(self.class_sums.sums)

    def n_changed(self, labels: Labels) -> int:
        """Return how many images the next iteration, by its labels, gives another class."""
        return int(np.count_nonzero(labels != self.assignment.labels))

    def n_new(self, labels: Labels) -> int:
        """Return how many images are where they were in neither of the two iterations before."""
        if self.before is None:
            return self.n_changed(labels)
        return int(np.count_nonzero((labels != self.assignment.labels) & (labels != self.before)))

    def likelihood_rule(self) -> LikelihoodRule:
        """Return the rule that goes by how well the members of each class are expected to fit."""
        sums, reseeding = self.class_sums, self.reseeding
        expected = expected_scores(self._lengths, sums.counts, reseeding.changed)
        return LikelihoodRule(expected, np.any(reseeding.references != 0, axis=(1, 2)))

    def own_share(self) -> OwnShare:
        """Return what images add to the references; none to those that are new."""
        labels = self.summed
        of_sum = (labels >= 0) & ~self.reseeding.changed[labels]
        own = np.where(of_sum, labels, np.int32(-1))
        return OwnShare(own, self._lengths, self.class_sums.counts)
