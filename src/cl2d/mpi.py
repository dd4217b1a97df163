"""``mpirun -np N python -m cl2d.mpi classify ...``: the command line, on the processes of MPI.

The first process runs the command line and the scheduler; the other N - 1 are its workers. MPI
only starts them and tells them where the scheduler is.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cl2d import cli
from cl2d.cli.streams import say
from cl2d.cluster import given_client, require_package
from cl2d.cluster.packages import has_dashboard
from cl2d.cluster.scheduler_folder import scheduler_folder
from cl2d.cluster.workers_told import workers_told
from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distributed import Client

EXIT_BAD_INPUT = 2
_SECONDS_TO_END = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on the first process of MPI, and workers on the others.

    Parameters
    ----------
    arguments
        Words after the program's name; None takes those of the process.

    Returns
    -------
    int
        Exit code of the command line; 0 for a worker, so that mpirun ends with the former.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        for package in ("mpi4py", "distributed", "dask_mpi"):
            require_package(package, "python -m cl2d.mpi")
        from mpi4py import MPI  # noqa: PLC0415 - begins to speak MPI; not everyone has it

        comm = MPI.COMM_WORLD
        if comm.Get_size() < 2:
            message = "cl2d.mpi must have at least 2 processes: mpirun -np N python -m cl2d.mpi ..."
            raise InputError(message)
    except InputError as error:
        say(f"cl2d: error: {error}")
        return EXIT_BAD_INPUT
    return _command_line(comm, words) if comm.Get_rank() == 0 else _worker(comm)


def _command_line(comm: Any, words: list[str]) -> int:
    try:
        with _cluster_of(comm) as client, given_client(client):
            code = cli.main(words)
        _wait_for_the_others(comm)
        return code
    except Exception:  # the others would wait for ever
        traceback.print_exc()
        comm.Abort(1)
        raise


def _wait_for_the_others(comm: Any) -> None:
    """Let the workers put their files away: mpirun kills them once one process has failed."""
    request, end = comm.Ibarrier(), time.monotonic() + _SECONDS_TO_END
    while not request.Test() and time.monotonic() < end:
        time.sleep(0.02)


@contextmanager
def _cluster_of(comm: Any) -> Iterator[Client]:
    """Start the scheduler, let the workers know, and end them when the body is left."""
    from distributed import Client, Scheduler  # noqa: PLC0415 - not everyone has it
    from distributed.deploy.spec import SpecCluster  # noqa: PLC0415

    options = {"port": 0, "dashboard": has_dashboard(), "dashboard_address": ":0"}
    scheduler = {"cls": Scheduler, "options": options}
    with (
        scheduler_folder(),
        SpecCluster(scheduler=scheduler, silence_logs=logging.ERROR, name="cl2d") as cluster,
    ):
        comm.bcast(cluster.scheduler_address, root=0)
        comm.Barrier()
        with Client(cluster, direct_to_workers=True) as client:
            client.wait_for_workers(comm.Get_size() - 1)
            yield client
            _dismiss_workers(client)


def _dismiss_workers(client: Client) -> None:
    """Let the workers end, which the scheduler would otherwise log as so many losses."""
    client.retire_workers(list(workers_told(client)))
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


def _worker(comm: Any) -> int:
    from dask_mpi import execute  # noqa: PLC0415 - not everyone has it

    logging.getLogger("distributed").setLevel(logging.ERROR)
    address = comm.bcast(None, root=0)
    with tempfile.TemporaryDirectory(prefix="cl2d-worker-", ignore_cleanup_errors=True) as folder:
        # Waits at the same barrier as the first process, and ends with the scheduler.
        execute(
            scheduler=False,
            scheduler_address=address,
            nthreads=1,
            memory_limit=0,
            local_directory=folder,
            comm=comm,
        )
    comm.Ibarrier().Wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
