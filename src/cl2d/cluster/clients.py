"""The client of a cluster: started here, found by its address, or submitted to a queue."""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.cluster.lost_scheduler import SchedulerLostError, is_connected
from cl2d.cluster.packages import require_cluster_packages
from cl2d.cluster.slurm import JobsBegun, slurm_cluster, wait_for_a_job
from cl2d.cluster.workers_told import workers_told
from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from distributed import Client

    from cl2d.options import ClusterOptions

PATIENCE_SECONDS = 60.0
"""How long a scheduler or a worker is waited for, unless the user says otherwise."""

_SECONDS_BETWEEN_LOOKS = 0.2

_LOGGERS = ("distributed", "distributed.client", "tornado.application")
"""Those that Dask gives a level of their own."""


def open_client(choice: ClusterOptions, n_threads: int = 1) -> AbstractContextManager[Client]:
    """Return, as a context manager, the client of the cluster that was asked for.

    When the body is left, be it by an error or Ctrl-C, what was started for it ends: processes
    on this machine, jobs of SLURM. A scheduler that was there before stays, with its workers.

    Parameters
    ----------
    choice
        Options that ask for a cluster.
    n_threads
        Threads to share among workers on this machine; each gets at least one.

    Raises
    ------
    InputError
        If no cluster is asked for, a package is missing, or the scheduler or its workers do not
        come within the time.
    """
    if not choice.asked_for:
        message = "workers, scheduler, scheduler_file or slurm must be given for a cluster"
        raise InputError(message)
    require_cluster_packages(choice)
    if choice.slurm is not None:
        return _on_slurm(choice)
    if choice.scheduler is not None:
        return _at(choice.scheduler, "--scheduler", patience(choice))
    if choice.scheduler_file is not None:
        return _by_file(Path(choice.scheduler_file), patience(choice))
    assert choice.workers is not None
    return _on_this_machine(choice.workers, n_threads, patience(choice))


def patience(choice: ClusterOptions) -> float:
    """Return how long a scheduler or a worker is waited for, in seconds."""
    return choice.worker_timeout_seconds or PATIENCE_SECONDS


@contextmanager
def _on_this_machine(n_workers: int, n_threads: int, seconds: float) -> Iterator[Client]:
    from distributed import Client  # noqa: PLC0415 - not everyone has it

    from cl2d.cluster.local import local_cluster  # noqa: PLC0415 - needs it, too

    each = max(1, n_threads // n_workers)
    with (
        _quiet(),
        local_cluster(n_workers, each) as cluster,
        Client(cluster, direct_to_workers=True) as client,
    ):
        try:
            client.wait_for_workers(n_workers, timeout=seconds)
        except TimeoutError:
            message = (
                f"{n_workers} workers must start on this machine within {seconds:g} s, but "
                f"{_n_workers(client)} did; --worker-timeout-seconds gives them longer"
            )
            raise RuntimeError(message) from None
        yield client


@contextmanager
def _on_slurm(choice: ClusterOptions) -> Iterator[Client]:
    from distributed import Client  # noqa: PLC0415 - not everyone has it

    with (
        _quiet(),
        slurm_cluster(choice) as (cluster, refusals),
        Client(cluster, direct_to_workers=True) as client,
    ):
        wait_for_a_job(client, JobsBegun(cluster, refusals), choice.worker_timeout_seconds)
        yield client


@contextmanager
def _by_file(path: Path, seconds: float) -> Iterator[Client]:
    """Give the client of the scheduler that wrote a file, which may be about to."""
    address, end = _address_in(path), time.monotonic() + seconds
    while not address and time.monotonic() < end:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
        address = _address_in(path)
    if not address:
        why = "it is not one" if path.exists() else "there is no such file"
        message = (
            f"--scheduler-file must be a file that a Dask scheduler wrote, but after {seconds:g} s "
            f"{why}: {path}"
        )
        raise InputError(message)
    with _at(address, f"--scheduler-file {path}", seconds) as client:
        yield client


def _address_in(path: Path) -> str:
    """Return the address in the file of a scheduler; empty if there is none yet."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(content.get("address", "")) if isinstance(content, dict) else ""


@contextmanager
def _at(address: str, asked_by: str, seconds: float) -> Iterator[Client]:
    """Give a client of a scheduler that is there, with at least one worker."""
    with _quiet(), _connected(address, asked_by, seconds) as client:
        _wait_for_a_worker(client, f"the scheduler of {asked_by}", address, seconds)
        yield client


@contextmanager
def _connected(address: str, asked_by: str, seconds: float) -> Iterator[Client]:
    from distributed import Client  # noqa: PLC0415 - not everyone has it

    try:
        client = Client(address, timeout=seconds)
    except (OSError, ValueError, TypeError) as error:
        reason = "" if isinstance(error, TimeoutError) else f" ({error})"
        message = (
            f"{asked_by} must lead to a running Dask scheduler, but none answered at {address} "
            f"within {seconds:g} s{reason}"
        )
        raise InputError(message) from None
    with client:
        yield client


def check_client(client: Client, seconds: float) -> None:
    """Refuse a client of the caller that a run cannot compute with; wait for a first worker.

    Raises
    ------
    InputError
        If it is not one of Dask, is closed, or is used in its own event loop, which the run would
        hold up; if there is no worker within some seconds.
    """
    from distributed import Client  # noqa: PLC0415 - not everyone has it

    if not isinstance(client, Client):
        message = f"client must be a distributed.Client, not {type(client).__name__}"
        raise InputError(message)
    if client.asynchronous:
        message = (
            "client must not be used where its event loop runs, which the run would hold up: "
            "await asyncio.to_thread(cl2d.classify, ..., client=client)"
        )
        raise InputError(message)
    if not is_connected(client):
        message = f"client must be connected to its scheduler, not {client.status}"
        raise InputError(message)
    _wait_for_a_worker(client, "the scheduler of client", client.scheduler.address, seconds)


def _wait_for_a_worker(client: Client, scheduler: str, address: str, seconds: float) -> None:
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError:
        message = (
            f"{scheduler} must have workers, but at {address} there was none within {seconds:g} s"
        )
        raise InputError(message) from None


def _n_workers(client: Client) -> int:
    return len(workers_told(client))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own log quiet: what went wrong is told by exceptions, or done again."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    except SchedulerLostError:
        levels = [logging.CRITICAL] * len(levels)  # the client still complains when it is closed
        raise
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
