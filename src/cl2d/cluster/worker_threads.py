"""How many threads the engine takes on a worker."""

from __future__ import annotations

import os

THREADS_VARIABLE = "CL2D_WORKER_THREADS"
"""Environment variable of a worker; without it, the engine takes the threads of its Dask worker."""

_OF_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def thread_variables(n_threads: int | str) -> dict[str, str]:
    """Return the environment of a worker whose engine takes so many threads."""
    return dict.fromkeys((THREADS_VARIABLE, *_OF_LIBRARIES), str(n_threads))


def threads_here(dask_threads: int) -> int:
    """Return the threads of the engine on the worker that asks.

    A Dask worker says by its own threads which share of the machine is its. Those of libraries
    say nothing of it: Dask sets them to 1 wherever it starts workers in processes of their own.

    Parameters
    ----------
    dask_threads
        Threads of the Dask worker; they run the engine one at a time.
    """
    text = os.environ.get(THREADS_VARIABLE, "")
    return int(text) if text.isdecimal() and int(text) > 0 else max(1, dask_threads)
