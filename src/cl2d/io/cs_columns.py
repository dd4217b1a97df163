"""Fields of a cryoSPARC dataset from a RELION table, and the uid of every row."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.cs_dataset import UID
from cl2d.io.cs_table import UID_COLUMN
from cl2d.io.ctf_parameters import has_defocus, read_ctf_parameters
from cl2d.io.image_names import locate_images
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io.cs_dataset import Fields
    from cl2d.io.particle_table import ParticleTable
    from cl2d.io.source import ParticleSource

_FORMAT_MARK = b":mrcs"


def row_uids(table: ParticleTable) -> npt.NDArray[np.uint64]:
    """Return the uid of every row: cryoSPARC's if the table has it, else one made of the name.

    The same image names give the same uids; an image that is named again gets another one.
    """
    if UID_COLUMN in table:
        column = np.asarray(table.block.columns[UID_COLUMN])
        try:
            return column.astype(np.uint64)
        except ValueError as error:
            msg = f"{table.path}: {UID_COLUMN} must be whole numbers ({error})"
            raise InputFileError(msg) from error
    seen: dict[bytes, int] = {}
    uids = np.empty(table.n_rows, np.uint64)
    for row, name in enumerate(table.image_names()):
        seen[name] = seen.get(name, 0) + 1
        key = name + b"\0%d" % seen[name]
        uids[row] = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
    return uids


def fields_of_table(table: ParticleTable, source: ParticleSource) -> Fields:
    """Return what a RELION 3.1 table says of its images and their CTF as fields of a dataset."""
    locations = locate_images(table)
    names = [
        name.encode(TEXT_ENCODING, TEXT_ERRORS).removesuffix(_FORMAT_MARK)
        for name in locations.stack_names
    ]
    fields: Fields = {
        UID: row_uids(table),
        **blob_fields(np.array(names)[locations.stack_of_row], locations.index_in_stack, source),
    }
    if has_defocus(table):
        fields |= _ctf_fields(table)
    return fields


def blob_fields(
    paths: npt.NDArray[np.bytes_], index_in_stack: npt.NDArray[np.int64], source: ParticleSource
) -> Fields:
    """Return the fields that say where images are; 1 A for an unknown pixel size."""
    n_rows = len(paths)
    return {
        "blob/path": paths,
        "blob/idx": index_in_stack.astype(np.uint32),
        "blob/shape": np.full((n_rows, 2), source.box_px, np.uint32),
        "blob/psize_A": np.full(n_rows, source.pixel_size_angstrom or 1.0, np.float32),
        "blob/sign": np.ones(n_rows, np.float32),
        "blob/import_sig": np.zeros(n_rows, np.uint64),
    }


def _ctf_fields(table: ParticleTable) -> Fields:
    """Return the CTF; none if the table does not say all of it."""
    try:
        ctf = read_ctf_parameters(table)
    except InputFileError:
        return {}
    values: dict[str, npt.NDArray[Any]] = {
        "ctf/accel_kv": ctf.voltage_kv,
        "ctf/cs_mm": ctf.spherical_aberration_mm,
        "ctf/amp_contrast": ctf.amplitude_contrast,
        "ctf/df1_A": ctf.defocus_u_angstrom,
        "ctf/df2_A": ctf.defocus_v_angstrom,
        "ctf/df_angle_rad": np.radians(ctf.defocus_angle_deg),
        "ctf/phase_shift_rad": np.radians(ctf.phase_shift_deg),
    }
    fields: Fields = {name: value.astype(np.float32) for name, value in values.items()}
    if "rlnOpticsGroup" in table:
        fields["ctf/exp_group_id"] = table.numbers("rlnOpticsGroup").astype(np.uint32)
    return fields
