"""What a search among classes is told of the images of a part, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.packed import PackedPoses
from cl2d.cluster.told import Found, Telling, ToldLabels, ToldPoses
from cl2d.engine import Assignment, LastPoses, OwnShare

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import AssignmentRule, RealAverages


@dataclass(frozen=True, eq=False)
class WithinSearch:
    """What all parts are compared with; it travels to every worker once.

    ``lengths`` and ``counts`` are those of an own share, None without one.
    """

    references: npt.NDArray[np.complex64]
    lengths: npt.NDArray[np.float64] | None
    counts: npt.NDArray[np.int64] | None

    def own_share(self, labels: npt.NDArray[np.int32] | None) -> OwnShare | None:
        """Return what the images of a part add to the references."""
        if labels is None or self.lengths is None or self.counts is None:
            return None
        return OwnShare(labels, self.lengths, self.counts)


@dataclass(frozen=True, eq=False)
class Search(WithinSearch):
    """The same where a rule chooses among all classes.

    ``fast`` says that the search is to be fast, which is decided for all parts together.
    ``number`` is that by which workers remember what they find. ``averages`` are those by which
    classes are put in the order of correntropy.
    """

    rule: AssignmentRule
    fast: bool
    number: int
    averages: RealAverages | None


@dataclass(frozen=True, eq=False)
class PartSearch:
    """What a search has to know of the images of one part.

    Attributes
    ----------
    known : int, optional
        Number of what both ends know, by which the rest is told.
    own_labels : ToldLabels, optional
    last : ToldPoses, optional
    doubted, at_rest : bits, optional
    sample : (m,) intp, rows of the part, optional
    unusable : (m,) uint32, rows of the part
    """

    known: int | None
    own_labels: ToldLabels | None
    last: ToldPoses | None
    doubted: npt.NDArray[np.uint8] | None
    at_rest: npt.NDArray[np.uint8] | None
    sample: npt.NDArray[np.intp] | None
    unusable: npt.NDArray[np.uint32]

    @classmethod
    def of(
        cls,
        rows: slice,
        telling: Telling,
        usable: npt.NDArray[np.bool_],
        *,
        own: OwnShare | None,
        last: LastPoses | None,
        sample: npt.NDArray[np.intp] | None = None,
    ) -> PartSearch:
        """Tell what concerns the images ``rows`` of a run; all else is of the whole run."""
        some = None
        if sample is not None:
            inside = (sample >= rows.start) & (sample < rows.stop)
            some = sample[inside] - rows.start
        return cls(
            telling.number,
            None if own is None else telling.labels(own.labels[rows]),
            None if last is None else telling.poses(last.poses.take(rows)),
            None if last is None else np.packbits(last.doubted[rows]),
            None if last is None else np.packbits(last.at_rest[rows]),
            some,
            np.flatnonzero(~usable[rows]).astype(np.uint32),
        )

    def own(self, found: Found | None) -> npt.NDArray[np.int32] | None:
        """Return the classes to whose sums the images add, given what both ends know."""
        known = None if found is None else found.labels
        return None if self.own_labels is None else self.own_labels.labels(known)

    def last_poses(self, found: Found | None) -> LastPoses | None:
        """Return where the search begins, given what both ends know."""
        if self.last is None or self.doubted is None or self.at_rest is None:
            return None
        poses = self.last.poses(found)
        doubted, at_rest = (
            np.unpackbits(bits, count=len(poses)).astype(bool)
            for bits in (self.doubted, self.at_rest)
        )
        return LastPoses(poses, doubted, at_rest)


@dataclass(frozen=True, eq=False)
class Question:
    """A search of all images of a run among classes; ``last`` if it is to be fast."""

    references: npt.NDArray[np.complex64]
    rule: AssignmentRule
    own: OwnShare | None
    last: LastPoses | None
    sample: npt.NDArray[np.intp] | None
    averages: RealAverages | None

    def search(self, number: int) -> Search:
        """Return what all parts are told."""
        own = self.own
        lengths, counts = (None, None) if own is None else (own.lengths, own.counts)
        fast = self.last is not None
        return Search(self.references, lengths, counts, self.rule, fast, number, self.averages)

    def of_part(self, rows: slice, telling: Telling, usable: npt.NDArray[np.bool_]) -> PartSearch:
        """Return what one part is told."""
        return PartSearch.of(
            rows, telling, usable, own=self.own, last=self.last, sample=self.sample
        )


@dataclass(frozen=True, eq=False)
class PartAnswer:
    """What a worker found for the images of a part, and how long it searched.

    Labels are told by those that both ends knew; -1 where an image is not usable.
    """

    labels: ToldLabels
    poses: PackedPoses
    scores: npt.NDArray[np.float32]
    margin: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    sampled_scores: npt.NDArray[np.float32] | None
    seconds: float

    @classmethod
    def of(
        cls, assignment: Assignment, given: PartSearch, found: Found | None, seconds: float
    ) -> PartAnswer:
        """Tell of an assignment, by what both ends knew before."""
        return cls(
            Telling(found=found).labels(assignment.labels),
            PackedPoses.of(assignment.poses),
            assignment.scores,
            assignment.margin,
            assignment.confidence,
            None if given.sample is None else assignment.sampled_scores,
            seconds,
        )

    def assignment(self, found: Found | None) -> Assignment:
        """Return the assignment, given what both ends knew before."""
        return Assignment(
            self.labels.labels(None if found is None else found.labels),
            self.poses.unpacked(),
            self.scores,
            self.margin,
            self.confidence,
            self.sampled_scores,
        )
