"""Where a run computes, if it is not in its own process alone."""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from cl2d.options.stages import StageOptions, conflict, option

ONE_OF = ("scheduler", "scheduler_file", "slurm")
"""Ways to get a cluster that exclude each other."""


def _not_empty(text: str) -> str:
    """Refuse an empty text, which a variable that is not set in a script leaves."""
    if not text.strip():
        raise PydanticCustomError("empty", "something, or be left out")  # noqa: EM101 - no message
    return text


Given = Annotated[str, AfterValidator(_not_empty)]
"""A text that is not empty."""


class ClusterOptions(StageOptions):
    """Processes or machines that share the work; nothing changes the result."""

    model_config = ConfigDict(title="Cluster")

    workers: int | None = option(
        None,
        "Processes on this machine that share the images and the threads; with --slurm, the jobs "
        "to submit.",
        automatic="no others; with --slurm one job",
        ge=1,
        le=4096,
    )
    scheduler: Given | None = option(
        None,
        "Address of a Dask scheduler whose workers compute, such as tcp://node1:8786.",
        automatic="none",
    )
    scheduler_file: Given | None = option(
        None,
        "File in which a Dask scheduler left its address, for its workers to compute.",
        automatic="none",
    )
    slurm: Given | None = option(
        None,
        "Words for sbatch, such as '--partition gpu --cpus-per-task 8 --time 4:00:00': jobs of "
        "SLURM compute, which end with the run.",
        automatic="none",
    )
    worker_timeout_seconds: float | None = option(
        None,
        "How long to wait for the scheduler, and then for a worker.",
        unit="s",
        automatic="60 s; for jobs of SLURM as long as they are queued",
        expert=True,
        gt=0,
    )

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        for first, second in combinations(ONE_OF, 2):
            self._refuse_both(first, second)
        for name in ("scheduler", "scheduler_file"):
            if self.workers is not None and getattr(self, name) is not None:
                template = "{first} must be left out with {second}, which has its own workers"
                raise conflict(template, "workers", name)
        return self

    @property
    def asked_for(self) -> bool:
        """Whether there are to be workers at all."""
        return self.workers is not None or any(getattr(self, name) is not None for name in ONE_OF)
