"""The files of one level: particles as soon as it is done, averages when they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import write_stack
from cl2d.outputs.core_files import core_arrays, write_arrays
from cl2d.outputs.folder import CLASS_AVERAGES, CLASS_TABLE, LEVEL_PARTICLES, level_folder
from cl2d.outputs.tables import class_numbers, write_class_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.results import LevelResult


def write_level_particles(out: Path, level: LevelResult, core: LevelCores | None = None) -> Path:
    """Write class, pose and scores of every particle at one level; return the file.

    Meant to be called when the level ends, so that an interrupted run keeps what it finished.
    The file is a plain ``numpy.load`` archive (no pickles) of arrays with one entry an image:
    ``class_number`` (from 1, 0 = in no class), ``psi_deg``, ``origin_x_px``, ``origin_y_px``,
    ``flip``, ``score``, ``confidence``, ``margin``; with cores also ``junk_zscore``,
    ``pca_zscore``, ``is_core`` and ``is_stable_core``.
    """
    origin_px = level.poses.relion_origin_px()
    used = level.labels >= 0
    path = level_folder(out, level.level) / LEVEL_PARTICLES
    arrays: dict[str, npt.NDArray[Any]] = {
        "class_number": class_numbers(level.labels),
        "psi_deg": np.where(used, level.poses.relion_angle_deg(), 0.0),
        "origin_x_px": np.where(used, origin_px[:, 0], 0.0),
        "origin_y_px": np.where(used, origin_px[:, 1], 0.0),
        "flip": used & level.poses.mirror,
        "score": np.where(used, level.scores, np.float32(0)),
        "confidence": np.where(used, level.confidence, np.float32(0)),
    }
    if level.margin is not None:
        arrays["margin"] = np.where(used, level.margin, np.float32(0))
    if core is not None:
        arrays |= core_arrays(core)
    write_arrays(path, arrays)
    return path


def write_level_classes(
    out: Path,
    levels: Sequence[LevelResult],
    averages: npt.NDArray[np.float32],
    pixel_size_angstrom: float | None,
    cores: Sequence[LevelCores] = (),
) -> None:
    """Write the averages and the class table of the last of some levels.

    Parameters
    ----------
    out
        The output folder.
    levels
        The level to write and all levels before it, from level 0.
    averages : (n_classes, box, box) float32
        Averages of that level.
    pixel_size_angstrom
        Sampling of the averages, None if unknown.
    cores
        Of these levels, if there are any.
    """
    folder = level_folder(out, levels[-1].level)
    write_stack(folder / CLASS_AVERAGES, averages, pixel_size_angstrom)
    write_class_table(folder / CLASS_TABLE, levels, cores)
