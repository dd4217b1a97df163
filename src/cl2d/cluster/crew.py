"""The workers of a run: who holds which part, and getting something done for every part.

Tasks are bound to the worker that holds their part: Dask would have idle workers steal them, who
would read the images again. So they would wait for ever for a worker that is gone; such tasks are
sent again, to others, who read what they lack. What a worker finds does not depend on who it is:
anything may be done again, by anybody, even twice at once.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import KilledWorker, wait
from distributed.client import FutureCancelledError

from cl2d.cluster.parts import dealt, moved_from, parts_of
from cl2d.cluster.sealed import run_for_workers, run_sealed, sealed, unsealed
from cl2d.cluster.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Client, Future

    from cl2d.cluster.parts import Part

LEAST_GAIN = 0.15
"""Share of the time of a pass over all images that moving a part must save: it is read again."""

MOST_TRIES = 5
"""Workers that may be lost over one part before it is taken for the cause."""

LATE = 2.0
"""Times the usual duration of a pass after which idle workers begin what is left of it, too."""

LEAST_LATE_SECONDS = 20.0
LOOK_SECONDS = 1.0

WAIT_SECONDS = 60.0
"""How long a run waits for a worker where all are gone: they may be being started again."""

MERGED_AT_ONCE = 8
"""Partial sums that one worker merges."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Arguments:
    """Arguments of a task about a part: those of this part alone, and those sent to all before."""

    own: tuple[Any, ...]
    shared: tuple[Future, ...] = ()


@dataclass(frozen=True, eq=False)
class Begun:
    """A task that was sent, and the workers it was sent to or waits for."""

    future: Future
    workers: frozenset[str]


class WorkersLostError(RuntimeError):
    """No worker is left, or a part has cost too many of them."""


class Crew:
    """Workers of a Dask cluster with the parts of a run.

    Parameters
    ----------
    client : distributed.Client
    n_images : int
    """

    def __init__(self, client: Client, n_images: int) -> None:
        self.client = client
        self.traffic = Traffic()
        threads = self._threads()
        self.parts = parts_of(n_images, len(threads))
        self.owners = dealt(self.parts, {name: float(n) for name, n in threads.items()})
        self._seconds: dict[Part, tuple[str, float]] = {}
        self._usual_seconds: dict[str, float] = {}

    def _threads(self) -> dict[str, int]:
        """Return the threads of each worker there is; wait for one where all are gone."""
        waited_since = time.monotonic()
        while True:
            workers = self.client.scheduler_info(n_workers=-1)["workers"]
            if workers:
                return {address: int(facts["nthreads"]) for address, facts in workers.items()}
            if time.monotonic() - waited_since > WAIT_SECONDS:
                message = f"no worker has been in the Dask cluster for {WAIT_SECONDS:.0f} s"
                raise WorkersLostError(message)
            time.sleep(0.2)

    def check_owners(self) -> None:
        """Give the parts of workers that are gone to those that are there."""
        present = self._threads()
        lost = [part for part, worker in self.owners.items() if worker not in present]
        if not lost:
            return
        held: defaultdict[str, int] = defaultdict(int)
        for part, worker in self.owners.items():
            held[worker] += part.n_images
        for part in lost:
            heir = min(present, key=lambda worker: (held[worker] / present[worker], worker))
            _log.info("worker %s is gone: %s reads its part", self.owners[part], heir)
            self.owners[part] = heir
            held[heir] += part.n_images

    def rebalance(self) -> dict[str, list[Part]]:
        """Move parts from slow workers to fast ones by the durations of the last pass.

        Returns
        -------
        dict
            What is left to each worker that has handed a part on.
        """
        present = set(self._threads())
        speeds = self._measured_speeds(present)
        if len(speeds) < len(present) or not set(self.owners.values()) <= present:
            return {}
        before, self.owners = self.owners, moved_from(self.owners, speeds, LEAST_GAIN)
        givers = {before[part] for part in self.parts if self.owners[part] != before[part]}
        return {
            giver: [part for part, worker in self.owners.items() if worker == giver]
            for giver in sorted(givers)
        }

    def speeds(self) -> dict[str, float]:
        """Return the speeds of the workers by the last pass, or their threads, in no unit."""
        threads = self._threads()
        measured = self._measured_speeds(set(threads))
        known = len(measured) == len(threads)
        return measured if known else {worker: float(n) for worker, n in threads.items()}

    def _measured_speeds(self, present: set[str]) -> dict[str, float]:
        """Return the images a second, in the last pass, of those workers that did some."""
        images: Counter[str] = Counter()
        seconds: defaultdict[str, float] = defaultdict(float)
        for part, (worker, duration) in self._seconds.items():
            images[worker] += part.n_images
            seconds[worker] += duration
        return {w: images[w] / seconds[w] for w in images if w in present and seconds[w] > 0}

    def for_each_part(
        self, task: Callable[..., Any], arguments: Callable[[Part], Arguments]
    ) -> Iterator[tuple[Part, Any]]:
        """Yield ``task(*arguments(part))`` for every part, in the order they are done.

        Raises
        ------
        WorkersLostError
            If no worker is left or several were lost over one part.
        """
        self.check_owners()
        started = time.monotonic()
        yield from _Pass(self, task, arguments).results()
        self._usual_seconds[task.__name__] = time.monotonic() - started

    def merged(
        self,
        task: Callable[..., Any],
        merge: Callable[..., Any],
        arguments: Callable[[Part], Arguments],
    ) -> Any:
        """Return what workers make of ``task(*arguments(part))`` of all parts by merging.

        A worker merges what it has, and then workers what several have: this process gets one
        value, whatever their number.
        """

        def begin() -> Begun:
            self.check_owners()
            by_worker: defaultdict[str, list[Future]] = defaultdict(list)
            for part in self.parts:
                by_worker[self.owners[part]].append(self.submit(task, part, arguments(part)))
            values = [self._merge(merge, some) for some in by_worker.values()]
            while len(values) > 1:
                starts = range(0, len(values), MERGED_AT_ONCE)
                values = [self._merge(merge, values[i : i + MERGED_AT_ONCE]) for i in starts]
            return Begun(values[0], frozenset(by_worker))

        return self.result_of(begin(), begin)

    def result_of(self, begun: Begun, begin: Callable[[], Begun]) -> Any:
        """Return the result of a task, which is begun again where workers are lost over it.

        Raises
        ------
        WorkersLostError
            If it has been begun ``MOST_TRIES`` times.
        """
        cause: Exception | None = None
        for attempt in range(MOST_TRIES):
            if attempt > 0:
                begun = begin()
            try:
                if self._comes(begun):
                    return self.received(begun.future)
            except (KilledWorker, FutureCancelledError) as error:
                cause = error
        message = f"{MOST_TRIES} workers were lost over one task"
        raise WorkersLostError(message) from cause

    def _comes(self, begun: Begun) -> bool:
        """Wait for a task; return False once a worker is gone on which it may wait for ever."""
        while not begun.future.done():
            try:
                wait([begun.future], timeout=LOOK_SECONDS)
            except TimeoutError:
                if not begun.workers <= set(self.workers()) and not begun.future.done():
                    return False
        return True

    def _merge(self, merge: Callable[..., Any], values: list[Future]) -> Future:
        return self.call(merge, (), values)

    def usual_seconds(self, task_name: str) -> float:
        """Return how long the last pass of a kind took; 0 if there was none."""
        return self._usual_seconds.get(task_name, 0.0)

    def workers(self) -> list[str]:
        """Return the addresses of the workers there are."""
        return sorted(self._threads())

    def submit(
        self,
        task: Callable[..., Any],
        part: Part,
        arguments: Arguments,
        worker: str | None = None,
    ) -> Future:
        """Send a task about a part to a worker, by default to the one that holds the part."""
        return self.call(task, arguments.own, arguments.shared, worker or self.owners[part])

    def call(
        self,
        task: Callable[..., Any],
        arguments: tuple[Any, ...],
        more: Sequence[Future] = (),
        worker: str | None = None,
    ) -> Future:
        """Send a task, with arguments that are there or to come, to a worker or to any of them."""
        message = sealed(arguments)
        self.traffic.sent_bytes += len(message)
        return self.client.submit(run_sealed, task, message, *more, pure=False, **_at(worker))

    def submit_for_workers(
        self, task: Callable[..., Any], part: Part, arguments: tuple[Any, ...]
    ) -> Future:
        """Send a task about a part whose result goes to another task, not here."""
        message = sealed(arguments)
        self.traffic.sent_bytes += len(message)
        where = _at(self.owners[part])
        return self.client.submit(run_for_workers, task, message, pure=False, **where)

    def broadcast(self, value: object) -> Future:
        """Return something that every worker will be given, from here or by another worker.

        It is the result of a task, which Dask can do again where all who had it are lost.
        """
        message = sealed(value)
        self.traffic.sent_bytes += len(message) * len(self.workers())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            return self.client.submit(bytes, message, pure=False)

    def received(self, future: Future) -> Any:
        """Return what a task returned."""
        message = future.result()
        self.traffic.received_bytes += len(message)
        return unsealed(message)

    def note(self, part: Part, worker: str, seconds: float) -> None:
        """Remember how long a worker took for a part."""
        self._seconds[part] = (worker, seconds)


def _at(worker: str | None) -> dict[str, Any]:
    """Return how Dask is told where a task is to be done."""
    return {} if worker is None else {"workers": [worker], "allow_other_workers": False}


class _Pass:
    """One pass over all parts."""

    def __init__(
        self,
        crew: Crew,
        task: Callable[..., Any],
        arguments: Callable[[Part], Arguments],
    ) -> None:
        self._crew = crew
        self._task = task
        self._arguments = arguments
        self._part_of: dict[Future, Part] = {}
        self._sent_to: dict[Future, str] = {}
        self._ended: SimpleQueue[Future] = SimpleQueue()
        self._lost: Counter[Part] = Counter()
        self._open: set[Part] = set(crew.parts)
        self._doubled: set[Part] = set()
        self._started = time.monotonic()

    def results(self) -> Iterator[tuple[Part, Any]]:
        try:
            for part in self._crew.parts:
                self._begin(part)
            while self._open:
                future = self._next_ended()
                part = self._part_of.pop(future)
                self._sent_to.pop(future, None)
                if part not in self._open:
                    continue  # somebody else was faster
                if future.status != "finished":
                    self._begin_again(part, future)
                    continue
                self._open.discard(part)
                yield part, self._crew.received(future)
        finally:
            for future in self._part_of:
                future.cancel()

    def _begin(self, part: Part, worker: str | None = None) -> None:
        future = self._crew.submit(self._task, part, self._arguments(part), worker=worker)
        self._part_of[future] = part
        self._sent_to[future] = worker or self._crew.owners[part]
        future.add_done_callback(self._ended.put)

    def _next_ended(self) -> Future:
        """Return the next task that has ended; meanwhile late parts are begun elsewhere."""
        while True:
            try:
                return self._ended.get(timeout=LOOK_SECONDS)
            except Empty:
                self._send_again_what_nobody_does()
                self._double_late_parts()

    def _send_again_what_nobody_does(self) -> None:
        """Begin parts anew that wait for a worker that is gone."""
        present = set(self._crew.workers())
        for future, worker in list(self._sent_to.items()):
            if worker in present or future.status != "pending":
                continue
            del self._sent_to[future]
            part = self._part_of[future]
            if part in self._open:
                self._crew.check_owners()
                self._begin(part)

    def _double_late_parts(self) -> None:
        """Begin parts once more, elsewhere, that take much longer than those that are done."""
        n_done = len(self._crew.parts) - len(self._open)
        passed = time.monotonic() - self._started
        # Half of the parts are done by now, if workers are anything alike.
        if 2 * n_done < len(self._crew.parts) or passed < self._late_after:
            return
        busy = {self._crew.owners[part] for part in self._open}
        idle = [worker for worker in self._crew.workers() if worker not in busy]
        waiting = sorted(self._open - self._doubled)
        for part, worker in zip(waiting, idle, strict=False):
            _log.info("a part is late at %s: %s does it, too", self._crew.owners[part], worker)
            self._doubled.add(part)
            self._crew.owners[part] = worker
            self._begin(part, worker)

    @property
    def _late_after(self) -> float:
        """Seconds from the start after which a part is late."""
        return max(LEAST_LATE_SECONDS, LATE * self._crew.usual_seconds(self._task.__name__))

    def _begin_again(self, part: Part, failed: Future) -> None:
        """Begin a part again whose task was lost with its workers; raise any other error."""
        error = failed.exception() if failed.status == "error" else None
        if error is not None and not isinstance(error, (KilledWorker, FutureCancelledError)):
            raise error
        self._lost[part] += 1
        if self._lost[part] >= MOST_TRIES:
            message = f"images {part.start + 1} to {part.stop} have cost {MOST_TRIES} workers"
            raise WorkersLostError(message) from error
        self._crew.check_owners()
        self._begin(part)
