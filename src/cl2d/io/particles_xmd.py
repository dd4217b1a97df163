"""Particles with classes and poses as an Xmipp metadata file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io.star_block import StarBlock
from cl2d.io.xmd import write_xmd
from cl2d.results import poses_from_relion

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable

    Column = list[str] | npt.NDArray[Any]

BLOCK = "particles"

# Xmipp's name of each RELION column that both programs know; the others stay behind.
_XMIPP_NAMES = {
    "rlnMicrographName": "micrograph",
    "rlnCoordinateX": "xcoor",
    "rlnCoordinateY": "ycoor",
    "rlnDefocusU": "ctfDefocusU",
    "rlnDefocusV": "ctfDefocusV",
    "rlnDefocusAngle": "ctfDefocusAngle",
    "rlnClassNumber": "ref",
    "cl2dScore": "maxCC",
    "cl2dJunkZscore": "zScore",
}
_XMIPP_OPTICS = {
    "rlnVoltage": "ctfVoltage",
    "rlnSphericalAberration": "ctfSphericalAberration",
    "rlnAmplitudeContrast": "ctfQ0",
    "rlnImagePixelSize": "samplingRate",
}


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
    classes = table.numbers("rlnClassNumber").astype(np.int64)
    columns: dict[str, Column] = {
        "image": table.text("rlnImageName"),
        "enabled": np.where(classes > 0, 1, -1),
    }
    columns |= _pose_columns(table)
    columns |= {new: table.text(old) for old, new in _XMIPP_NAMES.items() if old in table}
    columns |= _optics_columns(table)
    for name in table.column_names:
        if not name.startswith(("rln", "cl2d")):
            columns.setdefault(name, table.text(name))
    write_xmd(path, {BLOCK: StarBlock(columns)})


def _pose_columns(table: ParticleTable) -> dict[str, Column]:
    origin_angstrom = np.stack(
        [table.numbers("rlnOriginXAngst"), table.numbers("rlnOriginYAngst")], axis=1
    )
    pixel_size = _of_each_row(table, "rlnImagePixelSize").astype(np.float64)
    flip = table.numbers("rlnIsFlip") != 0
    psi_deg = table.numbers("rlnAnglePsi")
    poses = poses_from_relion(psi_deg, origin_angstrom / pixel_size[:, None], flip)
    return {
        "anglePsi": -psi_deg,
        "shiftX": -poses.shift_px[:, 0],
        "shiftY": -poses.shift_px[:, 1],
        "flip": flip.astype(np.int64),
    }


def _optics_columns(table: ParticleTable) -> dict[str, Column]:
    if table.optics is None:
        return {}
    return {
        new: _of_each_row(table, old)
        for old, new in _XMIPP_OPTICS.items()
        if old in table.optics and new not in table
    }


def _of_each_row(table: ParticleTable, name: str) -> npt.NDArray[Any]:
    """Return a value of the optics groups for each particle; 1 without such a value."""
    if table.optics is None or name not in table.optics:
        return np.ones(table.n_rows)
    group_of_row = np.array(table.text("rlnOpticsGroup"))
    groups = np.array(table.optics.text("rlnOpticsGroup"))
    order = np.argsort(groups)
    found = order[np.searchsorted(groups, group_of_row, sorter=order)]
    values: npt.NDArray[Any] = np.array(table.optics.text(name))[found]
    return values
