"""Write particles back: every input row and column, and what a run found out about them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputError
from cl2d.io.image_names import marked_as_stacks
from cl2d.io.particle_table import ParticleTable
from cl2d.io.star import write_star
from cl2d.io.star_block import StarBlock
from cl2d.io.star_cells import as_writable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from cl2d.io.source import ParticleSource

    Column = Sequence[str] | npt.NDArray[Any]

# RELION stops at a table of optics groups without these three, so a table that has no CTF still
# needs them. They act on nothing: without defoci RELION corrects no CTF.
_CTF_DEFAULTS = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
_XMIPP_CTF = {
    "rlnVoltage": "ctfVoltage",
    "rlnSphericalAberration": "ctfSphericalAberration",
    "rlnAmplitudeContrast": "ctfQ0",
}
_GROUP = "rlnOpticsGroup"
_BEAM_TILT = ("rlnBeamTiltX", "rlnBeamTiltY")
# RELION 3.0 wrote origins in pixels; beside the new ones they would contradict them.
_SUPERSEDED = {"rlnOriginXAngst": "rlnOriginX", "rlnOriginYAngst": "rlnOriginY"}


def _optics_for(
    source: ParticleSource, table: ParticleTable
) -> tuple[StarBlock, npt.NDArray[np.int64]]:
    """Return optics groups for a table that has none, and the group of each particle.

    Particles of one microscope are one group, as by RELION's own conversion of old tables.
    """
    values = _microscope_values(table)
    varying = [column for column in values.values() if (column != column[0]).any()]
    first, groups = np.zeros(1, dtype=np.int64), np.zeros(table.n_rows, dtype=np.int64)
    if varying:
        keys = np.stack(varying, axis=1)
        _, first, groups = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    numbers = np.argsort(np.argsort(first)) + 1  # in order of appearance
    first = np.sort(first)
    columns: dict[str, Column] = {
        "rlnOpticsGroup": np.arange(1, len(first) + 1),
        "rlnOpticsGroupName": [f"opticsGroup{number + 1}" for number in range(len(first))],
    }
    columns |= {name: column[first] for name, column in values.items()}
    columns["rlnImagePixelSize"] = np.full(len(first), source.pixel_size_angstrom or 1.0)
    columns["rlnImageSize"] = np.full(len(first), source.box_px)
    columns["rlnImageDimensionality"] = np.full(len(first), 2)
    return StarBlock(columns), numbers[groups.ravel()]


def _microscope_values(table: ParticleTable) -> dict[str, npt.NDArray[np.float64]]:
    """Return for each particle what RELION has in its optics groups."""
    values = {}
    for name, default in _CTF_DEFAULTS.items():
        own = next((column for column in (name, _XMIPP_CTF[name]) if column in table), None)
        values[name] = np.full(table.n_rows, default) if own is None else table.numbers(own)
    return values | {name: table.numbers(name) for name in _BEAM_TILT if name in table}


def _relion_names(names: list[str]) -> Column:
    """Return image names as RELION takes them: .mrcs for stacks, .mrc only with its mark."""
    plain = [name.removesuffix(":mrcs").removesuffix(":mrc") for name in names]
    return marked_as_stacks(as_writable(plain))


def _bare_table(source: ParticleSource) -> ParticleTable:
    names = [f"{row + 1:06d}@{source.name}" for row in range(source.n_images)]
    block = StarBlock({"rlnImageName": _relion_names(names)})
    return ParticleTable(Path(source.name), "particles", block, "relion")


def relion_table(source: ParticleSource, table: ParticleTable | None = None) -> ParticleTable:
    """Return the particles of any source as a RELION 3.1 table with optics groups.

    Parameters
    ----------
    source : ParticleSource
    table : ParticleTable, optional
        Rows to convert instead of ``source.table``, such as a subset of them.

    Returns
    -------
    ParticleTable
        RELION 3.1 tables come back as they are. Otherwise optics groups are added, one for each
        microscope that the rows tell of, with the pixel size of the source (1 A if unknown) and
        RELION's usual microscope where the table has none. Xmipp's ``image`` becomes
        rlnImageName, its other columns keep their names. A bare stack gives names
        ``000001@stack.mrcs``; an array gives ``000001@array``.
    """
    if table is None:
        table = source.table
    if table is None:
        table = _bare_table(source)
    columns = dict(table.block.columns)
    if table.flavour == "xmipp":
        names = _relion_names(table.text("image"))
        del columns["image"]
        columns = {"rlnImageName": names, **columns}
    elif table.optics is not None:
        optics = table.optics
        if _GROUP not in optics:  # it is the only one, whatever the rows call it
            optics = StarBlock({_GROUP: ["1"], **optics.columns}, optics.is_loop)
            columns.pop(_GROUP, None)
        if _GROUP not in columns:
            columns[_GROUP] = [optics.text(_GROUP)[0]] * table.n_rows
        return replace(table, block_name="particles", block=StarBlock(columns), optics=optics)
    optics, columns["rlnOpticsGroup"] = _optics_for(source, table)
    return ParticleTable(table.path, "particles", StarBlock(columns), "relion", optics)


def write_particles_star(
    path: str | Path,
    table: ParticleTable | None,
    new_columns: Mapping[str, Column],
    *,
    source: ParticleSource,
) -> None:
    """Write a RELION 3.1 STAR file of particles; it appears whole or not at all.

    Every row and column of ``table`` is kept, in order and as text; a new column replaces the
    one of the same name, or comes after the others. rlnOriginX and rlnOriginY, the pixel forms
    of RELION 3.0, give way to rlnOriginXAngst and rlnOriginYAngst.

    Parameters
    ----------
    path : str or Path
    table : ParticleTable, optional
        The rows to write, usually ``source.table`` or a subset; None writes all of the source.
    new_columns : mapping from name to (n,) array or list of str
    source : ParticleSource
        Where pixel size, box and, for a bare stack, image names come from.

    Raises
    ------
    InputError
        If a new column does not have one value per row.
    """
    relion = relion_table(source, table)
    for name, values in new_columns.items():
        if len(values) != relion.n_rows:
            msg = f"new column {name} must have {relion.n_rows} values, not {len(values)}"
            raise InputError(msg)
    columns = dict(relion.block.columns)
    for new, old in _SUPERSEDED.items():
        if new in new_columns:
            columns.pop(old, None)
    columns.update(new_columns)
    assert relion.optics is not None
    write_star(path, {"optics": relion.optics, "particles": StarBlock(columns)})
