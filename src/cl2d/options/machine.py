"""How the machine is used."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import ConfigDict

from cl2d.options.duration import Duration, duration_seconds
from cl2d.options.memory_size import MemorySize, size_in_bytes
from cl2d.options.stages import StageOptions, option


def usable_cores() -> int:
    """Return the number of cores open to this process; of all where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class RunOptions(StageOptions):
    """How the machine is used; nothing changes the result but the precision of what is stored."""

    model_config = ConfigDict(title="Machine")

    threads: int | None = option(
        None, "Number of threads.", automatic="every core this process may use", ge=1, le=1024
    )
    max_memory: MemorySize | None = option(
        None,
        "Memory that the run may take, such as 8GB; what does not fit is stored more tightly.",
        automatic="what is available to this process",
    )
    storage: Literal["auto", "single", "half", "scratch"] = option(
        "auto",
        "How the images' coefficients are kept: in single or half precision in memory, or in half "
        "precision in a scratch file; auto takes the first of these that fits.",
    )
    scratch_dir: str | None = option(
        None,
        "Folder of the scratch file, on a disk with room for it.",
        automatic="the output folder, else that of the system",
    )
    max_time: Duration | None = option(
        None,
        "Time after which an unfinished run stops, with a checkpoint to go on from: such as 90m or "
        "11:30:00, a few minutes less than the scheduler grants.",
        automatic="none",
    )

    def n_threads(self) -> int:
        """Return the number of threads to start: as given, or the cores open to this process."""
        return self.threads or usable_cores()

    def max_memory_bytes(self) -> int | None:
        """Return the memory that the run may take, None if it was not given."""
        return None if self.max_memory is None else size_in_bytes(self.max_memory)

    def max_time_seconds(self) -> int | None:
        """Return the time after which the run stops, None if it may take any."""
        return None if self.max_time is None else duration_seconds(self.max_time)
