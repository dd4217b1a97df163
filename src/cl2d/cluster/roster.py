"""Which workers there are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

WAIT_SECONDS = 60.0
"""How long a run waits for a worker where all are gone: they may be being started again."""

FRESH_SECONDS = 0.5
"""How long an answer of the scheduler holds: it tells of every worker, which takes it a while."""


class WorkersLostError(RuntimeError):
    """No worker is left, or a part has cost too many of them."""


class Roster:
    """The workers of a cluster, as its scheduler knows them.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, int] = {}
        self._asked_at = -FRESH_SECONDS

    def threads(self) -> dict[str, int]:
        """Return the threads of each worker there is; wait for one where all are gone.

        Raises
        ------
        WorkersLostError
            If none comes.
        """
        if time.monotonic() - self._asked_at < FRESH_SECONDS:
            return self._known
        waited_since = time.monotonic()
        while True:
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
            if workers:
                self._known = {name: int(facts["nthreads"]) for name, facts in workers.items()}
                self._asked_at = time.monotonic()
                return self._known
            if time.monotonic() - waited_since > WAIT_SECONDS:
                message = f"no worker has been in the Dask cluster for {WAIT_SECONDS:.0f} s"
                raise WorkersLostError(message)
            time.sleep(0.2)
