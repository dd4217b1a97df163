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


def run_sealed(task: Callable[..., Any], arguments: bytes, *more: bytes) -> bytes:
    """Return ``task(*arguments, *more)``, all of them sealed, and so is the result."""
    with one_blas_thread():
        return sealed(task(*unsealed(arguments), *map(unsealed, more)))
