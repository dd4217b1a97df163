"""What the writers need to know of a run, so that they need not import the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.evaluate import LevelEvaluation
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import ClusterUse, LevelResult, RunMemory


class RunState(Protocol):
    """A run at any stage: what the run record can tell of it."""

    @property
    def source(self) -> ParticleSource:
        """Return the particles."""
        ...

    @property
    def options(self) -> ClassifyOptions:
        """Return the options of all stages."""
        ...

    @property
    def plan(self) -> PreprocessPlan | None:
        """Return what was decided from a sample of the images, None before that."""
        ...

    @property
    def levels(self) -> Sequence[LevelResult]:
        """Return the finished levels, from level 0."""
        ...

    @property
    def flags(self) -> npt.NDArray[np.uint8] | None:
        """Return why images take no part, (n,), 0 for a usable image; None before reading."""
        ...

    @property
    def timings(self) -> Mapping[str, float]:
        """Return the seconds of each phase."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """Return what the user was warned about."""
        ...

    @property
    def memory(self) -> RunMemory | None:
        """Return how the run uses memory, None where no limit was set."""
        ...

    @property
    def cluster(self) -> ClusterUse | None:
        """Return what a run on a cluster cost, None for one in a process, or before its end."""
        ...


class FinishedRun(RunState, Protocol):
    """A classification: everything is known, and there are averages."""

    @property
    def plan(self) -> PreprocessPlan:
        """Return what was decided from a sample of the images."""
        ...

    @property
    def flags(self) -> npt.NDArray[np.uint8]:
        """Return why images take no part, (n,), 0 for a usable image."""
        ...

    @property
    def averages(self) -> npt.NDArray[np.float32]:
        """Return the averages of the last level, (n_classes, box, box)."""
        ...

    @property
    def evaluations(self) -> Sequence[LevelEvaluation]:
        """Return how good the classes of every level are; empty if that was not measured."""
        ...

    @property
    def level_averages(self) -> Sequence[npt.NDArray[np.float32]]:
        """Return the averages of every level."""
        ...

    @property
    def cores(self) -> Sequence[LevelCores]:
        """Return z-scores and cores of every level; empty if none were asked for."""
        ...

    @property
    def core_averages(self) -> npt.NDArray[np.float32] | None:
        """Return the averages of the cores of the last level, None without cores."""
        ...

    @property
    def stable_core_averages(self) -> npt.NDArray[np.float32] | None:
        """Return the averages of the stable cores of the last level, None without them."""
        ...

    @property
    def rejected(self) -> FinishedRun | None:
        """Return the classification of what is in no core, None if not asked for."""
        ...


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that was interrupted or failed, with what there is of it."""

    source: ParticleSource
    options: ClassifyOptions
    plan: PreprocessPlan | None = None
    levels: Sequence[LevelResult] = ()
    flags: npt.NDArray[np.uint8] | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    memory: RunMemory | None = None
    cluster: ClusterUse | None = None
