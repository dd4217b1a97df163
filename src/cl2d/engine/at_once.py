"""Work on several things at once, in as many threads as a run may use."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    Item = TypeVar("Item")
    Result = TypeVar("Result")


AHEAD = 2
"""Items for each thread that are begun or done before their results are wanted."""


def results_in_order(
    function: Callable[[Item], Result], items: Sequence[Item], n_threads: int
) -> Iterator[Result]:
    """Yield what a function returns for each item, in their order.

    The first exception is raised in its turn; what has not begun by then is not begun. Nor is what
    would give more than a few results that nobody has taken yet.

    Parameters
    ----------
    function : callable
        For more than one thread to help, it must spend its time where the interpreter is released.
    items : sequence
    n_threads : int
        Items that are worked on at once.
    """
    if n_threads == 1 or len(items) < 2:
        yield from map(function, items)
        return
    yield from results_in_threads(function, items, n_threads, AHEAD * n_threads)


def results_in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], n_threads: int, most: int
) -> Generator[Result]:
    """Do the same in threads in any case, while the calling thread takes the items.

    At most ``most`` items are held at a time. An error of whoever gives the items, of the function
    or of whoever takes the results, and an interrupt, end it: what has begun is finished, what
    waits is dropped. Close the generator where results may be left.
    """
    pool = ThreadPoolExecutor(n_threads, "cl2d")
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(function, item))
            while begun and (begun[0].done() or len(begun) >= most):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
