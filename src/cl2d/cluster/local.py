"""Workers on this machine: processes that end with the one that started them."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from distributed import Scheduler
from distributed.deploy.spec import ProcessInterface, SpecCluster

from cl2d.cluster.packages import has_dashboard
from cl2d.cluster.scheduler_folder import scheduler_folder
from cl2d.cluster.worker_threads import thread_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

THIS_MACHINE = "127.0.0.1"
MOST_RESTARTS = 3
"""Of one worker: whatever ends it so often will do so again."""

_SECONDS_TO_END = 1.0
_SECONDS_TO_FIND_SCHEDULER = "60"


class WorkerProcess(ProcessInterface):  # type: ignore[misc] # distributed is not checked
    """One worker: an interpreter of its own, which another replaces if it dies.

    Not a child of ``multiprocessing``, which would run the user's script again in each. It ends
    as soon as this process does, in whatever way.
    """

    def __init__(self, scheduler: str, name: Any, folder: str, n_threads: int) -> None:
        super().__init__(scheduler, name)
        words = {
            "--name": str(name),
            "--host": THIS_MACHINE,
            "--nthreads": "1",
            "--memory-limit": "0",
            "--local-directory": folder,
            "--death-timeout": _SECONDS_TO_FIND_SCHEDULER,
            "--preload": "cl2d.cluster.end_with_parent",
        }
        # -P: names of modules in the working directory are not those of others.
        command = [sys.executable, "-P", "-m", "distributed.cli.dask_worker", scheduler]
        flags = ["--no-nanny", "--no-dashboard"]
        self._command = [*command, *flags, *(word for pair in words.items() for word in pair)]
        self._environment = {
            **os.environ,
            **thread_variables(n_threads),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            # A worker that loses another tells of it as of an error, which the run gets over.
            "DASK_LOGGING__DISTRIBUTED": "critical",
        }
        self._watcher: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process, and watch it."""
        await self._begin()
        self._watcher = asyncio.ensure_future(self._replace_if_it_dies())
        await super().start()

    async def close(self) -> None:
        """End the process."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()  # it ends at once, and does not first end what it computes
            try:
                await asyncio.wait_for(process.wait(), _SECONDS_TO_END)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        self._process = None
        await super().close()

    async def _begin(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=subprocess.PIPE,  # closed when this process ends, in whatever way
            stdout=subprocess.DEVNULL,  # the caller's own standard output may be read by a program
            env=self._environment,
            start_new_session=True,  # Ctrl-C is for the process that ends the others
        )

    async def _replace_if_it_dies(self) -> None:
        for _ in range(MOST_RESTARTS):
            if self._process is not None:
                await self._process.wait()
            await self._begin()


@contextmanager
def local_cluster(n_workers: int, threads_each: int) -> Iterator[SpecCluster]:
    """Start workers on this machine, and end them when the body is left.

    Parameters
    ----------
    n_workers : processes, with one Dask thread each
    threads_each : threads of the engine in each
    """
    options = {
        "host": THIS_MACHINE,
        "port": 0,
        "dashboard": has_dashboard(),
        "dashboard_address": f"{THIS_MACHINE}:0",
    }
    # Processes that are killed leave their files behind, but not longer than the cluster.
    with tempfile.TemporaryDirectory(prefix="cl2d-workers-", ignore_cleanup_errors=True) as folder:
        own = {"folder": folder, "n_threads": threads_each}
        workers = {n: {"cls": WorkerProcess, "options": own} for n in range(n_workers)}
        scheduler = {"cls": Scheduler, "options": options}
        with (
            scheduler_folder(),
            SpecCluster(
                workers=workers, scheduler=scheduler, name="cl2d", silence_logs=logging.CRITICAL
            ) as cluster,
        ):
            yield cluster
