"""The files of cores: scores in the tables, averages, and particles by subset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.cores import LevelZscores
from cl2d.io import StarBlock, atomic_path, write_stack, write_star
from cl2d.io.npz import read_npz
from cl2d.outputs.folder import (
    CORE_AVERAGES,
    CORE_PARTICLES,
    LEVEL_PARTICLES,
    REJECTED_PARTICLES,
    STABLE_CORE_AVERAGES,
    STABLE_CORE_PARTICLES,
    level_folder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.io import ParticleTable
    from cl2d.results import LevelResult

    Averages = npt.NDArray[np.float32]

JUNK_COLUMN, PCA_COLUMN = "cl2dJunkZscore", "cl2dPcaZscore"
CORE_COLUMN, STABLE_CORE_COLUMN = "cl2dIsCore", "cl2dIsStableCore"


def core_columns(core: LevelCores) -> dict[str, npt.NDArray[Any]]:
    """Return the columns that cores add to the particle table."""
    columns: dict[str, npt.NDArray[Any]] = {
        JUNK_COLUMN: core.zscores.junk,
        PCA_COLUMN: core.zscores.pca,
        CORE_COLUMN: core.is_core.astype(np.int32),
    }
    if core.is_stable_core is not None:
        columns[STABLE_CORE_COLUMN] = core.is_stable_core.astype(np.int32)
    return columns


def core_arrays(core: LevelCores) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays that cores add to the file of a level."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "junk_zscore": core.zscores.junk,
        "pca_zscore": core.zscores.pca,
        "is_core": core.is_core,
    }
    if core.is_stable_core is not None:
        arrays["is_stable_core"] = core.is_stable_core
    return arrays


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a plain ``numpy.load`` archive, which appears whole or not at all."""
    named: dict[str, Any] = dict(arrays)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **named)


def read_zscores(out: Path, level: int) -> LevelZscores | None:
    """Return the stored z-scores of a level, None if it was classified without cores."""
    arrays = read_npz(level_folder(out, level) / LEVEL_PARTICLES)
    if "junk_zscore" not in arrays:
        return None
    return LevelZscores(arrays["junk_zscore"], arrays["pca_zscore"])


def core_member_counts(level: LevelResult, core: LevelCores) -> dict[str, npt.NDArray[np.int64]]:
    """Return the core and stable-core members of each class, by what they are members of."""
    flags = {"core_members": core.is_core}
    if core.is_stable_core is not None:
        flags["stable_core_members"] = core.is_stable_core
    return {
        name: np.bincount(level.labels[flag], minlength=level.n_classes)
        for name, flag in flags.items()
    }


def write_core_averages(
    out: Path, averages: tuple[Averages | None, Averages | None], pixel_size_angstrom: float | None
) -> None:
    """Write the averages of cores and stable cores; None, none were asked for, removes a file."""
    for name, stack in zip((CORE_AVERAGES, STABLE_CORE_AVERAGES), averages, strict=True):
        if stack is None:
            (out / name).unlink(missing_ok=True)
        else:
            write_stack(out / name, stack, pixel_size_angstrom)


def write_particle_subsets(out: Path, table: ParticleTable, core: LevelCores) -> None:
    """Write the particles of the cores, of the stable cores, and the rejected ones.

    Parameters
    ----------
    out
        The output folder.
    table : ParticleTable
        All particles of the run, as in its particles.star.
    core : LevelCores
        Of the last level. Rejected is every image that is in no core.
    """
    subsets = {
        CORE_PARTICLES: core.is_core,
        STABLE_CORE_PARTICLES: core.is_stable_core,
        REJECTED_PARTICLES: ~core.is_core,
    }
    for name, chosen in subsets.items():
        if chosen is None:
            (out / name).unlink(missing_ok=True)
            continue
        rows = table.take(np.flatnonzero(chosen))
        blocks = {} if rows.optics is None else {"optics": rows.optics}
        write_star(out / name, blocks | {"particles": StarBlock(rows.block.columns)})
