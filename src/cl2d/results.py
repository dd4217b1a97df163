"""What a classification gives back: plain frozen records of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


StorageKind = Literal["single", "half", "scratch"]
"""How coefficients are kept: in single or half precision in memory, or as halves in a file."""


@dataclass(frozen=True)
class RunMemory:
    """How a run uses memory.

    Attributes
    ----------
    storage : "single", "half" or "scratch"
    bytes_per_image : int
        Of the coefficients, in memory or in the scratch file.
    estimated_bytes : int
        Expected peak of the whole run.
    limit_bytes : int or None
        What it may take; None if that was not given and is not known.
    peak_bytes : int or None
        What it took at most; None before the end, or where the system does not tell.
    """

    storage: StorageKind
    bytes_per_image: int
    estimated_bytes: int
    limit_bytes: int | None
    peak_bytes: int | None = None


@dataclass(frozen=True)
class WorkerUse:
    """What a worker of a cluster did in a run.

    Attributes
    ----------
    address : str
    threads : int
    busy_seconds : float
        Beside waiting for something to do.
    comparisons_per_second : float
        Its speed: images times classes, while it compared images with all classes. A fast search
        leaves most out, and counts all the same.
    """

    address: str
    threads: int
    busy_seconds: float
    comparisons_per_second: float


@dataclass(frozen=True)
class IterationCost:
    """What an iteration on a cluster took: from one search among all classes to the next.

    Attributes
    ----------
    n_classes : int
    seconds : float
    sent_bytes, received_bytes : int
        By the process that leads the run; what goes to all workers counts once.
    waiting_share : float
        Share of the time in which workers, on average, had nothing to do.
    """

    n_classes: int
    seconds: float
    sent_bytes: int
    received_bytes: int
    waiting_share: float


@dataclass(frozen=True)
class ClusterUse:
    """What a run on a cluster cost beside computing.

    Attributes
    ----------
    workers : tuple of WorkerUse, those that were lost included
    sent_bytes, received_bytes : int
        By the process that leads the run, until the averages were made.
    waiting_share : float
        That of the iterations.
    iterations : tuple of IterationCost
    """

    workers: tuple[WorkerUse, ...]
    sent_bytes: int
    received_bytes: int
    waiting_share: float
    iterations: tuple[IterationCost, ...]


@dataclass(frozen=True)
class Poses:
    """Pose of each particle: how its pixels reach the frame of its class average.

    With ``x`` a position in the particle relative to pixel ``box // 2`` (column, row) and ``p``
    the position in the class average relative to the same pixel::

        p = F R(psi) x - t,   R(psi) = [[cos, -sin], [sin, cos]],   F = diag(-1, 1) if mirror

    So the shift is a vector in the frame of the average (the search disc is the same for every
    rotation). ``image_from_reference`` is the inverse of this map.

    Attributes
    ----------
    psi_rad : (n,) float64, in [-pi, pi)
    shift_px : (n, 2) float64, ``t`` as (x, y) in pixels of the input box
    mirror : (n,) bool
    """

    psi_rad: npt.NDArray[np.float64]
    shift_px: npt.NDArray[np.float64]
    mirror: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.psi_rad)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Poses:
        """Return the poses of some rows."""
        return Poses(self.psi_rad[rows], self.shift_px[rows], self.mirror[rows])

    def put(self, rows: npt.NDArray[np.intp], poses: Poses) -> None:
        """Give some rows the poses, in place."""
        self.psi_rad[rows] = poses.psi_rad
        self.shift_px[rows] = poses.shift_px
        self.mirror[rows] = poses.mirror

    def in_pixels_of(self, width_px: float) -> Poses:
        """Return the same poses with shifts in pixels that are ``width_px`` of these wide."""
        return Poses(self.psi_rad, self.shift_px / width_px, self.mirror)

    def relion_angle_deg(self) -> npt.NDArray[np.float64]:
        """Return rlnAnglePsi in degrees, in [-180, 180)."""
        return np.degrees(self.psi_rad)

    def relion_origin_px(self) -> npt.NDArray[np.float64]:
        """Return the origin offset (n, 2) in pixels: ``p = F R(psi) (x + origin)``.

        RELION shifts first and rotates second, so ``origin = -R(psi)^T F t``.
        """
        cos, sin = np.cos(self.psi_rad), np.sin(self.psi_rad)
        x = np.where(self.mirror, -self.shift_px[:, 0], self.shift_px[:, 0])
        y = self.shift_px[:, 1]
        return np.stack([-(cos * x + sin * y), -(-sin * x + cos * y)], axis=1)


def in_class_frame(
    vectors: npt.NDArray[np.float64], psi_rad: npt.NDArray[np.float64], mirror: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Return vectors (n, 2) of particles in the frames of their averages, ``F R(psi) v``.

    Angles and mirrors are one for each vector, or a single one for all.
    """
    cos, sin = np.cos(psi_rad), np.sin(psi_rad)
    x, y = vectors.T
    turned_x, turned_y = cos * x - sin * y, sin * x + cos * y
    return np.stack([np.where(mirror, -turned_x, turned_x), turned_y], axis=1)


def poses_from_relion(
    psi_deg: npt.NDArray[np.float64],
    origin_px: npt.NDArray[np.float64],
    mirror: npt.NDArray[np.bool_],
) -> Poses:
    """Return the poses whose RELION form is given: the inverse of the two conversions of Poses.

    Parameters
    ----------
    psi_deg : (n,) rlnAnglePsi
    origin_px : (n, 2) rlnOriginX, rlnOriginY in pixels
    mirror : (n,) whether the particle is mirrored
    """
    psi = np.radians(psi_deg)
    return Poses(psi, -in_class_frame(origin_px, psi, mirror), mirror.astype(bool))


def composed_poses(outer: Poses, inner: Poses) -> Poses:
    """Return the poses that do ``inner`` first and ``outer`` on its result.

    Parameters
    ----------
    outer : Poses, one for each of ``inner`` or a single one for all
    inner : (n,) Poses
    """
    shift = in_class_frame(inner.shift_px, outer.psi_rad, outer.mirror)
    # A mirror between two rotations turns the sense of the outer one round.
    psi = inner.psi_rad + np.where(inner.mirror, -outer.psi_rad, outer.psi_rad)
    psi = (psi + np.pi) % (2 * np.pi) - np.pi
    return Poses(psi, shift + outer.shift_px, inner.mirror ^ outer.mirror)


def joined_poses(parts: Sequence[Poses]) -> Poses:
    """Return the poses of some groups of particles one after another."""
    return Poses(
        np.concatenate([part.psi_rad for part in parts]),
        np.concatenate([part.shift_px for part in parts]),
        np.concatenate([part.mirror for part in parts]),
    )


def mean_shifts(
    poses: Poses, labels: npt.NDArray[np.int32], n_classes: int
) -> npt.NDArray[np.float64]:
    """Return the mean shift of the members of each class, (n_classes, 2) pixels; 0 of no member."""
    members = labels >= 0
    counts = np.maximum(np.bincount(labels[members], minlength=n_classes), 1)
    totals = [
        np.bincount(labels[members], poses.shift_px[members, axis], minlength=n_classes)
        for axis in range(2)
    ]
    return np.stack([total / counts for total in totals], axis=1)


def moved_frames(
    poses: Poses, labels: npt.NDArray[np.int32], moves_px: npt.NDArray[np.float64]
) -> Poses:
    """Return poses in class frames that were moved by ``moves_px``, (n_classes, 2).

    The shift of each member of a class is less by the move of its class; label -1 stays.
    """
    members = labels >= 0
    shift = poses.shift_px.copy()
    shift[members] -= moves_px[labels[members]]
    return Poses(poses.psi_rad, shift, poses.mirror)


def single_precision(poses: Poses) -> Poses:
    """Return the poses with values that single precision holds, so that they take half the bytes.

    They are rounded towards zero: no angle leaves [-pi, pi), and no shift what bounds it.
    """
    return Poses(_towards_zero(poses.psi_rad), _towards_zero(poses.shift_px), poses.mirror)


def _towards_zero(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the largest single-precision numbers that are no further from zero, as float64."""
    nearest = values.astype(np.float32)
    too_far = np.abs(nearest.astype(np.float64)) > np.abs(values)
    closer = np.where(too_far, np.nextafter(nearest, np.float32(0)), nearest)
    return closer.astype(np.float64)


def identity_poses(n_images: int) -> Poses:
    """Return ``n_images`` poses without rotation, shift or mirror."""
    return Poses(np.zeros(n_images), np.zeros((n_images, 2)), np.zeros(n_images, dtype=bool))


def halved_labels(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return labels with the members of class k in classes 2 k and 2 k + 1 in turn; -1 stays."""
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] >= 0]
    sizes = np.bincount(labels[order], minlength=1)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    halves = np.full_like(labels, -1)
    halves[order] = 2 * labels[order] + place % 2
    return halves


@dataclass(frozen=True)
class IterationReport:
    """One iteration of one level, for the progress display, ``run.json`` and convergence plots.

    Iterations count from 1 at the start of a level and again after each exchange of classes;
    ``exchange`` counts those, 0 before the first. They count from 1 once more where ``settling``
    tells that averages are made of the sure members alone. ``n_changed`` images changed class;
    ``n_new`` of them went to another class than that of the iteration before the last, too.
    ``fast`` if the search was the fast one.
    ``n_fast_differs`` is told by the exhaustive iteration that ends a run of fast ones: the number
    of images to which the fast search, against the same averages, gives another class.
    ``n_images`` took part: all that are usable or, if ``sampled``, some of them; ``closing``
    iterations are those of all that follow a sample's.
    """

    level: int
    n_classes: int
    iteration: int
    n_changed: int
    mean_score: float
    smallest_class: int
    largest_class: int
    n_reseeded: int
    seconds: float
    exchange: int = 0
    settling: bool = False
    n_new: int = 0
    fast: bool = False
    n_fast_differs: int | None = None
    n_images: int = 0
    sampled: bool = False
    closing: bool = False


@dataclass(frozen=True)
class ClassHomogeneity:
    """Whether each class of a level shows one view.

    Attributes
    ----------
    split_gain : (n_classes,) float64
        By how much, on average, two averages fit held-out members better than one if the class
        is cut in two: the logarithm of a ratio of likelihoods, in units of the correlation.
    split_gain_error : (n_classes,) float64, standard error of the gain
    homogeneity : (n_classes,) float64 in [0, 1]
        Probability that the true gain is no more than members of one view can have.

    A class too small to be judged has 0, 0 and 0.5.
    """

    split_gain: npt.NDArray[np.float64]
    split_gain_error: npt.NDArray[np.float64]
    homogeneity: npt.NDArray[np.float64]

    def take(self, classes: npt.NDArray[np.intp]) -> ClassHomogeneity:
        """Return the figures of some classes."""
        return ClassHomogeneity(
            self.split_gain[classes], self.split_gain_error[classes], self.homogeneity[classes]
        )


@dataclass(frozen=True)
class LevelResult:
    """The state of every particle at the end of one level.

    ``labels`` are 0-based class indices; -1 marks a flagged image (not finite, constant) that
    takes part in nothing and is written with class number 0.
    ``scores`` are normalised correlations with the own class, ``confidence`` the probability that
    it is the right one, ``margin`` the lead over the second best class. ``parents[k]`` is the class
    of the previous level that class k came from (-1 at level 0). ``reference_numbers[k]`` is the
    reference, from 0, that class k descends from if the run started from references, else there
    are none. ``homogeneity`` is that of the classes of the last level, None for the others.
    """

    level: int
    n_classes: int
    labels: npt.NDArray[np.int32]
    poses: Poses
    scores: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    parents: npt.NDArray[np.int32]
    iterations: tuple[IterationReport, ...] = field(default_factory=tuple)
    reference_numbers: npt.NDArray[np.int32] | None = None
    margin: npt.NDArray[np.float32] | None = None
    homogeneity: ClassHomogeneity | None = None

    def class_sizes(self) -> npt.NDArray[np.int64]:
        """Return the number of members of each class, shape (n_classes,)."""
        return np.bincount(self.labels[self.labels >= 0], minlength=self.n_classes)

    def halved(self) -> LevelResult:
        """Return the level with the members of class k in classes 2 k and 2 k + 1 in turn."""
        labels = halved_labels(self.labels)
        parents = np.arange(2 * self.n_classes, dtype=np.int32) // 2
        return replace(self, n_classes=2 * self.n_classes, labels=labels, parents=parents)

    def class_means(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the mean of what images have over the members of each class; 0 for none.

        Parameters
        ----------
        values : (n_images,) of any type of number, or bool
        """
        used = self.labels >= 0
        weights = values[used].astype(np.float64)
        sums = np.bincount(self.labels[used], weights=weights, minlength=self.n_classes)
        return sums / np.maximum(self.class_sizes(), 1)
