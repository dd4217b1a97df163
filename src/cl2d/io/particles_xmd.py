"""Particles with classes and poses as an Xmipp metadata file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.io.star_block import StarBlock
from cl2d.io.xmd import write_xmd
from cl2d.io.xmipp_columns import of_each_row, xmipp_columns, xmipp_pose_columns
from cl2d.results import poses_from_relion

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.io.particle_table import ParticleTable
    from cl2d.results import Poses

BLOCK = "particles"

# What a run found out, by the name of Xmipp.
_OF_A_RUN = {"rlnClassNumber": "ref", "cl2dScore": "maxCC", "cl2dJunkZscore": "zScore"}


def write_particles_xmd(path: str | Path, table: ParticleTable) -> None:
    """Write rows of a run's particle table for Xmipp; the file appears whole or not at all.

    Columns are renamed where Xmipp has the same one, Xmipp's own are kept, and the pose is
    converted: ``p = F R(-anglePsi) x + (shiftX, shiftY)`` in pixels.

    Parameters
    ----------
    path : str or Path
    table : ParticleTable
        As cl2d writes it: RELION 3.1 with rlnClassNumber, rlnAnglePsi, origins and rlnIsFlip.

    Raises
    ------
    InputFileError
        If the table lacks a column of the pose.
    """
    columns = xmipp_columns(table) | xmipp_pose_columns(_poses(table))
    columns["enabled"] = np.where(table.numbers("rlnClassNumber") > 0, 1, -1)
    columns |= {new: table.block.columns[old] for old, new in _OF_A_RUN.items() if old in table}
    write_xmd(path, {BLOCK: StarBlock(columns)})


def _poses(table: ParticleTable) -> Poses:
    origin_angstrom = np.stack(
        [table.numbers("rlnOriginXAngst"), table.numbers("rlnOriginYAngst")], axis=1
    )
    pixel_size = of_each_row(table, "rlnImagePixelSize").astype(np.float64)
    flip = table.numbers("rlnIsFlip") != 0
    return poses_from_relion(
        table.numbers("rlnAnglePsi"), origin_angstrom / pixel_size[:, None], flip
    )
