"""Which workers there are."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from distributed import KilledWorker
from distributed.client import FutureCancelledError, FuturesCancelledError

from cl2d.cluster.fitness import unfitness, worker_facts
from cl2d.cluster.lost_scheduler import check_connected
from cl2d.cluster.workers_told import workers_told
from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from distributed import Client, Future

WAIT_SECONDS = 60.0
"""How long a run waits for a worker where all are gone: they may be being started again."""

ASIDE_AFTER_SECONDS = 10.0
"""How much longer a worker that is late is waited for: others would have to read its images."""

FRESH_SECONDS = 0.5
"""How long an answer of the scheduler holds: it tells of every worker, which takes it a while."""

LOST = (KilledWorker, FutureCancelledError, FuturesCancelledError)
"""What Dask raises of a task that went with its workers."""

_log = logging.getLogger(__name__)


class WorkersLostError(RuntimeError):
    """No worker is left, or a part has cost too many of them."""


class Roster:
    """The workers of a cluster, as its scheduler knows them, but for those that are of no use.

    Whoever is there at the beginning was looked at before. A worker that came later takes no part
    before it is found to compute alike, and to see the particles. One that hangs over a task,
    though it gives signs of life, takes none until that has ended: its file system may not answer.

    Parameters
    ----------
    client : distributed.Client

    Attributes
    ----------
    entrance : callable, optional
        Begins a task at a worker; where the particles cannot be seen, it fails with an InputError.
    """

    def __init__(self, client: Client) -> None:
        self.entrance: Callable[[str], Future] | None = None
        self._client = client
        self._known: dict[str, int] = {}
        self._fit: set[str] = set(self._threads_told())
        self._unfit: set[str] = set()
        self._entering: dict[str, Future] = {}
        self._aside: dict[str, tuple[Future, float]] = {}
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
            self._look_at(told.keys() - self._fit - self._unfit - self._entering.keys())
            self._let_in(told)
            present = {name: n_threads for name, n_threads in told.items() if name in self._fit}
            if present:
                self._known = self._of_use(present)
                self._asked_at = time.monotonic()
                return self._known
            if time.monotonic() - waited_since > WAIT_SECONDS:
                message = f"no worker has been in the Dask cluster for {WAIT_SECONDS:.0f} s"
                raise WorkersLostError(message)
            time.sleep(0.2)

    def set_aside(self, worker: str, task: Future) -> None:
        """Leave a worker out, a little later, for as long as a task of it has not ended."""
        self._aside.setdefault(worker, (task, time.monotonic() + ASIDE_AFTER_SECONDS))

    @property
    def leaves_some_out(self) -> bool:
        """Whether a worker has been set aside."""
        return bool(self._aside)

    @property
    def waits_for_late(self) -> bool:
        """Whether it is not yet known of a late worker if it is to be left out."""
        return any(time.monotonic() < after for _, after in self._aside.values())

    def _of_use(self, present: dict[str, int]) -> dict[str, int]:
        """Return the workers that hang over no task; all of them where all do."""
        self._aside = {
            name: (task, after)
            for name, (task, after) in self._aside.items()
            if name in present and not task.done()
        }
        now = time.monotonic()
        hanging = {name for name, (_, after) in self._aside.items() if now >= after}
        for name in present.keys() & hanging & self._known.keys():
            _log.warning("the worker %s is left out until a task ends over which it hangs", name)
        return {name: n for name, n in present.items() if name not in hanging} or present

    def _threads_told(self) -> dict[str, int]:
        told = workers_told(self._client)
        return {name: int(facts["nthreads"]) for name, facts in told.items()}

    def _look_at(self, newcomers: Collection[str]) -> None:
        """Find out whether workers that came after the others may take part."""
        if not newcomers:
            return
        told = self._client.run(worker_facts, workers=sorted(newcomers), on_error="return")
        for worker, answer in told.items():
            reason = unfitness(worker, answer)
            if reason is not None:
                if not isinstance(answer, OSError):  # else it is gone again
                    self._refuse(worker, reason)
            elif self.entrance is None:
                self._fit.add(worker)
            else:
                self._entering[worker] = self.entrance(worker)

    def _let_in(self, told: Collection[str]) -> None:
        """Let workers take part that see the particles; who is gone again is forgotten."""
        for worker, task in list(self._entering.items()):
            if worker in told and not task.done():
                continue
            del self._entering[worker]
            if task.status == "finished":
                self._fit.add(worker)
            elif task.status == "error" and isinstance(error := task.exception(), InputError):
                self._refuse(worker, f"{worker}: {error}")

    def _refuse(self, worker: str, reason: str) -> None:
        self._unfit.add(worker)
        _log.warning("a worker takes no part: %s", reason)
