"""A pass over all parts of a run: what is lost is begun again, what is late also elsewhere."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from cl2d.cluster.begun import late_after
from cl2d.cluster.roster import LOST, WorkersLostError
from cl2d.cluster.several_parts import on_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Future

    from cl2d.cluster.crew import Arguments, Crew
    from cl2d.cluster.parts import Part
    from cl2d.cluster.work import Outcome

LOOK_SECONDS = 1.0

MANY_WORKERS = 8
"""So many are sent one task each for all of their parts: every task takes time here. Of fewer the
progress is better seen part by part."""

MOST_TOGETHER = 16
"""Tasks whose results are asked for at once: few enough to come soon, whatever their size."""

MOST_TRIES = 5
"""Workers that may be lost over one part before it is taken for the cause."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Sent:
    """What a task is about, and whom it was sent to."""

    parts: tuple[Part, ...]
    worker: str


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
        self._sent: dict[Future, _Sent] = {}
        self._ended: SimpleQueue[Future] = SimpleQueue()
        self._lost: Counter[Part] = Counter()
        self._open: set[Part] = set(crew.parts)
        self._doubled: set[Part] = set()
        self._late: set[Future] = set()
        self._started = time.monotonic()

    def results(self) -> Iterator[tuple[Part, Outcome]]:
        """Yield the outcome of every part, in the order they are done."""
        try:
            self._begin_all(self._crew.parts)
            while self._open:
                ended = self._next_ended()
                outcomes = self._outcomes(ended)
                for future, sent in ended:
                    yield from self._parts_done(future, sent, outcomes.get(future))
            self._set_late_workers_aside()
        finally:
            for future in self._sent:
                future.cancel()

    def _begin_all(self, parts: Sequence[Part]) -> None:
        """Begin parts at their owners, those of one at a time or, of many workers, together."""
        of_worker: defaultdict[str, list[Part]] = defaultdict(list)
        for part in parts:
            of_worker[self._crew.owners[part]].append(part)
        together = len(of_worker) >= MANY_WORKERS
        for worker, some in of_worker.items():
            for batch in [some] if together else [[part] for part in some]:
                self._begin(batch, worker)

    def _begin(self, parts: Sequence[Part], worker: str) -> None:
        task = partial(on_each, self._task)
        future = self._crew.submit_parts(task, parts, self._arguments, worker)
        self._sent[future] = _Sent(tuple(parts), worker)
        future.add_done_callback(self._ended.put)

    def _next_ended(self) -> list[tuple[Future, _Sent]]:
        """Return tasks that have ended about parts that are still wanted."""
        ended = [self._first_ended()]
        while len(ended) < MOST_TOGETHER and not self._ended.empty():
            ended.append(self._ended.get())
        # Those that were sent again are told of no more.
        known = [(future, self._sent.pop(future)) for future in ended if future in self._sent]
        return [(future, sent) for future, sent in known if not self._open.isdisjoint(sent.parts)]

    def _first_ended(self) -> Future:
        """Return the next task that has ended; meanwhile late parts are begun elsewhere."""
        while True:
            try:
                return self._ended.get(timeout=LOOK_SECONDS)
            except Empty:
                self._send_again_what_nobody_does()
                self._double_late_parts()

    def _outcomes(self, ended: Sequence[tuple[Future, _Sent]]) -> dict[Future, Outcome | None]:
        """Return what has come of tasks; nothing of those that failed or were lost."""
        finished = [
            (future, [sent.worker]) for future, sent in ended if future.status == "finished"
        ]
        outcomes = self._crew.received_together(finished)
        return {future: one for (future, _), one in zip(finished, outcomes, strict=True)}

    def _parts_done(
        self, future: Future, sent: _Sent, outcome: Outcome | None
    ) -> Iterator[tuple[Part, Outcome]]:
        """Yield what a task has come to of parts of which nobody else was faster."""
        if outcome is None:
            wanted = [part for part in sent.parts if part in self._open]
            if wanted:
                self._begin_again(wanted, future)
            return
        for part, value in zip(sent.parts, outcome.value, strict=True):
            if part in self._open:
                self._open.discard(part)
                yield part, replace(outcome, value=value)

    def _send_again_what_nobody_does(self) -> None:
        """Begin parts anew that wait for a worker that is gone."""
        present = set(self._crew.workers())
        for future, sent in list(self._sent.items()):
            if sent.worker in present or future.status != "pending":
                continue
            del self._sent[future]
            self._crew.check_owners()
            self._begin_all([part for part in sent.parts if part in self._open])

    def _double_late_parts(self) -> None:
        """Begin parts once more, elsewhere, that take much longer than those that are done."""
        n_done = len(self._crew.parts) - len(self._open)
        passed = time.monotonic() - self._started
        # Half of the parts are done by now, if workers are anything alike.
        if 2 * n_done < len(self._crew.parts) or passed < late_after(
            self._crew.usual_seconds(self._task.__name__)
        ):
            return
        busy = {self._crew.owners[part] for part in self._open}
        idle = [worker for worker in self._crew.workers() if worker not in busy]
        waiting = sorted(self._open - self._doubled)
        for part, worker in zip(waiting, idle, strict=False):
            _log.info("a part is late at %s: %s does it, too", self._crew.owners[part], worker)
            self._doubled.add(part)
            self._late.update(future for future, sent in self._sent.items() if part in sent.parts)
            self._crew.owners[part] = worker
            self._begin([part], worker)

    def _set_late_workers_aside(self) -> None:
        """Leave out workers that have not done what others, who began later, have done."""
        for future in self._late & self._sent.keys():
            self._crew.roster.set_aside(self._sent.pop(future).worker, future)

    def _begin_again(self, parts: Sequence[Part], failed: Future) -> None:
        """Begin parts again whose task was lost with its worker; raise any other error."""
        error = failed.exception() if failed.status == "error" else None
        if error is not None and not isinstance(error, LOST):
            raise error
        for part in parts:
            self._lost[part] += 1
            if self._lost[part] >= MOST_TRIES:
                message = f"images {part.start + 1} to {part.stop} have cost {MOST_TRIES} workers"
                raise WorkersLostError(message) from error
        self._crew.check_owners()
        self._begin_all(parts)
