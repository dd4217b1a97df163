"""Read .npz files of plain arrays, whose headers must agree with the size of the file."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.regular_files import open_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_SUFFIX = ".npy"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
MALFORMED_ARRAY = (
    *(ValueError, OSError, EOFError, TypeError, LookupError, AttributeError, SyntaxError),
    *(OverflowError, RecursionError, MemoryError, tokenize.TokenError),
)
"""What numpy raises for headers that are none."""

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
    version = np.lib.format.read_magic(stream)
    shape, fortran_order, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        msg = "it holds Python objects"
        raise ValueError(msg)
    start = stream.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(content) - start:
        msg = f"{len(content) - start} bytes are no array of shape {shape} of {dtype}"
        raise ValueError(msg)
    flat = np.frombuffer(content, dtype, math.prod(shape), start)
    return flat.reshape(shape, order="F" if fortran_order else "C").copy()
