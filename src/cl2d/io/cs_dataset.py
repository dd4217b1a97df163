"""cryoSPARC's datasets: .cs files as fields by name, each an array with one entry a row.

A plain .cs file is a structured array in numpy's own format. It is read without unpickling, so that
no file can run code. Compressed ones need the package cryosparc-tools.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.atomic import atomic_path
from cl2d.io.cs_compressed import MARK as COMPRESSED
from cl2d.io.cs_compressed import read_compressed
from cl2d.io.npy_header import MALFORMED_ARRAY, read_npy_header
from cl2d.io.regular_files import is_packed, open_file
from cl2d.io.stack_header import first_bytes_and_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Fields = dict[str, npt.NDArray[Any]]

UID = "uid"
_PLAIN = b"\x93NUMPY"
_LAST_CHARACTER = 0x10FFFF


def read_cs(path: str | Path) -> Fields:
    """Read all fields of a dataset; text stays bytes.

    Raises
    ------
    InputFileError
        If the file is no dataset, holds Python objects, is damaged, or has no ``uid`` or one twice.
    """
    path = Path(path)
    magic, _ = first_bytes_and_size(path, len(_PLAIN))
    if magic == COMPRESSED:
        records = read_compressed(path)
    elif magic == _PLAIN:
        records = _loaded(path)
    elif is_packed(magic):
        msg = f"{path}: must be unpacked first, it is a compressed file"
        raise InputFileError(msg)
    else:
        msg = f"{path}: must be a cryoSPARC dataset (.cs), but does not begin like one"
        raise InputFileError(msg)
    if records.dtype.names is None or records.ndim != 1 or UID not in records.dtype.names:
        msg = f"{path}: must be a table with a field {UID}, not an array of {records.dtype}"
        raise InputFileError(msg)
    fields: Fields = {
        name: _as_bytes(path, name, np.array(records[name])) for name in records.dtype.names
    }
    _check_uids(path, fields)
    return fields


def read_joined_cs(paths: Sequence[Path]) -> Fields:
    """Read a dataset and, from others with the same particles, the fields it lacks, by ``uid``.

    Raises
    ------
    InputFileError
        As :func:`read_cs`, or if a particle of the first is missing in another.
    """
    fields = read_cs(paths[0])
    for path in paths[1:]:
        other = read_cs(path)
        rows = rows_of_uids(other[UID], fields[UID])
        if (rows < 0).any():
            row = int(np.argmin(rows))
            msg = (
                f"{path}: must have all particles of {paths[0]}, but has none with {UID} "
                f"{fields[UID][row]} (row {row + 1}; {np.count_nonzero(rows < 0)} are missing)"
            )
            raise InputFileError(msg)
        fields |= {name: values[rows] for name, values in other.items() if name not in fields}
    return fields


def rows_of_uids(
    uids: npt.NDArray[np.uint64], wanted: npt.NDArray[np.uint64]
) -> npt.NDArray[np.intp]:
    """Return the row of each wanted uid among some, -1 where there is none."""
    if len(uids) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(uids)
    place = np.minimum(np.searchsorted(uids, wanted, sorter=order), len(uids) - 1)
    rows: npt.NDArray[np.intp] = np.where(uids[order[place]] == wanted, order[place], -1)
    return rows


def write_cs(path: str | Path, fields: Fields) -> None:
    """Write fields as a plain dataset, uid first; it appears whole or not at all."""
    names = [UID, *(name for name in fields if name != UID)]
    parts = [(name, fields[name].dtype.str, fields[name].shape[1:]) for name in names]
    records = np.zeros(len(fields[UID]), dtype=parts)
    for name in names:
        records[name] = fields[name]
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, records, allow_pickle=False)


def _loaded(path: Path) -> npt.NDArray[Any]:
    """Return a plain dataset; its size is checked against that of the file before any is read.

    It is read, not mapped: a mapped file that shrinks while it is read ends the process.
    """
    with open_file(path) as stream:
        n_bytes = stream.seek(0, 2)
        stream.seek(0)
        try:
            header = read_npy_header(stream, n_bytes)
            content = bytearray(stream.read())
            loaded: npt.NDArray[Any] = np.frombuffer(
                content, header.dtype, math.prod(header.shape)
            ).reshape(header.shape)
        except MALFORMED_ARRAY as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            msg = f"{path}: must be a whole cryoSPARC dataset without Python objects ({reason})"
            raise InputFileError(msg) from error
    return loaded


def _as_bytes(path: Path, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind != "U":
        return values
    characters = np.ascontiguousarray(values).ravel().astype(values.dtype.newbyteorder("="))
    codes = characters.view(np.uint32)
    if ((codes > _LAST_CHARACTER) | ((codes >= 0xD800) & (codes < 0xE000))).any():
        msg = f"{path}: {name} must be text, but holds characters that are none"
        raise InputFileError(msg)
    return np.strings.encode(values, "utf-8")


def _check_uids(path: Path, fields: Fields) -> None:
    uids = fields[UID]
    if uids.dtype.kind not in "ui" or uids.ndim != 1:
        msg = f"{path}: {UID} must be whole numbers, not {uids.dtype}"
        raise InputFileError(msg)
    if len(uids) == 0:
        msg = f"{path}: must have at least one row"
        raise InputFileError(msg)
    fields[UID] = uids = uids.astype(np.uint64)
    order = np.argsort(uids, kind="stable")
    again = np.flatnonzero(uids[order[1:]] == uids[order[:-1]])
    if len(again):
        row = int(order[again[0] + 1])
        msg = f"{path}: row {row + 1}: {UID} {uids[row]} must occur once, but is there again"
        raise InputFileError(msg)
