"""Phases of a run: announced, timed, and remembered for the run record."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted, RunWarned, ignore_event
from cl2d.io.patience import told_of_waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Phases:
    """Tells listeners of phases and keeps their wall times.

    Parameters
    ----------
    on_event : callable, optional
        Who is told; nobody if left out.

    Attributes
    ----------
    seconds : dict of float, by name of the phase
    """

    def __init__(self, on_event: Callable[[object], None] | None = None) -> None:
        self.tell = on_event if on_event is not None else ignore_event
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Announce a phase; the body gets a function to report progress with."""
        self.tell(PhaseStarted(name, total))
        with self.timed(name):
            yield lambda done: self.tell(PhaseProgress(name, done, total))
        self.tell(PhaseFinished(name, self.seconds[name]))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a phase that announces itself."""
        started = time.perf_counter()
        with told_of_waits(lambda line: self.tell(RunWarned(line))):
            yield
        self.seconds[name] = time.perf_counter() - started

    def tell_and_time(self, event: object) -> None:
        """Pass an event on, and take the time from a phase's last one."""
        if isinstance(event, PhaseFinished):
            self.seconds[event.name] = event.seconds
        self.tell(event)
