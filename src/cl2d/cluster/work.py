"""How long workers worked on something, beside waiting for their turn."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_this_thread = threading.local()


@dataclass(frozen=True, eq=False)
class Work:
    """Seconds that each worker, by its address, was busy with something."""

    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a task returned.

    Attributes
    ----------
    value : what it returned
    worker : str, who did it
    work : Work
        What it took, with what the tasks took that it depended on.
    """

    value: Any
    worker: str
    work: Work


def work_of_all(parts: Iterable[Work]) -> Work:
    """Return the work of several tasks."""
    total: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        for worker, seconds in part.seconds.items():
            total[worker] += seconds
    return Work(dict(total))


@contextmanager
def in_turn(lock: threading.RLock) -> Iterator[None]:
    """Hold a lock; the time until it is free is not counted as work of this thread."""
    started = time.perf_counter()
    with lock:
        _this_thread.waited = waited_seconds() + time.perf_counter() - started
        yield


def waited_seconds() -> float:
    """Return how long this thread has waited for its turn since it began."""
    seconds: float = getattr(_this_thread, "waited", 0.0)
    return seconds
