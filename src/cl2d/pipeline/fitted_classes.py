"""The classes of a finished run, as far as new particles need them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl2d.outputs.saved_run import SavedRun, load_run

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from cl2d.options import ClassifyOptions
    from cl2d.pipeline.classification import Classification
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import StorageKind


@dataclass(frozen=True, eq=False)
class FittedClasses:
    """All that it takes to put new particles into the classes of a run.

    Attributes
    ----------
    name : what messages call the run
    folder : Path or None, where the run was written
    options : ClassifyOptions
    plan : PreprocessPlan, what was decided from the images of the run
    averages : (n_classes, box, box) float32
    mean_scores : (n_classes,) float64, of the members of each class; 0 for an empty one
    has_members : (n_classes,) bool
    storage : "single", "half" or "scratch", how the run kept its coefficients
    """

    name: str
    folder: Path | None
    options: ClassifyOptions
    plan: PreprocessPlan
    averages: npt.NDArray[np.float32]
    mean_scores: npt.NDArray[np.float64]
    has_members: npt.NDArray[np.bool_]
    storage: StorageKind

    @property
    def n_classes(self) -> int:
        """Number of classes, empty ones included."""
        return len(self.averages)


def fitted_classes(
    run: str | os.PathLike[str] | SavedRun | Classification | FittedClasses,
) -> FittedClasses:
    """Return the classes of a run: its folder, what was read of it, its result, or they already.

    Raises
    ------
    InputFileError
        If the folder holds no finished run, or a file of it is missing or damaged.
    """
    if isinstance(run, FittedClasses):
        return run
    if isinstance(run, (str, os.PathLike)):
        run = load_run(run)
    if isinstance(run, SavedRun):
        return _fitted(run, str(run.folder), run.folder, _storage(run))
    memory = run.memory
    return _fitted(run, "the run", None, "single" if memory is None else memory.storage)


def _storage(saved: SavedRun) -> StorageKind:
    """Return how a run was stored; one that was recorded without saying was kept in memory."""
    kind: StorageKind = (saved.record.get("memory") or {}).get("storage", "single")
    return kind


def _fitted(
    run: SavedRun | Classification, name: str, folder: Path | None, storage: StorageKind
) -> FittedClasses:
    level = run.levels[-1]
    return FittedClasses(
        name=name,
        folder=folder,
        options=run.options,
        plan=run.plan,
        averages=run.averages,
        mean_scores=level.class_means(level.scores),
        has_members=level.class_sizes() > 0,
        storage=storage,
    )
