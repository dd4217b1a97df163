"""Loaded by each worker in a job of SLURM: its process ends soon after it has begun to close.

A worker of Dask hangs where SIGTERM, as scancel sends it, comes while it closes because its
scheduler did; the job would last until SLURM kills it.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

_AT_WORK = {"undefined", "init", "created", "running", "paused"}
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_CLOSE = 3.0


def dask_setup(worker: Any) -> None:
    """Watch whether the worker closes."""
    threading.Thread(target=_end_after, args=(worker,), daemon=True).start()


def _end_after(worker: Any) -> None:
    while worker.status.name in _AT_WORK:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    time.sleep(_SECONDS_TO_CLOSE)
    os._exit(0)
