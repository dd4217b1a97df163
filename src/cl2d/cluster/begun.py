"""Tasks on their way that depend on tasks of several workers, and which of these are late."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Future

LATE = 2.0
"""Times what is usual after which a task is late."""

LEAST_LATE_SECONDS = 20.0


def late_after(usual_seconds: float) -> float:
    """Return after how many seconds what usually takes so long is late."""
    return max(LEAST_LATE_SECONDS, LATE * usual_seconds)


@dataclass(frozen=True, eq=False)
class Begun:
    """A task that was sent, and what it waits for.

    Attributes
    ----------
    future : the task
    steps : tasks it waits for, one of each worker that has some; about as long as each other
    worker : the one that it was sent to, unless that may be any
    """

    future: Future
    steps: Mapping[str, Future]
    worker: str | None = None

    @property
    def workers(self) -> frozenset[str]:
        """Those on which the task may wait for ever once they are gone."""
        return (
            frozenset(self.steps) if self.worker is None else frozenset({*self.steps, self.worker})
        )


class Patience:
    """How long the steps of a task may take: no longer than some times what half of them took.

    Parameters
    ----------
    steps : as those of :class:`Begun`
    """

    def __init__(self, steps: Mapping[str, Future]) -> None:
        self._steps = steps
        self._started = time.monotonic()
        self._half_seconds: float | None = None

    def late(self) -> dict[str, Future]:
        """Return the steps that are late, by their workers; none before half of all are done."""
        waiting = {worker: step for worker, step in self._steps.items() if not step.done()}
        if 2 * len(waiting) > len(self._steps):
            return {}
        passed = time.monotonic() - self._started
        if self._half_seconds is None:
            self._half_seconds = passed
        return waiting if passed >= late_after(self._half_seconds) else {}
