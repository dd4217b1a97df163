"""Sums of the members of classes of any number of levels, as they were read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from cl2d.engine.raw_average import Moves, accumulate_moved
from cl2d.engine.stretches import SUM_SHAPE, total_of
from cl2d.preprocess.ctf_weighted import CtfWeightedSource
from cl2d.results import Poses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.engine.stretches import Stretch, SumShape
    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]
    Sums = npt.NDArray[np.float64]

READ_BYTES = 16 << 20
"""Images that are read at once. Memory of larger blocks is handed back to the system and cleared
by it again, which costs more than reading."""
_MOST_READ_IMAGES = 4096


class MemberSums(NamedTuple):
    """Sums over the members of classes; what a class adds to is its slot.

    Attributes
    ----------
    images : (n_slots, box, box) float64, of the images, each moved by its pose
    transfer : (n_slots, n_rings) float64
        Of the mean squares of their CTFs by ring; ``n_rings`` is 0 where images are not weighted.
    """

    images: Sums
    transfer: Sums

    def add(self, other: MemberSums) -> None:
        """Add other sums in place."""
        self.images.__iadd__(other.images)
        self.transfer.__iadd__(other.transfer)

    def of_slots(self, slots: slice) -> MemberSums:
        """Return views of some of the sums."""
        return MemberSums(self.images[slots], self.transfer[slots])


@dataclass(frozen=True, eq=False)
class PoseGroup:
    """Levels that have their poses in common, as a level and its cores do.

    Attributes
    ----------
    poses : Poses of the images
    labels : for each level, (n,) int32; -1 is skipped
    first_slots : for each level, the slot of its class 0
    """

    poses: Poses
    labels: list[npt.NDArray[np.int32]]
    first_slots: list[int]


@dataclass(frozen=True, eq=False)
class Members:
    """Which images are members of which classes, and by which poses they are moved.

    Attributes
    ----------
    groups : sequence of PoseGroup
    n_slots : int
    """

    groups: Sequence[PoseGroup]
    n_slots: int

    @classmethod
    def of(cls, levels: Sequence[LevelResult]) -> Members:
        """Return the members of levels, whose classes get their slots in the order given."""
        groups: dict[int, PoseGroup] = {}
        n_slots = 0
        for level in levels:
            group = groups.setdefault(id(level.poses), PoseGroup(level.poses, [], []))
            group.labels.append(level.labels)
            group.first_slots.append(n_slots)
            n_slots += level.n_classes
        return cls(list(groups.values()), n_slots)

    def part(self, rows: slice) -> Members:
        """Return what concerns some rows."""
        groups = [
            PoseGroup(g.poses.take(rows), [labels[rows] for labels in g.labels], g.first_slots)
            for g in self.groups
        ]
        return Members(groups, self.n_slots)

    def moves(self, n_images: int) -> Moves:
        """Return where images go, those of one image next to each other."""
        n_columns = max((len(group.labels) for group in self.groups), default=0)
        slots = np.full((n_images, len(self.groups), n_columns), -1, dtype=np.int32)
        for g, members in enumerate(self.groups):
            for c, (labels, first) in enumerate(
                zip(members.labels, members.first_slots, strict=True)
            ):
                slots[:, g, c] = np.where(labels >= 0, labels + first, -1)
        image, group = np.nonzero((slots >= 0).any(axis=2))
        n = len(image)
        poses = Poses(np.empty(n), np.empty((n, 2)), np.empty(n, dtype=bool))
        for g, members in enumerate(self.groups):
            rows = np.flatnonzero(group == g)
            poses.put(rows, members.poses.take(image[rows]))
        return Moves(image.astype(np.int32), poses, slots[image, group])

    def add_transfer(self, sums: Sums, power: Sums) -> None:
        """Add a value of each image and ring to sums of classes, in the order of the images."""
        for group in self.groups:
            for labels, first in zip(group.labels, group.first_slots, strict=True):
                used = np.flatnonzero(labels >= 0)
                np.add.at(sums, first + labels[used], power[used])


class SummedBy(Protocol):
    """Who sums the members of classes over all images of a run."""

    def __call__(
        self, members: Members, *, weighted: bool, on_progress: Callable[[int], None]
    ) -> MemberSums:
        """Return the sums.

        Parameters
        ----------
        members : Members, of all images of the run
        weighted : bool
            Whether images are weighted by their CTF, which takes a ``CtfWeightedSource``.
        on_progress : callable
            Called with the number of images done so far.
        """


@dataclass(frozen=True, eq=False)
class SummedHere:
    """Sums made by this process.

    Attributes
    ----------
    source : ParticleSource
    n_threads : int
        They do not change a bit.
    shape : SumShape
    """

    source: ParticleSource
    n_threads: int
    shape: SumShape = SUM_SHAPE

    def __call__(
        self, members: Members, *, weighted: bool, on_progress: Callable[[int], None]
    ) -> MemberSums:
        """Return the sums, see :class:`SummedBy`; at most three sets of them are held."""

        def sum_of(stretch: Stretch) -> MemberSums:
            own = members.part(stretch.rows)
            return stretch_sums(
                self.source, stretch, own, self.n_threads, on_progress, weighted=weighted
            )

        return total_of(self.shape.groups(self.source.n_images), sum_of)


def stretch_sums(
    source: ParticleSource,
    stretch: Stretch,
    members: Members,
    n_threads: int,
    on_progress: Callable[[int], None],
    *,
    weighted: bool,
) -> MemberSums:
    """Return the sums over a stretch, which is read in blocks and summed in the order of its rows.

    Parameters
    ----------
    source : ParticleSource of the run
    stretch : Stretch
    members : Members, of the images of the stretch alone
    n_threads : int
    on_progress : callable
        Called after each block with the row of the run at which the next one begins.
    weighted : bool
    """
    box = source.box_px
    n_rings = _weighted(source).usual_transfer.size if weighted else 0
    sums = MemberSums(np.zeros((members.n_slots, box, box)), np.zeros((members.n_slots, n_rings)))
    length = block_length(box)
    for start in range(stretch.start, stretch.stop, length):
        stop = min(start + length, stretch.stop)
        own = members.part(slice(start - stretch.start, stop - stretch.start))
        images = _read(source, start, stop, own, sums.transfer)
        accumulate_moved(sums.images, images, own.moves(stop - start), n_threads)
        on_progress(stop)
    return sums


def _read(
    source: ParticleSource, start: int, stop: int, members: Members, transfer: Sums
) -> Images:
    """Read a block as it is to be summed; where it is weighted add up its CTFs, too."""
    if transfer.shape[1] == 0:
        return source.read(start, stop)
    weighted = _weighted(source).read_weighted(start, stop)
    members.add_transfer(transfer, weighted.transfer_power)
    return weighted.images


def _weighted(source: ParticleSource) -> CtfWeightedSource:
    if not isinstance(source, CtfWeightedSource):
        message = f"{source.name} must be corrected for the whole CTF to be weighted by it"
        raise TypeError(message)
    return source


def block_length(box_px: int) -> int:
    """Return how many images are read at once: 16 MiB of them, at least one."""
    return int(np.clip(READ_BYTES // (4 * box_px * box_px), 1, _MOST_READ_IMAGES))
