"""Workers that give no sign of life are taken out of a cluster while a run goes on.

A process that hangs, or a machine that no packet reaches, keeps its connections: Dask waits five to
ten minutes for it, and a message to all workers without end. Taken out it is a worker that is lost,
which a run gets over.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cl2d.cluster.lost_scheduler import is_connected
from cl2d.cluster.workers_told import workers_told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from distributed import Client

SECONDS_BETWEEN_LOOKS = 5.0

SECONDS_FOR_A_WORKER = 0.01
"""Dask has workers give signs of life less often where there are many: after so long for each."""

SILENT_LOOKS = 6
"""Looks in a row between which a worker was not heard of. Looks are counted, not seconds: where the
scheduler or this process stood still, nobody could be heard."""

_log = logging.getLogger(__name__)


class Silence:
    """How many looks in a row found that a worker had not been heard of since the one before."""

    def __init__(self) -> None:
        self._last_seen: dict[str, float] = {}
        self._looks: Counter[str] = Counter()

    def looked(self, last_seen: Mapping[str, float]) -> list[str]:
        """Return the workers that are silent, given when the scheduler heard of each."""
        same = [name for name, seen in last_seen.items() if self._last_seen.get(name) == seen]
        self._looks = Counter({name: self._looks[name] + 1 for name in same})
        self._last_seen = dict(last_seen)
        return [name for name, looks in self._looks.items() if looks >= SILENT_LOOKS]


@contextmanager
def without_silent_workers(
    client: Client, seconds_between_looks: float = SECONDS_BETWEEN_LOOKS
) -> Iterator[None]:
    """Have workers that are silent taken out of a cluster as long as the body runs."""
    left = threading.Event()
    arguments = (client, left, seconds_between_looks)
    # A daemon: a scheduler that hangs must not keep this process from ending.
    threading.Thread(target=_watch, args=arguments, daemon=True).start()
    try:
        yield
    finally:
        left.set()


def _watch(client: Client, left: threading.Event, least_seconds: float) -> None:
    silence, seconds = Silence(), least_seconds
    while not left.wait(seconds) and is_connected(client):
        # A scheduler that does not answer is for others to tell of.
        with suppress(Exception):
            workers = workers_told(client)
            seconds = max(least_seconds, SECONDS_FOR_A_WORKER * len(workers))
            silent = silence.looked({name: facts["last_seen"] for name, facts in workers.items()})
            if silent and not left.is_set():
                _log.warning("workers are taken out that give no sign of life: %s", silent)
                client.sync(_take_out, client, silent)


async def _take_out(client: Client, workers: list[str]) -> None:
    """Do what the scheduler does by itself when the time of a worker is up: a nanny starts anew."""
    await client.scheduler.restart_workers(
        workers=workers,
        wait_for_workers=False,
        on_error="return",
        stimulus_id=f"cl2d-silent-{uuid.uuid4().hex}",
    )
