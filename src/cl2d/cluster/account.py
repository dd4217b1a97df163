"""What a run on workers costs beside computing: bytes that travel, and time that is waited."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl2d.results import ClusterUse, IterationCost, WorkerUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl2d.cluster.work import Work


@dataclass(frozen=True)
class _Mark:
    """What was counted when an iteration began."""

    n_classes: int
    at: float
    sent_bytes: int
    received_bytes: int
    busy_seconds: float


def _nobody() -> defaultdict[str, float]:
    """Return what holds seconds by the addresses of workers."""
    return defaultdict(float)


class Account:
    """Counts what a run on workers moves, and how long each of them was busy.

    An iteration lasts from one search among all classes to the next, the last one until the run
    asks for something else that is counted apart (:meth:`end_iteration`).

    Attributes
    ----------
    sent_bytes : int
        From the client to workers; what all of them get counts once, for they pass it on.
    received_bytes : int
        From workers to the client.
    threads : mapping
        Of each worker that there was, by its address.
    n_present : int
        Workers that there are.
    """

    def __init__(self) -> None:
        self.sent_bytes = 0
        self.received_bytes = 0
        self.threads: dict[str, int] = {}
        self.n_present = 0
        self._busy_seconds = _nobody()
        self._comparisons: Counter[str] = Counter()
        self._search_seconds = _nobody()
        self._iterations: list[IterationCost] = []
        self._begun: _Mark | None = None

    def note(self, received_bytes: int, work: Work) -> None:
        """Count a message that came, and the work it took."""
        self.received_bytes += received_bytes
        for worker, seconds in work.seconds.items():
            self._busy_seconds[worker] += seconds

    def note_present(self, threads: Mapping[str, int]) -> None:
        """Remember which workers there are."""
        self.threads.update(threads)
        self.n_present = len(threads)

    def note_search(self, worker: str, n_comparisons: int, seconds: float) -> None:
        """Count images that a worker compared with classes, and how long it took."""
        self._comparisons[worker] += n_comparisons
        self._search_seconds[worker] += seconds

    def begin_iteration(self, n_classes: int) -> None:
        """End the iteration before, if any, and begin one."""
        self.end_iteration()
        busy = sum(self._busy_seconds.values())
        now = time.monotonic()
        self._begun = _Mark(n_classes, now, self.sent_bytes, self.received_bytes, busy)

    def end_iteration(self) -> None:
        """End the iteration that is going on, if there is one."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        seconds = time.monotonic() - begun.at
        busy = sum(self._busy_seconds.values()) - begun.busy_seconds
        self._iterations.append(
            IterationCost(
                n_classes=begun.n_classes,
                seconds=seconds,
                sent_bytes=self.sent_bytes - begun.sent_bytes,
                received_bytes=self.received_bytes - begun.received_bytes,
                waiting_share=_waiting_share(busy, seconds * self.n_present),
            )
        )

    def use(self) -> ClusterUse:
        """Return what was counted."""
        workers = tuple(
            WorkerUse(
                address=name,
                threads=self.threads.get(name, 0),
                busy_seconds=self._busy_seconds[name],
                comparisons_per_second=_speed(self._comparisons[name], self._search_seconds[name]),
            )
            for name in sorted({*self.threads, *self._busy_seconds})
        )
        seconds = sum(one.seconds for one in self._iterations)
        waited = sum(one.seconds * one.waiting_share for one in self._iterations)
        return ClusterUse(
            workers=workers,
            sent_bytes=self.sent_bytes,
            received_bytes=self.received_bytes,
            waiting_share=waited / seconds if seconds > 0 else 0.0,
            iterations=tuple(self._iterations),
        )


def _waiting_share(busy_seconds: float, seconds_there: float) -> float:
    """Return the share of the time that workers were there in which they had nothing to do."""
    return min(1.0, max(0.0, 1 - busy_seconds / seconds_there)) if seconds_there > 0 else 0.0


def _speed(number: int, seconds: float) -> float:
    return number / seconds if seconds > 0 else 0.0
