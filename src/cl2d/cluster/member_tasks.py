"""What workers do for the averages of the images as read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cl2d.cluster.held import held_images, is_held, worker_threads
from cl2d.cluster.packed import PackedPoses
from cl2d.cluster.sealed import unsealed
from cl2d.cluster.work import Work, work_of_all
from cl2d.engine import set_simd_level
from cl2d.engine.blas_threads import one_blas_thread
from cl2d.engine.member_sums import Members, MemberSums, PoseGroup, stretch_sums

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cl2d.cluster.job import Job


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


class SummedBefore(NamedTuple):
    """Sums that a worker has, and what they took. Dask sees how large they are."""

    sums: MemberSums
    work: Work


def sum_stretch(job: bytes, message: bytes) -> SummedBefore:
    """Return the sums over a stretch, whose images are read anew.

    The worker does one stretch at a time, but adds and hands out sums meanwhile.

    Parameters
    ----------
    job : Job, sealed
    message : stretch, its packed members and whether they are weighted, sealed
    """
    from distributed import get_worker, secede  # noqa: PLC0415 - workers alone have it

    opened: Job = unsealed(job)
    stretch, members, weighted = unsealed(message)
    held, n_threads, name = held_images(opened), worker_threads(), str(get_worker().address)
    secede()

    def go_on(_row: int) -> None:
        if not is_held(held):
            error = "the run has ended"
            raise RuntimeError(error)

    with held.in_turn(), one_blas_thread():
        started = time.perf_counter()
        source, own = held.source(), members.unpacked()
        set_simd_level(opened.simd_level)
        sums = stretch_sums(source, stretch, own, n_threads, go_on, weighted=weighted)
        return SummedBefore(sums, Work({name: time.perf_counter() - started}))


def added(before: SummedBefore, after: SummedBefore) -> SummedBefore:
    """Return two sums as one. Neither is written to: Dask may have to do this again."""
    together = (a + b for a, b in zip(before.sums, after.sums, strict=True))
    return SummedBefore(MemberSums(*together), work_of_all([before.work, after.work]))


def piece_of(slots: slice, summed: SummedBefore) -> tuple[MemberSums, Work]:
    """Return some of the sums, and with the first what all of them took."""
    return summed.sums.of_slots(slots), summed.work if slots.start == 0 else Work()
