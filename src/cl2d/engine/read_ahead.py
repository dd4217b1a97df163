"""Work on what is being read, while more of it is read."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

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
    pool = ThreadPoolExecutor(n_threads)
    begun: deque[Future[Result]] = deque()
    try:
        for portion in portions:
            begun.append(pool.submit(work, portion))
            while begun and (begun[0].done() or len(begun) >= n_threads + PORTIONS_AHEAD):
                on_done(begun.popleft().result())
        while begun:
            on_done(begun.popleft().result())
    finally:
        pool.shutdown(cancel_futures=True)
