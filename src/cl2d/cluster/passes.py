"""A pass over all parts of a run: what is lost is begun again, what is late also elsewhere."""

from __future__ import annotations

import logging
import time
from collections import Counter
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import KilledWorker
from distributed.client import FutureCancelledError

from cl2d.cluster.roster import WorkersLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Future

    from cl2d.cluster.crew import Arguments, Crew
    from cl2d.cluster.parts import Part
    from cl2d.cluster.work import Outcome

LATE = 2.0
"""Times the usual duration of a pass after which idle workers begin what is left of it, too."""

LEAST_LATE_SECONDS = 20.0
LOOK_SECONDS = 1.0

MOST_TRIES = 5
"""Workers that may be lost over one part before it is taken for the cause."""

_log = logging.getLogger(__name__)


class Pass:
    """One pass over all parts.

    Parameters
    ----------
    crew : Crew
    task : callable
    arguments : callable
        Returns those of the task about a part for a worker.
    """

    def __init__(
        self,
        crew: Crew,
        task: Callable[..., Any],
        arguments: Callable[[Part, str], Arguments],
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

    def results(self) -> Iterator[tuple[Part, Outcome]]:
        """Yield the outcome of every part, in the order they are done."""
        try:
            for part in self._crew.parts:
                self._begin(part)
            while self._open:
                future = self._next_ended()
                if future not in self._part_of:
                    continue  # it was sent again
                part = self._part_of.pop(future)
                worker = self._sent_to.pop(future)
                if part not in self._open:
                    continue  # somebody else was faster
                outcome = None
                if future.status == "finished":
                    outcome = self._crew.received(future, [worker])
                if outcome is None:
                    self._begin_again(part, future)
                    continue
                self._open.discard(part)
                yield part, outcome
        finally:
            for future in self._part_of:
                future.cancel()

    def _begin(self, part: Part, worker: str | None = None) -> None:
        worker = worker or self._crew.owners[part]
        future = self._crew.submit(self._task, self._arguments(part, worker), worker)
        self._part_of[future] = part
        self._sent_to[future] = worker
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
            part = self._part_of.pop(future)
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
