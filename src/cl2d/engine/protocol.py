"""What the level loop asks of an engine: assign, update, and a look inside a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from cl2d.results import Poses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from cl2d.engine.correntropy import RealAverages
    from cl2d.engine.own_share import OwnShare
    from cl2d.engine.rules import AssignmentRule

    Item = TypeVar("Item")
    Result = TypeVar("Result")


@dataclass(frozen=True)
class SearchSettings:
    """Bounds of the search: shifts in pixels of the input box, and whether mirrors are sought."""

    max_shift_px: float
    mirrors: bool = True


@dataclass(frozen=True)
class LastPoses:
    """Where a fast search begins: the poses the images had last, against whatever classes.

    Images that are ``doubted``, (n_images,) bool, are searched exhaustively all the same. Of the
    others those ``at_rest``, (n_images,) bool, are sought near their last centres only.
    """

    poses: Poses
    doubted: npt.NDArray[np.bool_]
    at_rest: npt.NDArray[np.bool_]

    @property
    def near(self) -> npt.NDArray[np.bool_]:
        """Which images are sought near their last centres, (n_images,)."""
        return self.at_rest & ~self.doubted

    def part(self, rows: slice | npt.NDArray[np.intp]) -> LastPoses:
        """Return the poses, doubts and rest of some images."""
        poses = self.poses
        of_rows = Poses(poses.psi_rad[rows], poses.shift_px[rows], poses.mirror[rows])
        return LastPoses(of_rows, self.doubted[rows], self.at_rest[rows])


def near_search(poses: Poses) -> LastPoses:
    """Return the last poses of images all of which are sought near where they were."""
    doubted = np.zeros(len(poses), dtype=bool)
    return LastPoses(poses, doubted, ~doubted)


@dataclass(frozen=True)
class Assignment:
    """Class, pose and score of every image; label -1 where the image is not usable.

    ``margin`` is the lead over the second best class in the value the rule chose by.
    ``sampled_scores`` are the scores the rule chose by, (n_sample, n_classes), of the images for
    which they were asked; ``confidence`` is the probability of the class. ``fast`` if classes were
    left out by the fast search.
    """

    labels: npt.NDArray[np.int32]
    poses: Poses
    scores: npt.NDArray[np.float32]
    margin: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    sampled_scores: npt.NDArray[np.float32] | None = None
    fast: bool = False

    def take(self, rows: npt.NDArray[np.intp]) -> Assignment:
        """Return the assignment of some images, without sampled scores."""
        return Assignment(
            self.labels[rows],
            self.poses.take(rows),
            self.scores[rows],
            self.margin[rows],
            self.confidence[rows],
            fast=self.fast,
        )


@dataclass(frozen=True)
class GroupAssignment:
    """What was found of images each of which was compared with the references of its group.

    Attributes
    ----------
    labels : (n_images,) int32
        The best reference of the group, from 0; -1 where the image was not compared.
    poses : Poses, with respect to that reference
    scores : (n_images, n_each) float32
        Against each reference of the group, before poses are refined; NaN if not compared.
    """

    labels: npt.NDArray[np.int32]
    poses: Poses
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClassSums:
    """Sums of the aligned members, (n_classes, n_rings, n_angles / 2), and how many they are."""

    sums: npt.NDArray[np.complex128]
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Component:
    """Leading component of some aligned members: their scores, its variance, the total one."""

    scores: npt.NDArray[np.float32]
    variance: float
    total_variance: float


@dataclass(frozen=True)
class GroupVectors:
    """What aligned images of a group are projected on; they count flattened, as real numbers.

    Attributes
    ----------
    basis : (q, d) float32, orthonormal rows; d = n_rings n_angles
    class_sum : (d,) float64
    """

    basis: npt.NDArray[np.float32]
    class_sum: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Projections:
    """Inner products of aligned images; NaN for those in no group.

    Attributes
    ----------
    products : (n_images, most q of any group) float64
        With the vectors of the basis of the own group; NaN beyond the last one.
    with_sum : (n_images,) float64, with the class sum of the own group
    squared_length : (n_images,) float64
    """

    products: npt.NDArray[np.float64]
    with_sum: npt.NDArray[np.float64]
    squared_length: npt.NDArray[np.float64]


class Engine(Protocol):
    """Images held as coefficients for a whole run.

    References travel in (about a megabyte), assignments and sums come out; images never do.
    """

    @property
    def n_images(self) -> int:
        """Number of images, usable or not."""
        ...

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Which images take part, shape (n_images,)."""
        ...

    @property
    def n_independent(self) -> int:
        """Number of independent real numbers in the noise of an image."""
        ...

    def assign(
        self,
        references: npt.NDArray[np.complex64],
        rule: AssignmentRule,
        on_progress: Callable[[int], None] | None = None,
        sample: npt.NDArray[np.intp] | None = None,
        averages: RealAverages | None = None,
        *,
        own: OwnShare | None = None,
        last: LastPoses | None = None,
    ) -> Assignment:
        """Give every image the class the rule chooses, at its best pose in that class.

        ``sample`` asks for all scores of some images, in ascending order, beside the result.
        With ``averages`` the best few classes of each image are in the order of correntropy.
        With ``own`` each image is compared with the average of the other members of its class.
        ``last`` poses, against whatever classes, allow a fast search where the engine has one.
        """
        ...

    def assign_within(
        self,
        references: npt.NDArray[np.complex64],
        groups: npt.NDArray[np.int32],
        on_progress: Callable[[int], None] | None = None,
        *,
        own: OwnShare | None = None,
        last: LastPoses | None = None,
    ) -> GroupAssignment:
        """Give every image the reference of its group that it fits best, and its pose there.

        Parameters
        ----------
        references : (n_groups, n_each, n_rings, n_angles / 2) complex64
        groups : (n_images,) int32, -1 for images that are not compared
        on_progress : callable, optional
            Called with the number of images done.
        own : OwnShare, optional
            Labels within the groups, lengths and counts (n_groups, n_each): scores against the
            own average are those against the average of its other members.
        last : LastPoses, optional
            Of all images: they allow a fast search where the engine has one.
        """
        ...

    def averages(
        self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int
    ) -> RealAverages | None:
        """Return the class averages in real space, None where classes are not chosen by them."""
        ...

    def update(self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int) -> ClassSums:
        """Return the sums of the members of each class in its frame; label -1 is left out."""
        ...

    def component(self, rows: npt.NDArray[np.intp], poses: Poses) -> Component:
        """Return the leading component of the images ``rows`` at the poses given for them."""
        ...

    def aligned_members(
        self, rows: npt.NDArray[np.intp], poses: Poses
    ) -> npt.NDArray[np.complex64]:
        """Return the images ``rows`` as ``update`` adds them up, (n, n_rings, n_angles / 2)."""
        ...

    def projections(
        self,
        groups: npt.NDArray[np.int32],
        poses: Poses,
        vectors: Sequence[GroupVectors],
        on_progress: Callable[[int], None] | None = None,
    ) -> Projections:
        """Return the inner products of images, as ``update`` adds them up, with vectors.

        Parameters
        ----------
        groups : (n_images,) int32, -1 for images that are left out
        poses : of all images
        vectors : of each group
        on_progress : callable, optional
            Called with the number of images done.
        """
        ...

    def subset(self, rows: npt.NDArray[np.intp]) -> Engine:
        """Return an engine of copies of some of the images, in the order of ``rows``."""
        ...

    def of_references(self, references: npt.NDArray[np.complex64]) -> Engine:
        """Return an engine whose images are references, searched as the images of this one are."""
        ...

    def each(
        self,
        function: Callable[[Engine, Item], Result],
        groups: Sequence[tuple[npt.NDArray[np.intp], Item]],
    ) -> Iterator[Result]:
        """Yield ``function(members, item)`` for each group of images, in their order.

        For groups that do not depend on each other, such as the classes of a level: some may be
        worked on at once, and on other machines. ``members`` is an engine of copies of the images
        ``rows`` for this call alone, what ``subset(rows)`` gives, so groups should be samples of
        a thousand images or so.

        Parameters
        ----------
        function : callable
            A function of a module, which another process can find by its name.
        groups : sequence of (rows, item)
            One image at least, and what else the function must know of these images: small, and
            such that it can be pickled.
        """
        ...
