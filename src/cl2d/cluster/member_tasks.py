"""What workers do for the averages of the images as read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl2d.cluster.held import held_images, is_held, worker_threads
from cl2d.cluster.packed import PackedPoses
from cl2d.engine import set_simd_level
from cl2d.engine.member_sums import Members, MemberSums, PoseGroup, stretch_sums

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cl2d.cluster.job import Job
    from cl2d.engine.stretches import Stretch


@dataclass(frozen=True, eq=False)
class PackedMembers:
    """Members as they travel; fields as those of :class:`Members`, a group's as a tuple."""

    groups: list[tuple[PackedPoses, list[npt.NDArray[np.int32]], list[int]]]
    n_slots: int

    @classmethod
    def of(cls, members: Members) -> PackedMembers:
        """Pack members."""
        packed = [(PackedPoses.of(g.poses), g.labels, g.first_slots) for g in members.groups]
        return cls(packed, members.n_slots)

    def unpacked(self) -> Members:
        """Return the same members."""
        groups = [
            PoseGroup(poses.unpacked(), labels, first_slots)
            for poses, labels, first_slots in self.groups
        ]
        return Members(groups, self.n_slots)


def sum_stretch(job: Job, stretch: Stretch, members: PackedMembers, weighted: bool) -> MemberSums:
    """Return the sums over a stretch, whose images are read anew.

    The worker does one stretch at a time, but adds and hands out sums meanwhile.
    """
    from distributed import secede  # noqa: PLC0415 - workers alone have it

    held, n_threads = held_images(job), worker_threads()
    secede()

    def go_on(_row: int) -> None:
        if not is_held(held):
            message = "the run has ended"
            raise RuntimeError(message)

    with held.lock:
        source = held.source()
        set_simd_level(job.simd_level)
        own = members.unpacked()
        return stretch_sums(source, stretch, own, n_threads, go_on, weighted=weighted)


def added(before: MemberSums, sums: MemberSums) -> MemberSums:
    """Return two sums as one. Neither is written to: Dask may have to do this again."""
    return MemberSums(before.images + sums.images, before.transfer + sums.transfer)


def some_slots(piece: slice, sums: MemberSums) -> MemberSums:
    """Return some of the sums."""
    return sums.of_slots(piece)
