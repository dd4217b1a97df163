"""What travels between processes, as bytes: how many they are is known, and who opens them is free.

Arrays that Dask takes apart itself arrive read-only and wherever they lay in a message; the engine
wants them aligned, and sums are added to in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed.protocol import pickle

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
    """Return ``task(*arguments, *more)``, sealed; what more there is may be sealed or not."""
    opened = [unsealed(one) if isinstance(one, bytes) else one for one in more]
    with one_blas_thread():
        return sealed(task(*unsealed(arguments), *opened))


def run_for_workers(task: Callable[..., Any], arguments: bytes) -> Any:
    """Return ``task(*arguments)`` as it is: a worker that wants it may be this one."""
    with one_blas_thread():
        return task(*unsealed(arguments))
