"""Loaded by each worker on this machine: it ends when the process that started it has ended.

A worker that loses its scheduler closes by itself, but first lets what it computes come to an end.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any


def dask_setup(worker: Any) -> None:
    """Watch the standard input, of which the parent holds the other end until it ends."""
    # The folder of all workers is two above the one that Dask makes for each.
    folder = Path(worker.local_directory).parents[1]
    arguments = (sys.stdin.fileno(), folder)
    threading.Thread(target=_end_after, args=arguments, daemon=True).start()


def _end_after(reader: int, folder: Path) -> None:
    while os.read(reader, 1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
