"""How much memory a run really takes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

STATUS = Path("/proc/self/status")
SECONDS_BETWEEN_LOOKS = 0.05


def private_memory_bytes() -> int | None:
    """Return the memory that this process has to itself now, None where the system does not tell.

    Pages of mapped files are not counted: the system takes them back when it needs them.
    """
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    held = [int(line.split()[1]) for line in lines if line.startswith("RssAnon:")]
    return held[0] * 1024 if held else None


class PeakMemory:
    """Watches the private memory of this process while its body runs.

    What the process held before does not count, so that a long-lived process tells of its run
    alone.
    """

    def __init__(self) -> None:
        self._before = private_memory_bytes()
        self._most = self._before or 0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="cl2d-memory", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._watcher.join()

    def so_far_bytes(self) -> int | None:
        """Return the most that was held at a time, None where the system does not tell."""
        now = private_memory_bytes()
        if self._before is None or now is None:
            return None
        self._most = max(self._most, now)
        return self._most - self._before

    def _watch(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            self.so_far_bytes()
