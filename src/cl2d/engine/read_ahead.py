"""Work on what is being read, while more of it is read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from cl2d.engine.at_once import results_in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Portion = TypeVar("Portion")
Result = TypeVar("Result")

PORTIONS_AHEAD = 2
"""Portions that are read before a thread is free for them."""


def read_ahead(
    portions: Iterable[Portion],
    work: Callable[[Portion], Result],
    n_threads: int,
    on_done: Callable[[Result], None],
) -> None:
    """Do some work on every portion in threads, while the calling thread takes the next ones.

    Portions are taken, and results handed over, in their order and by the calling thread, so
    neither a reader nor a listener need be made for threads. Not more than ``n_threads +
    PORTIONS_AHEAD`` portions are held at a time.

    An error of the reader, of the work or of the listener, and an interrupt, end it: what has begun
    is finished, what waits is dropped, and the error is raised.

    Parameters
    ----------
    portions : iterable
        Taking one from it is the reading.
    work : callable
        Called in several threads at a time.
    n_threads : int
        Threads at work, besides the one that reads.
    on_done : callable
        Called with each result.
    """
    most = n_threads + PORTIONS_AHEAD
    with closing(results_in_threads(work, portions, n_threads, most)) as results:
        for result in results:
            on_done(result)
