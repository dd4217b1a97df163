"""The tables of a run: every particle with its class and pose, and the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import StarBlock, write_particles_star, write_star
from cl2d.outputs.core_files import core_columns, core_member_counts
from cl2d.preprocess import CONSTANT, DISABLED, NOT_FINITE, USABLE

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult

    Column = npt.NDArray[Any] | list[str]

CLASS_BLOCK = "classes"
_STATED_PIXEL_ANGSTROM = 1.0
FLAG_NAMES = {
    USABLE: "usable",
    NOT_FINITE: "not_finite",
    CONSTANT: "constant",
    DISABLED: "disabled",
}


def particle_columns(
    level: LevelResult,
    flags: npt.NDArray[np.uint8],
    pixel_size_angstrom: float | None,
    input_columns: Container[str] = (),
) -> dict[str, Column]:
    """Return the columns that a run adds to the particle table, in the order of the particles.

    Parameters
    ----------
    level
        The level to write; its poses refer to the written averages.
    flags : (n,) uint8
        Why an image takes no part: a key of ``FLAG_NAMES``.
    pixel_size_angstrom
        Sampling of the images. None, unknown, adds the origins in pixels (rlnOriginX,
        rlnOriginY); those in angstrom then hold for the 1 A pixel that the written table of
        optics groups states, so that programs find the right offset either way.
    input_columns
        Columns of the input table. The two angles that a 2-D pose does not have (rlnAngleRot,
        rlnAngleTilt) are set to 0 if they are among them, as RELION's 2-D classification does:
        old values beside a new psi would make up a pose that nobody found.
    """
    used = level.labels >= 0
    origin_px = np.where(used[:, None], level.poses.relion_origin_px(), 0.0)
    columns: dict[str, Column] = {
        "rlnClassNumber": class_numbers(level.labels),
        "rlnAnglePsi": np.where(used, level.poses.relion_angle_deg(), 0.0),
    }
    pixel_size = _STATED_PIXEL_ANGSTROM if pixel_size_angstrom is None else pixel_size_angstrom
    columns["rlnOriginXAngst"] = origin_px[:, 0] * pixel_size
    columns["rlnOriginYAngst"] = origin_px[:, 1] * pixel_size
    if pixel_size_angstrom is None:
        columns["rlnOriginX"] = origin_px[:, 0]
        columns["rlnOriginY"] = origin_px[:, 1]
    columns["rlnIsFlip"] = (used & level.poses.mirror).astype(np.int32)
    for angle in ("rlnAngleRot", "rlnAngleTilt"):
        if angle in input_columns:
            columns[angle] = np.zeros(len(used))
    columns["cl2dScore"] = np.where(used, level.scores, np.float32(0))
    columns["cl2dConfidence"] = np.where(used, level.confidence, np.float32(0))
    if level.margin is not None:
        columns["cl2dMargin"] = np.where(used, level.margin, np.float32(0))
    columns["cl2dFlag"] = [FLAG_NAMES.get(flag, f"flag_{flag}") for flag in flags.tolist()]
    return columns


def class_numbers(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return class numbers as files have them: from 1, and 0 for an image in no class."""
    return np.maximum(labels + 1, 0).astype(np.int32)


def class_columns(
    levels: Sequence[LevelResult], cores: Sequence[LevelCores] = ()
) -> dict[str, Column]:
    """Return the columns of classes.star for the last of some levels.

    Parameters
    ----------
    levels
        The level to describe and all levels before it, from level 0.
    cores
        Of these levels, if there are any.
    """
    level = levels[-1]
    sizes = level.class_sizes()
    numbers = np.arange(1, level.n_classes + 1, dtype=np.int32)
    columns: dict[str, Column] = {
        "rlnReferenceImage": [f"{number:06d}@classes.mrcs" for number in numbers.tolist()],
        "rlnClassNumber": numbers,
        "rlnClassDistribution": sizes / max(int(sizes.sum()), 1),
        "cl2dMembers": sizes,
        **(core_member_columns(level, cores[-1]) if cores else {}),
        "cl2dMeanScore": level.class_means(level.scores),
        "cl2dMeanConfidence": level.class_means(level.confidence),
    }
    if level.homogeneity is not None:
        columns["cl2dHomogeneity"] = level.homogeneity.homogeneity
        columns["cl2dSplitGain"] = level.homogeneity.split_gain
        columns["cl2dSplitGainError"] = level.homogeneity.split_gain_error
    if level.reference_numbers is not None:
        columns["cl2dReference"] = class_numbers(level.reference_numbers)
    ancestors = numbers - 1
    parents: dict[str, Column] = {}
    for i in range(len(levels) - 1, 0, -1):
        ancestors = np.where(ancestors >= 0, levels[i].parents[ancestors], -1)
        parents[f"cl2dParentLevel{levels[i - 1].level:02d}"] = class_numbers(ancestors)
    return columns | dict(reversed(parents.items()))


def write_particle_table(
    path: Path,
    source: ParticleSource,
    level: LevelResult,
    flags: npt.NDArray[np.uint8],
    core: LevelCores | None = None,
) -> None:
    """Write every input row with its class, pose, scores and flag, in the input's order."""
    table = source.table
    names = () if table is None else table.column_names
    columns = particle_columns(level, flags, source.pixel_size_angstrom, names)
    if core is not None:
        columns |= core_columns(core)
    write_particles_star(path, table, columns, source=source)


def write_class_table(
    path: Path, levels: Sequence[LevelResult], cores: Sequence[LevelCores] = ()
) -> None:
    """Write one row for each class of the last of some levels."""
    write_star(path, {CLASS_BLOCK: StarBlock(columns=class_columns(levels, cores), is_loop=True)})


def core_member_columns(level: LevelResult, core: LevelCores) -> dict[str, Column]:
    """Return the columns that cores add to the class table of a level."""
    counts = core_member_counts(level, core)
    names = {"core_members": "cl2dCoreMembers", "stable_core_members": "cl2dStableCoreMembers"}
    return {names[key]: members for key, members in counts.items()}
