"""What a particle table says, in the words of Xmipp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io.image_names import marked_as_stacks
from cl2d.io.star_cells import as_writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable
    from cl2d.results import Poses

    Column = Sequence[str] | npt.NDArray[Any]

# Xmipp's name of each RELION column that both programs know, of a row or of its optics group. The
# others stay behind: Xmipp would warn of every one of them.
_XMIPP_NAMES = {
    "rlnImageId": "itemId",
    "rlnMicrographName": "micrograph",
    "rlnCoordinateX": "xcoor",
    "rlnCoordinateY": "ycoor",
    "rlnImagePixelSize": "samplingRate",
    "rlnVoltage": "ctfVoltage",
    "rlnSphericalAberration": "ctfSphericalAberration",
    "rlnAmplitudeContrast": "ctfQ0",
    "rlnDefocusU": "ctfDefocusU",
    "rlnDefocusV": "ctfDefocusV",
    "rlnDefocusAngle": "ctfDefocusAngle",
    "rlnPhaseShift": "ctfVPPphaseshift",
    "rlnCtfDataArePhaseFlipped": "ctfPhaseFlipped",
}
_OTHER_PROGRAMS = ("rln", "cl2d")
# A 2-D pose has none of these; old values beside it would make up a pose that nobody found.
_OF_3D_POSES = ("angleRot", "angleTilt", "shiftZ")


def xmipp_columns(table: ParticleTable) -> dict[str, Column]:
    """Return what a RELION 3.1 table says of its particles under Xmipp's labels.

    Columns of other programs are kept, a number of each row (``itemId``) is added where there is
    none, and a stack named .mrc gets the mark by which Xmipp knows that it is no volume.

    Parameters
    ----------
    table : ParticleTable
        Of RELION 3.1, see :func:`cl2d.io.relion_table`.
    """
    columns: dict[str, Column] = {
        "image": marked_as_stacks(as_writable(table.block.columns["rlnImageName"]))
    }
    columns["itemId"] = np.arange(1, table.n_rows + 1)
    columns |= {
        name: values
        for name, values in table.block.columns.items()
        if not name.startswith(_OTHER_PROGRAMS)
    }
    for old, new in _XMIPP_NAMES.items():
        if old in table:
            columns[new] = table.block.columns[old]
        elif new not in table and table.optics is not None and old in table.optics:
            columns[new] = of_each_row(table, old)
    for name in _OF_3D_POSES:
        if name in columns:
            columns[name] = np.zeros(table.n_rows)
    return columns


def xmipp_pose_columns(poses: Poses) -> dict[str, Column]:
    """Return poses as Xmipp has them: ``p = F R(-anglePsi) x + (shiftX, shiftY)``, in pixels."""
    return {
        "flip": poses.mirror.astype(np.int32),
        "shiftX": -poses.shift_px[:, 0],
        "shiftY": -poses.shift_px[:, 1],
        "anglePsi": -np.degrees(poses.psi_rad),
    }


def of_each_row(table: ParticleTable, name: str) -> npt.NDArray[Any]:
    """Return a value of the optics groups for each particle; 1 without such a value."""
    if table.optics is None or name not in table.optics:
        return np.ones(table.n_rows)
    values = as_writable(table.optics.columns[name])
    if len(values) == 1:
        return np.repeat(values, table.n_rows)
    groups = table.optics.numbers("rlnOpticsGroup")
    order = np.argsort(groups)
    found = np.searchsorted(groups, table.numbers("rlnOpticsGroup"), sorter=order)
    of_rows: npt.NDArray[Any] = values[order[found]]
    return of_rows
