"""Which workers there are."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from distributed import KilledWorker
from distributed.client import FutureCancelledError, FuturesCancelledError

from cl2d.cluster.fitness import unfitness, worker_facts
from cl2d.cluster.lost_scheduler import check_connected

if TYPE_CHECKING:
    from collections.abc import Collection

    from distributed import Client

WAIT_SECONDS = 60.0
"""How long a run waits for a worker where all are gone: they may be being started again."""

FRESH_SECONDS = 0.5
"""How long an answer of the scheduler holds: it tells of every worker, which takes it a while."""

LOST = (KilledWorker, FutureCancelledError, FuturesCancelledError)
"""What Dask raises of a task that went with its workers."""

_log = logging.getLogger(__name__)


class WorkersLostError(RuntimeError):
    """No worker is left, or a part has cost too many of them."""


class Roster:
    """The workers of a cluster, as its scheduler knows them, but for those that are not fit.

    Whoever is there at the beginning was looked at before.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, int] = {}
        self._fit: set[str] = set(self._threads_told())
        self._unfit: set[str] = set()
        self._asked_at = -FRESH_SECONDS

    def threads(self) -> dict[str, int]:
        """Return the threads of each worker there is; wait for one where all are gone.

        Raises
        ------
        WorkersLostError
            If none comes.
        SchedulerLostError
            If the scheduler is gone.
        """
        check_connected(self._client)
        if time.monotonic() - self._asked_at < FRESH_SECONDS:
            return self._known
        waited_since = time.monotonic()
        while True:
            told = self._threads_told()
            self._look_at(told.keys() - self._fit - self._unfit)
            present = {name: n_threads for name, n_threads in told.items() if name in self._fit}
            if present:
                self._known = present
                self._asked_at = time.monotonic()
                return self._known
            if time.monotonic() - waited_since > WAIT_SECONDS:
                message = f"no worker has been in the Dask cluster for {WAIT_SECONDS:.0f} s"
                raise WorkersLostError(message)
            time.sleep(0.2)

    def _threads_told(self) -> dict[str, int]:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return {name: int(facts["nthreads"]) for name, facts in workers.items()}

    def _look_at(self, newcomers: Collection[str]) -> None:
        """Find out whether workers that came after the others may take part."""
        if not newcomers:
            return
        told = self._client.run(worker_facts, workers=sorted(newcomers), on_error="return")
        for worker, answer in told.items():
            reason = unfitness(worker, answer)
            if reason is None:
                self._fit.add(worker)
            elif not isinstance(answer, OSError):  # else it is gone again
                self._unfit.add(worker)
                _log.warning("a worker takes no part: %s", reason)
