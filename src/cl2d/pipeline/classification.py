"""The result of a classification."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cl2d.errors import InputError
from cl2d.outputs import check_output_folder, prepare_output_folder, write_run
from cl2d.outputs.program_folders import check_folder_can_be_named
from cl2d.outputs.relion_job import relion_warnings
from cl2d.outputs.run_lock import locked_folder
from cl2d.pipeline.class_set import ClassSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.evaluate import LevelEvaluation
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import ClusterUse, LevelResult, Poses, RunMemory


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
        Means of the members as read, moved by their poses: original sampling and greys. With
        ``ctf="full"`` they are corrected for the contrast transfer.
    flags : (n,) uint8
        0 for a usable image, else why it is in no class (1 not finite, 2 constant, 3 disabled).
    evaluations : tuple of LevelEvaluation, one a level; empty if evaluation was switched off
    cores : tuple of LevelCores, one a level; empty if cores were switched off
    core_averages, stable_core_averages : (n_classes, box, box) float32 or None
        Averages of the cores of the last level; a class without core is zero.
    rejected : Classification or None
        What is in no core, classified on request.
    timings : seconds by phase
    warnings : sentences for the user
    memory : RunMemory or None
        How coefficients were stored, and what was expected and taken; None for an assignment.
    cluster : ClusterUse or None
        What a run on a cluster cost beside computing; None for a run in one process.
    """

    source: ParticleSource
    options: ClassifyOptions
    plan: PreprocessPlan
    levels: tuple[LevelResult, ...]
    level_averages: tuple[npt.NDArray[np.float32], ...]
    flags: npt.NDArray[np.uint8]
    evaluations: tuple[LevelEvaluation, ...] = ()
    cores: tuple[LevelCores, ...] = ()
    core_averages: npt.NDArray[np.float32] | None = None
    stable_core_averages: npt.NDArray[np.float32] | None = None
    rejected: Classification | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    memory: RunMemory | None = None
    cluster: ClusterUse | None = None

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
        """Probability that each particle's class is the right one."""
        return self.levels[-1].confidence

    @property
    def classes(self) -> ClassSet:
        """The classes of the last level with all their members."""
        level = self.levels[-1]
        return ClassSet("classes", self.source, level, self.averages, level.labels >= 0)

    @property
    def core(self) -> ClassSet:
        """The classes with their cores alone; InputError if cores were switched off."""
        is_core = self.cores[-1].is_core if self.cores else None
        return self._trusted("core", is_core, self.core_averages)

    @property
    def stable_core(self) -> ClassSet:
        """The classes with their stable cores alone; InputError if they were not asked for."""
        is_stable = self.cores[-1].is_stable_core if self.cores else None
        return self._trusted("stable core", is_stable, self.stable_core_averages)

    def _trusted(
        self,
        name: str,
        is_member: npt.NDArray[np.bool_] | None,
        averages: npt.NDArray[np.float32] | None,
    ) -> ClassSet:
        if is_member is None or averages is None:
            message = f"the {name} must be asked for in the classification; it has none"
            raise InputError(message)
        level = self.levels[-1]
        return ClassSet(name, self.source, level, averages, is_member & (level.labels >= 0))

    def save(self, out: str | Path, *, overwrite: bool = False) -> Path:
        """Write all files of the run into a folder and return it.

        Raises
        ------
        InputError
            If the folder holds a run and ``overwrite`` is false, or cannot be written.
        """
        check_folder_can_be_named(out, self.options.output.formats)
        check_output_folder(out, overwrite, inputs=self.source.files)
        with locked_folder(out):
            folder = prepare_output_folder(out, overwrite, inputs=self.source.files)
            told = relion_warnings(self.source, self.options.output, self.levels[-1])
            warnings = tuple(dict.fromkeys((*self.warnings, *told)))
            return write_run(folder, replace(self, warnings=warnings))
