"""cryoSPARC's datasets: .cs files as fields by name, each an array with one entry a row.

A plain .cs file is a structured array in numpy's own format. It is read without unpickling, so that
no file can run code. Compressed ones need the package cryosparc-tools.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.atomic import atomic_path
from cl2d.io.stack_header import first_bytes_and_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Fields = dict[str, npt.NDArray[Any]]

UID = "uid"
_PLAIN, _COMPRESSED = b"\x93NUMPY", b"\x95CSDAT"
_MOST_HEADER_BYTES = 1 << 20
"""A header has some 40 bytes a field."""


def read_cs(path: str | Path) -> Fields:
    """Read all fields of a dataset; text stays bytes.

    Raises
    ------
    InputFileError
        If the file is no dataset, holds Python objects, is damaged, or has no ``uid`` or one twice.
    """
    path = Path(path)
    magic, _ = first_bytes_and_size(path, len(_PLAIN))
    if magic == _COMPRESSED:
        records = _decompressed(path)
    elif magic == _PLAIN:
        records = _mapped(path)
    else:
        msg = f"{path}: must be a cryoSPARC dataset (.cs), but does not begin like one"
        raise InputFileError(msg)
    if records.dtype.names is None or records.ndim != 1 or UID not in records.dtype.names:
        msg = f"{path}: must be a table with a field {UID}, not an array of {records.dtype}"
        raise InputFileError(msg)
    fields: Fields = {name: _as_bytes(np.array(records[name])) for name in records.dtype.names}
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


def _mapped(path: Path) -> npt.NDArray[Any]:
    """Return a plain dataset as a memory map, which is checked against the size of the file."""
    try:
        mapped: npt.NDArray[Any] = np.load(
            path, mmap_mode="r", allow_pickle=False, max_header_size=_MOST_HEADER_BYTES
        )
    except (ValueError, OSError, EOFError) as error:
        reason = str(error).splitlines()[0]
        msg = f"{path}: must be a whole cryoSPARC dataset without Python objects ({reason})"
        raise InputFileError(msg) from error
    return mapped


def _decompressed(path: Path) -> npt.NDArray[Any]:
    try:
        from cryosparc.dataset import Dataset  # noqa: PLC0415 - not everyone has it
        from cryosparc.errors import DatasetLoadError  # noqa: PLC0415
    except ImportError as error:
        msg = (
            f"{path}: is a compressed dataset; to read it, install cryosparc-tools "
            "(pip install 'cl2d[cryosparc]')"
        )
        raise InputFileError(msg) from error
    try:
        records: npt.NDArray[Any] = Dataset.load(path).to_records(fixed=True)
    except DatasetLoadError as error:
        msg = f"{path}: must be a whole compressed dataset ({error.__cause__ or error})"
        raise InputFileError(msg) from error
    return records


def _as_bytes(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.strings.encode(values, "utf-8") if values.dtype.kind == "U" else values


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
