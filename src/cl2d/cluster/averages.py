"""Sums of the images as read, made by all workers: any of them can read any stretch.

A sum is as large as all averages of a run together, so few may be anywhere at a time. Each worker
is given two stretches at a time, a little ahead of those whose sums have been added up, and this
process takes the sum of a group in pieces, before workers go far beyond that group.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from distributed.client import FutureCancelledError

from cl2d.cluster.member_tasks import PackedMembers, added, piece_of, sum_stretch
from cl2d.cluster.passes import LOOK_SECONDS, MOST_TRIES
from cl2d.cluster.roster import LOST, WorkersLostError
from cl2d.cluster.sealed import sealed
from cl2d.engine.member_sums import MemberSums
from cl2d.engine.stretches import SUM_SHAPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Future

    from cl2d.cluster.crew import Crew
    from cl2d.cluster.job import Job
    from cl2d.engine.member_sums import Members
    from cl2d.engine.stretches import Stretch, SumShape

    Group = list[Stretch]

STRETCHES_PER_WORKER = 2
"""Stretches that a worker is given whose sums have not been added to others."""

GROUPS_AHEAD = 1
"""Groups that are begun before their turn, beside those it takes to give all workers work."""

PIECE_BYTES = 64 << 20
PIECES_AT_ONCE = 2
"""Pieces of the sum of a group that are on their way to this process."""

SECONDS_BETWEEN_SIGNS = 5.0
"""Progress is told again when nothing has ended for so long: a time limit is kept all the same."""

_SOON = 10
"""Priority, to Dask, of what makes room or is waited for."""


class SummedOnWorkers:
    """Sums made by the workers of a run, see :class:`cl2d.engine.member_sums.SummedBy`.

    They have the same bits as those made in one process, whatever the number of workers and
    whoever of them is lost. This process holds one set of sums and pieces of another.

    Parameters
    ----------
    crew : Crew
    job : Job
    shape : SumShape
    """

    def __init__(self, crew: Crew, job: Job, shape: SumShape = SUM_SHAPE) -> None:
        self._crew = crew
        self._job = job
        self._groups = shape.groups(job.n_images)

    def __call__(
        self, members: Members, *, weighted: bool, on_progress: Callable[[int], None]
    ) -> MemberSums:
        """Return the sums.

        Raises
        ------
        InputError
            If a worker sees other particles than this process, or cannot read them.
        WorkersLostError
            If no worker is left or too many were lost.
        """
        self._crew.account.end_iteration()
        total = _Total(members.n_slots, len(self._groups), self._job.plan.box_px)
        told = _Told(on_progress)
        wanted = _Wanted(self._groups, members, weighted)
        tries = 0
        while True:
            before = total.group
            try:
                _Summing(self._crew, self._job, wanted, total, told).run()
            except (*LOST, _LostError) as error:
                tries = 1 if total.group > before else tries + 1
                if tries == MOST_TRIES:
                    message = f"{MOST_TRIES} times workers were lost over the averages"
                    raise WorkersLostError(message) from error
            else:
                return total.sums()


class _LostError(Exception):
    """Workers are gone, and with them perhaps what Dask cannot bring back."""


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What is summed."""

    groups: list[Group]
    members: Members
    weighted: bool

    def message(self, stretch: Stretch) -> bytes:
        """Return what a worker has to know to sum a stretch."""
        own = PackedMembers.of(self.members.part(stretch.rows))
        return sealed((stretch, own, self.weighted))


class _Told:
    """What was told of progress: each stretch counts once, even if it is summed again."""

    def __init__(self, on_progress: Callable[[int], None]) -> None:
        self._on_progress = on_progress
        self._done: set[Stretch] = set()
        self._last = time.monotonic()

    def done(self, stretch: Stretch) -> None:
        self._done.add(stretch)
        self._tell()

    def sign_of_life(self) -> None:
        if time.monotonic() - self._last > SECONDS_BETWEEN_SIGNS:
            self._tell()

    def _tell(self) -> None:
        self._last = time.monotonic()
        self._on_progress(sum(stretch.n_images for stretch in self._done))


class _Total:
    """The sum of the groups so far, and what it lacks of the next one."""

    def __init__(self, n_slots: int, n_groups: int, box_px: int) -> None:
        length = max(PIECE_BYTES // (8 * box_px**2), 1)
        starts = range(0, max(n_slots, 1), length)
        self._pieces = [slice(start, min(start + length, n_slots)) for start in starts]
        self._n_slots = n_slots
        self._n_groups = n_groups
        self._sums: MemberSums | None = None
        self.group = 0
        self.missing = list(self._pieces)

    @property
    def complete(self) -> bool:
        return self.group == self._n_groups

    def add(self, piece: slice, sums: MemberSums) -> None:
        """Add a piece of the sum of the next group."""
        if self._sums is None:
            # What is added to zero stays as it is, to the bit: no sum is minus zero.
            self._sums = MemberSums(*(np.zeros((self._n_slots, *s.shape[1:])) for s in sums))
        self._sums.of_slots(piece).add(sums)
        self.missing.remove(piece)
        if not self.missing:
            self.group += 1
            self.missing = list(self._pieces)

    def sums(self) -> MemberSums:
        assert self._sums is not None
        return self._sums


class _Summing:
    """Tasks that make the sums of all groups that the total lacks, and add them to it."""

    def __init__(self, crew: Crew, job: Job, wanted: _Wanted, total: _Total, told: _Told) -> None:
        self._crew = crew
        self._job = crew.broadcast(job, for_long=True)
        self._wanted = wanted
        self._groups = groups = wanted.groups
        self._total = total
        self._told = told
        self._waiting = deque(
            (number, place)
            for number in range(total.group, len(groups))
            for place in range(len(groups[number]))
        )
        self._seen: set[str] = set()
        self._n_unmerged = 0
        self._busy: Counter[str] = Counter()
        self._so_far: Future | None = None
        self._whole: dict[int, Future] = {}
        self._fetched = total.group - 1  # the last group of which pieces were asked for
        self._pieces: deque[slice] = deque()
        self._then: dict[Future, Callable[[Future], None]] = {}
        self._ended: SimpleQueue[Future] = SimpleQueue()

    def run(self) -> None:
        try:
            while not self._total.complete:
                self._give_out()
                self._handle(self._next_ended())
        finally:
            # Dask forgets what nobody holds. Cancelling what has just ended upsets its scheduler.
            self._then.clear()
            self._whole.clear()
            self._so_far = None

    def _give_out(self) -> None:
        """Give workers more stretches, as long as not too many sums wait anywhere."""
        if not self._waiting:
            return
        workers = self._workers()
        most = STRETCHES_PER_WORKER * len(workers)
        last_group = self._total.group + GROUPS_AHEAD + most // len(self._groups[0])
        while self._waiting and self._n_unmerged < most and self._waiting[0][0] <= last_group:
            worker = min(workers, key=lambda name: self._busy[name])
            self._begin(*self._waiting.popleft(), worker)

    def _begin(self, number: int, place: int, worker: str) -> None:
        """Have a stretch summed, and that added to the sum of those before it in its group."""
        stretch = self._groups[number][place]
        message = self._wanted.message(stretch)
        self._crew.account.sent_bytes += len(message)
        self._n_unmerged += 1
        self._busy[worker] += 1
        future = self._submit(sum_stretch, self._job, message, worker=worker)
        after: Future = future
        if place > 0:
            after = self._submit(added, self._so_far, future)
            self._expect(after, partial(self._merged, number, place))
        self._so_far = after
        self._expect(future, partial(self._summed, number, place, worker))

    def _submit(self, *call: Any, worker: str | None = None) -> Future:
        """Send a task that Dask may give to another worker if the one it is for is lost."""
        where: dict[str, Any] = {"priority": _SOON}
        if worker is not None:
            where = {"workers": [worker], "allow_other_workers": True}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            return self._crew.client.submit(*call, pure=False, **where)

    def _expect(self, future: Future, then: Callable[[Future], None]) -> None:
        self._then[future] = then
        future.add_done_callback(self._ended.put)

    def _next_ended(self) -> Future:
        while True:
            try:
                return self._ended.get(timeout=LOOK_SECONDS)
            except Empty:
                self._workers()
                self._told.sign_of_life()

    def _workers(self) -> list[str]:
        """Return the workers there are; raise if there is none for long or none of the last.

        Where there was none for a moment Dask may wait for ever for one that was asked for.
        """
        before, self._seen = self._seen, set(self._crew.workers())
        if before and not before & self._seen:
            raise _LostError
        return sorted(self._seen)

    def _handle(self, future: Future) -> None:
        then = self._then.pop(future)
        if future.status == "error":
            error: BaseException = future.exception()
            raise error
        if future.status != "finished":
            raise FutureCancelledError(future.key, "lost", None)
        then(future)

    def _summed(self, number: int, place: int, worker: str, future: Future) -> None:
        self._busy[worker] -= 1
        self._told.done(self._groups[number][place])
        if place == 0:
            self._merged(number, place, future)

    def _merged(self, number: int, place: int, future: Future) -> None:
        self._n_unmerged -= 1
        if place == len(self._groups[number]) - 1:
            self._whole[number] = future
            self._fetch_next_group()

    def _fetch_next_group(self) -> None:
        if self._total.group in self._whole and self._fetched < self._total.group:
            self._fetched = self._total.group
            self._pieces.extend(self._total.missing)
            for _ in range(min(PIECES_AT_ONCE, len(self._pieces))):
                self._fetch_piece()

    def _fetch_piece(self) -> None:
        piece = self._pieces.popleft()
        whole = self._whole[self._total.group]
        self._expect(self._crew.call(piece_of, (piece,), [whole]), partial(self._add, piece))

    def _add(self, piece: slice, future: Future) -> None:
        number = self._total.group
        outcome = self._crew.received(future, self._seen)
        if outcome is None:
            raise _LostError
        sums, work = outcome.value
        self._crew.account.note(0, work)
        self._total.add(piece, sums)
        if self._total.group > number:
            del self._whole[number]
            self._fetch_next_group()
        elif self._pieces:
            self._fetch_piece()
