"""Work on several things at once, in as many threads as a run may use."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(min(n_threads, len(items)), "cl2d") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) == AHEAD * n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
