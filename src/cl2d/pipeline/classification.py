"""The result of a classification."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cl2d.outputs import prepare_output_folder, write_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult, Poses


@dataclass(frozen=True, eq=False)
class Classification:
    """Classes of every level, the averages, and how they came about.

    Attributes
    ----------
    source : ParticleSource
    options : ClassifyOptions, all of them, also those left at their defaults
    plan : PreprocessPlan, what was decided from the images
    levels : tuple of LevelResult
        The last one is what is delivered. Classes are numbered by size, largest first.
    level_averages : tuple of (n_classes, box, box) float32, one stack a level
        Means of the members as read, moved by their poses: original sampling and greys.
    flags : (n,) uint8
        0 for a usable image, else why it is in no class (1 not finite, 2 constant, 3 disabled).
    timings : seconds by phase
    warnings : sentences for the user
    """

    source: ParticleSource
    options: ClassifyOptions
    plan: PreprocessPlan
    levels: tuple[LevelResult, ...]
    level_averages: tuple[npt.NDArray[np.float32], ...]
    flags: npt.NDArray[np.uint8]
    timings: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def averages(self) -> npt.NDArray[np.float32]:
        """Class averages of the last level, (n_classes, box, box)."""
        return self.level_averages[-1]

    @property
    def n_classes(self) -> int:
        """Number of classes delivered."""
        return self.levels[-1].n_classes

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """Class of each particle, from 0; -1 for a flagged image."""
        return self.levels[-1].labels

    @property
    def poses(self) -> Poses:
        """Pose of each particle in its class."""
        return self.levels[-1].poses

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """Normalised correlation of each particle with its class."""
        return self.levels[-1].scores

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """By how much each particle's class beat the second best."""
        return self.levels[-1].confidence

    def save(self, out: str | Path, *, overwrite: bool = False) -> Path:
        """Write all files of the run into a folder and return it.

        Raises
        ------
        InputError
            If the folder holds a run and ``overwrite`` is false, or cannot be written.
        """
        folder = prepare_output_folder(out, overwrite, inputs=self.source.files)
        return write_run(folder, self)
