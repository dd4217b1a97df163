"""Read .npz files of plain arrays, whose headers must agree with the size of the file."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING, Any

from cl2d.errors import InputFileError
from cl2d.io.npy_header import MALFORMED_ARRAY, read_npy_header
from cl2d.io.regular_files import open_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_SUFFIX = ".npy"
_MALFORMED_ARCHIVE = (RuntimeError, struct.error, zipfile.BadZipFile)


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of a file as :func:`numpy.savez` writes it, by name.

    Raises
    ------
    InputFileError
        If the file cannot be read, is damaged or compressed, or holds Python objects.
    """
    with open_file(path) as stream:
        n_bytes = stream.seek(0, 2)
        try:
            with zipfile.ZipFile(stream) as archive:
                _check_sizes(archive.infolist(), n_bytes)
                return {
                    info.filename.removesuffix(_SUFFIX): _array(archive.read(info))
                    for info in archive.infolist()
                }
        except (*MALFORMED_ARRAY, *_MALFORMED_ARCHIVE) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            msg = f"{path}: must be a whole file of arrays ({reason})"
            raise InputFileError(msg) from error


def _check_sizes(members: list[zipfile.ZipInfo], n_bytes: int) -> None:
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        msg = "its arrays are compressed"
        raise ValueError(msg)
    promised = sum(member.file_size for member in members)
    if promised > n_bytes:
        msg = f"it promises {promised} bytes of arrays and has {n_bytes} in all"
        raise ValueError(msg)


def _array(content: bytes) -> npt.NDArray[Any]:
    """Return the array of a .npy file."""
    stream = io.BytesIO(content)
    header = read_npy_header(stream, len(content))
    return header.array(content, stream.tell())
