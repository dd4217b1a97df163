"""What travels between processes, as bytes: how many they are is known, and who opens them is free.

Arrays that Dask takes apart itself arrive read-only and wherever they lay in a message; the engine
wants them aligned, and sums are added to in place.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from distributed import get_worker
from distributed.protocol import pickle

from cl2d.cluster.work import Outcome, Work, waited_seconds, work_of_all
from cl2d.engine.blas_threads import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable


def sealed(value: object) -> bytes:
    """Return a value as bytes; functions in it must be those of modules."""
    message: bytes = pickle.dumps(value)
    return message


def unsealed(message: bytes) -> Any:
    """Return the value that was sealed. Dask's connections are trusted, as Dask trusts them."""
    return pickle.loads(message)


def run_sealed(task: Callable[..., Any], arguments: bytes, *more: Any) -> bytes:
    """Return the outcome of ``task(*arguments, *more)``, sealed.

    What more there is may be sealed or not, a value or the outcome of a task.
    """
    return sealed(run_for_workers(task, arguments, *more))


def run_for_workers(task: Callable[..., Any], arguments: bytes, *more: Any) -> Outcome:
    """Return the outcome of ``task(*arguments, *more)`` as it is: who wants it may be this one."""
    opened = [unsealed(one) if isinstance(one, bytes) else one for one in more]
    started, waited_before = time.perf_counter(), waited_seconds()
    with one_blas_thread():
        value = task(*unsealed(arguments), *(_value(one) for one in opened))
    seconds = time.perf_counter() - started - (waited_seconds() - waited_before)
    worker = str(get_worker().address)
    others = [one.work for one in opened if isinstance(one, Outcome)]
    return Outcome(value, worker, work_of_all([Work({worker: seconds}), *others]))


def _value(one: Any) -> Any:
    return one.value if isinstance(one, Outcome) else one
