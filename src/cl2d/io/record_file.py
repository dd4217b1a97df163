"""Frozen records of numbers and arrays in one file: plain ``.npz``, checked when it is read.

An array is a member of the archive as :func:`numpy.savez` writes it. The member ``records.json``
tells how the records are made of them, and has a sha256 of each, so that a bit that has flipped, a
file that was cut short and a file of something else are told apart from a good one. Reading runs no
code of the file: only records of the types that the caller names are made.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FORMAT = 1
CONTENTS = "records.json"
_LARGEST_CONTENTS_BYTES = 64 << 20
# Whatever a library may trip over in an archive with a bit that has flipped.
_SIGNS_OF_DAMAGE = (
    *(zipfile.BadZipFile, EOFError, OSError, RuntimeError),
    *(LookupError, TypeError, ValueError, OverflowError),
)
_TYPE, _ARRAY, _TUPLE = "record", "array", "tuple"


class DamagedFileError(InputFileError):
    """A file of records that is not whole, or none at all."""


def write_records(path: Path, header: Mapping[str, Any], value: object) -> None:
    """Write records into a file that appears whole or not at all.

    Parameters
    ----------
    path : Path
    header : mapping
        Plain facts that can be read without the records.
    value
        A dataclass, array, tuple, string, number, bool or None, or what is made of these. An array
        or a record that stands in several places is written once.

    Raises
    ------
    TypeError
        If a value is of no such kind.
    OSError
        If the file cannot be written.
    """
    writer = _Writer()
    tree = writer.plain(value)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        digests = [_write_array(archive, k, array) for k, array in enumerate(writer.arrays)]
        contents = {"format": FORMAT, "header": header, "records": tree, "sha256": digests}
        archive.writestr(zipfile.ZipInfo(CONTENTS), json.dumps(contents))


def read_records(path: Path, types: Sequence[type]) -> tuple[dict[str, Any], Any]:
    """Read a file of :func:`write_records`: its header and the records.

    Parameters
    ----------
    path : Path
    types : sequence of dataclasses
        Those that may be made.

    Raises
    ------
    DamagedFileError
        If the file is not whole, or is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            contents = _contents(archive, path)
            digests = contents["sha256"]
            arrays = [_read_array(archive, path, k, digest) for k, digest in enumerate(digests)]
            made = {kind.__name__: kind for kind in types}
            return contents["header"], _made(contents["records"], arrays, made)
    except _SIGNS_OF_DAMAGE as error:
        message = f"{path}: must be a whole file as cl2d wrote it ({_reason(error)})"
        raise DamagedFileError(message) from error


def _reason(error: Exception) -> str:
    return str(error) if str(error) else type(error).__name__


class _Writer:
    """Turns values into plain ones, and gathers the arrays that these speak of."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray[Any, Any]] = []
        self._numbers: dict[int, int] = {}

    def plain(self, value: object) -> Any:
        if isinstance(value, np.ndarray):
            if id(value) not in self._numbers:
                self._numbers[id(value)] = len(self.arrays)
                self.arrays.append(value)
            return {_ARRAY: self._numbers[id(value)]}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            named = {field.name: self.plain(getattr(value, field.name)) for field in fields}
            return {_TYPE: type(value).__name__, **named}
        if isinstance(value, tuple):
            return {_TUPLE: [self.plain(item) for item in value]}
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        message = f"records must be of numbers and arrays, not of {type(value).__name__}"
        raise TypeError(message)


class _Hashed:
    """A file that is written to, and the sha256 of what was."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        return self._file.write(content)


def _write_array(archive: zipfile.ZipFile, number: int, array: np.ndarray[Any, Any]) -> str:
    """Write an array as a member of an archive, and return the sha256 of the member."""
    with archive.open(zipfile.ZipInfo(_member(number)), "w", force_zip64=True) as file:
        hashed = _Hashed(file)
        np.lib.format.write_array(hashed, array, allow_pickle=False)
        return hashed.digest.hexdigest()


def _member(number: int) -> str:
    return f"array_{number}.npy"


def _contents(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    info = archive.getinfo(CONTENTS)
    if info.file_size > _LARGEST_CONTENTS_BYTES:
        message = f"{CONTENTS} must be of at most {_LARGEST_CONTENTS_BYTES} bytes"
        raise ValueError(message)
    _refuse_packed(info, path)
    contents = json.loads(archive.read(info))
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        message = f"it must be of format {FORMAT}"
        raise ValueError(message)
    return contents


def _read_array(
    archive: zipfile.ZipFile, path: Path, number: int, digest: str
) -> np.ndarray[Any, Any]:
    info = archive.getinfo(_member(number))
    _refuse_packed(info, path)
    content = archive.read(info)
    if hashlib.sha256(content).hexdigest() != digest:
        message = f"the checksum of {info.filename} differs"
        raise ValueError(message)
    array: np.ndarray[Any, Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return array


def _refuse_packed(info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse a member that would take more memory than the file has bytes."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > path.stat().st_size:
        message = f"{info.filename} must be stored as it is, not packed"
        raise ValueError(message)


def _made(plain: Any, arrays: list[np.ndarray[Any, Any]], types: Mapping[str, type]) -> Any:
    """Return the value whose plain form is given."""
    if not isinstance(plain, dict):
        return plain
    if _ARRAY in plain:
        return arrays[plain[_ARRAY]]
    if _TUPLE in plain:
        return tuple(_made(item, arrays, types) for item in plain[_TUPLE])
    kind = types[plain[_TYPE]]
    names = [name for name in plain if name != _TYPE]
    return kind(**{name: _made(plain[name], arrays, types) for name in names})
