"""What one end of a connection is told of labels and poses, beyond what both ends know.

A worker keeps the labels and poses that it found last for a part, and the client that got them
knows it. Most of what either then has to say of the images of this part follows from them: few
labels change, and centring moves all members of a class alike. Whatever is told comes back to the
same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.packed import PackedPoses
from cl2d.results import identity_poses, mean_shifts, moved_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from cl2d.cluster.parts import Part
    from cl2d.results import Poses

    Labels = npt.NDArray[np.int32]
    Moves = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """Labels and poses of the images of a part, as they were found."""

    labels: Labels
    poses: Poses


@dataclass(frozen=True, eq=False)
class ToldLabels:
    """Labels, by what differs from those that were found.

    Attributes
    ----------
    values : integers
        All labels, where ``rows`` is None; otherwise those of ``rows``.
    rows : uint32, optional
        Images whose labels are ``values``; the others have the labels found.
    left_out : bits, optional
        Images whose label is -1; the others have the labels found.
    """

    values: npt.NDArray[np.int16] | npt.NDArray[np.int32]
    rows: npt.NDArray[np.uint32] | None = None
    left_out: npt.NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, labels: Labels, found: Labels | None) -> ToldLabels:
        """Return the shortest way to tell labels to who knows those that were found, if any."""
        short = _short(labels)
        if found is None:
            return cls(short)
        changed = np.flatnonzero(labels != found)
        some = cls(short[changed], changed.astype(np.uint32))
        if np.all(labels[changed] == -1) and 8 * some.n_bytes > len(labels):
            return cls(short[:0], None, np.packbits(labels == -1))
        return some if some.n_bytes < short.nbytes else cls(short)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        parts = (self.values, self.rows, self.left_out)
        return sum(part.nbytes for part in parts if part is not None)

    def labels(self, found: Labels | None) -> Labels:
        """Return the labels, (n,) int32."""
        if self.rows is None and self.left_out is None:
            return self.values.astype(np.int32)
        if found is None:
            message = "found must be given: the labels were told as changes of those"
            raise ValueError(message)
        if self.left_out is not None:
            out = np.unpackbits(self.left_out, count=len(found)).astype(bool)
            return np.where(out, np.int32(-1), found)
        labels = found.copy()
        labels[self.rows] = self.values
        return labels


@dataclass(frozen=True, eq=False)
class ToldPoses:
    """Poses: those that were found in frames that were moved, or all of them.

    Attributes
    ----------
    moves_px : (n_classes, 2) float64, optional
        Moves of the frames of the classes found. None if there are none, or all poses are told.
    all_poses : PackedPoses, optional
    """

    moves_px: Moves | None = None
    all_poses: PackedPoses | None = None

    @classmethod
    def of(cls, poses: Poses, found: Found | None, moves_px: Moves | None) -> ToldPoses:
        """Return the shortest way to tell poses.

        Parameters
        ----------
        poses : Poses
        found : Found, optional
            What the other end knows.
        moves_px : (n_classes, 2) float64, optional
            A guess: moves of the frames that may have led from the poses found to these.
        """
        if found is not None and _same_turns(poses, found.poses):
            if np.array_equal(poses.shift_px, found.poses.shift_px):
                return cls()
            if moves_px is not None:
                moved = moved_frames(found.poses, found.labels, moves_px)
                if np.array_equal(poses.shift_px, moved.shift_px):
                    return cls(moves_px)
        return cls(all_poses=PackedPoses.of(poses))

    def poses(self, found: Found | None) -> Poses:
        """Return the poses."""
        if self.all_poses is not None:
            return self.all_poses.unpacked()
        if found is None:
            message = "found must be given: the poses were told as moves of those"
            raise ValueError(message)
        if self.moves_px is None:
            return found.poses
        return moved_frames(found.poses, found.labels, self.moves_px)


def _short(labels: Labels) -> npt.NDArray[np.int16] | Labels:
    """Return labels in as few bytes as hold them."""
    return labels.astype(np.int16) if labels.max(initial=0) < 2**15 else labels


def _same_turns(poses: Poses, others: Poses) -> bool:
    same_psi = np.array_equal(poses.psi_rad, others.psi_rad)
    return same_psi and np.array_equal(poses.mirror, others.mirror)


@dataclass(frozen=True, eq=False)
class ToldMembers:
    """Labels and poses of the images of a part, by what both ends know under a number, if any."""

    known: int | None
    told_labels: ToldLabels
    told_poses: ToldPoses

    def members(self, found: Found | None) -> tuple[Labels, Poses]:
        """Return labels and poses, given what both ends know."""
        known = None if found is None else found.labels
        return self.told_labels.labels(known), self.told_poses.poses(found)


@dataclass(frozen=True, eq=False)
class Telling:
    """How something is told of the images of a part to a worker.

    Attributes
    ----------
    number : int, optional
        Of what both ends know, None if they know nothing.
    found : Found, optional
        That itself.
    moves_px : callable
        Returns the moves of class frames that centring leads to.
    """

    number: int | None = None
    found: Found | None = None
    moves_px: Callable[[], Moves | None] = lambda: None

    def labels(self, labels: Labels) -> ToldLabels:
        """Tell labels."""
        return ToldLabels.of(labels, None if self.found is None else self.found.labels)

    def poses(self, poses: Poses) -> ToldPoses:
        """Tell poses."""
        return ToldPoses.of(poses, self.found, self.moves_px())

    def members(self, labels: Labels, poses: Poses) -> ToldMembers:
        """Tell labels and poses."""
        return ToldMembers(self.number, self.labels(labels), self.poses(poses))


@dataclass(frozen=True, eq=False)
class LastFound:
    """What workers found last for all images, and who did.

    Attributes
    ----------
    number : int
        By which workers remember it.
    labels, poses : of all images
    n_classes : int
    workers : mapping, who knows it of each part
    """

    number: int
    labels: Labels
    poses: Poses
    n_classes: int
    workers: Mapping[Part, str]

    def telling(self, part: Part, worker: str) -> Telling:
        """Return how something is told to a worker."""
        if self.workers.get(part) != worker:
            return Telling()
        return Telling(self.number, self.found(part), lambda: self._centring_px)

    def found(self, part: Part) -> Found | None:
        """Return what was found for a part, if anything was."""
        if part not in self.workers:
            return None
        return Found(self.labels[part.rows], self.poses.take(part.rows))

    @cached_property
    def _centring_px(self) -> Moves:
        return mean_shifts(self.poses, self.labels, self.n_classes)


NOTHING_FOUND = LastFound(-1, np.zeros(0, dtype=np.int32), identity_poses(0), 0, {})
"""What workers have found before they were asked for anything."""
